#include "session/pin_table.h"

#include <algorithm>
#include <span>

#include "session/pin_record.h"
#include "session/record_fields.h"

namespace mainstay::session {
namespace {

constexpr size_t kShards = 16;
// Entries that are looked at under one lock when many are listed or dropped.
constexpr size_t kStep = 256;
// How often Count makes room before it leaves the rest to later calls.
constexpr int kCountStepsMax = 64;

int64_t Millis(WallTime time) {
  return time.time_since_epoch().count();
}
WallTime At(int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

}  // namespace

PinTable::PinTable(StateStore& store, const Rules& rules, WallTime now)
    : store_(store),
      is_stored_(store.KeepsRecords()),
      shard_count_(rules.entries_max > kOneShardMax ? kShards : 1),
      shards_(std::make_unique<Shard[]>(shard_count_)) {
  Load(rules, Millis(now));
}

PinTable::~PinTable() {
  for (Shard& shard : std::span(shards_.get(), shard_count_)) {
    StoreNewestUses(shard, shard.chains[static_cast<size_t>(Life::kByRules)]);
  }
}

// At the end, when nobody else is there any more.
void PinTable::StoreNewestUses(Shard& shard, const Chains& chains) {
  uint32_t at = chains.by_use.newest();
  for (size_t i = 0; i < kUsesStoredAtEnd / shard_count_ && at != kNil; ++i) {
    Entry& entry = shard.entries[at];
    if (entry.stored_use_ms < entry.last_used_ms) {
      Store(entry);
    }
    at = shard.use_links[at].before;
  }
}

void PinTable::Load(const Rules& rules, int64_t now_ms) {
  const size_t entries_max = ShardEntriesMax(rules);
  for (Shard& shard : std::span(shards_.get(), shard_count_)) {
    // Growing would copy all of it under the lock one day. Memory that is not used yet is not
    // resident either.
    const auto room = std::min<size_t>(entries_max, kOneShardMax);
    shard.index.reserve(room);
    shard.entries.reserve(room);
    shard.use_links.reserve(room);
    shard.age_links.reserve(room);
  }
  store_.Load(RecordKind::kPin, [&](const RecordKey& bytes, std::string_view value) {
    Pin pin;
    if (!DecodePin(value, pin)) {
      store_.Erase(RecordKind::kPin, bytes);
      return;
    }
    const Entry entry = EntryOf(SessionKeyOf(bytes), pin);
    if (!Valid(entry, rules, now_ms)) {
      store_.Erase(RecordKind::kPin, bytes);
      return;
    }
    std::vector<Entry>& entries = ShardOf(entry.key).entries;
    if (entries.size() >= 2 * entries_max) {
      KeepNewest(entries, entries_max);  // now and then, so that it costs little for each
    }
    entries.push_back(entry);
  });
  for (Shard& shard : std::span(shards_.get(), shard_count_)) {
    KeepNewest(shard.entries, entries_max);
    IndexLoaded(shard);
  }
}

void PinTable::KeepNewest(std::vector<Entry>& entries, size_t kept) {
  if (entries.size() <= kept) {
    return;
  }
  const auto end = entries.begin() + static_cast<ptrdiff_t>(kept);
  std::ranges::nth_element(entries, end, std::ranges::greater{}, &Entry::last_used_ms);
  for (const Entry& entry : std::ranges::subrange(end, entries.end())) {
    store_.Erase(RecordKind::kPin, RecordKeyOf(entry.key));
  }
  entries.erase(end, entries.end());
}

// As if the pins had been made and used at the times that they tell.
void PinTable::IndexLoaded(Shard& shard) {
  std::vector<Entry>& entries = shard.entries;
  const auto size = static_cast<uint32_t>(entries.size());
  shard.use_links.resize(size);
  shard.age_links.resize(size);
  std::vector<std::pair<int64_t, uint32_t>> order(size);
  for (uint32_t at = 0; at < size; ++at) {
    shard.index.emplace(entries[at].key, at);
    order[at] = {entries[at].last_used_ms, at};
  }
  shard.used = size;
  std::ranges::sort(order, {}, &std::pair<int64_t, uint32_t>::first);
  for (const auto& [ms, at] : order) {
    entries[at].use = ++shard.uses;
    ChainsOf(shard, entries[at]).by_use.Append(shard.use_links, at);
  }
  for (uint32_t at = 0; at < size; ++at) {
    order[at] = {entries[at].since_ms, at};
  }
  std::ranges::sort(order, {}, &std::pair<int64_t, uint32_t>::first);
  for (const auto& [ms, at] : order) {
    ChainsOf(shard, entries[at]).by_age.Append(shard.age_links, at);
    if (LifeOf(entries[at]) == Life::kOwn) {
      shard.own_ends.emplace(ms + entries[at].ttl_ms, at);
    }
    shard.failing += entries[at].failovers > 0 ? 1 : 0;
  }
}

bool PinTable::LimitIsOverAll(const Rules& rules) const {
  return shard_count_ > 1 && rules.entries_max <= kOneShardMax;
}

size_t PinTable::ShardEntriesMax(const Rules& rules) const {
  const auto shards = static_cast<int64_t>(shard_count_);
  const int64_t share = (rules.entries_max - 1) / shards + 1;
  return LimitIsOverAll(rules) ? kNil - 1 : std::clamp<int64_t>(share, 1, kNil - 1);
}

bool PinTable::Valid(const Entry& entry, const Rules& rules, int64_t now_ms) {
  using std::chrono::milliseconds;
  return milliseconds(now_ms) < PinEnd(milliseconds(entry.since_ms),
                                       milliseconds(entry.last_used_ms), milliseconds(entry.ttl_ms),
                                       rules);
}

Pin PinTable::View(const Entry& entry) {
  return {.model = *entry.model,
          .decision = *entry.decision,
          .caller = *entry.caller,
          .source = *entry.source,
          .since = At(entry.since_ms),
          .last_used = At(entry.last_used_ms),
          .ttl = std::chrono::milliseconds(entry.ttl_ms),
          .hits = entry.hits,
          .version = entry.version,
          .failovers = entry.failovers};
}

PinTable::Entry PinTable::EntryOf(const SessionKey& key, const Pin& pin) {
  return {.key = key,
          .model = names_.Intern(pin.model),
          .decision = names_.Intern(pin.decision),
          .caller = names_.Intern(pin.caller),
          .source = names_.Intern(pin.source),
          .since_ms = Millis(pin.since),
          .last_used_ms = Millis(pin.last_used),
          .stored_use_ms = Millis(pin.last_used),
          .ttl_ms = std::clamp<int64_t>(pin.ttl.count(), 0, kRecordTimeMax.count()),
          .hits = pin.hits,
          .version = pin.version,
          .failovers = pin.failovers};
}

PinTable::Entry PinTable::NewEntryOf(const SessionKey& key, const Pin& pin, WallTime now) {
  Entry entry = EntryOf(key, pin);
  entry.since_ms = entry.last_used_ms = Millis(now);
  entry.hits = entry.failovers = 0;
  entry.version = 1;
  return entry;
}

void PinTable::StoreUse(Entry& entry, const Rules& rules) {
  if (entry.last_used_ms - entry.stored_use_ms >= UseStoredEvery(rules).count()) {
    Store(entry);
  }
}

void PinTable::Store(Entry& entry) {
  if (!is_stored_) {
    return;
  }
  entry.stored_use_ms = entry.last_used_ms;
  thread_local std::string bytes;
  bytes.clear();
  EncodePin(View(entry), bytes);
  store_.Put(RecordKind::kPin, RecordKeyOf(entry.key), bytes);
}

uint32_t PinTable::FindValid(Shard& shard, const SessionKey& key, const Rules& rules,
                             int64_t now_ms) {
  const auto found = shard.index.find(key);
  if (found == shard.index.end()) {
    return kNil;
  }
  const uint32_t at = found->second;
  if (Valid(shard.entries[at], rules, now_ms)) {
    return at;
  }
  Remove(shard, at, Stored::kErase);
  return kNil;
}

uint32_t PinTable::LeastRecentlyUsed(const Shard& shard) {
  const uint32_t one = shard.chains[0].by_use.oldest();
  const uint32_t other = shard.chains[1].by_use.oldest();
  if (one == kNil || other == kNil) {
    return one == kNil ? other : one;
  }
  const Entry& a = shard.entries[one];
  const Entry& b = shard.entries[other];
  // The number of uses may wrap around, but not within a millisecond.
  const bool a_is_older = a.last_used_ms != b.last_used_ms
                              ? a.last_used_ms < b.last_used_ms
                              : static_cast<int32_t>(a.use - b.use) < 0;
  return a_is_older ? one : other;
}

// Whatever the rules say ends a pin, the first one to end is at the beginning of one of these.
uint32_t PinTable::FirstExpired(const Shard& shard, const Rules& rules, int64_t now_ms) {
  const uint32_t first[] = {shard.chains[0].by_use.oldest(), shard.chains[0].by_age.oldest(),
                            shard.chains[1].by_age.oldest(),
                            shard.own_ends.empty() ? kNil : shard.own_ends.begin()->second};
  for (const uint32_t at : first) {
    if (at != kNil && !Valid(shard.entries[at], rules, now_ms)) {
      return at;
    }
  }
  return kNil;
}

// Drops up to kDroppedMax pins: those that have expired, then the least recently used ones as long
// as there are more than `entries_max`. Returns how many it has dropped.
int PinTable::Drop(Shard& shard, size_t entries_max, const Rules& rules, int64_t now_ms) {
  for (int dropped = 0; dropped < kDroppedMax; ++dropped) {
    uint32_t at = FirstExpired(shard, rules, now_ms);
    if (at == kNil && shard.index.size() > entries_max) {
      at = LeastRecentlyUsed(shard);
    }
    if (at == kNil) {
      return dropped;
    }
    Remove(shard, at, Stored::kErase);
  }
  return kDroppedMax;
}

// The same over all shards, for a table with several that is to hold few: a share of few would be
// too much or too little. Takes one lock after the other, so it may be off by what happens between
// them. `spared` is where something was just put: within a millisecond, others give way first.
int PinTable::DropOverAll(size_t spared, const Rules& rules, int64_t now_ms) {
  const auto entries_max = static_cast<size_t>(std::max<int64_t>(rules.entries_max, 1));
  for (int dropped = 0; dropped < kDroppedMax; ++dropped) {
    size_t entries = 0;
    Shard* oldest = nullptr;
    int64_t oldest_ms = INT64_MAX;
    for (size_t i = 1; i <= shard_count_; ++i) {
      Shard& shard = shards_[(spared + i) & (shard_count_ - 1)];
      const std::lock_guard lock(shard.mutex);
      Drop(shard, kNil, rules, now_ms);
      entries += shard.index.size();
      const uint32_t at = LeastRecentlyUsed(shard);
      if (at != kNil && shard.entries[at].last_used_ms < oldest_ms) {
        oldest = &shard;
        oldest_ms = shard.entries[at].last_used_ms;
      }
    }
    if (entries <= entries_max || oldest == nullptr) {
      return dropped;
    }
    const std::lock_guard lock(oldest->mutex);
    if (const uint32_t at = LeastRecentlyUsed(*oldest); at != kNil) {
      Remove(*oldest, at, Stored::kErase);
    }
  }
  return kDroppedMax;
}

// Makes room first. The key has no entry yet; the new one is the newest in both orders.
PinTable::Entry& PinTable::Insert(Shard& shard, const Entry& content, const Rules& rules,
                                  int64_t now_ms) {
  Drop(shard, ShardEntriesMax(rules) - 1, rules, now_ms);
  uint32_t at = shard.free;
  if (at == kNil) {
    at = static_cast<uint32_t>(shard.entries.size());
    shard.entries.push_back(content);
    shard.use_links.emplace_back();
    shard.age_links.emplace_back();
  } else {
    shard.free = shard.use_links[at].after;
    shard.entries[at] = content;
  }
  Entry& entry = shard.entries[at];
  entry.use = ++shard.uses;
  shard.index.emplace(entry.key, at);
  shard.used.store(static_cast<uint32_t>(shard.index.size()), std::memory_order_relaxed);
  Chains& chains = ChainsOf(shard, entry);
  chains.by_use.Append(shard.use_links, at);
  chains.by_age.Append(shard.age_links, at);
  if (LifeOf(entry) == Life::kOwn) {
    shard.own_ends.emplace(entry.since_ms + entry.ttl_ms, at);
  }
  return entry;
}

void PinTable::Remove(Shard& shard, uint32_t at, Stored stored) {
  Entry& entry = shard.entries[at];
  if (stored == Stored::kErase) {
    store_.Erase(RecordKind::kPin, RecordKeyOf(entry.key));
  }
  CountFailovers(shard, entry, 0);
  shard.index.erase(entry.key);
  shard.used.store(static_cast<uint32_t>(shard.index.size()), std::memory_order_relaxed);
  Chains& chains = ChainsOf(shard, entry);
  chains.by_use.Remove(shard.use_links, at);
  chains.by_age.Remove(shard.age_links, at);
  if (LifeOf(entry) == Life::kOwn) {
    shard.own_ends.erase({entry.since_ms + entry.ttl_ms, at});
  }
  entry = {};
  shard.use_links[at].after = shard.free;
  shard.free = at;
}

void PinTable::Touch(Shard& shard, uint32_t at, int64_t now_ms) {
  Entry& entry = shard.entries[at];
  entry.last_used_ms = std::max(entry.last_used_ms, now_ms);
  entry.use = ++shard.uses;
  ++entry.hits;
  Chain& by_use = ChainsOf(shard, entry).by_use;
  if (by_use.newest() != at) {
    by_use.Remove(shard.use_links, at);
    by_use.Append(shard.use_links, at);
  }
}

void PinTable::CountFailovers(Shard& shard, Entry& entry, uint32_t failovers) {
  if (entry.failovers == 0 && failovers > 0) {
    shard.failing.fetch_add(1, std::memory_order_relaxed);
  } else if (entry.failovers > 0 && failovers == 0) {
    shard.failing.fetch_sub(1, std::memory_order_relaxed);
  }
  entry.failovers = failovers;
}

PinTable::Recalled PinTable::Recall(const SessionKey& key, const Rules& rules, WallTime now) {
  Recalled recalled;
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  if (const uint32_t at = FindValid(shard, key, rules, Millis(now)); at != kNil) {
    Touch(shard, at, Millis(now));
    StoreUse(shard.entries[at], rules);
    recalled.pin = View(shard.entries[at]);
    return recalled;
  }
  std::shared_ptr<Flight>& flight = shard.flights[key];
  if (flight == nullptr) {
    flight = std::make_shared<Flight>();
  }
  recalled.seat.table_ = this;
  recalled.seat.key_ = key;
  recalled.seat.flight_ = flight;
  recalled.seat.erasures_ = erasures_.load(std::memory_order_relaxed);
  return recalled;
}

std::optional<Pin> PinTable::Find(const SessionKey& key, const Rules& rules, WallTime now) const {
  const Shard& shard = ShardOf(key);
  // A gateway that pins nothing asks for each request that has a session.
  if (shard.used.load(std::memory_order_relaxed) == 0) {
    return std::nullopt;
  }
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  if (found == shard.index.end() || !Valid(shard.entries[found->second], rules, Millis(now))) {
    return std::nullopt;
  }
  return View(shard.entries[found->second]);
}

PinOutcome PinTable::Commit(const Seat& seat, const Pin& pin, const Rules& rules, WallTime now) {
  const Entry entry = NewEntryOf(seat.key_, pin, now);
  Shard& shard = ShardOf(seat.key_);
  {
    const std::lock_guard lock(shard.mutex);
    if (seat.flight_->revoked() || CallerErasedSince(seat.erasures_, pin.caller)) {
      return PinOutcome::kNone;
    }
    if (const uint32_t at = FindValid(shard, seat.key_, rules, Millis(now)); at != kNil) {
      Touch(shard, at, Millis(now));
      StoreUse(shard.entries[at], rules);
      return PinOutcome::kHit;
    }
    Store(Insert(shard, entry, rules, Millis(now)));
  }
  if (LimitIsOverAll(rules)) {
    DropOverAll(ShardAt(seat.key_), rules, Millis(now));
  }
  return PinOutcome::kSet;
}

PinOutcome PinTable::Served(const SessionKey& key, std::string_view pinned, std::string_view served,
                            int64_t repin_after) {
  const bool same = pinned == served;
  Shard& shard = ShardOf(key);
  // Nearly all requests end here. A failover that another one counts at this moment may have come
  // after this one as well as before it.
  if (same && shard.failing.load(std::memory_order_relaxed) == 0) {
    return PinOutcome::kHit;
  }
  const std::string* const name = same ? nullptr : names_.Intern(served);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  if (found == shard.index.end() || *shard.entries[found->second].model != pinned) {
    return same ? PinOutcome::kHit : PinOutcome::kFailover;
  }
  Entry& entry = shard.entries[found->second];
  if (same) {
    if (entry.failovers > 0) {
      CountFailovers(shard, entry, 0);
      Store(entry);
    }
    return PinOutcome::kHit;
  }
  CountFailovers(shard, entry, entry.failovers + 1);
  const bool moves = repin_after > 0 && entry.failovers >= repin_after;
  if (moves) {
    entry.model = name;
    ++entry.version;
    CountFailovers(shard, entry, 0);
  }
  Store(entry);
  return moves ? PinOutcome::kRepinned : PinOutcome::kFailover;
}

void PinTable::Set(const SessionKey& key, const Pin& pin, const Rules& rules, WallTime now) {
  Entry entry = NewEntryOf(key, pin, now);
  Shard& shard = ShardOf(key);
  {
    const std::lock_guard lock(shard.mutex);
    if (const uint32_t at = FindValid(shard, key, rules, Millis(now)); at != kNil) {
      entry.version = shard.entries[at].version + 1;
      entry.hits = shard.entries[at].hits;
      // It is as new as any: both orders begin anew.
      Remove(shard, at, Stored::kKeep);
    }
    Store(Insert(shard, entry, rules, Millis(now)));
  }
  if (LimitIsOverAll(rules)) {
    DropOverAll(ShardAt(key), rules, Millis(now));
  }
}

bool PinTable::Erase(const SessionKey& key, const Rules& rules, WallTime now) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.flights.find(key); found != shard.flights.end()) {
    found->second->Revoke();
    shard.flights.erase(found);
  }
  const uint32_t at = FindValid(shard, key, rules, Millis(now));
  if (at == kNil) {
    return false;
  }
  Remove(shard, at, Stored::kErase);
  return true;
}

int64_t PinTable::EraseOfCaller(std::string_view caller, const Rules& rules, WallTime now) {
  // Before anything is erased, so that nobody pins behind the back of what follows.
  erased_callers_.With([&](TextMap<uint64_t>& callers) {
    callers[std::string(caller)] = erasures_.fetch_add(1, std::memory_order_relaxed) + 1;
  });
  const std::string* const name = names_.Find(caller);
  if (name == nullptr) {
    return 0;
  }
  int64_t erased = 0;
  for (size_t i = 0; i < shard_count_; ++i) {
    Shard& shard = shards_[i];
    for (size_t begin = 0, size = 1; begin < size; begin += kStep) {
      const std::lock_guard lock(shard.mutex);
      size = shard.entries.size();
      for (size_t at = begin; at < std::min(size, begin + kStep); ++at) {
        const Entry& entry = shard.entries[at];
        if (entry.caller == name) {
          erased += Valid(entry, rules, Millis(now)) ? 1 : 0;
          Remove(shard, static_cast<uint32_t>(at), Stored::kErase);
        }
      }
    }
  }
  return erased;
}

// Under the lock of the shard: an erasure that is not seen here comes to this shard later.
bool PinTable::CallerErasedSince(uint64_t erasures, std::string_view caller) const {
  if (erasures_.load(std::memory_order_relaxed) == erasures) [[likely]] {
    return false;
  }
  return erased_callers_.With([&](const TextMap<uint64_t>& callers) {
    const auto found = callers.find(caller);
    return found != callers.end() && found->second > erasures;
  });
}

uint64_t PinTable::List(uint64_t cursor, size_t limit, const Filter& filter, const Rules& rules,
                        WallTime now, std::vector<Listed>& out) const {
  // A cursor is the entry to go on with: its shard and its place there.
  uint64_t shard_at = cursor >> 32;
  uint64_t at = cursor & UINT32_MAX;
  for (; shard_at < shard_count_; ++shard_at, at = 0) {
    const Shard& shard = shards_[shard_at];
    for (size_t size = SIZE_MAX; at < size;) {
      const std::lock_guard lock(shard.mutex);
      size = shard.entries.size();
      for (const uint64_t end = std::min<uint64_t>(size, at + kStep); at < end; ++at) {
        const Entry& entry = shard.entries[at];
        if (entry.model == nullptr || !Valid(entry, rules, Millis(now)) ||
            (!filter.model.empty() && filter.model != *entry.model) ||
            (!filter.caller.empty() && filter.caller != *entry.caller)) {
          continue;
        }
        if (!filter.text.empty()) {
          const SessionKeyText text = TextOf(entry.key);
          if (std::string_view(text.data(), text.size()).find(filter.text) ==
              std::string_view::npos) {
            continue;
          }
        }
        if (out.size() == limit) {
          return shard_at << 32 | at;
        }
        out.push_back({.key = entry.key, .pin = View(entry), .place = shard_at << 32 | at});
      }
    }
  }
  return 0;
}

int64_t PinTable::Count(const Rules& rules, WallTime now) {
  int steps = kCountStepsMax;
  while (LimitIsOverAll(rules) && steps > 0 && DropOverAll(0, rules, Millis(now)) == kDroppedMax) {
    --steps;
  }
  int64_t count = 0;
  for (Shard& shard : std::span(shards_.get(), shard_count_)) {
    for (int dropped = kDroppedMax; dropped == kDroppedMax; --steps) {
      const std::lock_guard lock(shard.mutex);
      // What has expired is not counted, however much it is; what is too many may be.
      dropped = Drop(shard, steps > 0 ? ShardEntriesMax(rules) : kNil, rules, Millis(now));
      if (dropped < kDroppedMax) {
        count += static_cast<int64_t>(shard.index.size());
      }
    }
  }
  return count;
}

}  // namespace mainstay::session
