#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mainstay {

// 128 bits that stand for content, to recognise it again. Equal content has equal hashes in every
// process that was given the same seed. Whoever does not know the seed cannot make two contents
// meet on purpose; nobody can read content out of a hash, but guesses can be tested with the seed.
struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
};

struct Hash128Hash {
  using is_avalanching = void;
  size_t operator()(const Hash128& hash) const { return static_cast<size_t>(hash.low); }
};

// XXH3 of the bytes.
Hash128 HashOf(std::string_view bytes, uint64_t seed);

// The hash of a list that is `before` with `next` behind it: what comes out tells one order, and
// one number of items, from every other.
Hash128 Chained(const Hash128& before, const Hash128& next);

}  // namespace mainstay
