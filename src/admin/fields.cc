#include "admin/fields.h"

#include <algorithm>

#include "base/suggest.h"

namespace mainstay::admin {
namespace {

// ttl_seconds becomes ttlSeconds.
std::string CamelCase(std::string_view name) {
  std::string camel;
  bool raises = false;
  for (const char c : name) {
    if (c == '_') {
      raises = true;
      continue;
    }
    camel += raises && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    raises = false;
  }
  return camel;
}

}  // namespace

std::optional<Fields> Fields::Read(std::string_view body, std::span<const std::string_view> known,
                                   std::vector<Detail>& details) {
  Fields fields;
  json::Reader reader(body);
  reader.EnterObject();
  json::StringToken key;
  while (reader.NextMember(key)) {
    std::string written;
    json::AppendValue(key, written);
    std::string name = CamelCase(written);
    const bool is_null = reader.Peek() == json::Type::kNull;
    std::string_view raw;
    reader.SkipValue(&raw);
    if (std::ranges::find(known, name) == known.end()) {
      details.push_back({.field = written,
                         .message = "is no field of this call" + DidYouMean(written, known),
                         .constraint = {}});
    } else if (fields.Has(name)) {
      details.push_back({.field = name, .message = "stands twice", .constraint = "once"});
    } else if (!is_null) {
      fields.values_.emplace(std::move(name), raw);
    }
  }
  if (!reader.Finish()) {
    return std::nullopt;
  }
  return fields;
}

std::optional<std::string> Fields::Text(std::string_view name, std::vector<Detail>& details) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    return std::nullopt;
  }
  std::string text;
  json::StringToken token;
  if (json::Reader reader(found->second); reader.ReadString(token)) {
    json::AppendValue(token, text);
  }
  if (text.empty()) {
    details.push_back({.field = std::string(name),
                       .message = "must be a text that is not empty",
                       .constraint = "string"});
    return std::nullopt;
  }
  return text;
}

std::optional<int64_t> Fields::Number(std::string_view name, int64_t min, int64_t max,
                                      std::vector<Detail>& details) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    return std::nullopt;
  }
  int64_t number = 0;
  json::Reader reader(found->second);
  if (!reader.ReadInt64(number) || number < min || number > max) {
    const std::string range = std::to_string(min) + " to " + std::to_string(max);
    details.push_back({.field = std::string(name),
                       .message = "must be a whole number from " + range,
                       .constraint = range});
    return std::nullopt;
  }
  return number;
}

std::optional<bool> Fields::Bool(std::string_view name, std::vector<Detail>& details) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    return std::nullopt;
  }
  bool value = false;
  json::Reader reader(found->second);
  if (!reader.ReadBool(value)) {
    details.push_back({.field = std::string(name),
                       .message = "must be true or false",
                       .constraint = "true or false"});
    return std::nullopt;
  }
  return value;
}

Answer InvalidJson(std::string_view example) {
  return ErrorAnswer(400, "INVALID_JSON",
                     "the body must be a JSON object, such as " + std::string(example));
}

}  // namespace mainstay::admin
