#include "base/hash128.h"

#include <xxhash.h>

namespace mainstay {

Hash128 HashOf(std::string_view bytes, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {.low = hash.low64, .high = hash.high64};
}

Hash128 Chained(const Hash128& before, const Hash128& next) {
  const uint64_t words[] = {before.low, before.high, next.low, next.high};
  const XXH128_hash_t hash = XXH3_128bits(words, sizeof words);
  return {.low = hash.low64, .high = hash.high64};
}

}  // namespace mainstay
