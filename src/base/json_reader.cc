#include "base/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <system_error>

#include "base/json_writer.h"

// The wide version is compiled for its instruction set alone and called only where the processor
// has it; the rest of the program stays on the baseline.
#if MAINSTAY_JSON_SSE2 && defined(__GNUC__)
#define MAINSTAY_JSON_AVX2 1
#define MS_AVX2 [[gnu::target("avx2,bmi")]]
#include <immintrin.h>
#else
#define MAINSTAY_JSON_AVX2 0
#endif

namespace mainstay::json {
namespace internal {
namespace {

// Whether a byte above 0x7F stops the scan. The first one does, to be remembered; once there was
// one, they are ordinary.
enum class HighByte { kStops, kPasses };

// Which backslashes begin an escape when some stand side by side: every other one of a run.
[[gnu::cold]] uint64_t EscapesOfRuns(uint64_t backslashes, uint64_t carry) {
  uint64_t escapes = 0;
  for (uint64_t rest = backslashes & ~carry; rest != 0;) {
    const uint64_t first = rest & -rest;
    escapes |= first;
    rest &= ~(first | first << 1);
  }
  return escapes;
}

// Looks at the escaped bytes of a block one by one. Returns the backslash of the first escape that
// is malformed, `end` when the text ends before that is known, or nullptr.
[[gnu::noinline]] const char* FindBadEscape(uint64_t escaped, const char* block, const char* end) {
  for (; escaped != 0; escaped &= escaped - 1) {
    const char* const letter = block + __builtin_ctzll(escaped);
    if (letter >= end) {
      return end;
    }
    const char value = kEscapes[Byte(*letter)];
    if (value == 0) {
      return letter - 1;
    }
    if (value == 'u' && !IsHexQuad(letter + 1)) {
      const char* const quad_end = std::min(letter + 5, end);
      const bool is_cut = quad_end == end && std::all_of(letter + 1, end, IsHexDigit);
      return is_cut ? end : letter - 1;
    }
  }
  return nullptr;
}

// Scans one block after the other. A block type tells, as a bit for each of its bytes,
//   Specials          quotes, backslashes, below 0x20 and, where it stops the scan, above 0x7F
//   Backslashes
//   NotSimpleEscapes  what cannot follow a backslash, or needs a closer look there, as u does
//
// Prose and code have an escape in most blocks, and where is as good as random: a branch for each
// of them would be mispredicted. So all escapes of a block are judged at once, and the branches
// left are about what is rare or ends the string.
template <typename Block, HighByte kHighByte>
[[gnu::always_inline]] inline StringEnd ScanBlocks(const char* p, const char* end, uint32_t flags) {
  uint64_t carry = 0;  // 1: the block's first byte is escaped by the last of the block before
  for (; p < end; p += Block::kBytes) {
    uint64_t specials = Block::template Specials<kHighByte>(p);
    if ((specials | carry) == 0) [[likely]] {
      continue;
    }
    uint64_t escapes = Block::Backslashes(p);
    if ((escapes | carry) != 0) {
      uint64_t escaped = escapes << 1 | carry;
      if ((escapes & escaped) != 0) {
        escapes = EscapesOfRuns(escapes, carry);
        escaped = escapes << 1 | carry;
      }
      specials &= ~(escapes | escaped);
      const uint64_t before_stop = (specials & -specials) - 1;
      flags |= (escapes & before_stop) != 0 ? kSawEscape : 0;
      const uint64_t doubtful = escaped & before_stop & Block::NotSimpleEscapes(p);
      if (doubtful != 0) {
        if (const char* bad = FindBadEscape(doubtful, p, end); bad != nullptr) {
          return {.at = bad, .flags = flags | kBroken};
        }
      }
      carry = escapes >> (Block::kBytes - 1);
    }
    if (specials != 0) {
      const char* const at = p + __builtin_ctzll(specials);
      if (at >= end) [[unlikely]] {
        return {.at = at, .flags = flags | kBroken};
      }
      const uint32_t otherwise = Byte(*at) > 0x7F ? kSawHighByte : kBroken;
      return {.at = at, .flags = *at == '"' ? flags : flags | otherwise};
    }
  }
  return {.at = p, .flags = flags | kBroken};
}

template <typename Block>
[[gnu::always_inline]] inline StringEnd ScanWith(const char* from, const char* end,
                                                 uint32_t flags) {
  StringEnd result{.at = from, .flags = flags};
  if ((flags & kSawHighByte) == 0) {
    result = ScanBlocks<Block, HighByte::kStops>(from, end, flags);
  }
  return (result.flags & kSawHighByte) == 0
             ? result
             : ScanBlocks<Block, HighByte::kPasses>(result.at, end, result.flags);
}

// A mask of those of the first `count` bytes for which the function is true.
template <int count, typename Function>
uint64_t MaskOf(const char* p, Function function) {
  uint64_t mask = 0;
  for (int i = 0; i < count; ++i) {
    mask |= uint64_t{function(Byte(p[i]))} << i;
  }
  return mask;
}

struct PortableBlock {
  static constexpr int kBytes = 8;

  template <HighByte kHighByte>
  static uint64_t Specials(const char* p) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    constexpr uint64_t kTops = 0x8080808080808080;
    uint64_t x;
    std::memcpy(&x, p, sizeof x);
    const uint64_t quote = x ^ (kOnes * '"');
    const uint64_t backslash = x ^ (kOnes * '\\');
    const uint64_t found =
        ((x - kOnes * 0x20) & ~x) | ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash);
    // Borrows between the bytes can claim more of them than there are, but never hide one.
    if (((kHighByte == HighByte::kStops ? found | x : found) & kTops) == 0) {
      return 0;
    }
    return MaskOf<kBytes>(p, [](uint8_t c) {
      return c == '"' || c == '\\' || c < 0x20 || (kHighByte == HighByte::kStops && c > 0x7F);
    });
  }
  static uint64_t Backslashes(const char* p) {
    return MaskOf<kBytes>(p, [](uint8_t c) { return c == '\\'; });
  }
  static uint64_t NotSimpleEscapes(const char*) { return ~uint64_t{0}; }
};

StringEnd ScanPortable(const char* from, const char* end, uint32_t flags) {
  return ScanWith<PortableBlock>(from, end, flags);
}

#if MAINSTAY_JSON_SSE2
struct Sse2Block {
  static constexpr int kBytes = 16;

  // See Reader::SpecialsOrHighBytes for the flipped bit and the subtraction.
  template <HighByte kHighByte>
  static uint64_t Specials(const char* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i flipped = _mm_xor_si128(bytes, _mm_set1_epi8(2));
    const __m128i low = kHighByte == HighByte::kStops
                            ? _mm_subs_epi8(flipped, _mm_set1_epi8(0x21))
                            : _mm_cmpeq_epi8(_mm_min_epu8(flipped, _mm_set1_epi8(0x20)), flipped);
    const __m128i special = _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    return static_cast<uint32_t>(_mm_movemask_epi8(special));
  }
  static uint64_t Backslashes(const char* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return static_cast<uint32_t>(_mm_movemask_epi8(backslashes));
  }
  static uint64_t NotSimpleEscapes(const char*) { return ~uint64_t{0}; }
};

StringEnd ScanSse2(const char* from, const char* end, uint32_t flags) {
  return ScanWith<Sse2Block>(from, end, flags);
}
#endif

#if MAINSTAY_JSON_AVX2
// Two loads a block: a string ends, or has an escape, only once in some dozens of bytes, so the
// test for "nothing here" should cover as much as the padding allows.
struct Avx2Block {
  static constexpr int kBytes = 64;
  static_assert(kBytes <= kPadding, "a block that begins before the end must be readable");

  template <HighByte kHighByte>
  MS_AVX2 static uint64_t Specials(const char* p) {
    return Mask(SpecialBytes<kHighByte>(Load(p)), SpecialBytes<kHighByte>(Load(p + 32)));
  }
  MS_AVX2 static uint64_t Backslashes(const char* p) {
    return Mask(Equal(Load(p), '\\'), Equal(Load(p + 32), '\\'));
  }
  MS_AVX2 static uint64_t NotSimpleEscapes(const char* p) {
    return Mask(NotSimple(Load(p)), NotSimple(Load(p + 32)));
  }

 private:
  MS_AVX2 static __m256i Load(const char* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  MS_AVX2 static __m256i Equal(__m256i bytes, char c) {
    return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c));
  }
  MS_AVX2 static uint64_t Mask(__m256i first, __m256i second) {
    return static_cast<uint32_t>(_mm256_movemask_epi8(first)) |
           uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(second))} << 32;
  }
  template <HighByte kHighByte>
  MS_AVX2 static __m256i SpecialBytes(__m256i bytes) {
    const __m256i flipped = _mm256_xor_si256(bytes, _mm256_set1_epi8(2));
    const __m256i low =
        kHighByte == HighByte::kStops
            ? _mm256_subs_epi8(flipped, _mm256_set1_epi8(0x21))
            : _mm256_cmpeq_epi8(_mm256_min_epu8(flipped, _mm256_set1_epi8(0x20)), flipped);
    return _mm256_or_si256(low, Equal(bytes, '\\'));
  }
  // A letter is "/bfnrt or a backslash when its two halves have a bit in common: 1 for 0x2_, 2 for
  // 0x5_, 4 for 0x6_, 8 for 0x7_. The lookup gives 0 for bytes above 0x7F.
  MS_AVX2 static __m256i NotSimple(__m256i bytes) {
    const __m256i low = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1));
    const __m256i high =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i nibble = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0xF));
    const __m256i common =
        _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(high, nibble));
    return Equal(common, 0);
  }
};

// Code for one instruction set is inlined only into code for the same one. The templates are for
// the baseline, so everything has to come together here, and `flatten` makes sure that it does.
[[gnu::flatten]] MS_AVX2 StringEnd ScanAvx2(const char* from, const char* end, uint32_t flags) {
  return ScanWith<Avx2Block>(from, end, flags);
}
#endif

// Returns nullptr when this build or this processor does not have the version.
StringScan FindVersion(ScanVersion version) {
  const bool is_any = version == ScanVersion::kWidest;
#if MAINSTAY_JSON_AVX2
  const bool has_avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0;
  if ((is_any || version == ScanVersion::kAvx2) && has_avx2) {
    return &ScanAvx2;
  }
#endif
#if MAINSTAY_JSON_SSE2
  if (is_any || version == ScanVersion::kSse2) {
    return &ScanSse2;
  }
#endif
  return is_any || version == ScanVersion::kPortable ? &ScanPortable : nullptr;
}

// Stands in for the choice until somebody needs it, so that it holds at any time, also while other
// globals are being built. Two threads that come here together choose the same.
StringEnd ChooseAndScan(const char* from, const char* end, uint32_t flags) {
  const StringScan scan = FindVersion(ScanVersion::kWidest);
  scan_string.store(scan, std::memory_order_relaxed);
  return scan(from, end, flags);
}

}  // namespace

constinit std::atomic<StringScan> scan_string{&ChooseAndScan};

bool UseScanVersion(ScanVersion version) {
  const StringScan scan = FindVersion(version);
  if (scan != nullptr) {
    scan_string.store(scan, std::memory_order_relaxed);
  }
  return scan != nullptr;
}

}  // namespace internal

using internal::Byte;
using internal::IsDigit;
using std::string_view_literals::operator""sv;

namespace {

// Calls piece(text) for each run without escapes and for the value of each escape, in order, until
// one of the calls returns false. False then, and when an escape is malformed.
template <typename Piece>
bool ForEachPiece(std::string_view raw, Piece piece) {
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p < end) {
    const void* const found = std::memchr(p, '\\', static_cast<size_t>(end - p));
    const char* const backslash = found == nullptr ? end : static_cast<const char*>(found);
    if (!piece(std::string_view(p, static_cast<size_t>(backslash - p)))) {
      return false;
    }
    if (backslash == end) {
      break;
    }
    const internal::Escape escape = internal::ReadEscape(backslash, end);
    if (escape.length == 0 || !piece(std::string_view(escape.utf8.data(), escape.utf8_bytes))) {
      return false;
    }
    p = backslash + escape.length;
  }
  return true;
}

// For a number that fits no double: whether it is too large, not too small, for one.
bool IsTooLarge(std::string_view number) {
  constexpr int64_t kExponentMax = 1'000'000'000'000;
  const size_t mark = number.find_first_of("eE");
  const std::string_view digits = number.substr(0, mark);
  int64_t exponent = 0;
  if (mark != std::string_view::npos) {
    for (const char c : number.substr(mark + 1)) {
      exponent = IsDigit(c) ? std::min(exponent * 10 + (c - '0'), kExponentMax) : exponent;
    }
    exponent = number[mark + 1] == '-' ? -exponent : exponent;
  }
  // The power of ten of the first digit that is not zero.
  const size_t first = std::min(digits.find_first_of("123456789"), digits.size());
  const size_t point = std::min(digits.find('.'), digits.size());
  return exponent + static_cast<int64_t>(point) - static_cast<int64_t>(first) > 0;
}

}  // namespace

bool Reader::Fail(const char* at, std::string_view what) {
  if (due_ == Due::kNothing) {
    return false;
  }
  due_ = Due::kNothing;
  at_ = std::min(at, end_);
  problem_ = {.offset = offset(), .what = at >= end_ ? "unexpected end of the text" : what};
  return false;
}

const char* Reader::SkipSpaceRun(const char* p) const {
  while (p < end_ && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
    ++p;
  }
  return p;
}

bool Reader::Close(char close, std::string_view otherwise) {
  if (failed()) {
    return false;
  }
  if (due_ == Due::kValue) {
    return Fail(at_, "the value here was not read");
  }
  if (depth_ == 0) {
    return Fail(at_, "no object or array is open here");
  }
  if (at_ >= end_ || *at_ != close) {
    return Fail(at_, otherwise);
  }
  --depth_;
  Leave(at_ + 1);
  return false;
}

const char* Reader::ScanLongString(const char* begin, const char* from, bool& has_escapes) {
  using internal::kSawHighByte;
  const internal::StringScan scan = internal::scan_string.load(std::memory_order_relaxed);
  const internal::StringEnd result = scan(from, end_, high_from_ != nullptr ? kSawHighByte : 0);
  has_escapes = (result.flags & internal::kSawEscape) != 0;
  if ((result.flags & kSawHighByte) != 0 && high_from_ == nullptr) {
    high_from_ = begin;
  }
  if ((result.flags & internal::kBroken) == 0) [[likely]] {
    return result.at;
  }
  return Stop(result.at,
              *result.at == '\\' ? "invalid escape in a string" : "control character in a string");
}

// Digits are looked at one by one with the end in view: a run of them in the padding has no bound.
const char* Reader::ScanNumber(const char* p) {
  const auto digits = [this](const char* from) {
    const char* end = from;
    while (end < end_ && IsDigit(*end)) {
      ++end;
    }
    return end > from ? end : Stop(from, "expected a digit");
  };
  const char* const whole = p + (*p == '-' ? 1 : 0);
  p = digits(whole);
  if (p != nullptr && *whole == '0' && p - whole > 1) {
    return Stop(whole, "a number begins with 0");
  }
  if (p != nullptr && p < end_ && *p == '.') {
    p = digits(p + 1);
  }
  if (p != nullptr && p < end_ && (*p == 'e' || *p == 'E')) {
    p = digits(p + (p + 1 < end_ && (p[1] == '+' || p[1] == '-') ? 2 : 1));
  }
  return p;
}

// Passes a number, true, false or null.
const char* Reader::SkipScalar(const char* p) {
  const Type type = internal::kTypes[Byte(*p)];
  if (type == Type::kNumber) {
    return ScanNumber(p);
  }
  if (type == Type::kNone) [[unlikely]] {
    return Stop(p, "expected a value");
  }
  const std::string_view literal = type == Type::kTrue    ? "true"sv
                                   : type == Type::kFalse ? "false"sv
                                                          : "null"sv;
  const size_t left = std::min(static_cast<size_t>(end_ - p), literal.size());
  if (std::memcmp(p, literal.data(), left) != 0 || left < literal.size()) [[unlikely]] {
    return Stop(left < literal.size() && literal.starts_with({p, left}) ? end_ : p,
                "expected true, false or null");
  }
  return p + literal.size();
}

// Passes a string. Its end may lie in the padding, so the caller compares with the end.
inline const char* Reader::SkipString(const char* p) {
  bool has_escapes = false;
  const char* const quote = ScanString(p + 1, has_escapes);
  return quote == nullptr ? nullptr : quote + 1;
}

// Passes a key and its ':' and returns where the value must begin. That may be in the padding, in
// which everything looks well: the caller compares with the end once for all of it.
inline const char* Reader::SkipKey(const char* p) {
  if (*p != '"') [[unlikely]] {
    return Stop(p, "expected a key in quotes");
  }
  p = SkipString(p);
  if (p == nullptr) [[unlikely]] {
    return nullptr;
  }
  p = SkipSpace(p);
  if (*p != ':') [[unlikely]] {
    return Stop(p, "expected ':'");
  }
  return SkipSpace(p + 1);
}

// Passes the object or array at `p` without recursion. The kinds of the open ones are bits: the
// innermost 64 in `kinds`, 1 for an object, the innermost lowest; those further out in `outer`.
const char* Reader::SkipContainer(const char* p) {
  constexpr unsigned kWordBits = 64;
  std::array<uint64_t, (kDepthMax + kWordBits - 1) / kWordBits> outer;
  uint64_t kinds = 0;
  unsigned open = 0;
  const unsigned open_max = static_cast<unsigned>(depth_max_ - depth_);
  char close = ']';
  const auto set_close = [&] { close = static_cast<char>(']' + (kinds & 1) * ('}' - ']')); };
  do {
    if ((kinds & 1) != 0) {
      p = SkipKey(p);
      if (p == nullptr) [[unlikely]] {
        return nullptr;
      }
    }
    if (p >= end_) [[unlikely]] {
      return Stop(p, "expected a value");
    }
    if (*p == '"') {
      p = SkipString(p);
    } else if (*p == '{' || *p == '[') {
      if (open >= open_max) [[unlikely]] {
        return Stop(p, kTooDeep);
      }
      if (open % kWordBits == 0) {
        outer[open / kWordBits] = kinds;
      }
      ++open;
      kinds = kinds << 1 | (*p == '{' ? 1 : 0);
      set_close();
      p = SkipSpace(p + 1);
      if (*p != close) {
        continue;
      }
    } else {
      p = SkipScalar(p);
    }
    if (p == nullptr) [[unlikely]] {
      return nullptr;
    }
    p = SkipSpace(p);
    while (*p == close && p < end_) {
      --open;
      kinds = open % kWordBits == 0 ? outer[open / kWordBits] : kinds >> 1;
      set_close();
      if (open == 0) {
        return p + 1;
      }
      p = SkipSpace(p + 1);
    }
    if (*p != ',' || p >= end_) [[unlikely]] {
      return Stop(p, (kinds & 1) != 0 ? "expected ',' or '}'" : "expected ',' or ']'");
    }
    p = SkipSpace(p + 1);
  } while (true);
}

bool Reader::SkipValue(std::string_view* raw) {
  if (due_ != Due::kValue) [[unlikely]] {
    return Refuse("expected a value");
  }
  const char* const begin = at_;
  const bool is_container = *begin == '{' || *begin == '[';
  const char* const p = *begin == '"'  ? SkipString(begin)
                        : is_container ? SkipContainer(begin)
                                       : SkipScalar(begin);
  if (p == nullptr || p > end_) [[unlikely]] {
    return Fail(end_, "expected '\"'");
  }
  if (raw != nullptr) {
    *raw = std::string_view(begin, static_cast<size_t>(p - begin));
  }
  return Leave(p);
}

bool Reader::ReadInt64(int64_t& out) {
  const char* const begin = at_;
  std::string_view raw;
  if (!ReadNumber(raw)) {
    return false;
  }
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), out);
  if (error != std::errc{}) {
    return Fail(begin, "an integer of more than 64 bits");
  }
  return end == raw.data() + raw.size() || Fail(begin, "expected an integer");
}

bool Reader::ReadDouble(double& out) {
  const char* const begin = at_;
  std::string_view raw;
  if (!ReadNumber(raw)) {
    return false;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error == std::errc::result_out_of_range) {
    if (IsTooLarge(raw)) {
      return Fail(begin, "a number too large for a double");
    }
    value = raw.front() == '-' ? -0.0 : 0.0;
  }
  out = value;
  return true;
}

bool Reader::Finish() {
  if (due_ != Due::kCommaOrClose || depth_ > 0) [[unlikely]] {
    return Fail(at_, "the text was not read to its end");
  }
  if (at_ < end_) [[unlikely]] {
    return Fail(at_, "only white space may follow the value");
  }
  return high_from_ == nullptr || FinishUtf8();
}

bool Reader::FinishUtf8() {
  if (simdjson::validate_utf8(high_from_, static_cast<size_t>(end_ - high_from_))) [[likely]] {
    return true;
  }
  const char* p = high_from_;
  for (int length = 1; p < end_ && length > 0; p += length) {
    length = internal::Utf8Length(p, end_);
  }
  return Fail(p, "invalid UTF-8");
}

bool Unescape(std::string_view raw, std::string& out_append) {
  return ForEachPiece(raw, [&](std::string_view piece) {
    out_append += piece;
    return true;
  });
}

bool EscapedEquals(std::string_view raw, std::string_view value) {
  const bool is_prefix = ForEachPiece(raw, [&](std::string_view piece) {
    const bool same = value.starts_with(piece);
    value.remove_prefix(same ? piece.size() : 0);
    return same;
  });
  return is_prefix && value.empty();
}

}  // namespace mainstay::json
