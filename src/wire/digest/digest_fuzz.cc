// Two things hold for every text: where it is cut into pieces makes no difference to its digest,
// and without blocks, tags and dates the canonical text is what a few simple lines make of it. And
// for every JSON text as arguments: written anew by another program it has the same digest.
//
// The first two bytes of the input choose the kind of text and where it is cut.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "wire/digest/arguments.h"
#include "wire/digest/canonical_text.h"
#include "wire/digest/history_rules.h"

namespace mainstay::wire {
namespace {

using Json = nlohmann::json;

void Check(bool condition) {
  if (!condition) {
    std::abort();
  }
}

const HistoryRules& Rules() {
  static const HistoryRules rules(
      {.volatile_patterns = {"<system-reminder>…</system-reminder>", "<e>…</e>", "[[…]]"}},
      HashKey(std::array<uint8_t, HashKey::kBytes>{}));
  return rules;
}

// Exactly as large as it may be read, so that the address sanitizer sees more.
class Readable final {
 public:
  explicit Readable(std::string_view text, size_t behind)
      : bytes_(text.size()), data_(new char[text.size() + behind]) {
    text.copy(data_.get(), text.size());
    std::fill_n(data_.get() + text.size(), behind, ' ');
  }
  std::string_view view() const { return {data_.get(), bytes_}; }

 private:
  size_t bytes_;
  std::unique_ptr<char[]> data_;
};

Hash128 DigestOf(std::string_view raw, TextKind kind, size_t step, uint64_t& bytes) {
  CanonicalText text(kind == TextKind::kUser ? CanonicalText::kKeptBytes : 1024);
  text.Start(Rules(), kind, 7);
  text.BeginText();
  for (size_t at = 0; at < raw.size();) {
    size_t end = at;
    while (end < raw.size() && end - at < step) {  // not within an escape
      const size_t escape = raw[end] != '\\'                              ? 1
                            : end + 1 < raw.size() && raw[end + 1] == 'u' ? 6
                                                                          : 2;
      end += escape;
    }
    end = std::min(end, raw.size());
    const Readable piece(raw.substr(at, end - at), kFoldSlack);
    text.Append(piece.view());
    at = end;
  }
  text.EndText();
  bytes = text.bytes();
  return text.Hash();
}

std::string Plainly(std::string_view raw) {
  std::string value;
  Check(json::Unescape(raw, value));
  std::string folded;
  for (const char c : value) {
    const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (!blank) {
      folded += c;
    } else if (!folded.empty() && folded.back() != ' ') {
      folded += ' ';
    }
  }
  if (folded.ends_with(' ')) {
    folded.pop_back();
  }
  return folded;
}

// nlohmann keeps one of two equal keys.
size_t Members(const Json& value) {
  size_t count = value.is_object() ? value.size() : 0;
  for (const Json& child : value) {
    count += child.is_structured() ? Members(child) : 0;
  }
  return count;
}

std::string AsString(std::string_view text) {
  std::string raw;
  json::AppendEscaped(raw, text);
  return raw;
}

void CheckArguments(std::string_view text) {
  ArgumentsDigester digester;
  const std::string raw = AsString(text);
  const Readable readable(raw, kFoldSlack);
  const Hash128 hash = digester.OfString(Rules(), readable.view()).hash;
  Check(hash == digester.OfString(Rules(), readable.view()).hash);
  size_t keys = 0;
  const Json document = Json::parse(
      text,
      [&](int, Json::parse_event_t event, Json&) {
        keys += event == Json::parse_event_t::key ? 1 : 0;
        return true;
      },
      false);
  // Numbers are not compared: the other program has no more than a double for them. A NUL it takes
  // for the end of the text.
  const bool comparable = !document.is_discarded() && !document.is_null() &&
                          text.find_first_of("0123456789") == std::string_view::npos &&
                          text.find('\0') == std::string_view::npos && text.size() < 10'000 &&
                          Members(document) == keys;
  if (comparable) {
    const std::string again = AsString(document.dump(2, ' ', true));
    Check(digester.OfString(Rules(), Readable(again, kFoldSlack).view()).hash == hash);
    const Readable value(document.dump(), json::kPadding);
    Check(digester.OfValue(Rules(), value.view()).hash == hash);
  }
}

void Run(std::string_view text, TextKind kind, size_t step) {
  // What no reader would pass is only not to break anything.
  uint64_t bytes = 0;
  DigestOf(text, kind, text.size(), bytes);
  DigestOf(text, kind, step, bytes);
  Check(bytes <= 3 * text.size() + 3);
  CheckArguments(text);

  const std::string quoted = '"' + std::string(text) + '"';
  const Readable readable(quoted, json::kPadding);
  json::Reader reader(readable.view());
  const bool is_string = reader.Peek() == json::Type::kString && reader.SkipValue();
  if (!is_string || !reader.Finish()) {
    return;
  }
  const Hash128 whole = DigestOf(text, kind, text.size(), bytes);
  Check(DigestOf(text, kind, step, bytes) == whole);
  Check(DigestOf(text, kind, 1, bytes) == whole);
  const std::string plain = Plainly(text);
  if (kind == TextKind::kVerbatim || (plain.find_first_of("<[") == std::string::npos &&
                                      kind != TextKind::kOpening && kind != TextKind::kSystem)) {
    Check(bytes == plain.size() && HashOf(plain, 7) == whole);
  }
}

}  // namespace
}  // namespace mainstay::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using mainstay::wire::TextKind;
  constexpr TextKind kKinds[] = {TextKind::kSystem,    TextKind::kOpening,    TextKind::kUser,
                                 TextKind::kAssistant, TextKind::kToolResult, TextKind::kVerbatim};
  if (size < 2) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  mainstay::wire::Run(text, kKinds[data[0] % std::size(kKinds)], data[1] + 1u);
  return 0;
}
