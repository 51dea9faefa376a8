#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "model/session.h"
#include "session/chain.h"
#include "session/continuity_options.h"
#include "session/state_store.h"

namespace mainstay::session {

// Which session an id names, when a client has several for one (spec 03 §1): ids that came together
// stay together. The first id of a request names its session, and ids beside it that nobody has
// seen become other names of that session. An id that has named a session beside others never
// becomes another name, so that a lower id that two sessions have in common does not merge them:
// it stays with the first.
//
// Ids that come alone leave nothing behind. While no request has brought two, nothing is looked up
// either. An entry lasts ContinuityOptions::age_max from its last use; of more than
// conversations_max those used last stay. Up to kOneShardMax entries the order of use is exact;
// above, it is kept within shares of the table, each with a lock of its own. What the number was
// at the start decides whether there are shares. When a reload lowers it, later insertions drop a
// few entries each until it is reached.
//
// New entries are handed to the store at once, uses of old ones when UseStoredEvery has passed: so
// much earlier an entry may end after the process was killed.
//
// Threads: everything from any thread. Blocking: one lock for each id, held for a microsecond at
// most.
class Aliases final {
 public:
  static constexpr int64_t kOneShardMax = 65'536;
  // Entries that one insertion drops at most.
  static constexpr int kDroppedMax = 16;

  // The rules as they are at the moment of a call: a reload changes them between two.
  using Rules = ContinuityOptions;

  // A twentieth of the time to live.
  static std::chrono::milliseconds UseStoredEvery(const Rules& rules) { return rules.age_max / 20; }

  // Takes over the store's aliases that are still valid, of too many those that were used last. The
  // store outlives the table.
  Aliases(StateStore& store, const Rules& rules, WallTime now);
  Aliases(const Aliases&) = delete;
  Aliases& operator=(const Aliases&) = delete;

  // The session of a request, and learns what its ids have to do with each other. `id` is present.
  // Gives id.key when nothing else is known.
  SessionKey Resolve(const SessionId& id, const Rules& rules, WallTime now);

  // The session that an id names, without counting as a use: for operators who look one up.
  SessionKey Find(const SessionKey& key, const Rules& rules, WallTime now) const;

  // Entries, expired ones included until somebody meets them.
  int64_t size() const { return entries_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kNil = Chain::kNil;

  struct Entry {
    SessionKey key;
    SessionKey session;  // `key` itself when it names one
    int64_t last_used_ms = 0;
    int64_t stored_use_ms = 0;  // the last use that the store knows of
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    FlatMap<SessionKey, uint32_t, SessionKeyHash> index;
    std::vector<Entry> entries;
    Chain::Links links;  // of entries; of free ones only `after`
    Chain by_use;
    uint32_t free = kNil;
  };

  Shard& ShardOf(const SessionKey& key) const {
    return shards_[key.digest.high & (shard_count_ - 1)];
  }
  size_t ShardEntriesMax(const Rules& rules) const;

  void Load(const Rules& rules, int64_t now_ms);
  // This locks. The session of `key`: what is known, or else `otherwise`, which is then known.
  SessionKey FindOrAdd(const SessionKey& key, const SessionKey& otherwise, const Rules& rules,
                       int64_t now_ms);
  // So does this. Nothing when the key is not known.
  std::optional<SessionKey> Use(const SessionKey& key, const Rules& rules, int64_t now_ms);

  // Under the lock of the shard.
  uint32_t FindValid(Shard& shard, const SessionKey& key, const Rules& rules, int64_t now_ms);
  void Touch(Shard& shard, uint32_t at, const Rules& rules, int64_t now_ms);
  void Insert(Shard& shard, const Entry& entry, const Rules& rules);
  void MakeRoom(Shard& shard, const Rules& rules, int64_t now_ms);
  void Remove(Shard& shard, uint32_t at);
  void Store(Entry& entry);

  StateStore& store_;
  const bool is_stored_;  // whether the store keeps anything
  const size_t shard_count_;
  const std::unique_ptr<Shard[]> shards_;
  std::atomic<int64_t> entries_{0};
};

}  // namespace mainstay::session
