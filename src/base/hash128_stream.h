#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/hash128.h"

namespace mainstay {

// HashOf for content that comes in pieces: where it is cut makes no difference, and it gives the
// same hash as HashOf of the whole. A copy goes on by itself from where it was made. Allocates
// nothing. One thread.
class Hash128Stream final {
 public:
  // Forgets what was added.
  void Start(uint64_t seed);
  void Add(std::string_view bytes);
  // Of all bytes since Start; more may be added behind it.
  Hash128 Hash() const;

 private:
  // A state of xxHash, whose header stays out of ours.
  static constexpr size_t kStateBytes = 576;
  alignas(64) std::array<std::byte, kStateBytes> state_{};
};

}  // namespace mainstay
