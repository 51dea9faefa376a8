#pragma once

#include <string_view>

namespace mainstay {

// The text without those of the characters that stand at its ends.
inline std::string_view Trim(std::string_view text, std::string_view characters = " \t\r\n") {
  const size_t begin = text.find_first_not_of(characters);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(characters) - begin + 1);
}

}  // namespace mainstay
