#include "decision/router/answer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/json_reader.h"
#include "base/text.h"
#include "decision/router/content.h"

namespace mainstay::decision {
namespace {

using Kind = ParsedAnswer::Kind;
using json::KeyEquals;
using json::Reader;
using json::StringToken;
using json::Type;

constexpr std::string_view kSpace = " \t\r\n";
// An answer is a line; what is looked at of a longer one is its end, where the answer stands.
constexpr size_t kTextBytesMax = 16 << 10;
constexpr size_t kNameBytesMax = 128;
constexpr int kObjectsMax = 16;
constexpr int kDepthMax = 16;
constexpr size_t kNamesMax = 64;

// JSON as models write it: also with single quotes and a comma too many. Reads the names that the
// member "route" of one object holds.
class ObjectReader final {
 public:
  explicit ObjectReader(std::string_view text) : text_(text) {}

  // The names, possibly none. Nothing: this is no object with such a member.
  std::optional<std::vector<std::string>> Read() {
    if (!Take('{')) {
      return std::nullopt;
    }
    while (!Take('}')) {
      std::string key;
      if (!ReadString(&key) || !Take(':') || !ReadMember(key)) {
        return std::nullopt;
      }
      if (!Take(',') && Next() != '}') {
        return std::nullopt;
      }
    }
    return std::move(names_);
  }

 private:
  char Next() {
    const size_t at = text_.find_first_not_of(kSpace, at_);
    at_ = std::min(at, text_.size());
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Take(char c) {
    if (Next() != c || at_ >= text_.size()) {
      return false;
    }
    ++at_;
    return true;
  }

  bool ReadMember(std::string_view key) {
    // The first of two counts.
    if (key != "route" || names_) {
      return SkipValue(0);
    }
    names_.emplace();
    if (Next() == '[') {
      return ReadNames();
    }
    if (Next() == '"' || Next() == '\'') {
      return ReadString(&names_->emplace_back());
    }
    return TakeWord("null") || TakeWord("None");
  }

  bool ReadNames() {
    Take('[');
    while (!Take(']')) {
      if (names_->size() >= kNamesMax || !ReadString(&names_->emplace_back())) {
        return false;
      }
      if (!Take(',') && Next() != ']') {
        return false;
      }
    }
    return true;
  }

  bool TakeWord(std::string_view word) {
    Next();
    if (!text_.substr(at_).starts_with(word)) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  // `out` may be null.
  bool ReadString(std::string* out) {
    const char quote = Next();
    if (quote != '"' && quote != '\'') {
      return false;
    }
    const size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != quote) {
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
    if (at_ >= text_.size()) {
      return false;
    }
    const std::string_view raw = text_.substr(begin, at_ - begin);
    ++at_;
    return out == nullptr || Unescape(raw, *out);
  }

  static bool Unescape(std::string_view raw, std::string& out) {
    // \' is no escape of JSON, but a natural one between single quotes.
    std::string plain;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\\' && i + 1 < raw.size()) {
        if (raw[i + 1] != '\'') {
          plain += raw[i];
        }
        ++i;
      }
      plain += raw[i];
    }
    return json::Unescape(plain, out);
  }

  bool SkipValue(int depth) {
    const char first = Next();
    if (first == '"' || first == '\'') {
      return ReadString(nullptr);
    }
    if (first == '{' || first == '[') {
      return depth < kDepthMax && SkipContainer(first == '{' ? '}' : ']', depth);
    }
    // A number or a word.
    const size_t begin = at_;
    at_ = std::min(text_.find_first_of(",}] \t\r\n", at_), text_.size());
    return at_ > begin;
  }

  bool SkipContainer(char close, int depth) {
    ++at_;
    while (!Take(close)) {
      if (close == '}' && (!ReadString(nullptr) || !Take(':'))) {
        return false;
      }
      if (!SkipValue(depth + 1) || (!Take(',') && Next() != close)) {
        return false;
      }
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::optional<std::vector<std::string>> names_;
};

// What follows the thoughts of a reasoning model, when it wrote them out.
std::string_view BehindThoughts(std::string_view text) {
  constexpr std::string_view kEnd = "</think>";
  const size_t end = text.rfind(kEnd);
  return end == std::string_view::npos ? text : text.substr(end + kEnd.size());
}

// The inside of a fenced block, when the text is one.
std::string_view InsideFence(std::string_view text) {
  constexpr std::string_view kFence = "```";
  if (!text.starts_with(kFence) || !text.ends_with(kFence) || text.size() < 2 * kFence.size()) {
    return text;
  }
  text.remove_prefix(kFence.size());
  text.remove_suffix(kFence.size());
  // The language stands behind the first fence, up to the end of the line.
  const size_t line = text.find('\n');
  const bool has_language = line != std::string_view::npos &&
                            text.substr(0, line).find_first_of("{\"'") == std::string_view::npos;
  return Trim(has_language ? text.substr(line + 1) : text);
}

ParsedAnswer Judge(const std::vector<std::string>& names, std::span<const Route> routes) {
  for (const std::string& name : names) {
    if (const int route = FindRoute(routes, Trim(name)); route >= 0) {
      return {.kind = Kind::kMatch, .route = route};
    }
  }
  return {.kind = Kind::kNoMatch};
}

// Looks for an object with a route, wherever it stands: the last one is the answer.
std::optional<ParsedAnswer> FromObjects(std::string_view text, std::span<const Route> routes) {
  size_t at = text.size();
  for (int tried = 0; tried < kObjectsMax && at > 0; ++tried) {
    at = text.rfind('{', at - 1);
    if (at == std::string_view::npos) {
      return std::nullopt;
    }
    if (const auto names = ObjectReader(text.substr(at)).Read()) {
      return Judge(*names, routes);
    }
  }
  return std::nullopt;
}

// A text that could be the name of a route that does not exist: one word of the usual characters.
bool LooksLikeName(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/' || (static_cast<unsigned char>(c) >= 0x80);
  });
}

ParsedAnswer FromName(std::string_view text, std::span<const Route> routes) {
  if (text.empty() || text.size() > kNameBytesMax) {
    return {};
  }
  if (const int route = FindRoute(routes, text); route >= 0) {
    return {.kind = Kind::kMatch, .route = route};
  }
  const std::string_view bare = Trim(text, " \t\r\n\"'`*.");
  if (const int route = FindRoute(routes, bare); route >= 0) {
    return {.kind = Kind::kMatch, .route = route};
  }
  if (bare.empty() || !LooksLikeName(bare)) {
    return {};
  }
  return {.kind = Kind::kNoMatch};
}

// Enters an object and stands before the value of that member. False when there is none; the
// object is left then.
bool EnterMember(Reader& reader, std::string_view name) {
  if (reader.Peek() != Type::kObject) {
    reader.SkipValue();
    return false;
  }
  reader.EnterObject();
  StringToken key;
  while (reader.NextMember(key)) {
    if (KeyEquals(key, name)) {
      return true;
    }
    reader.SkipValue();
  }
  return false;
}

// Passes the rest of an object that EnterMember stopped in.
void LeaveObject(Reader& reader) {
  StringToken key;
  while (reader.NextMember(key)) {
    reader.SkipValue();
  }
}

}  // namespace

ParsedAnswer ParseAnswer(std::string_view text, std::span<const Route> routes) {
  if (text.size() > kTextBytesMax) {
    text.remove_prefix(text.size() - kTextBytesMax);
  }
  text = InsideFence(Trim(BehindThoughts(text)));
  if (const std::optional<ParsedAnswer> answer = FromObjects(text, routes)) {
    return *answer;
  }
  return FromName(text, routes);
}

ParsedAnswer ParseCompletion(std::string_view body, std::span<const Route> routes) {
  Reader reader(body);
  std::string text;
  if (EnterMember(reader, "choices")) {
    if (reader.Peek() == Type::kArray) {
      reader.EnterArray();
      for (int i = 0; reader.NextElement(); ++i) {
        if (i > 0) {
          reader.SkipValue();
        } else if (EnterMember(reader, "message")) {
          if (EnterMember(reader, "content")) {
            AppendContent(reader, {}, text);
            LeaveObject(reader);
          }
          LeaveObject(reader);
        }
      }
    } else {
      reader.SkipValue();
    }
    LeaveObject(reader);
  }
  return reader.Finish() ? ParseAnswer(text, routes) : ParsedAnswer{};
}

}  // namespace mainstay::decision
