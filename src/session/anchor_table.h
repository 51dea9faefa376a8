#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "base/hash128.h"

namespace mainstay::session {

// Which conversations have a certain history: numbers of conversations by hashes, several for one
// hash if need be. Eight bytes for each, and room for a third more. Of the hash only 32 bits are
// kept, so that what is found may have another one: whoever asks compares the whole of it.
//
// Threads: everything from any thread. Blocking: a lock for some tens of nanoseconds, and for about
// a millisecond when a share of the table grows.
class AnchorTable final {
 public:
  // More conversations than this are not kept for one hash: an opening that a thousand clients send
  // must not become a thousand steps for the next one. Each one that is left then says so, and so
  // does each that comes while one of them is there.
  static constexpr size_t kSameMax = 4;
  // The numbers that can be kept are below.
  static constexpr uint32_t kSlotMax = uint32_t{1} << 31;

  // `shares`: a power of two, each with a lock of its own.
  explicit AnchorTable(size_t shares);

  struct Anchor {
    Hash128 hash;
    uint32_t slot = 0;
  };

  // A conversation is added for a hash once. The fifth one takes the place of another.
  void Add(const Hash128& hash, uint32_t slot);
  // The same for many: the processor fetches the places of hundreds at once, which takes a fifth of
  // the time in a table that is larger than its caches.
  void AddAll(std::span<const Anchor> anchors);
  // One that is not there is no error.
  void Remove(const Hash128& hash, uint32_t slot);

  struct Found {
    std::array<uint32_t, kSameMax> slots{};
    size_t count = 0;
    bool crowded = false;  // there were more than these

    std::span<const uint32_t> view() const { return {slots.data(), count}; }
  };
  Found Find(const Hash128& hash) const;

  struct Size {
    size_t anchors = 0;
    size_t bytes = 0;
  };
  Size size() const;

 private:
  struct Entry {
    uint32_t tag = 0;
    uint32_t slot = kFree;  // the upper bit: crowded
  };
  static constexpr uint32_t kFree = UINT32_MAX;
  static constexpr uint32_t kCrowded = kSlotMax;

  struct alignas(64) Share {
    mutable std::mutex mutex;
    std::vector<Entry> entries;
    size_t used = 0;
  };

  static uint32_t TagOf(const Hash128& hash) { return static_cast<uint32_t>(hash.low >> 32); }
  static size_t HomeOf(uint32_t tag, size_t room) {
    return static_cast<size_t>(static_cast<uint64_t>(tag) * room >> 32);
  }
  Share& ShareOf(const Hash128& hash) { return shares_[hash.high & (shares_.size() - 1)]; }
  const Share& ShareOf(const Hash128& hash) const {
    return shares_[hash.high & (shares_.size() - 1)];
  }
  static void Insert(std::vector<Entry>& entries, Entry entry);
  static void AddTo(Share& share, uint32_t tag, uint32_t slot);
  static void Grow(Share& share);

  std::vector<Share> shares_;
};

}  // namespace mainstay::session
