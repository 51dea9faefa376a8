#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// The inner loops of the codec: they classify 16 bytes at a time. Internal to src/http.
namespace mainstay::http::scan {

// Bytes that one step looks at. A step may read up to this many bytes from its start, so whoever
// calls it owns readable bytes there (see kPadding in head.h); their values do not matter.
inline constexpr size_t kStep = 16;

// What a byte may be part of. RFC 9110 5.6.2 (token), 5.5 (field values), RFC 9112 3.2 (targets).
enum ByteClass : uint8_t {
  kToken = 1,
  kPlainName = 2,      // the tokens that real header names are made of: letters, digits and -
  kPlainValue = 4,     // everything but control characters; TAB is allowed too, but not plain
  kVisibleValue = 32,  // plain values without the bytes from 0x80 on
  kTarget = 8,         // visible ASCII without #
  kHost = 16,          // registered names and IPv4: letters, digits, - _ and .
};

consteval std::array<uint8_t, 256> MakeByteClasses() {
  std::array<uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool other_token = false;
    for (const char t :
         {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
      other_token = other_token || c == t;
    }
    const bool plain_name = alnum || c == '-';
    const bool visible = c > 0x20 && c < 0x7f;
    classes[static_cast<size_t>(c)] = static_cast<uint8_t>(
        ((alnum || other_token) ? kToken : 0) | (plain_name ? kPlainName : 0) |
        ((c >= 0x20 && c != 0x7f) ? kPlainValue : 0) |
        ((c >= 0x20 && c < 0x7f) ? kVisibleValue : 0) | ((visible && c != '#') ? kTarget : 0) |
        ((plain_name || c == '_' || c == '.') ? kHost : 0));
  }
  return classes;
}
inline constexpr std::array<uint8_t, 256> kByteClasses = MakeByteClasses();

constexpr bool Is(char c, ByteClass wanted) {
  return (kByteClasses[static_cast<uint8_t>(c)] & wanted) != 0;
}

// All functions below: bit i of the answer is set when byte i does *not* belong to the class.
namespace portable {
inline uint32_t Stops(const char* p, ByteClass wanted) {
  uint32_t stops = 0;
  for (size_t i = 0; i < kStep; ++i) {
    stops |= static_cast<uint32_t>(Is(p[i], wanted) ? 0 : 1) << i;
  }
  return stops;
}
inline uint32_t Equal(const char* p, char wanted) {
  uint32_t equal = 0;
  for (size_t i = 0; i < kStep; ++i) {
    equal |= static_cast<uint32_t>(p[i] == wanted ? 1 : 0) << i;
  }
  return equal;
}
inline uint32_t LineEnds(const char* p) {
  return Equal(p, '\n') | Equal(p, '\r');
}
}  // namespace portable

#if defined(__SSE2__)

inline __m128i Load(const char* p) {
  __m128i bytes;
  std::memcpy(&bytes, p, sizeof bytes);
  return bytes;
}
inline __m128i All(int c) {
  return _mm_set1_epi8(static_cast<char>(c));
}
inline uint32_t Mask(__m128i bytes) {
  return static_cast<uint32_t>(_mm_movemask_epi8(bytes));
}

// Bytes in [first, last]: moved so that the range begins at the smallest signed value, one
// comparison decides.
template <int first, int last>
inline __m128i InRange(__m128i bytes) {
  return _mm_cmpgt_epi8(All(-128 + (last - first) + 1), _mm_add_epi8(bytes, All(-128 - first)));
}
inline __m128i PlainName(__m128i bytes) {
  const __m128i letters = InRange<'a', 'z'>(_mm_or_si128(bytes, All(0x20)));
  const __m128i digits = InRange<'0', '9'>(bytes);
  return _mm_or_si128(_mm_or_si128(letters, digits), _mm_cmpeq_epi8(bytes, All('-')));
}

inline uint32_t NameStops(const char* p) {
  return Mask(PlainName(Load(p))) ^ 0xffff;
}
inline uint32_t HostStops(const char* p) {
  const __m128i bytes = Load(p);
  const __m128i marks =
      _mm_or_si128(_mm_cmpeq_epi8(bytes, All('_')), _mm_cmpeq_epi8(bytes, All('.')));
  return Mask(_mm_or_si128(PlainName(bytes), marks)) ^ 0xffff;
}
inline uint32_t ValueStops(const char* p) {
  const __m128i bytes = Load(p);
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, All(0x1f)), bytes);
  return Mask(_mm_or_si128(control, _mm_cmpeq_epi8(bytes, All(0x7f))));
}
// Like ValueStops, and the bytes from 0x80 on stop too: adding 1 brings both ends of the range that
// goes through together (0x21 to 0x7f, signed), so that one subtraction shows the rest by its sign.
inline uint32_t RareInValue(const char* p) {
  return Mask(_mm_subs_epi8(_mm_add_epi8(Load(p), All(1)), All(0x21)));
}
// Bit i is set when byte i *is* a colon.
inline uint32_t Colons(const char* p) {
  return Mask(_mm_cmpeq_epi8(Load(p), All(':')));
}
inline uint32_t TargetStops(const char* p) {
  const __m128i bytes = Load(p);
  // Signed: catches both the blanks and controls below 0x21 and everything from 0x80 on.
  const __m128i below = _mm_cmpgt_epi8(All(0x21), bytes);
  const __m128i marks =
      _mm_or_si128(_mm_cmpeq_epi8(bytes, All(0x7f)), _mm_cmpeq_epi8(bytes, All('#')));
  return Mask(_mm_or_si128(below, marks));
}
// Bit i is set when byte i *is* CR or LF.
inline uint32_t LineEnds(const char* p) {
  const __m128i bytes = Load(p);
  return Mask(_mm_or_si128(_mm_cmpeq_epi8(bytes, All('\n')), _mm_cmpeq_epi8(bytes, All('\r'))));
}

#else

inline uint32_t NameStops(const char* p) {
  return portable::Stops(p, kPlainName);
}
inline uint32_t HostStops(const char* p) {
  return portable::Stops(p, kHost);
}
inline uint32_t ValueStops(const char* p) {
  return portable::Stops(p, kPlainValue);
}
inline uint32_t RareInValue(const char* p) {
  return portable::Stops(p, kVisibleValue);
}
inline uint32_t TargetStops(const char* p) {
  return portable::Stops(p, kTarget);
}
inline uint32_t Colons(const char* p) {
  return portable::Equal(p, ':');
}
inline uint32_t LineEnds(const char* p) {
  return portable::LineEnds(p);
}

#endif

// The place of the lowest set bit; there is one.
inline size_t FirstBit(uint32_t bits) {
  return static_cast<size_t>(static_cast<unsigned>(std::countr_zero(bits)));
}

// The scanners return the first byte that is not part of what they scan, or a place at or beyond
// `end` when there is none. Each step costs the same, so the restarts after rare characters keep
// them linear.
template <uint32_t (*Stops)(const char*)>
inline const char* StopAt(const char* p, const char* end) {
  for (;;) {
    const uint32_t stops = Stops(p);
    if (stops != 0) {
      return p + FirstBit(stops);
    }
    p += kStep;
    if (p >= end) {
      return end;
    }
  }
}
inline const char* TokenEnd(const char* p, const char* end) {
  for (;;) {
    p = StopAt<NameStops>(p, end);
    if (p >= end || !Is(*p, kToken)) [[likely]] {
      return p;
    }
    ++p;
  }
}
inline const char* ValueEnd(const char* p, const char* end) {
  for (;;) {
    p = StopAt<ValueStops>(p, end);
    if (p >= end || *p != '\t') [[likely]] {
      return p;
    }
    ++p;
  }
}

inline bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}
inline std::string_view Between(const char* first, const char* last) {
  return {first, static_cast<size_t>(last - first)};
}

// Unaligned loads in memory order, for comparisons with words built by the same function.
inline uint64_t Load64(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}
inline uint32_t Load32(const char* p) {
  uint32_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}
inline uint16_t Load16(const char* p) {
  uint16_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// Whether the bytes at p are `text` (letters, digits, - only; lower case), in any case. Reads
// text's length. p must hold no control characters: folding by a bit would let 0x0d pass as '-'.
template <size_t N>
inline bool IsWord(const char* p, const char (&text)[N]) {
  constexpr uint64_t kFold = 0x2020'2020'2020'2020;
  constexpr size_t size = N - 1;
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    if ((Load64(p + at) | kFold) != Load64(text + at)) {
      return false;
    }
  }
  for (; at < size; ++at) {
    if ((p[at] | 0x20) != text[at]) {
      return false;
    }
  }
  return true;
}

}  // namespace mainstay::http::scan
