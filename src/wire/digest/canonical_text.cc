#include "wire/digest/canonical_text.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/json_writer.h"
#include "wire/digest/dates.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mainstay::wire {
namespace {

// Where clients tell the model what day it is.
bool MayHoldDates(TextKind kind) {
  return kind == TextKind::kOpening || kind == TextKind::kSystem;
}

// Folded and scanned at one go, small enough to stay in the nearest cache.
constexpr size_t kPieceBytes = 8 << 10;
// Stays in the buffer behind what is flushed: enough for what looks back, and for the longest end
// of a block that comes in two pieces.
constexpr size_t kBehindBytes = 512;
// A block above this size is not held in the buffer until its end is found.
constexpr size_t kBlockBytesMax = 8 << 10;
constexpr size_t kFirstBufferBytes = 1 << 10;

static_assert(kBehindBytes > 2 * HistoryRules::kLiteralBytesMax);
static_assert(kBehindBytes > kDateBehindBytes + kDateAheadBytes);
static_assert(HistoryRules::kPatternsMax + 2 <= 32, "a bit for each block");

bool BeginsName(char c) {
  return static_cast<unsigned>((c | 0x20) - 'a') < 26 || c == '_';
}

// The first of the two bytes in [p, end), or end.
const char* FindEither(const char* p, const char* end, char a, char b) {
#if defined(__SSE2__)
  const __m128i first = _mm_set1_epi8(a);
  const __m128i second = _mm_set1_epi8(b);
  for (; end - p >= 16; p += 16) {
    __m128i bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    const auto found = static_cast<uint32_t>(_mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, first), _mm_cmpeq_epi8(bytes, second))));
    if (found != 0) {
      return p + __builtin_ctz(found);
    }
  }
#endif
  while (p < end && *p != a && *p != b) {
    ++p;
  }
  return p;
}

// The first half of a surrogate pair at the end of a piece.
bool EndsInHighSurrogate(std::string_view raw) {
  if (raw.size() < 6) {
    return false;
  }
  const std::string_view last = raw.substr(raw.size() - 6);
  if (last[0] != '\\' || last[1] != 'u' || (last[2] | 0x20) != 'd') {
    return false;
  }
  const char c = static_cast<char>(last[3] | 0x20);
  if (c != '8' && c != '9' && c != 'a' && c != 'b') {
    return false;
  }
  size_t slashes = 1;
  while (slashes < raw.size() - 5 && raw[raw.size() - 6 - slashes] == '\\') {
    ++slashes;
  }
  return slashes % 2 == 1;
}

}  // namespace

void CanonicalText::Start(const HistoryRules& rules, TextKind kind, uint64_t seed) {
  rules_ = &rules;
  kind_ = kind;
  seed_ = seed;
  settled_ = scanned_ = size_ = text_begin_ = dates_scanned_ = 0;
  folder_.after_blank = true;  // none at the beginning
  has_surrogate_ = false;
  drop_blank_ = in_tag_ = forked_ = false;
  tag_end_ = 0;
  open_ = kNoBlock;
  blocks_ended_ = 0;
  flushed_ = 0;
}

// For so many bytes behind the last one, and kFoldSlack behind them.
void CanonicalText::MakeRoom(size_t bytes) {
  const size_t needed = size_ + bytes + kFoldSlack;
  if (needed <= capacity_) [[likely]] {
    return;
  }
  capacity_ = std::max({kFirstBufferBytes, 2 * size_, needed});
  std::unique_ptr<char[]> larger(new char[capacity_]);
  if (size_ > 0) {
    std::memcpy(larger.get(), buffer_.get(), size_);
  }
  buffer_ = std::move(larger);
}

void CanonicalText::BeginText() {
  if (flushed_ + size_ > 0 && !folder_.after_blank) {
    MakeRoom(1);
    buffer_[size_++] = ' ';
    folder_.after_blank = true;
  }
  text_begin_ = dates_scanned_ = size_;
  blocks_ended_ = 0;
}

void CanonicalText::Append(std::string_view raw) {
  if (has_surrogate_ && !raw.empty()) [[unlikely]] {
    has_surrogate_ = false;
    std::array<char, 12 + kFoldSlack> pair{};
    const size_t second = raw.starts_with("\\u") ? std::min<size_t>(raw.size(), 6) : 0;
    std::ranges::copy(surrogate_, pair.begin());
    std::ranges::copy(raw.substr(0, second), pair.begin() + 6);
    const json::internal::Escape escape =
        json::internal::ReadEscape(pair.data(), pair.data() + 6 + second);
    const bool is_pair = escape.length == 12;
    Fold({pair.data(), is_pair ? 12u : 6u});
    raw.remove_prefix(is_pair ? second : 0);
  }
  if (EndsInHighSurrogate(raw)) [[unlikely]] {
    raw.copy(surrogate_.data(), surrogate_.size(), raw.size() - surrogate_.size());
    raw.remove_suffix(surrogate_.size());
    has_surrogate_ = true;
  }
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p < end) {
    const char* const stop = end - p > static_cast<ptrdiff_t>(kPieceBytes) ? p + kPieceBytes : end;
    // An escape that begins before `stop` may end behind it.
    MakeRoom(static_cast<size_t>(stop - p) + 12);
    folder_.out = buffer_.get() + size_;
    p = folder_.Take(p, stop, end);
    size_ = static_cast<size_t>(folder_.out - buffer_.get());
    Scan(More::kMayCome);
    if (settled_ > kept_bytes_) {
      Flush();
    }
  }
}

// A few bytes, without looking at them.
void CanonicalText::Fold(std::string_view raw) {
  MakeRoom(raw.size());
  folder_.out = buffer_.get() + size_;
  folder_.Take(raw.data(), raw.data() + raw.size(), raw.data() + raw.size());
  size_ = static_cast<size_t>(folder_.out - buffer_.get());
}

void CanonicalText::AppendCanonical(std::string_view text) {
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, kPieceBytes);
    text.remove_prefix(piece.size());
    MakeRoom(piece.size());
    piece.copy(buffer_.get() + size_, piece.size());
    size_ += piece.size();
    folder_.after_blank = piece.back() == ' ';
    Scan(More::kMayCome);
    if (settled_ > kept_bytes_) {
      Flush();
    }
  }
}

void CanonicalText::EndText() {
  if (has_surrogate_) {
    has_surrogate_ = false;
    std::array<char, 6 + kFoldSlack> lone{};
    std::ranges::copy(surrogate_, lone.begin());
    Fold({lone.data(), surrogate_.size()});
  }
  Scan(More::kNone);
  while (open_ != kNoBlock) {
    EndOpenBlock();
    Scan(More::kNone);
  }
  CutDates(More::kNone);
  in_tag_ = false;
  if (settled_ > kept_bytes_) {
    Flush();
  }
}

Hash128 CanonicalText::Hash() const {
  if (flushed_ == 0) {
    return HashOf(Trimmed(), seed_);
  }
  Hash128Stream whole = hash_;
  whole.Add(Trimmed());
  return whole.Hash();
}

bool CanonicalText::Copy(std::string& out) const {
  out.assign(buffer_.get(), flushed_ == 0 ? size_ : 0);
  return flushed_ == 0;
}

std::string_view CanonicalText::Trimmed() const {
  const std::string_view text(buffer_.get(), size_);
  return text.ends_with(' ') ? text.substr(0, size_ - 1) : text;
}

// Settles what has been folded. More::kMayCome: what could still be part of something waits.
void CanonicalText::Scan(More more) {
  Step step = Step::kGoOn;
  while (step == Step::kGoOn && scanned_ < size_) {
    if (drop_blank_) {
      drop_blank_ = false;
      scanned_ += buffer_[scanned_] == ' ' ? 1 : 0;
    } else {
      step = open_ != kNoBlock ? ScanBlock() : ScanText(more);
    }
  }
  if (settled_ != scanned_) {
    std::memmove(buffer_.get() + settled_, buffer_.get() + scanned_, size_ - scanned_);
    size_ -= scanned_ - settled_;
    scanned_ = settled_;
  }
  if (open_ != kNoBlock && !forked_ && settled_ - open_at_ > kBlockBytesMax) {
    Fork();
  }
}

// Settles the bytes up to `to`.
void CanonicalText::Keep(size_t to) {
  if (settled_ != scanned_) {
    std::memmove(buffer_.get() + settled_, buffer_.get() + scanned_, to - scanned_);
  }
  settled_ += to - scanned_;
  scanned_ = to;
}

CanonicalText::Step CanonicalText::ScanBlock() {
  const std::string_view end = rules_->blocks()[open_].end;
  const size_t at = std::string_view(buffer_.get(), size_).find(end, scanned_);
  if (at == std::string_view::npos) {
    // The end may have come in part. What is kept counts only if the block has no end.
    Keep(std::max(scanned_, size_ - std::min(size_, end.size() - 1)));
    return Step::kWait;
  }
  scanned_ = at + end.size();
  CloseBlock();
  return Step::kGoOn;
}

// The block goes. It leaves a blank, so that no words are joined.
void CanonicalText::CloseBlock() {
  open_ = kNoBlock;
  settled_ = open_at_;
  if (forked_) {
    forked_ = false;
    hash_ = hash_before_;
    flushed_ = flushed_before_;
    settled_ = tail_before_.copy(buffer_.get(), kBehindBytes);
    text_begin_ = text_begin_before_;
    dates_scanned_ = dates_scanned_before_;
  }
  const bool at_begin = flushed_ + settled_ == 0;
  const bool behind_tag = kind_ == TextKind::kAssistant && flushed_ + settled_ == tag_end_;
  if (!at_begin && !behind_tag && buffer_[settled_ - 1] != ' ') {
    buffer_[settled_++] = ' ';
  }
  drop_blank_ = true;
}

// The text has ended within a block: then it was none. What lies in it is looked at again, unless
// it was too long to be held.
void CanonicalText::EndOpenBlock() {
  Keep(size_);
  blocks_ended_ |= uint32_t{1} << open_;
  open_ = kNoBlock;
  if (forked_) {
    forked_ = false;
    dates_scanned_ = size_;
  } else {
    settled_ = scanned_ = open_at_ + 1;
  }
}

CanonicalText::Step CanonicalText::ScanText(More more) {
  Keep(FindMark(scanned_));
  return scanned_ == size_ ? Step::kWait : AtMark(more);
}

size_t CanonicalText::FindMark(size_t from) const {
  const char* const begin = buffer_.get();
  const char* const end = begin + size_;
  const bool has_tags = kind_ == TextKind::kAssistant;
  if (kind_ == TextKind::kVerbatim) {
    return size_;
  }
  if (rules_->only_tags()) [[likely]] {
    if (in_tag_) {
      return static_cast<size_t>(FindEither(begin + from, end, '<', '>') - begin);
    }
    const void* const found = std::memchr(begin + from, '<', size_ - from);
    return found == nullptr ? size_ : static_cast<size_t>(static_cast<const char*>(found) - begin);
  }
  const char* p = begin + from;
  while (p < end && !rules_->MayBegin(*p) && (*p != '<' || !has_tags) && (*p != '>' || !in_tag_)) {
    ++p;
  }
  return static_cast<size_t>(p - begin);
}

CanonicalText::Step CanonicalText::AtMark(More more) {
  const std::string_view rest(buffer_.get() + scanned_, size_ - scanned_);
  const std::vector<HistoryRules::Block>& blocks = rules_->blocks();
  for (size_t i = 0; i < blocks.size(); ++i) {
    const HistoryRules::Block& block = blocks[i];
    // The first two bytes tell nearly always.
    if (block.begin[0] != rest[0] ||
        (rest.size() > 1 && block.begin.size() > 1 && block.begin[1] != rest[1])) {
      continue;
    }
    if ((block.assistant_only && kind_ != TextKind::kAssistant) || (blocks_ended_ >> i & 1) != 0) {
      continue;
    }
    if (rest.starts_with(block.begin)) {
      open_ = i;
      open_at_ = settled_;
      Keep(scanned_ + block.begin.size());
      return Step::kGoOn;
    }
    if (more == More::kMayCome && std::string_view(block.begin).starts_with(rest)) {
      return Step::kWait;
    }
  }
  if (kind_ == TextKind::kAssistant) {
    if (more == More::kMayCome && (rest == "<" || rest == "</")) {
      return Step::kWait;
    }
    AtTag(rest);
    return Step::kGoOn;
  }
  Keep(scanned_ + 1);
  return Step::kGoOn;
}

// White space next to a tag does not count: a client may indent the tool calls of a text anew.
void CanonicalText::AtTag(std::string_view rest) {
  if (rest.front() == '>' && in_tag_) {
    Keep(scanned_ + 1);
    in_tag_ = false;
    drop_blank_ = true;
    tag_end_ = flushed_ + settled_;
    return;
  }
  if (rest.front() == '<') {
    const size_t name = rest.size() > 1 && rest[1] == '/' ? 2 : 1;
    in_tag_ = rest.size() > name && BeginsName(rest[name]);
    if (in_tag_ && settled_ > 0 && buffer_[settled_ - 1] == ' ') {
      --settled_;
    }
  }
  Keep(scanned_ + 1);
}

// Dates count, but not those that say when a conversation was opened.
void CanonicalText::CutDates(More more) {
  if (!MayHoldDates(kind_) || forked_) {
    return;
  }
  size_t limit = open_ == kNoBlock ? settled_ : open_at_;
  if (more == More::kMayCome) {
    limit -= std::min(limit, kDateAheadBytes);
  }
  while (dates_scanned_ < limit) {
    const std::string_view text(buffer_.get(), settled_);
    const DateSpan date = FindAnnouncedDate(text, text_begin_, dates_scanned_, limit);
    if (date.end == date.begin) {
      dates_scanned_ = limit;
      return;
    }
    size_t begin = date.begin;
    size_t end = date.end;
    if (end < settled_ && buffer_[end] == ' ') {
      ++end;
    } else if (end == settled_) {
      drop_blank_ = true;
    }
    if (flushed_ + begin > 0 && buffer_[begin - 1] != ' ') {
      buffer_[begin++] = ' ';
    }
    std::memmove(buffer_.get() + begin, buffer_.get() + end, size_ - end);
    const size_t cut = end - begin;
    settled_ -= cut;
    scanned_ -= cut;
    size_ -= cut;
    open_at_ -= open_ != kNoBlock ? cut : 0;
    limit -= std::min(limit, cut);
    dates_scanned_ = begin;
  }
}

// An open block has grown long: what came before it is remembered, and it is hashed as if it
// counted.
void CanonicalText::Fork() {
  CutDates(More::kMayCome);
  if (flushed_ == 0) {
    hash_.Start(seed_);
  }
  Drop(open_at_ - std::min(open_at_, kBehindBytes));
  hash_before_ = hash_;
  flushed_before_ = flushed_;
  tail_before_.assign(buffer_.get(), open_at_);
  text_begin_before_ = text_begin_;
  dates_scanned_before_ = dates_scanned_;
  forked_ = true;
  Flush();
}

void CanonicalText::Flush() {
  CutDates(More::kMayCome);
  size_t ready = open_ == kNoBlock || forked_ ? settled_ : open_at_;
  if (MayHoldDates(kind_) && !forked_) {
    ready = std::min(ready, dates_scanned_);
  }
  if (ready > kBehindBytes) {
    if (flushed_ == 0) {
      hash_.Start(seed_);
    }
    Drop(ready - kBehindBytes);
  }
}

// Moves the first bytes of the buffer into the hash.
void CanonicalText::Drop(size_t bytes) {
  if (bytes == 0) {
    return;
  }
  hash_.Add({buffer_.get(), bytes});
  flushed_ += bytes;
  std::memmove(buffer_.get(), buffer_.get() + bytes, size_ - bytes);
  settled_ -= bytes;
  scanned_ -= bytes;
  size_ -= bytes;
  open_at_ -= std::min(open_at_, bytes);
  text_begin_ -= std::min(text_begin_, bytes);
  dates_scanned_ -= std::min(dates_scanned_, bytes);
}

}  // namespace mainstay::wire
