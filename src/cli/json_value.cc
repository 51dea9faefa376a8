#include "cli/json_value.h"

#include "base/json_reader.h"

namespace mainstay::cli {

std::vector<std::pair<std::string, JsonValue>> JsonValue::members() const {
  std::vector<std::pair<std::string, JsonValue>> members;
  json::Reader reader(raw_);
  json::StringToken key;
  reader.EnterObject();
  while (reader.NextMember(key)) {
    std::string name;
    json::AppendValue(key, name);
    std::string_view raw;
    reader.SkipValue(&raw);
    members.emplace_back(std::move(name), JsonValue(raw));
  }
  return members;
}

JsonValue JsonValue::operator[](std::string_view name) const {
  for (const auto& [key, value] : members()) {
    if (key == name) {
      return value;
    }
  }
  return {};
}

std::vector<JsonValue> JsonValue::elements() const {
  std::vector<JsonValue> elements;
  json::Reader reader(raw_);
  reader.EnterArray();
  while (reader.NextElement()) {
    std::string_view raw;
    reader.SkipValue(&raw);
    elements.emplace_back(raw);
  }
  return elements;
}

std::string JsonValue::text() const {
  if (is_null()) {
    return {};
  }
  json::Reader reader(raw_);
  json::StringToken token;
  if (reader.Peek() != json::Type::kString || !reader.ReadString(token)) {
    return std::string(raw_);
  }
  std::string text;
  json::AppendValue(token, text);
  return text;
}

int64_t JsonValue::number(int64_t otherwise) const {
  int64_t number = 0;
  json::Reader reader(raw_);
  return reader.ReadInt64(number) ? number : otherwise;
}

std::optional<JsonDocument> JsonDocument::Parse(std::string text) {
  JsonDocument document;
  document.size_ = text.size();
  document.padded_ = std::move(text);
  document.padded_.append(json::kPadding, '\0');
  json::Reader reader(document.text());
  reader.SkipValue();
  if (!reader.Finish()) {
    return std::nullopt;
  }
  return document;
}

JsonValue JsonDocument::root() const {
  json::Reader reader(text());
  std::string_view raw;
  reader.SkipValue(&raw);
  return JsonValue(raw);
}

}  // namespace mainstay::cli
