#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_scan.h"

namespace mainstay::json {

// So many bytes behind a text must be readable. Their content is arbitrary and never changes what
// comes out; they let the scanner load whole blocks without asking where the text ends.
inline constexpr size_t kPadding = 64;

// Objects and arrays inside one another: 1,000 pass, 1,001 are refused (spec 11.18).
inline constexpr int kDepthMax = 1000;

// kNone: no value is due at the cursor (end, error, misuse), or what stands there begins no value.
enum class Type : uint8_t { kObject, kArray, kString, kNumber, kTrue, kFalse, kNull, kNone };

// What is wrong with a text, and at which byte. `what` is static text without anything of the
// input, so it may be shown to a client.
struct Problem {
  size_t offset = 0;
  std::string_view what;
};

// The text between the quotes, as it is written; points into the reader's text.
struct StringToken {
  std::string_view raw;
  bool has_escapes = false;  // raw holds at least one backslash: Unescape gives the value
};

namespace internal {

// What a value that begins with this byte must be.
constexpr std::array<Type, 256> MakeTypes() {
  std::array<Type, 256> types{};
  types.fill(Type::kNone);
  types['{'] = Type::kObject;
  types['['] = Type::kArray;
  types['"'] = Type::kString;
  types['t'] = Type::kTrue;
  types['f'] = Type::kFalse;
  types['n'] = Type::kNull;
  types['-'] = Type::kNumber;
  for (size_t digit = '0'; digit <= '9'; ++digit) {
    types[digit] = Type::kNumber;
  }
  return types;
}
inline constexpr std::array<Type, 256> kTypes = MakeTypes();

}  // namespace internal

// Reads one complete JSON text (RFC 8259, nothing looser) from front to back. The caller asks for
// what it wants and skips the rest; everything passed is checked, also what is skipped:
//
//   Reader reader(text);
//   StringToken key;
//   std::string_view model;
//   reader.EnterObject();
//   while (reader.NextMember(key)) {
//     if (KeyEquals(key, "model")) { reader.SkipValue(&model); } else { reader.SkipValue(); }
//   }
//   if (!reader.Finish()) { ... reader.problem() ... }
//
// Each value that NextMember or NextElement announces must be read, entered or skipped before the
// next call of them, and an object or array that was entered must be left by the call that returns
// false. Reading out of this order is refused like bad text: it never passes what is not JSON.
//
// Errors: a call that fails returns false; so does every later one, and problem() keeps the first.
// No value counts before Finish has returned true, because a text may be wrong further on and
// because only Finish checks UTF-8. Duplicate keys are not found here. Lone surrogates written as
// escapes pass (the grammar allows them) and become U+FFFD in Unescape.
//
// Ownership: the text stays with the caller and must outlive the reader and the tokens; kPadding
// readable bytes must follow it. Allocates nothing. Does not block. One thread.
class Reader final {
 public:
  // depth_max is at most kDepthMax; a larger one counts as kDepthMax.
  explicit Reader(std::string_view text, int depth_max = kDepthMax)
      : at_(text.data()),
        end_(text.data() + text.size()),
        begin_(text.data()),
        depth_max_(depth_max < kDepthMax ? depth_max : kDepthMax) {
    if (text.empty()) {
      // The text may have no bytes at all behind it, not even padding.
      Fail(begin_, "expected a value");
      return;
    }
    at_ = SkipSpace(at_);
    if (at_ >= end_) {
      Fail(at_, "expected a value");
    }
  }

  // The type of the value at the cursor, by its first byte. Consumes nothing, never fails.
  Type Peek() const {
    return due_ == Due::kValue ? internal::kTypes[static_cast<unsigned char>(*at_)] : Type::kNone;
  }

  // Consumes '{'. False when the value is no object or lies too deep.
  bool EnterObject() { return Enter('{', "expected an object"); }

  // Consumes a key and its ':'. False at the '}', which is consumed, and on error.
  bool NextMember(StringToken& key) {
    // Members as programs write them, in a straight line: a short key, at most one blank behind
    // ',' and ':'. Anything else begins anew in NextUnusualMember. Nothing has changed by then, and
    // the last comparison settles that everything before it was in the text.
    const char* p = at_;
    if (due_ == Due::kCommaOrClose) [[likely]] {
      if (*p == '}') {
        return Close('}', kNoComma);
      }
      if (*p != ',' || depth_ == 0) [[unlikely]] {
        return NextUnusualMember(key);
      }
      p += p[1] == ' ' ? 2 : 1;
    } else if (due_ != Due::kFirstOrClose) [[unlikely]] {
      return NextUnusualMember(key);
    }
    if (*p != '"') [[unlikely]] {
      return NextUnusualMember(key);
    }
    const char* const begin = p + 1;
    const char* const quote = ScanShortString(begin);
    if (*quote != '"' || quote[1] != ':') [[unlikely]] {
      return NextUnusualMember(key);
    }
    p = quote + (quote[2] == ' ' ? 3 : 2);
    if (static_cast<unsigned char>(*p) <= ' ' || p >= end_) [[unlikely]] {
      return NextUnusualMember(key);
    }
    key = {.raw = std::string_view(begin, static_cast<size_t>(quote - begin))};
    at_ = p;
    due_ = Due::kValue;
    return true;
  }

  // Consumes '['. False when the value is no array or lies too deep.
  bool EnterArray() { return Enter('[', "expected an array"); }

  // True when an element follows. False at the ']', which is consumed, and on error.
  bool NextElement() {
    if (!Advance(']', "expected ',' or ']'")) {
      return false;
    }
    if (at_ >= end_) [[unlikely]] {
      return Fail(at_, "expected a value");
    }
    due_ = Due::kValue;
    return true;
  }

  bool ReadString(StringToken& out) {
    if (due_ != Due::kValue || *at_ != '"') [[unlikely]] {
      return Refuse("expected a string");
    }
    const char* const begin = at_ + 1;
    const char* const quote = ScanShortString(begin);
    if (*quote != '"' || quote >= end_ || static_cast<unsigned char>(quote[1]) <= ' ')
        [[unlikely]] {
      return ReadUnusualString(out);
    }
    out = {.raw = std::string_view(begin, static_cast<size_t>(quote - begin))};
    at_ = quote + 1;
    due_ = Due::kCommaOrClose;
    return true;
  }

  bool ReadBool(bool& out) {
    const Type type = Peek();
    if (type != Type::kTrue && type != Type::kFalse) {
      return Refuse("expected true or false");
    }
    out = type == Type::kTrue;
    return SkipValue();
  }

  bool ReadNull() { return Peek() == Type::kNull ? SkipValue() : Refuse("expected null"); }

  // False when the number has a fraction or an exponent, or does not fit: 1.0 and 1e2 are refused.
  bool ReadInt64(int64_t& out);

  // Reads a count: an integer of 1 to 15 digits without a sign. False, with nothing consumed and
  // no failure, for every other value.
  bool TakeCount(int64_t& out) {
    constexpr ptrdiff_t kDigitsMax = 15;
    const char* p = at_;
    int64_t value = 0;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (; is_digit(*p) && p - at_ < kDigitsMax; ++p) {
      value = value * 10 + (*p - '0');
    }
    const bool goes_on = is_digit(*p) || *p == '.' || (*p | ' ') == 'e';
    const bool leading_zero = *at_ == '0' && p - at_ > 1;
    if (due_ != Due::kValue || p == at_ || goes_on || leading_zero || p >= end_) {
      return false;
    }
    out = value;
    return Leave(p);
  }

  // The nearest double. False when its magnitude is too large for one; too small gives zero.
  bool ReadDouble(double& out);

  // The number as it is written, of any size. Points into the text.
  bool ReadNumber(std::string_view& raw) {
    return Peek() == Type::kNumber ? SkipValue(&raw) : Refuse("expected a number");
  }

  // Passes one value of any type and checks all of it. `raw`, when given, becomes its exact span,
  // quotes and brackets included, without white space around it.
  bool SkipValue(std::string_view* raw = nullptr);

  // Call when the outermost value has been consumed. True when nothing but white space follows and
  // all of the text is valid UTF-8: then, and only then, the text was JSON.
  bool Finish();

  bool failed() const { return due_ == Due::kNothing; }

  // What failed first. Empty `what` as long as nothing has.
  const Problem& problem() const { return problem_; }

  // The byte at the cursor: the first of the next token, or the size of the text.
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }

 private:
  // What must come next. kNothing: the reader has failed.
  enum class Due : uint8_t { kValue, kFirstOrClose, kCommaOrClose, kNothing };

  // Returns the first byte from `p` that is no white space, or end_. p <= end_.
  const char* SkipSpace(const char* p) const {
    if (static_cast<unsigned char>(*p) > ' ') [[likely]] {
      return p;
    }
    // Many encoders write one blank after ',' and ':'.
    if (*p == ' ' && p < end_ && static_cast<unsigned char>(p[1]) > ' ') {
      return p + 1;
    }
    return SkipSpaceRun(p);
  }

  bool Enter(char open, std::string_view otherwise) {
    if (due_ != Due::kValue || *at_ != open) [[unlikely]] {
      return Refuse(otherwise);
    }
    if (depth_ >= depth_max_) [[unlikely]] {
      return Fail(at_, kTooDeep);
    }
    ++depth_;
    at_ = SkipSpace(at_ + 1);
    due_ = Due::kFirstOrClose;
    return true;
  }

  // Consumes the comma, if one is due, or `close`. True when an element or member must follow.
  bool Advance(char close, std::string_view otherwise) {
    if (due_ == Due::kCommaOrClose && *at_ == ',' && depth_ > 0) [[likely]] {
      at_ = at_ < end_ ? SkipSpace(at_ + 1) : end_;
      return true;
    }
    if (due_ == Due::kFirstOrClose && *at_ != close && at_ < end_) {
      return true;
    }
    return Close(close, otherwise);
  }

  // Returns the closing quote of the string whose first byte is at `p`, or nullptr after an error.
  // The quote of a short string may lie in the padding; the caller compares with end_.
  const char* ScanString(const char* p) {
    const char* const stop = ScanShortString(p);
    return *stop == '"' ? stop : ScanLongString(p, stop);
  }
  const char* ScanToken(const char* p, bool& has_escapes);

  // Keys, roles and names end within the first block. Returns the quote, or another byte up to
  // which all is well. A byte above 0x7F counts as special here, which saves remembering that
  // there was one.
  static const char* ScanShortString(const char* p) {
#if MAINSTAY_JSON_SSE2
    // The bit added stands for the end of the block.
    return p + __builtin_ctz(SpecialsOrHighBytes(p) | 1u << 16);
#else
    return p;
#endif
  }

#if MAINSTAY_JSON_SSE2
  // A bit for each of the 16 bytes at `p` that is a quote, a backslash, below 0x20 or above 0x7F.
  // Flipping bit 1 moves the quote (0x22) to 0x20, next to the control characters, and keeps these
  // below it. Less than 0x21 as a signed number, which the negative bytes are too, is then a
  // negative difference, and the mask takes nothing but signs.
  static uint32_t SpecialsOrHighBytes(const char* p) {
    __m128i bytes;
    __builtin_memcpy(&bytes, p, sizeof bytes);
    const __m128i flipped = _mm_xor_si128(bytes, _mm_set1_epi8(2));
    const __m128i special = _mm_or_si128(_mm_subs_epi8(flipped, _mm_set1_epi8(0x21)),
                                         _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    return static_cast<uint32_t>(_mm_movemask_epi8(special));
  }
#endif

  // The value ended before `p`.
  bool Leave(const char* p) {
    at_ = SkipSpace(p);
    due_ = Due::kCommaOrClose;
    return true;
  }

  const char* SkipSpaceRun(const char* p) const;
  bool Close(char close, std::string_view otherwise);
  // The same for a string that begins at `begin` and is well up to `from`.
  const char* ScanLongString(const char* begin, const char* from);
  const char* ScanNumber(const char* p);
  const char* SkipScalar(const char* p);
  const char* SkipString(const char* p);
  const char* SkipKey(const char* p);
  const char* SkipContainer(const char* p);
  bool FinishUtf8();

  // NextMember and ReadString, whatever stands there.
  bool NextUnusualMember(StringToken& key);
  bool ReadUnusualString(StringToken& out);

  // Remembers the first problem and returns false. At the end of the text it is the end that is
  // the problem, whatever was expected there.
  bool Fail(const char* at, std::string_view what);
  const char* Stop(const char* at, std::string_view what) {
    Fail(at, what);
    return nullptr;
  }
  // The same for a value that is not of the wanted type, or that nobody may read now.
  bool Refuse(std::string_view what) {
    return Fail(at_, due_ == Due::kValue ? what : "no value is due here");
  }

  static constexpr std::string_view kNoComma = "expected ',' or '}'";
  static constexpr std::string_view kTooDeep = "objects and arrays are nested too deeply";

  const char* at_;
  const char* end_;
  const char* begin_;
  // The first string with a byte above 0x7F; all before it is ASCII. Null while there is none.
  const char* high_from_ = nullptr;
  int depth_ = 0;
  int depth_max_;
  Due due_ = Due::kValue;
  Problem problem_;
};

// Appends the value of a string as its token writes it: escapes become what they stand for, a lone
// surrogate becomes U+FFFD. False, with a part appended, when an escape is malformed; never for a
// token that a Reader gave out. Needs no padding.
bool Unescape(std::string_view raw, std::string& out_append);

// Appends the value of `token`, whether it has escapes or not.
inline void AppendValue(const StringToken& token, std::string& out_append) {
  if (token.has_escapes) {
    Unescape(token.raw, out_append);
  } else {
    out_append += token.raw;
  }
}

// Slow path of KeyEquals; allocates nothing.
bool EscapedEquals(std::string_view raw, std::string_view value);

// Whether the key is this name, also when it is written with escapes: "mod\u0065l" equals model.
// Always inlined: with the name known it is a comparison of lengths and one or two of words.
[[gnu::always_inline]] inline bool KeyEquals(const StringToken& key, std::string_view name) {
  if (key.has_escapes) [[unlikely]] {
    return EscapedEquals(key.raw, name);
  }
  return key.raw.size() == name.size() &&
         std::char_traits<char>::compare(key.raw.data(), name.data(), name.size()) == 0;
}

}  // namespace mainstay::json
