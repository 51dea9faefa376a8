// Without it the size of the state is not known.
#define XXH_STATIC_LINKING_ONLY
#include "base/hash128_stream.h"

#include <xxhash.h>

#include "base/check.h"

namespace mainstay {
namespace {

XXH3_state_t* StateIn(std::byte* bytes) {
  return reinterpret_cast<XXH3_state_t*>(bytes);
}

}  // namespace

void Hash128Stream::Start(uint64_t seed) {
  static_assert(sizeof(XXH3_state_t) == kStateBytes && alignof(XXH3_state_t) <= 64);
  XXH3_INITSTATE(StateIn(state_.data()));
  MS_CHECK(XXH3_128bits_reset_withSeed(StateIn(state_.data()), seed) == XXH_OK);
}

void Hash128Stream::Add(std::string_view bytes) {
  MS_CHECK(XXH3_128bits_update(StateIn(state_.data()), bytes.data(), bytes.size()) == XXH_OK);
}

Hash128 Hash128Stream::Hash() const {
  const XXH128_hash_t hash =
      XXH3_128bits_digest(reinterpret_cast<const XXH3_state_t*>(state_.data()));
  return {.low = hash.low64, .high = hash.high64};
}

}  // namespace mainstay
