#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <string>
#include <string_view>

namespace mainstay {

// Numbers in stored formats: all of their bytes, the lowest first.

template <std::integral Number>
void AppendLittleEndian(Number number, std::string& out) {
  static_assert(std::endian::native == std::endian::little);
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof number);
}

// Reads a number from the beginning of the text and takes its bytes away. False when there are too
// few: both are left as they were.
template <std::integral Number>
[[nodiscard]] bool TakeLittleEndian(std::string_view& from, Number& number) {
  static_assert(std::endian::native == std::endian::little);
  if (from.size() < sizeof number) {
    return false;
  }
  std::memcpy(&number, from.data(), sizeof number);
  from.remove_prefix(sizeof number);
  return true;
}

}  // namespace mainstay
