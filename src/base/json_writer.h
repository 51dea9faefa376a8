#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Writing JSON by appending to a string. What these functions write is valid JSON in valid UTF-8
// whatever they are given; only Raw relies on its caller. Nothing fails, nothing blocks, and only
// the string allocates. Any thread, one at a time per string.
namespace mainstay::json {

// Appends `text` as the inside of a string: quotes, backslashes and control characters become
// escapes, each byte that is not part of valid UTF-8 becomes U+FFFD, all else stays as it is. Adds
// no quotes.
void AppendEscaped(std::string& out, std::string_view text);

// The same in quotes.
void AppendString(std::string& out, std::string_view text);

void AppendInt(std::string& out, int64_t value);

// The shortest number that reads back as the same double. NaN and infinities, which JSON does not
// have, become null.
void AppendDouble(std::string& out, double value);

// Appends one JSON text, and puts the commas and colons:
//
//   Writer(out).BeginObject().Key("model").String(model).Key("n").Int(1).EndObject();
//
// The caller opens and closes in pairs and gives each Key one value. Must not outlive the string;
// between two calls the caller may append to it as well, see Raw.
class Writer final {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Writer& BeginObject() { return Begin('{'); }
  Writer& EndObject() { return End('}'); }
  Writer& BeginArray() { return Begin('['); }
  Writer& EndArray() { return End(']'); }

  Writer& Key(std::string_view name) {
    Separate();
    AppendString(out_, name);
    out_ += ':';
    comma_due_ = false;
    return *this;
  }
  Writer& String(std::string_view text) {
    Separate();
    AppendString(out_, text);
    return *this;
  }
  Writer& Int(int64_t value) {
    Separate();
    AppendInt(out_, value);
    return *this;
  }
  Writer& Double(double value) {
    Separate();
    AppendDouble(out_, value);
    return *this;
  }
  Writer& Bool(bool value) { return Raw(value ? "true" : "false"); }
  Writer& Null() { return Raw("null"); }

  // Appends one value that is JSON already, for example a span that a Reader has passed.
  Writer& Raw(std::string_view json) {
    Separate();
    out_ += json;
    return *this;
  }

 private:
  // Each value goes through here first; whatever comes next needs a comma, until the closing
  // bracket, or the value after a key, says otherwise.
  void Separate() {
    if (comma_due_) {
      out_ += ',';
    }
    comma_due_ = true;
  }
  Writer& Begin(char open) {
    Separate();
    out_ += open;
    comma_due_ = false;
    return *this;
  }
  Writer& End(char close) {
    out_ += close;
    comma_due_ = true;
    return *this;
  }

  std::string& out_;
  bool comma_due_ = false;
};

// What strings are made of, for the reader as well.
namespace internal {

inline constexpr uint8_t kNoHexDigit = 0xFF;

constexpr std::array<uint8_t, 256> MakeHexDigits() {
  std::array<uint8_t, 256> values{};
  values.fill(kNoHexDigit);
  for (uint8_t digit = 0; digit < 10; ++digit) {
    values['0' + digit] = digit;
  }
  for (uint8_t digit = 10; digit < 16; ++digit) {
    values['a' + digit - 10] = digit;
    values['A' + digit - 10] = digit;
  }
  return values;
}
inline constexpr std::array<uint8_t, 256> kHexDigits = MakeHexDigits();

// What the letter after a backslash stands for; 0 when it may not stand there, 'u' for \u.
constexpr std::array<char, 256> MakeEscapes() {
  std::array<char, 256> values{};
  values['"'] = '"';
  values['\\'] = '\\';
  values['/'] = '/';
  values['b'] = '\b';
  values['f'] = '\f';
  values['n'] = '\n';
  values['r'] = '\r';
  values['t'] = '\t';
  values['u'] = 'u';
  return values;
}
inline constexpr std::array<char, 256> kEscapes = MakeEscapes();

inline uint8_t Byte(char c) {
  return static_cast<uint8_t>(c);
}
inline bool IsDigit(char c) {
  return static_cast<unsigned>(c - '0') < 10;
}
inline bool IsHexDigit(char c) {
  return kHexDigits[Byte(c)] != kNoHexDigit;
}

// Whether the four bytes at `p` are hex digits.
inline bool IsHexQuad(const char* p) {
  return (kHexDigits[Byte(p[0])] | kHexDigits[Byte(p[1])] | kHexDigits[Byte(p[2])] |
          kHexDigits[Byte(p[3])]) < 16;
}

// An escape and the UTF-8 that it stands for. A pair of surrogates is one escape; a surrogate alone
// stands for U+FFFD. Length 0: malformed.
struct Escape {
  int length = 0;
  size_t utf8_bytes = 0;
  std::array<char, 4> utf8{};
};

// Reads the escape whose backslash is at `p`, and nothing from `end` on.
Escape ReadEscape(const char* p, const char* end);

}  // namespace internal
}  // namespace mainstay::json
