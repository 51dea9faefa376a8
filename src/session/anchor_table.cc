#include "session/anchor_table.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace mainstay::session {
namespace {

constexpr size_t kRoomAtFirst = 16;

size_t After(size_t at, size_t room) {
  return at + 1 == room ? 0 : at + 1;
}

}  // namespace

AnchorTable::AnchorTable(size_t shares) : shares_(shares) {}

// At the first free place from its home on.
void AnchorTable::Insert(std::vector<Entry>& entries, Entry entry) {
  size_t at = HomeOf(entry.tag, entries.size());
  while (entries[at].slot != kFree) {
    at = After(at, entries.size());
  }
  entries[at] = entry;
}

// By half, which leaves less unused than doubling does.
void AnchorTable::Grow(Share& share) {
  const size_t room = std::max(kRoomAtFirst, share.entries.size() + share.entries.size() / 2);
  std::vector<Entry> larger(room);
  // From a gap on: what stands at the beginning may belong behind what stands at the end, and those
  // of one hash stay in their order.
  const std::vector<Entry>& entries = share.entries;
  size_t at = 0;
  while (at < entries.size() && entries[at].slot != kFree) {
    ++at;
  }
  for (size_t left = entries.size(); left > 0; --left, at = After(at, entries.size())) {
    if (entries[at].slot != kFree) {
      Insert(larger, entries[at]);
    }
  }
  share.entries = std::move(larger);
}

void AnchorTable::Add(const Hash128& hash, uint32_t slot) {
  Share& share = ShareOf(hash);
  const std::lock_guard lock(share.mutex);
  AddTo(share, TagOf(hash), slot);
}

void AnchorTable::AddAll(std::span<const Anchor> anchors) {
  struct Item {
    uint32_t tag;
    uint32_t slot;
  };
  // Those of each share behind one another, in their order.
  const auto share_at = [&](const Anchor& anchor) {
    return static_cast<size_t>(&ShareOf(anchor.hash) - shares_.data());
  };
  std::vector<size_t> ends(shares_.size() + 1);
  for (const Anchor& anchor : anchors) {
    ++ends[share_at(anchor) + 1];
  }
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<Item> items(anchors.size());
  for (const Anchor& anchor : anchors) {
    items[ends[share_at(anchor)]++] = {.tag = TagOf(anchor.hash), .slot = anchor.slot};
  }
  size_t begin = 0;
  for (size_t i = 0; i < shares_.size(); begin = ends[i++]) {
    const std::span<const Item> own(items.begin() + static_cast<std::ptrdiff_t>(begin),
                                    ends[i] - begin);
    Share& share = shares_[i];
    const std::lock_guard lock(share.mutex);
    for (const Item& item : own) {
      __builtin_prefetch(share.entries.data() + HomeOf(item.tag, share.entries.size()), 1);
    }
    for (const Item& item : own) {
      AddTo(share, item.tag, item.slot);
    }
  }
}

// Under the lock of the share.
void AnchorTable::AddTo(Share& share, uint32_t tag, uint32_t slot) {
  if ((share.used + 1) * 4 > share.entries.size() * 3) {
    Grow(share);
  }
  std::vector<Entry>& entries = share.entries;
  size_t same = 0;
  uint32_t crowded = 0;
  size_t at = HomeOf(tag, entries.size());
  for (; entries[at].slot != kFree; at = After(at, entries.size())) {
    if (entries[at].tag != tag) {
      continue;
    }
    if ((entries[at].slot & ~kCrowded) == slot) {
      return;
    }
    ++same;
    crowded |= entries[at].slot & kCrowded;
  }
  if (same < kSameMax) {
    // Also when others have gone since: the one that gave way may be alive.
    entries[at] = {.tag = tag, .slot = slot | crowded};
    ++share.used;
    return;
  }
  // The first one gives way, and the new one goes to the end, so that the next one that gives way
  // is another.
  uint32_t moved = slot;
  for (size_t i = at, left = same; left > 0;) {
    i = i == 0 ? entries.size() - 1 : i - 1;
    if (entries[i].tag == tag) {
      const uint32_t here = entries[i].slot & ~kCrowded;
      entries[i].slot = moved | kCrowded;
      moved = here;
      --left;
    }
  }
}

void AnchorTable::Remove(const Hash128& hash, uint32_t slot) {
  Share& share = ShareOf(hash);
  const std::lock_guard lock(share.mutex);
  std::vector<Entry>& entries = share.entries;
  if (entries.empty()) {
    return;
  }
  const uint32_t tag = TagOf(hash);
  const size_t room = entries.size();
  size_t at = HomeOf(tag, room);
  while (entries[at].slot != kFree &&
         (entries[at].tag != tag || (entries[at].slot & ~kCrowded) != slot)) {
    at = After(at, room);
  }
  if (entries[at].slot == kFree) {
    return;
  }
  // What stands behind it moves up, as far as it may: no search must meet a gap before its goal.
  size_t gap = at;
  for (size_t next = After(gap, room); entries[next].slot != kFree; next = After(next, room)) {
    const size_t home = HomeOf(entries[next].tag, room);
    const size_t from_home = next >= home ? next - home : next + room - home;
    const size_t from_gap = next >= gap ? next - gap : next + room - gap;
    if (from_home >= from_gap) {
      entries[gap] = entries[next];
      gap = next;
    }
  }
  entries[gap] = {};
  --share.used;
}

AnchorTable::Found AnchorTable::Find(const Hash128& hash) const {
  Found found;
  const Share& share = ShareOf(hash);
  const std::lock_guard lock(share.mutex);
  const std::vector<Entry>& entries = share.entries;
  if (entries.empty()) {
    return found;
  }
  const uint32_t tag = TagOf(hash);
  for (size_t at = HomeOf(tag, entries.size()); entries[at].slot != kFree;
       at = After(at, entries.size())) {
    if (entries[at].tag == tag && found.count < kSameMax) {
      found.slots[found.count++] = entries[at].slot & ~kCrowded;
      found.crowded |= (entries[at].slot & kCrowded) != 0;
    }
  }
  return found;
}

AnchorTable::Size AnchorTable::size() const {
  Size size;
  for (const Share& share : shares_) {
    const std::lock_guard lock(share.mutex);
    size.anchors += share.used;
    size.bytes += share.entries.capacity() * sizeof(Entry);
  }
  return size;
}

}  // namespace mainstay::session
