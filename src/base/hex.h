#pragma once

#include <bit>
#include <cstdint>

namespace mainstay {

// Eight lower-case hexadecimal digits in the bytes of one word, from 32 bits: the lowest four bits
// in the first byte in memory.
inline uint64_t HexDigits(uint64_t bits) {
  static_assert(std::endian::native == std::endian::little);
  bits = (bits | bits << 16) & 0x0000ffff0000ffff;
  bits = (bits | bits << 8) & 0x00ff00ff00ff00ff;
  bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0f;
  // 1 in each byte that is 10 or more: those become letters.
  const uint64_t letters = ((bits + 0x0606060606060606) >> 4) & 0x0101010101010101;
  return bits + 0x3030303030303030 + letters * ('a' - '0' - 10);
}

}  // namespace mainstay
