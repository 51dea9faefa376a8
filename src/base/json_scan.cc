#include "base/json_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/json_reader.h"
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

namespace mainstay::json::internal {
namespace {

// Passes the escape at `p` and those that follow it at once. With kBroken: `at` is the first one
// that is malformed, or `end` when the text ends before that is known.
[[gnu::noinline]] StringEnd PassEscapes(const char* p, const char* end) {
  while (p < end && *p == '\\') {
    if (end - p < 2) {
      return {.at = end, .flags = kBroken};
    }
    if (kEscapes[Byte(p[1])] == 0) {
      return {.at = p, .flags = kBroken};
    }
    if (p[1] != 'u') {
      p += 2;
      continue;
    }
    if (!IsHexQuad(p + 2)) {
      const bool is_cut = end - p < 6 && std::all_of(p + 2, end, IsHexDigit);
      return {.at = is_cut ? end : p, .flags = kBroken};
    }
    p += 6;
  }
  return {.at = p, .flags = 0};
}

// Scans one block after the other. A block tells where its first byte is that it cannot judge: it
// may let pass whatever is neither the end of the string nor wrong. It may stop at a backslash or,
// when it judges simple escapes itself, at the byte behind one. Blocks take it that their first
// byte is escaped when there is a backslash before it.
template <typename Block>
[[gnu::always_inline]] inline StringEnd ScanWith(const char* from, const char* end,
                                                 uint32_t flags) {
  Block block(flags);
  const char* p = from;
  while (p < end) {
    const auto stops = block.Stops(p);
    if (stops == 0) [[likely]] {
      p += Block::kBytes;
      continue;
    }
    const char* at = p + std::countr_zero(stops);
    // A quote behind a backslash that is escaped itself is met below, behind the escapes.
    if (*at == '"' && at < end && at[-1] != '\\') [[likely]] {
      return {.at = at, .flags = flags};
    }
    at -= at[-1] == '\\' ? 1 : 0;
    if (*at == '\\') {
      const StringEnd behind = PassEscapes(at, end);
      if (behind.flags != 0) [[unlikely]] {
        return {.at = behind.at, .flags = flags | kBroken};
      }
      at = behind.at;
    }
    if (at >= end) [[unlikely]] {
      return {.at = at, .flags = flags | kBroken};
    }
    if (*at == '"') {
      return {.at = at, .flags = flags};
    }
    if (Byte(*at) < 0x20) [[unlikely]] {
      return {.at = at, .flags = flags | kBroken};
    }
    if (Byte(*at) > 0x7F && (flags & kSawHighByte) == 0) {
      flags |= kSawHighByte;
      block = Block(flags);
    }
    // The byte here is no backslash, so that the next one is not escaped.
    p = at + 1;
  }
  return {.at = p, .flags = flags | kBroken};
}

// Stops at quotes, backslashes, control characters and, until there was one, bytes above 0x7F.
class PortableBlock final {
 public:
  static constexpr int kBytes = 8;

  explicit PortableBlock(uint32_t flags) : tops_((flags & kSawHighByte) != 0 ? 0 : kTops) {}

  uint32_t Stops(const char* p) const {
    uint64_t x;
    std::memcpy(&x, p, sizeof x);
    const uint64_t quote = x ^ (kOnes * '"');
    const uint64_t backslash = x ^ (kOnes * '\\');
    const uint64_t found =
        ((x - kOnes * 0x20) & ~x) | ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash);
    // Borrows between the bytes can claim more of them than there are, but never hide one.
    if (((found & kTops) | (x & tops_)) == 0) {
      return 0;
    }
    uint32_t stops = 0;
    for (int i = 0; i < kBytes; ++i) {
      const uint8_t c = Byte(p[i]);
      const bool stop = c == '"' || c == '\\' || c < 0x20 || (c > 0x7F && tops_ != 0);
      stops |= uint32_t{stop} << i;
    }
    return stops;
  }

 private:
  static constexpr uint64_t kOnes = 0x0101010101010101;
  static constexpr uint64_t kTops = 0x8080808080808080;
  uint64_t tops_;
};

StringEnd ScanPortable(const char* from, const char* end, uint32_t flags) {
  return ScanWith<PortableBlock>(from, end, flags);
}

#if MAINSTAY_JSON_SSE2
// The vector versions compare signed, in which bytes above 0x7F are small and stop, until flipping
// the top bit as well makes them large. Flipping bit 1 moves the quote (0x22) to 0x20, next to the
// control characters, and keeps these below it.
constexpr uint8_t kFlips[] = {0x02, 0x82};
constexpr uint8_t kLastStops[] = {0x20, 0xA0};
static_assert(kSawHighByte == 1, "the index of both");

class Sse2Block final {
 public:
  static constexpr int kBytes = 16;

  explicit Sse2Block(uint32_t flags)
      : flip_(Set(kFlips[flags & kSawHighByte])),
        last_stop_(Set(kLastStops[flags & kSawHighByte])) {}

  uint32_t Stops(const char* p) const {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i is_plain = _mm_cmpgt_epi8(_mm_xor_si128(bytes, flip_), last_stop_);
    const __m128i is_backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const __m128i goes_on = _mm_andnot_si128(is_backslash, is_plain);
    return static_cast<uint32_t>(_mm_movemask_epi8(goes_on)) ^ 0xFFFF;
  }

 private:
  static __m128i Set(uint8_t byte) { return _mm_set1_epi8(static_cast<char>(byte)); }

  __m128i flip_;
  __m128i last_stop_;
};

StringEnd ScanSse2(const char* from, const char* end, uint32_t flags) {
  return ScanWith<Sse2Block>(from, end, flags);
}
#endif

#if MAINSTAY_JSON_AVX2
// Every byte is judged in place, so that nothing branches on where the escapes are: in code and
// prose they are everywhere, and such a branch would be a coin's toss. A byte behind a backslash
// has to be a simple letter, any other one has to be no quote and no control character:
//
//   goes_on = before == '\\' ? IsSimpleLetter(byte) : IsPlain(byte)
//
// That leaves the second backslash of a run, \u, \b and \r for a closer look.
class Avx2Block final {
 public:
  static constexpr int kBytes = 64;
  static_assert(kBytes <= kPadding, "a block that begins before the end must be readable");

  MS_AVX2 explicit Avx2Block(uint32_t flags)
      : flip_(Set(kFlips[flags & kSawHighByte])),
        last_stop_(Set(kLastStops[flags & kSawHighByte])) {}

  MS_AVX2 uint64_t Stops(const char* p) const {
    const __m256i first = GoesOn(p);
    const __m256i second = GoesOn(p + kBytes / 2);
    if (_mm256_movemask_epi8(_mm256_and_si256(first, second)) == -1) [[likely]] {
      return 0;
    }
    return ~(static_cast<uint32_t>(_mm256_movemask_epi8(first)) |
             uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(second))} << 32);
  }

 private:
  MS_AVX2 __m256i GoesOn(const char* p) const {
    const __m256i bytes = Load(p);
    const __m256i is_plain = _mm256_cmpgt_epi8(_mm256_xor_si256(bytes, flip_), last_stop_);
    // The letter with the same lower half as the byte. Bytes above 0x7F find 0, and 0 finds 1, so
    // that neither equals what it finds.
    const __m256i letters = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 0, '"', 0, 't', 0, 'f', 0, 0, 0, 0, 0, 0, 0, 'n', '/'));
    const __m256i is_simple = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(letters, bytes), bytes);
    const __m256i is_escaped = _mm256_cmpeq_epi8(Load(p - 1), _mm256_set1_epi8('\\'));
    return _mm256_blendv_epi8(is_plain, is_simple, is_escaped);
  }
  MS_AVX2 static __m256i Set(uint8_t byte) { return _mm256_set1_epi8(static_cast<char>(byte)); }
  MS_AVX2 static __m256i Load(const char* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }

  __m256i flip_;
  __m256i last_stop_;
};

// Code for one instruction set is inlined only into code for the same one. The template is for the
// baseline, so everything has to come together here, and `flatten` makes sure that it does.
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

}  // namespace mainstay::json::internal
