#include "fake_provider/hash.h"

#include <cstring>

namespace mainstay::fake_provider {
namespace {

// Odd numbers with about as many ones as zeros; any such would do.
constexpr uint64_t kMultiplierA = 0x9E3779B97F4A7C15;
constexpr uint64_t kMultiplierB = 0xD6E8FEB86659FD93;

uint64_t Load(const char* p, size_t bytes) {
  uint64_t word = 0;
  std::memcpy(&word, p, bytes);
  return word;
}

// Every bit of the input reaches the upper half of the product, and the shift brings it down.
uint64_t Mix(uint64_t state, uint64_t word) {
  state = (state ^ word) * kMultiplierA;
  return state ^ (state >> 32);
}

}  // namespace

uint64_t Hash(std::string_view text, uint64_t seed) {
  // Two lanes, because the multiplications of one depend on each other.
  uint64_t a = seed ^ kMultiplierB;
  uint64_t b = (seed + text.size()) * kMultiplierB;
  const char* p = text.data();
  size_t left = text.size();
  for (; left >= 16; left -= 16, p += 16) {
    a = Mix(a, Load(p, 8));
    b = Mix(b, Load(p + 8, 8));
  }
  if (left >= 8) {
    a = Mix(a, Load(p, 8));
    p += 8;
    left -= 8;
  }
  if (left > 0) {
    b = Mix(b, Load(p, left));
  }
  uint64_t hash = Mix(a, b * kMultiplierB);
  hash = Mix(hash, text.size());
  return hash * kMultiplierB ^ (hash >> 29);
}

}  // namespace mainstay::fake_provider
