#include "wire/digest/fold.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "base/json_writer.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mainstay::wire {
namespace {

using json::internal::Byte;

// What the byte behind a backslash stands for: white space as a blank, and 0 for what has to be
// looked at more closely.
constexpr std::array<char, 256> MakeFoldedEscapes() {
  std::array<char, 256> values{};
  values['"'] = '"';
  values['\\'] = '\\';
  values['/'] = '/';
  values['b'] = '\b';
  values['f'] = ' ';
  values['n'] = ' ';
  values['r'] = ' ';
  values['t'] = ' ';
  return values;
}
constexpr std::array<char, 256> kFoldedEscapes = MakeFoldedEscapes();

bool IsBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

#if defined(__SSE2__)
constexpr ptrdiff_t kBlock = 16;

// A bit for each byte of the block that equals c.
uint32_t Equal(__m128i bytes, char c) {
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c))));
}
#endif

}  // namespace

// The bytes of a unicode escape, or of something that is no escape.
const char* Folder::TakeUnusual(const char* at, const char* end) {
  const json::internal::Escape escape = json::internal::ReadEscape(at, end);
  if (escape.length == 0) {
    *out++ = *at;
    after_blank = false;
    return at + 1;
  }
  if (escape.utf8_bytes == 1 && IsBlank(escape.utf8[0])) {
    *out = ' ';
    out += after_blank ? 0 : 1;
    after_blank = true;
    return at + escape.length;
  }
  std::memcpy(out, escape.utf8.data(), escape.utf8_bytes);
  out += escape.utf8_bytes;
  after_blank = false;
  return at + escape.length;
}

#if defined(__SSE2__)
const char* Folder::Take(const char* from, const char* stop, const char* end) {
  const char* p = from;
  char* to = out;
  uint32_t blank = after_blank ? 1 : 0;
  while (p < stop) {
    __m128i bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    uint32_t blanks = Equal(bytes, ' ');
    uint32_t slashes = Equal(bytes, '\\');
    uint32_t halts = slashes | (blanks & (blanks << 1 | blank));
    std::memcpy(to, &bytes, sizeof bytes);
    if (stop - p < kBlock) [[unlikely]] {
      const uint32_t limit = 1u << (stop - p);
      blanks &= limit - 1;
      halts = (halts & (limit - 1)) | limit;
    }
    if (halts == 0) {
      p += kBlock;
      to += kBlock;
      blank = blanks >> (kBlock - 1);
      continue;
    }
    const auto n = static_cast<uint32_t>(__builtin_ctz(halts));
    p += n;
    to += n;
    blank = ((blanks << 1 | blank) >> n) & 1;
    if (p >= stop) {
      break;
    }
    if (*p != '\\') {  // a blank behind a blank
      p += __builtin_ctz(~(blanks >> n));
      continue;
    }
    const char c = kFoldedEscapes[Byte(p[1])];
    if (c == 0 || end - p < 2) [[unlikely]] {
      out = to;
      after_blank = blank != 0;
      p = TakeUnusual(p, end);
      to = out;
      blank = after_blank ? 1 : 0;
      continue;
    }
    // No branch depends on which escape it is: in code that is anybody's guess. Line ends are
    // followed by the blanks of the next line's indentation.
    const uint32_t is_blank = c == ' ' ? 1 : 0;
    *to = c;
    to += (is_blank & blank) ^ 1;
    blank = is_blank;
    p += 2 + (is_blank != 0 ? __builtin_ctz(~(blanks >> (n + 2))) : 0);
  }
  out = to;
  after_blank = blank != 0;
  return p;
}

char* UnescapeTo(std::string_view raw, char* out) {
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p < end) {
    __m128i bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    uint32_t halts = Equal(bytes, '\\');
    std::memcpy(out, &bytes, sizeof bytes);
    if (end - p < kBlock) [[unlikely]] {
      const uint32_t limit = 1u << (end - p);
      halts = (halts & (limit - 1)) | limit;
    }
    if (halts == 0) {
      p += kBlock;
      out += kBlock;
      continue;
    }
    const auto n = __builtin_ctz(halts);
    p += n;
    out += n;
    if (p >= end) {
      break;
    }
    const char c = json::internal::kEscapes[Byte(p[1])];
    if (end - p >= 2 && c != 0 && c != 'u') [[likely]] {
      *out++ = c;
      p += 2;
      continue;
    }
    const json::internal::Escape escape = json::internal::ReadEscape(p, end);
    std::memcpy(out, escape.utf8.data(), escape.utf8_bytes);
    out += escape.utf8_bytes;
    p += escape.length;
    if (escape.length == 0) {
      *out++ = *p++;
    }
  }
  return out;
}
#else
const char* Folder::Take(const char* from, const char* stop, const char* end) {
  const char* p = from;
  while (p < stop) {
    const char c = *p == '\\' && end - p >= 2 ? kFoldedEscapes[Byte(p[1])] : *p;
    if (c == 0 || (*p == '\\' && end - p < 2)) {
      p = TakeUnusual(p, end);
      continue;
    }
    p += *p == '\\' ? 2 : 1;
    *out = c;
    out += c == ' ' && after_blank ? 0 : 1;
    after_blank = c == ' ';
  }
  return p;
}

char* UnescapeTo(std::string_view raw, char* out) {
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p < end) {
    if (*p != '\\') {
      *out++ = *p++;
      continue;
    }
    const json::internal::Escape escape = json::internal::ReadEscape(p, end);
    std::memcpy(out, escape.utf8.data(), escape.utf8_bytes);
    out += escape.utf8_bytes;
    p += escape.length;
    if (escape.length == 0) {
      *out++ = *p++;
    }
  }
  return out;
}
#endif

}  // namespace mainstay::wire
