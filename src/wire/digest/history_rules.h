#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "base/problems.h"
#include "base/result.h"

namespace mainstay::wire {

// A stretch of text that a client writes anew each time it sends its history: it does not count.
struct VolatilePattern {
  // Both in canonical form: white space folded to one blank, none at the ends. Never empty.
  std::string begin;
  std::string end;
};

// What of a history counts (spec 01 `session`).
struct HistoryOptions {
  // Each is a text BEGIN…END, with "…" or "..." between two literal texts.
  std::vector<std::string> volatile_patterns = {
      "<system-reminder>…</system-reminder>",
      "<environment_details>…</environment_details>",
  };
};

// Errors: kInvalidField of the operator's side, with a message that says what is wrong.
Result<VolatilePattern> ParseVolatilePattern(std::string_view text);

// Each pattern must be one, and there may be 16 of them; `path` is that of the list.
void Validate(const HistoryOptions& options, std::string_view path, Problems& problems);

// What goes into the hash of a message, kept apart by their seeds.
enum class DigestPart : uint8_t {
  kSystem,
  kUser,
  kAssistant,
  kToolResult,
  kToolResults,
  kMedia,
  kCallName,
  kCallText,  // arguments that are no JSON
  kString,
  kNumber,
  kLiteral,
  kList,
  kObject,
};

// The rules that turn messages into digests. Immutable and shared: each snapshot of the
// configuration has its own, and requests go on with the one that they began with. Any thread.
class HistoryRules final {
 public:
  // A block that is cut out of texts. Thinking counts in nobody's text but an assistant's, where
  // it does not: a user may well write about the tag.
  struct Block {
    std::string begin;
    std::string end;
    bool assistant_only = false;
  };
  static constexpr size_t kPatternsMax = 16;
  static constexpr size_t kLiteralBytesMax = 128;

  // `options` must have passed Validate. Digests of two installations have nothing in common.
  HistoryRules(const HistoryOptions& options, const HashKey& install_key);

  const std::vector<Block>& blocks() const { return blocks_; }
  // Whether a block may begin with this byte.
  bool MayBegin(char c) const { return begins_[static_cast<uint8_t>(c)]; }
  // All blocks begin with '<'.
  bool only_tags() const { return only_tags_; }
  uint64_t Seed(DigestPart part) const {
    return seed_ + 0x9E3779B97F4A7C15 * (static_cast<uint64_t>(part) + 1);
  }

 private:
  std::vector<Block> blocks_;
  std::array<bool, 256> begins_{};
  bool only_tags_ = true;
  uint64_t seed_ = 0;
};

}  // namespace mainstay::wire
