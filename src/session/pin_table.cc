#include "session/pin_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace mainstay::session {
namespace {

constexpr size_t kShards = 16;
// Expired pins that one call drops in passing, so that none waits for all of them.
constexpr int kDroppedMax = 4;
// Entries that are looked at under one lock when many are listed or dropped.
constexpr size_t kStep = 1024;

int64_t Millis(WallTime time) {
  return time.time_since_epoch().count();
}
WallTime At(int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

RecordKey RecordKeyOf(const SessionKey& key) {
  RecordKey bytes;
  std::memcpy(bytes.data(), &key.digest.low, sizeof key.digest.low);
  std::memcpy(bytes.data() + sizeof key.digest.low, &key.digest.high, sizeof key.digest.high);
  return bytes;
}
SessionKey SessionKeyOf(const RecordKey& bytes) {
  SessionKey key;
  std::memcpy(&key.digest.low, bytes.data(), sizeof key.digest.low);
  std::memcpy(&key.digest.high, bytes.data() + sizeof key.digest.low, sizeof key.digest.high);
  return key;
}

}  // namespace

// --- seats ---

PinTable::Seat& PinTable::Seat::operator=(Seat&& other) noexcept {
  if (this != &other) {
    Leave();
    table_ = std::exchange(other.table_, nullptr);
    flight_ = std::move(other.flight_);
    key_ = other.key_;
    leads_ = std::exchange(other.leads_, false);
  }
  return *this;
}

void PinTable::Seat::Publish(const Decided& decided) {
  flight_->Publish({.model = *table_->names_.Intern(decided.model),
                    .decision = *table_->names_.Intern(decided.decision),
                    .reason = decided.reason});
  leads_ = false;
  if (decided.model.empty()) {
    table_->CloseFlight(key_, flight_);
  }
}

void PinTable::Seat::Leave() {
  if (flight_ == nullptr) {
    return;
  }
  if (std::exchange(leads_, false)) {
    flight_->Abandon();
  }
  table_->LeaveFlight(key_, std::exchange(flight_, nullptr));
}

// Those who are in it go on; nobody joins them any more.
void PinTable::CloseFlight(const SessionKey& key, const std::shared_ptr<Flight>& flight) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.flights.find(key);
  if (found != shard.flights.end() && found->second == flight) {
    shard.flights.erase(found);
  }
}

// The last one takes the flight away: the table and the one who leaves are its only owners then.
void PinTable::LeaveFlight(const SessionKey& key, std::shared_ptr<Flight> flight) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.flights.find(key);
  if (found != shard.flights.end() && found->second == flight && flight.use_count() == 2) {
    shard.flights.erase(found);
  }
  flight.reset();  // under the lock, so that two who leave at once do not both see the other
}

// --- the table ---

PinTable::PinTable(StateStore& store, const Rules& rules, WallTime now)
    : store_(store),
      shard_count_(rules.entries_max > kOneShardMax ? kShards : 1),
      shards_(std::make_unique<Shard[]>(shard_count_)) {
  // The least recently used ones first, as if they had come in that order.
  struct Loaded {
    SessionKey key;
    Entry entry;
  };
  std::vector<Loaded> loaded;
  store_.Load(RecordKind::kPin, [&](const RecordKey& bytes, std::string_view value) {
    Pin pin;
    Loaded one{.key = SessionKeyOf(bytes), .entry = {}};
    if (!DecodePin(value, pin)) {
      store_.Erase(RecordKind::kPin, bytes);
      return;
    }
    Fill(one.entry, pin);
    if (Valid(one.entry, rules, Millis(now))) {
      loaded.push_back(one);
    } else {
      store_.Erase(RecordKind::kPin, bytes);
    }
  });
  std::ranges::sort(loaded, {}, [](const Loaded& one) { return one.entry.last_used_ms; });
  for (const Loaded& one : loaded) {
    Shard& shard = ShardOf(one.key);
    const uint32_t at = Insert(shard, one.key, rules, Millis(now));
    Entry& entry = shard.entries[at];
    const Links by_use = entry.by_use;
    const Links by_age = entry.by_age;
    entry = one.entry;
    entry.key = one.key;
    entry.by_use = by_use;
    entry.by_age = by_age;
  }
}

PinTable::~PinTable() = default;

PinTable::Shard& PinTable::ShardOf(const SessionKey& key) const {
  return shards_[key.digest.high & (shard_count_ - 1)];
}

int64_t PinTable::ShardEntriesMax(const Rules& rules) const {
  const auto shards = static_cast<int64_t>(shard_count_);
  return std::min<int64_t>((rules.entries_max + shards - 1) / shards, kNil - 1);
}

void PinTable::Unlink(Shard& shard, Links Entry::* links, Order& order, uint32_t at) {
  const Links own = shard.entries[at].*links;
  (own.before == kNil ? order.oldest : (shard.entries[own.before].*links).after) = own.after;
  (own.after == kNil ? order.newest : (shard.entries[own.after].*links).before) = own.before;
}

void PinTable::Append(Shard& shard, Links Entry::* links, Order& order, uint32_t at) {
  shard.entries[at].*links = {.before = order.newest, .after = kNil};
  (order.newest == kNil ? order.oldest : (shard.entries[order.newest].*links).after) = at;
  order.newest = at;
}

// Valid while its age is less than its time to live (spec 05 §1.4).
bool PinTable::Valid(const Entry& entry, const Rules& rules, int64_t now_ms) {
  const int64_t ttl = entry.ttl_ms > 0 ? entry.ttl_ms : rules.ttl.count();
  // A lifetime of its own counts from when it was given.
  const bool sliding = rules.ttl_mode == TtlMode::kSliding && entry.ttl_ms == 0;
  const int64_t age = now_ms - entry.since_ms;
  const int64_t idle = now_ms - (sliding ? entry.last_used_ms : entry.since_ms);
  return idle < ttl && (rules.age_max.count() == 0 || age < rules.age_max.count());
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

void PinTable::Fill(Entry& entry, const Pin& pin) {
  entry.model = names_.Intern(pin.model);
  entry.decision = names_.Intern(pin.decision);
  entry.caller = names_.Intern(pin.caller);
  entry.source = names_.Intern(pin.source);
  entry.since_ms = Millis(pin.since);
  entry.last_used_ms = Millis(pin.last_used);
  entry.ttl_ms = pin.ttl.count();
  entry.hits = pin.hits;
  entry.version = pin.version;
  entry.failovers = pin.failovers;
}

void PinTable::Store(const Entry& entry) {
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

void PinTable::DropExpired(Shard& shard, const Rules& rules, int64_t now_ms) {
  for (int i = 0; i < kDroppedMax; ++i) {
    // Which of the two orders shows who has expired depends on the mode; the other one costs a
    // look.
    const uint32_t idle = shard.by_use.oldest;
    const uint32_t old = shard.by_age.oldest;
    if (idle != kNil && !Valid(shard.entries[idle], rules, now_ms)) {
      Remove(shard, idle, Stored::kErase);
    } else if (old != kNil && !Valid(shard.entries[old], rules, now_ms)) {
      Remove(shard, old, Stored::kErase);
    } else {
      return;
    }
  }
}

// Makes an entry, linked as the newest in both orders; its content is up to the caller.
uint32_t PinTable::Insert(Shard& shard, const SessionKey& key, const Rules& rules, int64_t now_ms) {
  DropExpired(shard, rules, now_ms);
  while (static_cast<int64_t>(shard.index.size()) >= ShardEntriesMax(rules)) {
    Remove(shard, shard.by_use.oldest, Stored::kErase);
  }
  uint32_t at = shard.free;
  if (at == kNil) {
    at = static_cast<uint32_t>(shard.entries.size());
    shard.entries.emplace_back();
  } else {
    shard.free = shard.entries[at].by_use.after;
    shard.entries[at] = {};
  }
  shard.entries[at].key = key;
  shard.index.emplace(key, at);
  Append(shard, &Entry::by_use, shard.by_use, at);
  Append(shard, &Entry::by_age, shard.by_age, at);
  return at;
}

void PinTable::Remove(Shard& shard, uint32_t at, Stored stored) {
  Entry& entry = shard.entries[at];
  if (stored == Stored::kErase) {
    store_.Erase(RecordKind::kPin, RecordKeyOf(entry.key));
  }
  shard.index.erase(entry.key);
  Unlink(shard, &Entry::by_use, shard.by_use, at);
  Unlink(shard, &Entry::by_age, shard.by_age, at);
  entry = {};
  entry.by_use.after = shard.free;
  shard.free = at;
}

void PinTable::Touch(Shard& shard, uint32_t at, int64_t now_ms) {
  Entry& entry = shard.entries[at];
  entry.last_used_ms = std::max(entry.last_used_ms, now_ms);
  if (shard.by_use.newest != at) {
    Unlink(shard, &Entry::by_use, shard.by_use, at);
    Append(shard, &Entry::by_use, shard.by_use, at);
  }
}

PinTable::Recalled PinTable::Recall(const SessionKey& key, const Rules& rules, WallTime now) {
  Recalled recalled;
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  if (const uint32_t at = FindValid(shard, key, rules, Millis(now)); at != kNil) {
    ++shard.entries[at].hits;
    Touch(shard, at, Millis(now));
    Store(shard.entries[at]);
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
  return recalled;
}

std::optional<Pin> PinTable::Find(const SessionKey& key, const Rules& rules, WallTime now) const {
  const Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  if (found == shard.index.end() || !Valid(shard.entries[found->second], rules, Millis(now))) {
    return std::nullopt;
  }
  return View(shard.entries[found->second]);
}

PinOutcome PinTable::Commit(const Seat& seat, const Pin& pin, const Rules& rules, WallTime now) {
  Shard& shard = ShardOf(seat.key_);
  const std::lock_guard lock(shard.mutex);
  if (seat.flight_->revoked()) {
    return PinOutcome::kNone;
  }
  if (const uint32_t at = FindValid(shard, seat.key_, rules, Millis(now)); at != kNil) {
    ++shard.entries[at].hits;
    Touch(shard, at, Millis(now));
    Store(shard.entries[at]);
    return PinOutcome::kHit;
  }
  Entry& entry = shard.entries[Insert(shard, seat.key_, rules, Millis(now))];
  Fill(entry, pin);
  entry.since_ms = entry.last_used_ms = Millis(now);
  entry.hits = entry.failovers = 0;
  entry.version = 1;
  Store(entry);
  return PinOutcome::kSet;
}

PinOutcome PinTable::Served(const SessionKey& key, std::string_view pinned, std::string_view served,
                            int64_t repin_after) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  const bool same = pinned == served;
  if (found == shard.index.end() || *shard.entries[found->second].model != pinned) {
    return same ? PinOutcome::kHit : PinOutcome::kFailover;
  }
  Entry& entry = shard.entries[found->second];
  if (same) {
    if (entry.failovers > 0) {
      entry.failovers = 0;
      Store(entry);
    }
    return PinOutcome::kHit;
  }
  ++entry.failovers;
  const bool moves = repin_after > 0 && entry.failovers >= repin_after;
  if (moves) {
    entry.model = names_.Intern(served);
    entry.failovers = 0;
    ++entry.version;
  }
  Store(entry);
  return moves ? PinOutcome::kRepinned : PinOutcome::kFailover;
}

void PinTable::Set(const SessionKey& key, const Pin& pin, const Rules& rules, WallTime now) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  uint32_t at = FindValid(shard, key, rules, Millis(now));
  const uint32_t version = at == kNil ? 1 : shard.entries[at].version + 1;
  const uint32_t hits = at == kNil ? 0 : shard.entries[at].hits;
  if (at != kNil) {
    // It is as new as any: both orders begin anew.
    Remove(shard, at, Stored::kKeep);
  }
  at = Insert(shard, key, rules, Millis(now));
  Entry& entry = shard.entries[at];
  Fill(entry, pin);
  entry.since_ms = entry.last_used_ms = Millis(now);
  entry.version = version;
  entry.hits = hits;
  entry.failovers = 0;
  Store(entry);
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
  const std::string* const name = names_.Intern(caller);
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

uint64_t PinTable::List(uint64_t cursor, size_t limit, const Filter& filter, const Rules& rules,
                        WallTime now, std::vector<Listed>& out) const {
  // A cursor is one more than the entry to go on with, counted shard by shard.
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
        out.push_back({.key = entry.key, .pin = View(entry)});
      }
    }
  }
  return 0;
}

int64_t PinTable::Count(const Rules& rules, WallTime now) {
  int64_t count = 0;
  for (size_t i = 0; i < shard_count_; ++i) {
    Shard& shard = shards_[i];
    size_t before = 0;
    do {
      const std::lock_guard lock(shard.mutex);
      before = shard.index.size();
      DropExpired(shard, rules, Millis(now));
      if (before == shard.index.size()) {
        count += static_cast<int64_t>(before);
        break;
      }
    } while (true);
  }
  return count;
}

}  // namespace mainstay::session
