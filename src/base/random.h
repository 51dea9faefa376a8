#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace mainstay {

// Fills with bytes from the operating system's generator, fit for keys. Ends the process when the
// system has none to give, because everything keyed would be guessable.
void FillWithSecureRandom(std::span<uint8_t> bytes);

// Fast numbers for ids, spreading and jitter (xoshiro256**). Not for keys. The seed is an argument,
// so a run can be repeated. One thread.
class Random final {
 public:
  explicit Random(uint64_t seed);

  // Seeded from the operating system.
  static Random FromSystem();

  uint64_t Next();
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace mainstay
