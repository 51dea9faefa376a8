#include "base/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>

#include "base/check.h"

namespace mainstay {
namespace {

// Not ISO C++, but both compilers that we build with have it.
__extension__ using Wide = unsigned __int128;

// SplitMix64, the generator that the authors of xoshiro recommend for seeding it.
uint64_t SplitMix(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

void FillWithSecureRandom(std::span<uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0) {
      MS_CHECK(errno == EINTR);
      continue;
    }
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
}

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) {
    word = SplitMix(seed);
  }
}

Random Random::FromSystem() {
  std::array<uint8_t, 8> bytes;
  FillWithSecureRandom(bytes);
  return Random(std::bit_cast<uint64_t>(bytes));
}

uint64_t Random::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t bound) {
  MS_CHECK(bound > 0);
  // Lemire's multiplication without rejection: the bias is below 2^-32 for the small bounds used.
  return static_cast<uint64_t>((static_cast<Wide>(Next()) * bound) >> 64);
}

}  // namespace mainstay
