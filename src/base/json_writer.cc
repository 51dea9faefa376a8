#include "base/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/json_reader.h"
#include "base/utf8.h"

namespace mainstay::json {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Whether a byte can be copied without a look at it.
constexpr bool IsPlain(char c) {
  return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\';
}

// The first byte from `p` that is not plain, or `end`. Unlike the reader's scan this one needs no
// padding, because what is written comes from everywhere.
const char* FindSpecial(const char* p, const char* end) {
#if MAINSTAY_JSON_SSE2
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
                                         _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
    const int mask = _mm_movemask_epi8(special);
    if (mask != 0) {
      return p + __builtin_ctz(static_cast<unsigned>(mask));
    }
  }
#endif
  while (p < end && IsPlain(*p)) {
    ++p;
  }
  return p;
}

void AppendEscape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default: {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 0xF];
    }
  }
}

template <typename Number>
void AppendNumber(std::string& out, Number value) {
  // The longest double is 24 characters, the longest integer 20.
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end);
}

}  // namespace

void AppendEscaped(std::string& out, std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const char* copied = p;  // everything before is in `out`
  while ((p = FindSpecial(p, end)) < end) {
    const bool is_high = static_cast<unsigned char>(*p) > 0x7F;
    if (const int length = is_high ? Utf8Length(p, end) : 0; length > 0) {
      p += length;
      continue;
    }
    out.append(copied, p);
    if (is_high) {
      out += kReplacement;
    } else {
      AppendEscape(out, *p);
    }
    copied = ++p;
  }
  out.append(copied, end);
}

void AppendString(std::string& out, std::string_view text) {
  out += '"';
  AppendEscaped(out, text);
  out += '"';
}

void AppendInt(std::string& out, int64_t value) {
  AppendNumber(out, value);
}

void AppendDouble(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  AppendNumber(out, value);
}

namespace internal {
namespace {

uint32_t HexQuad(const char* p) {
  return static_cast<uint32_t>(kHexDigits[Byte(p[0])] << 12 | kHexDigits[Byte(p[1])] << 8 |
                               kHexDigits[Byte(p[2])] << 4 | kHexDigits[Byte(p[3])]);
}

Escape Encode(int length, uint32_t code_point) {
  const auto head = [&](uint32_t mark, int shift) {
    return static_cast<char>(mark | code_point >> shift);
  };
  const auto tail = [&](int shift) {
    return static_cast<char>(0x80 | (code_point >> shift & 0x3F));
  };
  if (code_point < 0x80) {
    return {.length = length, .utf8_bytes = 1, .utf8 = {head(0, 0)}};
  }
  if (code_point < 0x800) {
    return {.length = length, .utf8_bytes = 2, .utf8 = {head(0xC0, 6), tail(0)}};
  }
  if (code_point < 0x10000) {
    return {.length = length, .utf8_bytes = 3, .utf8 = {head(0xE0, 12), tail(6), tail(0)}};
  }
  return {.length = length, .utf8_bytes = 4, .utf8 = {head(0xF0, 18), tail(12), tail(6), tail(0)}};
}

}  // namespace

Escape ReadEscape(const char* p, const char* end) {
  constexpr uint32_t kReplacementCodePoint = 0xFFFD;
  if (end - p < 2 || kEscapes[Byte(p[1])] == 0) {
    return {};
  }
  if (p[1] != 'u') {
    return Encode(2, Byte(kEscapes[Byte(p[1])]));
  }
  if (end - p < 6 || !IsHexQuad(p + 2)) {
    return {};
  }
  const uint32_t unit = HexQuad(p + 2);
  if (unit < 0xD800 || unit > 0xDFFF) {
    return Encode(6, unit);
  }
  if (unit < 0xDC00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u' && IsHexQuad(p + 8)) {
    const uint32_t low = HexQuad(p + 8);
    if (low >= 0xDC00 && low <= 0xDFFF) {
      return Encode(12, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
    }
  }
  return Encode(6, kReplacementCodePoint);
}

}  // namespace internal
}  // namespace mainstay::json
