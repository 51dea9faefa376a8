#include "base/utf8.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

// The wide version is compiled for its instruction set alone and called only where the processor
// has it; the rest of the program stays on the baseline.
#if defined(__x86_64__) && defined(__GNUC__)
#define MAINSTAY_UTF8_AVX2 1
#define MS_AVX2 [[gnu::target("avx2")]]
#include <immintrin.h>
#else
#define MAINSTAY_UTF8_AVX2 0
#endif

namespace mainstay {
namespace {

using internal::Utf8Verdict;
using internal::Utf8Version;

using Validate = bool (*)(const char* p, size_t size);

bool ValidatePortable(const char* p, size_t size) {
  constexpr uint64_t kTops = 0x8080808080808080;
  const char* const end = p + size;
  while (p < end) {
    uint64_t word = kTops;
    if (end - p >= 8) {
      std::memcpy(&word, p, sizeof word);
    }
    if ((word & kTops) == 0) {
      p += 8;
      continue;
    }
    const int length = Utf8Length(p, end);
    if (length == 0) {
      return false;
    }
    p += length;
  }
  return true;
}

#if MAINSTAY_UTF8_AVX2
// The lookup algorithm of Keiser and Lemire ("Validating UTF-8 In Less Than One Instruction Per
// Byte", 2021). What is wrong with two bytes in a row shows in three of their four halves: each
// table tells, as one bit a mistake, which mistakes its half allows, and a mistake that all three
// allow was made. The bit kTwoTails is different: two continuation bytes are right exactly when a
// lead of three or four bytes stands two or three places before.
enum Mistake : uint8_t {
  kTooShort = 1 << 0,      // a lead, and no continuation byte behind it
  kTooLong = 1 << 1,       // a continuation byte behind ASCII
  kOverlong3 = 1 << 2,     // E0, then 80 to 9F
  kTooLarge = 1 << 3,      // F4 to FF, then 90 to BF
  kSurrogate = 1 << 4,     // ED, then A0 to BF
  kOverlong2 = 1 << 5,     // C0 or C1
  kOverlong4 = 1 << 6,     // F0, then 80 to 8F
  kTooLarge1000 = 1 << 6,  // F5 to FF, then 80 to 8F
  kTwoTails = 1 << 7,
};

using Table = std::array<uint8_t, 16>;

constexpr Table MakeFirstHigh() {
  Table table{};
  for (size_t half = 0; half < 16; ++half) {
    table[half] = half < 8 ? kTooLong : half < 12 ? kTwoTails : kTooShort;
  }
  table[0xC] |= kOverlong2;
  table[0xE] |= kOverlong3 | kSurrogate;
  table[0xF] |= kTooLarge | kTooLarge1000 | kOverlong4;
  return table;
}
constexpr Table MakeFirstLow() {
  Table table{};
  for (size_t half = 0; half < 16; ++half) {
    table[half] =
        static_cast<uint8_t>(kTooShort | kTooLong | kTwoTails | (half < 2 ? kOverlong2 : 0) |
                             (half >= 4 ? kTooLarge : 0) | (half >= 5 ? kTooLarge1000 : 0));
  }
  table[0x0] |= kOverlong3 | kOverlong4;
  table[0xD] |= kSurrogate;
  return table;
}
constexpr Table MakeSecondHigh() {
  Table table{};
  table.fill(kTooShort);
  constexpr uint8_t kTail = kTooLong | kOverlong2 | kTwoTails;
  table[0x8] = kTail | kOverlong3 | kOverlong4 | kTooLarge1000;
  table[0x9] = kTail | kOverlong3 | kTooLarge;
  table[0xA] = table[0xB] = kTail | kSurrogate | kTooLarge;
  return table;
}
constexpr Table kFirstHigh = MakeFirstHigh();
constexpr Table kFirstLow = MakeFirstLow();
constexpr Table kSecondHigh = MakeSecondHigh();

class Avx2Checker final {
 public:
  static constexpr size_t kBytes = 64;
  static constexpr size_t kBefore = 3;  // bytes before a block that are looked at as well

  MS_AVX2 Avx2Checker()
      : first_high_(Spread(kFirstHigh)),
        first_low_(Spread(kFirstLow)),
        second_high_(Spread(kSecondHigh)),
        mistakes_(_mm256_setzero_si256()) {}

  // A block of ASCII needs no check when the one before was ASCII: no sequence goes on into it.
  MS_AVX2 void Check(const char* p) {
    const bool is_ascii = _mm256_movemask_epi8(_mm256_or_si256(Load(p), Load(p + kBytes / 2))) == 0;
    if (!is_ascii || !was_ascii_) {
      CheckHalf(p);
      CheckHalf(p + kBytes / 2);
    }
    was_ascii_ = is_ascii;
  }
  MS_AVX2 bool AllWell() const { return _mm256_testz_si256(mistakes_, mistakes_) != 0; }

 private:
  MS_AVX2 void CheckHalf(const char* p) {
    const __m256i second = Load(p);
    const __m256i first = Load(p - 1);
    const __m256i two =
        _mm256_and_si256(_mm256_and_si256(_mm256_shuffle_epi8(first_high_, HighHalves(first)),
                                          _mm256_shuffle_epi8(first_low_, LowHalves(first))),
                         _mm256_shuffle_epi8(second_high_, HighHalves(second)));
    // The top bit where the third or fourth byte of a sequence is due.
    const __m256i third = _mm256_subs_epu8(Load(p - 2), _mm256_set1_epi8(0xE0 - 0x80));
    const __m256i fourth = _mm256_subs_epu8(Load(p - 3), _mm256_set1_epi8(0xF0 - 0x80));
    const __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth), TopBit());
    mistakes_ = _mm256_or_si256(mistakes_, _mm256_xor_si256(two, due));
  }
  MS_AVX2 static __m256i LowHalves(__m256i bytes) {
    return _mm256_and_si256(bytes, _mm256_set1_epi8(0xF));
  }
  MS_AVX2 static __m256i HighHalves(__m256i bytes) {
    return LowHalves(_mm256_srli_epi16(bytes, 4));
  }
  MS_AVX2 static __m256i TopBit() { return _mm256_set1_epi8(static_cast<char>(0x80)); }
  MS_AVX2 static __m256i Load(const char* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  MS_AVX2 static __m256i Spread(const Table& table) {
    return _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
  }

  __m256i first_high_;
  __m256i first_low_;
  __m256i second_high_;
  __m256i mistakes_;
  bool was_ascii_ = true;
};

// The first and the last block are checked in a copy with zeros around the text: these are what
// a sequence that the text ends in runs into.
MS_AVX2 bool ValidateAvx2(const char* p, size_t size) {
  constexpr size_t kBytes = Avx2Checker::kBytes;
  constexpr size_t kBefore = Avx2Checker::kBefore;
  Avx2Checker checker;
  std::array<char, kBefore + kBytes> copy{};
  const char* const end = p + size;
  if (size >= kBytes) {
    std::memcpy(copy.data() + kBefore, p, kBytes);
    checker.Check(copy.data() + kBefore);
    for (p += kBytes; static_cast<size_t>(end - p) >= kBytes; p += kBytes) {
      checker.Check(p);
    }
    copy = {};
    std::memcpy(copy.data(), p - kBefore, kBefore + static_cast<size_t>(end - p));
  } else {
    std::memcpy(copy.data() + kBefore, p, size);
  }
  checker.Check(copy.data() + kBefore);
  return checker.AllWell();
}
#endif

// Returns nullptr when this build or this processor does not have the version.
Validate FindVersion(Utf8Version version) {
  if (version == Utf8Version::kPortable) {
    return &ValidatePortable;
  }
#if MAINSTAY_UTF8_AVX2
  if (__builtin_cpu_supports("avx2") != 0) {
    return &ValidateAvx2;
  }
#endif
  return nullptr;
}

bool ChooseAndValidate(const char* p, size_t size);

// Stands for the choice until somebody needs it, so that it holds at any time, also while other
// globals are being built. Two threads that come here together choose the same.
constinit std::atomic<Validate> validate{&ChooseAndValidate};

bool ChooseAndValidate(const char* p, size_t size) {
  const Validate widest = FindVersion(Utf8Version::kAvx2);
  validate.store(widest != nullptr ? widest : &ValidatePortable, std::memory_order_relaxed);
  return IsValidUtf8({p, size});
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  return text.empty() || validate.load(std::memory_order_relaxed)(text.data(), text.size());
}

namespace internal {

Utf8Verdict ValidateWith(Utf8Version version, std::string_view text) {
  const Validate function = FindVersion(version);
  if (function == nullptr) {
    return Utf8Verdict::kMissing;
  }
  const bool is_valid = text.empty() || function(text.data(), text.size());
  return is_valid ? Utf8Verdict::kValid : Utf8Verdict::kInvalid;
}

}  // namespace internal

int Utf8Length(const char* p, const char* end) {
  const auto lead = static_cast<uint8_t>(*p);
  if (lead < 0x80) {
    return 1;
  }
  const auto tail = [&](ptrdiff_t index, uint8_t from, uint8_t to) {
    if (end - p <= index) {
      return false;
    }
    const auto byte = static_cast<uint8_t>(p[index]);
    return byte >= from && byte <= to;
  };
  if (lead >= 0xC2 && lead <= 0xDF) {
    return tail(1, 0x80, 0xBF) ? 2 : 0;
  }
  // The bounds of the second byte keep out over-long forms, surrogates and what is above U+10FFFF.
  if (lead >= 0xE0 && lead <= 0xEF) {
    const uint8_t from = lead == 0xE0 ? 0xA0 : 0x80;
    const uint8_t to = lead == 0xED ? 0x9F : 0xBF;
    return tail(1, from, to) && tail(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const uint8_t from = lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t to = lead == 0xF4 ? 0x8F : 0xBF;
    return tail(1, from, to) && tail(2, 0x80, 0xBF) && tail(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

}  // namespace mainstay
