#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/history.h"
#include "wire/digest/arguments.h"
#include "wire/digest/canonical_text.h"
#include "wire/digest/history_rules.h"

namespace mainstay::wire {

// The digest of one link of a history: of a request's message, or of the reply that passes. All
// raw texts are the inside of JSON strings, escapes as written, in padded JSON. One thread.
class LinkBuilder final {
 public:
  // See CanonicalText.
  explicit LinkBuilder(size_t kept_bytes = CanonicalText::kKeptBytes) : text_(kept_bytes) {}

  // `rules` are used until the next Start.
  void Start(const HistoryRules& rules, LinkRole role, TextKind kind);

  // For BeginText, Append and EndText. The order of texts counts, and so does that of media and
  // that of calls; how these three mix does not.
  CanonicalText& text() { return text_; }
  // A URL, or data in base64 as such or as a data: URL.
  void AddMedia(std::string_view raw);

  // One call: its name and its arguments.
  void AddCall(std::string_view name_raw, const ArgumentsDigester::Digest& arguments);
  // Arguments as a string that holds JSON, as text, or as a JSON value.
  ArgumentsDigester::Digest ArgumentsOfString(std::string_view raw) {
    return arguments_.OfString(*rules_, raw);
  }
  ArgumentsDigester::Digest ArgumentsOfText(std::string_view raw) {
    return arguments_.OfText(*rules_, raw);
  }
  ArgumentsDigester::Digest ArgumentsOfValue(std::string_view json) {
    return arguments_.OfValue(*rules_, json);
  }

  // Nothing but text so far.
  bool is_text() const { return media_count_ == 0 && call_count_ == 0; }
  bool empty() const { return is_text() && text_.bytes() == 0; }

  // What was added since Start; `messages` is for the caller to fill. Without any content the
  // digest is zero.
  Link Finish() const;

 private:
  const HistoryRules* rules_ = nullptr;
  LinkRole role_ = LinkRole::kUser;
  CanonicalText text_;
  ArgumentsDigester arguments_;
  std::string scratch_;
  Hash128 media_;
  Hash128 calls_;
  uint64_t media_count_ = 0;
  uint64_t call_count_ = 0;
  uint64_t call_bytes_ = 0;
};

}  // namespace mainstay::wire
