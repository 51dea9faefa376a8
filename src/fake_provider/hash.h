#pragma once

#include <cstdint>
#include <string_view>

namespace mainstay::fake_provider {

// A 64-bit hash for cache keys and made-up numbers: the same on every machine with the same byte
// order, good enough to tell prompts apart, not against somebody who looks for collisions.
uint64_t Hash(std::string_view text, uint64_t seed);

}  // namespace mainstay::fake_provider
