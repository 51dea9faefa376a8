#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/hash128.h"
#include "base/hash128_stream.h"
#include "wire/digest/fold.h"
#include "wire/digest/history_rules.h"

namespace mainstay::wire {

// Whose text it is, as far as it makes a difference to what counts.
enum class TextKind : uint8_t {
  kSystem,
  kOpening,  // a user's, before the first assistant's
  kUser,
  kAssistant,
  kToolResult,
  kVerbatim,  // only white space is folded
};

// Turns the texts of one message into one canonical text, and that into a hash; see
// docs/formats/history_digest.md for what counts. Texts come as JSON strings, escapes as written,
// in pieces of any size: where they are cut makes no difference.
//
//   text.Start(rules, TextKind::kUser, seed);
//   text.BeginText(); text.Append(piece); ... text.EndText();    // joined by one blank
//   digest = text.Hash();
//
// Memory is bounded whatever comes, to 48 KiB: what is settled is hashed as it goes. It grows with
// the texts and is kept. One thread.
class CanonicalText final {
 public:
  // Holds so much of a text, at least, before it moves on into the hash; this makes no difference
  // to what comes out, only to Copy.
  explicit CanonicalText(size_t kept_bytes = kKeptBytes) : kept_bytes_(kept_bytes) {}
  CanonicalText(const CanonicalText&) = delete;
  CanonicalText& operator=(const CanonicalText&) = delete;

  // `rules` are used until the next Start.
  void Start(const HistoryRules& rules, TextKind kind, uint64_t seed);

  void BeginText();
  // The inside of a JSON string that a reader has passed, or a part of it that splits no escape,
  // with kFoldSlack readable bytes behind it.
  void Append(std::string_view raw);
  // Text that is canonical already, without escapes.
  void AppendCanonical(std::string_view text);
  void EndText();

  // Of all texts since Start. Between EndText and the next BeginText or Start.
  Hash128 Hash() const;
  // How many bytes were hashed.
  uint64_t bytes() const { return flushed_ + Trimmed().size(); }
  // All of it, with the blank at its end if there is one; false when it was too long to be kept.
  bool Copy(std::string& out) const;

  static constexpr size_t kKeptBytes = 16 << 10;

 private:
  enum class More : uint8_t { kMayCome, kNone };
  enum class Step : uint8_t { kGoOn, kWait };
  static constexpr size_t kNoBlock = ~size_t{0};

  void MakeRoom(size_t bytes);
  void Fold(std::string_view raw);
  void Scan(More more);
  Step ScanBlock();
  Step ScanText(More more);
  Step AtMark(More more);
  void AtTag(std::string_view rest);
  size_t FindMark(size_t from) const;
  void Keep(size_t to);
  void CloseBlock();
  void EndOpenBlock();
  void Fork();
  void CutDates(More more);
  void Flush();
  void Drop(size_t bytes);
  std::string_view Trimmed() const;

  // The buffer: [0, settled_) will not change any more but for its last byte, if that is a blank,
  // and for dates; [scanned_, size_) is folded and has yet to be scanned. What lies between them
  // was cut. Outside of Scan both are equal.
  const size_t kept_bytes_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t settled_ = 0;
  size_t scanned_ = 0;
  size_t size_ = 0;
  size_t text_begin_ = 0;     // of the current text; 0 once that was flushed
  size_t dates_scanned_ = 0;  // no date begins before it that could still be cut

  const HistoryRules* rules_ = nullptr;
  TextKind kind_ = TextKind::kUser;
  uint64_t seed_ = 0;
  Folder folder_;
  std::array<char, 6> surrogate_{};  // the first half of a pair whose second half has yet to come
  bool has_surrogate_ = false;

  bool drop_blank_ = false;    // the next byte does not count if it is a blank
  bool in_tag_ = false;        // of an assistant's text
  uint64_t tag_end_ = 0;       // where the last tag ended, counted from the start
  size_t open_ = kNoBlock;     // index of the block that has begun
  size_t open_at_ = 0;         // ... and where, unless forked_
  uint32_t blocks_ended_ = 0;  // by bit: blocks of which no end follows in this text

  // What has left the buffer. While a long block is open it is not known yet whether it counts:
  // then the state without it is kept.
  Hash128Stream hash_;
  uint64_t flushed_ = 0;
  bool forked_ = false;
  Hash128Stream hash_before_;
  uint64_t flushed_before_ = 0;
  std::string tail_before_;  // what the buffer held before the block
  size_t text_begin_before_ = 0;
  size_t dates_scanned_before_ = 0;
};

}  // namespace mainstay::wire
