#pragma once

#include <cstdint>
#include <vector>

namespace mainstay::session {

// An order of things that are known by their places in a table, from the oldest to the newest. The
// links are in an array of their own, one for each place of the table, which several chains may
// share as long as no place is in two of them: changing an order reaches for neighbours that may be
// anywhere, and an array of links stays in the processor's cache long after the table has grown out
// of it. No thread safety.
class Chain final {
 public:
  static constexpr uint32_t kNil = UINT32_MAX;

  struct Link {
    uint32_t before = kNil;
    uint32_t after = kNil;
  };
  using Links = std::vector<Link>;

  // kNil: nothing is in it.
  uint32_t oldest() const { return oldest_; }
  uint32_t newest() const { return newest_; }

  // As the newest. The place is in no chain of these links.
  void Append(Links& links, uint32_t at) {
    links[at] = {.before = newest_, .after = kNil};
    (newest_ == kNil ? oldest_ : links[newest_].after) = at;
    newest_ = at;
  }

  // The place is in this chain.
  void Remove(Links& links, uint32_t at) {
    const Link own = links[at];
    (own.before == kNil ? oldest_ : links[own.before].after) = own.after;
    (own.after == kNil ? newest_ : links[own.after].before) = own.before;
  }

 private:
  uint32_t oldest_ = kNil;
  uint32_t newest_ = kNil;
};

}  // namespace mainstay::session
