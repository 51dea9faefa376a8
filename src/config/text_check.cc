#include "config/text_check.h"

#include <array>
#include <cstdio>
#include <string>

namespace mainstay::config {
namespace {

uint8_t Byte(std::string_view text, size_t index) {
  return static_cast<uint8_t>(text[index]);
}

// NEL is a line end of YAML 1.1 and a printable character of YAML 1.2, so it is refused as well.
bool IsC1(std::string_view text) {
  return Byte(text, 0) == 0xc2 && text.size() > 1 && Byte(text, 1) >= 0x80 && Byte(text, 1) < 0xa0;
}

std::string Hex(uint8_t byte) {
  std::array<char, 8> text;
  std::snprintf(text.data(), text.size(), "0x%02x", byte);
  return text.data();
}

}  // namespace

size_t CharacterLength(std::string_view text) {
  const uint8_t first = Byte(text, 0);
  if (first < 0x80) {
    return 1;
  }
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) {
    return 0;
  }
  for (size_t i = 1; i < length; ++i) {
    if ((Byte(text, i) & 0xc0) != 0x80) {
      return 0;
    }
  }
  const uint8_t second = Byte(text, 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0;
  const bool beyond = first == 0xf4 && second >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

bool IsControl(std::string_view text) {
  const uint8_t first = Byte(text, 0);
  return first < 0x20 || first == 0x7f || IsC1(text);
}

std::optional<Problem> FindBadText(std::string_view text) {
  int line = 1;
  size_t line_start = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    const int column = static_cast<int>(at - line_start) + 1;
    if (c == '\n') {
      ++line;
      line_start = ++at;
      continue;
    }
    if (c == '\t' || c == '\r') {
      ++at;
      continue;
    }
    const std::string_view rest = text.substr(at);
    const size_t length = CharacterLength(rest);
    if (length == 0) {
      return Problem{.message = "the byte " + Hex(Byte(text, at)) + " is not UTF-8 text",
                     .line = line,
                     .column = column};
    }
    if (IsControl(rest)) {
      return Problem{.message = "the control character " + Hex(Byte(rest, length - 1)) +
                                " is not allowed in a configuration file",
                     .line = line,
                     .column = column};
    }
    at += length;
  }
  return std::nullopt;
}

bool HasControl(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = CharacterLength(text.substr(at));
    if (length == 0 || IsControl(text.substr(at))) {
      return true;
    }
    at += length;
  }
  return false;
}

}  // namespace mainstay::config
