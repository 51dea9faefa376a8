#include "wire/digest/arguments.h"

#include <algorithm>
#include <cstring>

#include "wire/digest/fold.h"

namespace mainstay::wire {
namespace {

// A \u escape has six bytes for each one of its value, at most.
constexpr size_t kEscapedBytesMax = 6 * ArgumentsDigester::kBytesMax;
constexpr int64_t kExponentMax = 1'000'000'000'000'000;

template <typename Memory>
void Shrink(Memory& memory) {
  if (memory.capacity() * sizeof(memory[0]) > ArgumentsDigester::kKeptBytes) {
    memory = {};
  }
}

// Replaces `out` by the value of a JSON string, with `padding` zero bytes behind it, and returns
// the value.
std::string_view Unescape(std::string_view raw, size_t padding, std::string& out) {
  const size_t room = raw.size() + std::max(padding, kFoldSlack);
  if (out.size() < room) {
    out.resize(room);
  }
  const auto bytes = static_cast<size_t>(UnescapeTo(raw, out.data()) - out.data());
  std::memset(out.data() + bytes, 0, padding);
  return {out.data(), bytes};
}

bool IsSpace(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

Hash128 HashOfString(std::string_view raw, uint64_t seed, std::string& scratch) {
  if (raw.find('\\') == std::string_view::npos) {
    return HashOf(raw, seed);
  }
  const Hash128 hash = HashOf(Unescape(raw, 0, scratch), seed);
  Shrink(scratch);
  return hash;
}

void AppendCanonicalNumber(std::string_view number, std::string& out) {
  const bool negative = number.starts_with('-');
  number.remove_prefix(negative ? 1 : 0);
  const size_t mark = std::min(number.find_first_of("eE"), number.size());
  int64_t exponent = 0;
  for (const char c : number.substr(mark)) {
    if (c >= '0' && c <= '9') {
      exponent = std::min(exponent * 10 + (c - '0'), kExponentMax);
    }
  }
  if (mark + 1 < number.size() && number[mark + 1] == '-') {
    exponent = -exponent;
  }
  const size_t begin = out.size();
  bool in_fraction = false;
  for (const char c : number.substr(0, mark)) {
    if (c == '.') {
      in_fraction = true;
      continue;
    }
    exponent -= in_fraction ? 1 : 0;
    if (c != '0' || out.size() > begin) {
      out += c;
    }
  }
  while (out.size() > begin && out.back() == '0') {
    out.pop_back();
    ++exponent;
  }
  if (out.size() == begin) {
    out += '0';
    return;
  }
  if (negative) {
    out += '-';
  }
  if (exponent != 0) {
    out += 'e';
    out += std::to_string(exponent);
  }
}

ArgumentsDigester::Digest ArgumentsDigester::OfString(const HistoryRules& rules,
                                                      std::string_view raw) {
  rules_ = &rules;
  Digest digest;
  if (raw.size() <= kEscapedBytesMax) {
    const std::string_view json = Unescape(raw, json::kPadding, unescaped_);
    const bool is_value = json.size() <= kBytesMax && OfJson(json, digest);
    Shrink(unescaped_);
    if (is_value) {
      return digest;
    }
  }
  return OfText(rules, raw);
}

ArgumentsDigester::Digest ArgumentsDigester::OfText(const HistoryRules& rules,
                                                    std::string_view raw) {
  text_.Start(rules, TextKind::kVerbatim, rules.Seed(DigestPart::kCallText));
  text_.BeginText();
  text_.Append(raw);
  text_.EndText();
  return {.hash = text_.Hash(), .bytes = text_.bytes()};
}

ArgumentsDigester::Digest ArgumentsDigester::OfValue(const HistoryRules& rules,
                                                     std::string_view json) {
  rules_ = &rules;
  Digest digest;
  if (json.size() > kBytesMax || !OfJson(json, digest)) {
    digest = {.hash = HashOf(json, rules.Seed(DigestPart::kCallText)), .bytes = json.size()};
  }
  return digest;
}

bool ArgumentsDigester::OfJson(std::string_view json, Digest& digest) {
  if (std::ranges::all_of(json, IsSpace) || json == "null") {
    json = {};
  }
  bytes_ = 0;
  levels_.clear();
  Hash128 value;
  if (json.empty()) {
    value = Close({.is_object = true});
  } else {
    json::Reader reader(json);
    if (!ReadValue(reader, value) || !reader.Finish()) {
      return false;
    }
  }
  digest = {.hash = value, .bytes = bytes_};
  Shrink(levels_);
  Shrink(token_);
  return true;
}

// A loop with a stack of its own: a text may be nested more deeply than the program's stack likes.
bool ArgumentsDigester::ReadValue(json::Reader& reader, Hash128& value) {
  while (true) {
    const json::Type type = reader.Peek();
    json::StringToken token;
    std::string_view raw;
    bool is_whole = true;
    if (type == json::Type::kObject || type == json::Type::kArray) {
      const bool is_object = type == json::Type::kObject;
      if (!(is_object ? reader.EnterObject() : reader.EnterArray())) {
        return false;
      }
      levels_.push_back({.is_object = is_object});
      is_whole = false;
    } else if (type == json::Type::kString) {
      if (!reader.ReadString(token)) {
        return false;
      }
      value = OfToken(token);
    } else {
      if (!reader.SkipValue(&raw)) {
        return false;
      }
      value = OfScalar(type, raw);
    }
    // Out of what ends here, until there is another value to read.
    while (true) {
      if (is_whole) {
        if (levels_.empty()) {
          return true;
        }
        Add(levels_.back(), value);
      }
      if (NextChild(reader, levels_.back())) {
        break;
      }
      if (reader.failed()) {
        return false;
      }
      value = Close(levels_.back());
      levels_.pop_back();
      is_whole = true;
    }
  }
}

bool ArgumentsDigester::NextChild(json::Reader& reader, Level& level) {
  if (!level.is_object) {
    return reader.NextElement();
  }
  json::StringToken key;
  if (!reader.NextMember(key)) {
    return false;
  }
  level.key = OfToken(key);
  return true;
}

void ArgumentsDigester::Add(Level& level, const Hash128& value) const {
  ++level.count;
  if (level.is_object) {
    const Hash128 member = Chained(level.key, value);
    level.sum.low += member.low;
    level.sum.high += member.high;
  } else {
    level.sum = Chained(level.sum, value);
  }
}

Hash128 ArgumentsDigester::Close(const Level& level) const {
  const DigestPart part = level.is_object ? DigestPart::kObject : DigestPart::kList;
  return Chained(level.sum, {.low = level.count, .high = rules_->Seed(part)});
}

Hash128 ArgumentsDigester::OfToken(const json::StringToken& token) {
  const uint64_t seed = rules_->Seed(DigestPart::kString);
  const std::string_view text =
      token.has_escapes ? Unescape(token.raw, 0, token_) : std::string_view(token.raw);
  bytes_ += text.size();
  return HashOf(text, seed);
}

Hash128 ArgumentsDigester::OfScalar(json::Type type, std::string_view raw) {
  token_.clear();
  if (type == json::Type::kNumber) {
    AppendCanonicalNumber(raw, token_);
  } else {
    token_ = raw;
  }
  bytes_ += token_.size();
  return HashOf(token_, rules_->Seed(type == json::Type::kNumber ? DigestPart::kNumber
                                                                 : DigestPart::kLiteral));
}

}  // namespace mainstay::wire
