#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "base/guarded.h"
#include "model/session.h"
#include "session/chain.h"
#include "session/flight.h"
#include "session/names.h"
#include "session/pin_options.h"
#include "session/state_store.h"

namespace mainstay::session {

// The pins of all sessions: which model a session is held to (spec 05 §1). Looking a pin up,
// making, moving and dropping one takes the same time however many there are; the least recently
// used one gives way to a new one.
//
// Every change is handed to the store at once, but for that of a hit: the time of the last use and
// the number of hits are handed over no more often than UseStoredEvery says, so that a hit costs
// the store next to nothing. So much earlier a pin may end after the process was killed; the
// destructor hands over what is missing of the kUsesStoredAtEnd pins that were used last. Up to
// kOneShardMax entries the order of use is exact; above, it is kept within shares of the table,
// each with a lock of its own: a full share gives up its own least recently used pin, although
// another one may have room for half a per cent more. What the number of entries was at the start
// decides whether there are shares; a table that has them and is to hold no more than kOneShardMax
// later keeps its limit and its order over all of them, the order to the millisecond.
//
// What has expired gives way before anything that is alive. When a reload lowers the number of
// entries, each later Commit or Set drops up to kDroppedMax more than it adds, and each Count some
// hundreds, until the number is reached.
//
// Threads: everything from any thread. Blocking: the calls for one session hold a lock for a
// microsecond at most, for some when they make room; those for many sessions for some tens of
// microseconds at a time.
class PinTable final {
 public:
  static constexpr int64_t kOneShardMax = 65'536;
  // Pins that one call drops in passing, so that none waits for all of them.
  static constexpr int kDroppedMax = 16;

  // The rules as they are at the moment of a call: a reload changes them between two.
  using Rules = PinOptions;

  // A twentieth of the time to live.
  static std::chrono::milliseconds UseStoredEvery(const Rules& rules) { return rules.ttl / 20; }
  // A quarter of a second of sqlite's time.
  static constexpr size_t kUsesStoredAtEnd = 20'000;

  // Takes over the store's pins that are still valid, of too many those that were used last. The
  // store outlives the table.
  PinTable(StateStore& store, const Rules& rules, WallTime now);
  ~PinTable();
  PinTable(const PinTable&) = delete;
  PinTable& operator=(const PinTable&) = delete;

  // A place among the requests of a session that are under way together. Leaves on destruction, as
  // a leader that decided nothing, if it was one.
  class Seat final {
   public:
    Seat() = default;
    Seat(Seat&& other) noexcept { *this = std::move(other); }
    Seat& operator=(Seat&& other) noexcept;
    ~Seat() { Leave(); }

    explicit operator bool() const { return flight_ != nullptr; }
    Flight& flight() const { return *flight_; }
    // The caller leads the flight from now on.
    void Lead() { leads_ = true; }
    // For all who wait: what was decided. When nothing can be pinned, whoever comes later decides
    // anew.
    void Publish(const Decided& decided);
    void Leave();

   private:
    friend class PinTable;

    PinTable* table_ = nullptr;
    std::shared_ptr<Flight> flight_;
    SessionKey key_;
    uint64_t erasures_ = 0;  // of callers' pins that came before the seat
    bool leads_ = false;
  };

  // The pin of the session, counted as a hit; or, when there is none, a seat among those who are
  // about to make one.
  struct Recalled {
    std::optional<Pin> pin;
    Seat seat;  // without a pin
  };
  Recalled Recall(const SessionKey& key, const Rules& rules, WallTime now);

  // The pin as it is, not counted as a hit.
  std::optional<Pin> Find(const SessionKey& key, const Rules& rules, WallTime now) const;

  // An answer of `pin.model` was accepted for a request without a pin. kSet, or kHit when another
  // request of the flight came first, or kNone when the session was deleted meanwhile. `since`,
  // `last_used` and the counters of `pin` are made here.
  PinOutcome Commit(const Seat& seat, const Pin& pin, const Rules& rules, WallTime now);

  // A request that hit `pinned` was served by `served`. Moves the pin after `repin_after` failovers
  // in a row; 0 never does. A pin that is gone or was changed meanwhile stays so.
  PinOutcome Served(const SessionKey& key, std::string_view pinned, std::string_view served,
                    int64_t repin_after);

  // Makes or replaces a pin whatever was there, by an operator's wish. A `pin.ttl` above 0 is the
  // pin's own lifetime: counted from now on, whatever the mode, and not extended by hits; age_max
  // still ends it. `since`, `last_used` and the counters of `pin` are made here.
  void Set(const SessionKey& key, const Pin& pin, const Rules& rules, WallTime now);

  // Drops the pin; requests that are under way do not bring it back. False: there was none.
  bool Erase(const SessionKey& key, const Rules& rules, WallTime now);
  // Drops all pins of a caller; gives their number. In steps, so that nobody waits for all of it.
  // Requests that are under way do not bring any back.
  int64_t EraseOfCaller(std::string_view caller, const Rules& rules, WallTime now);

  // A page of live pins in no particular order. `cursor` is 0 at the beginning and then what the
  // page before gave; 0 again at the end. Pins that come and go meanwhile may be missing.
  struct Listed {
    SessionKey key;
    Pin pin;
    uint64_t place = 0;  // the cursor of a page that begins with it
  };
  struct Filter {
    std::string_view model;   // empty: all
    std::string_view caller;  // empty: all
    std::string_view text;    // part of the public key; empty: all
  };
  uint64_t List(uint64_t cursor, size_t limit, const Filter& filter, const Rules& rules,
                WallTime now, std::vector<Listed>& out) const;

  // Live pins. Expired ones are dropped on the way, and some of those that are too many.
  int64_t Count(const Rules& rules, WallTime now);

 private:
  static constexpr uint32_t kNil = Chain::kNil;

  // What ends a pin. Those of one kind end in the order of their use or age; among them, a pin with
  // an end of its own would hide others.
  enum class Life : uint8_t { kByRules, kOwn };
  struct Chains {
    Chain by_use;
    Chain by_age;
  };
  struct Entry {
    SessionKey key;
    const std::string* model = nullptr;  // null: the entry is free
    const std::string* decision = nullptr;
    const std::string* caller = nullptr;
    const std::string* source = nullptr;
    int64_t since_ms = 0;
    int64_t last_used_ms = 0;
    int64_t stored_use_ms = 0;  // the last use that the store knows of
    int64_t ttl_ms = 0;
    uint32_t hits = 0;
    uint32_t version = 1;
    uint32_t failovers = 0;
    uint32_t use = 0;  // of its shard, counted: which one of two was later within a millisecond
  };
  static_assert(sizeof(Entry) == 96, "a million pins are to fit into 400 MiB several times");
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    FlatMap<SessionKey, uint32_t, SessionKeyHash> index;
    std::vector<Entry> entries;
    Chain::Links use_links;  // of entries, as the next one
    Chain::Links age_links;
    std::array<Chains, 2> chains;                     // by Life
    std::set<std::pair<int64_t, uint32_t>> own_ends;  // when those of kOwn end, and where they are
    uint32_t free = kNil;                             // linked through use_links[].after
    uint32_t uses = 0;
    // Pins that count failovers. Changed under the lock; read without it.
    std::atomic<uint32_t> failing{0};
    // Entries in use. Changed under the lock; read without it.
    std::atomic<uint32_t> used{0};
    // Of sessions without a pin that have requests under way.
    FlatMap<SessionKey, std::shared_ptr<Flight>, SessionKeyHash> flights;
  };

  static Life LifeOf(const Entry& entry) { return entry.ttl_ms > 0 ? Life::kOwn : Life::kByRules; }
  static Chains& ChainsOf(Shard& shard, const Entry& entry) {
    return shard.chains[static_cast<size_t>(LifeOf(entry))];
  }
  static bool Valid(const Entry& entry, const Rules& rules, int64_t now_ms);
  static Pin View(const Entry& entry);
  size_t ShardAt(const SessionKey& key) const { return key.digest.high & (shard_count_ - 1); }
  Shard& ShardOf(const SessionKey& key) const { return shards_[ShardAt(key)]; }
  bool LimitIsOverAll(const Rules& rules) const;
  size_t ShardEntriesMax(const Rules& rules) const;
  // Without a lock: an entry with this content.
  Entry EntryOf(const SessionKey& key, const Pin& pin);
  Entry NewEntryOf(const SessionKey& key, const Pin& pin, WallTime now);

  // At the start, before anybody else is there.
  void Load(const Rules& rules, int64_t now_ms);
  void KeepNewest(std::vector<Entry>& entries, size_t kept);
  static void IndexLoaded(Shard& shard);

  // Under the lock of the shard.
  uint32_t FindValid(Shard& shard, const SessionKey& key, const Rules& rules, int64_t now_ms);
  static uint32_t LeastRecentlyUsed(const Shard& shard);
  static uint32_t FirstExpired(const Shard& shard, const Rules& rules, int64_t now_ms);
  int Drop(Shard& shard, size_t entries_max, const Rules& rules, int64_t now_ms);
  Entry& Insert(Shard& shard, const Entry& content, const Rules& rules, int64_t now_ms);
  enum class Stored : uint8_t { kKeep, kErase };
  void Remove(Shard& shard, uint32_t at, Stored stored);
  static void Touch(Shard& shard, uint32_t at, int64_t now_ms);
  static void CountFailovers(Shard& shard, Entry& entry, uint32_t failovers);
  void StoreUse(Entry& entry, const Rules& rules);
  void StoreNewestUses(Shard& shard, const Chains& chains);
  void Store(Entry& entry);

  bool CallerErasedSince(uint64_t erasures, std::string_view caller) const;

  // These lock.
  int DropOverAll(size_t spared, const Rules& rules, int64_t now_ms);
  void CloseFlight(const SessionKey& key, const std::shared_ptr<Flight>& flight);
  void LeaveFlight(const SessionKey& key, std::shared_ptr<Flight> flight);

  StateStore& store_;
  const bool is_stored_;  // whether the store keeps anything
  Names names_;
  std::atomic<uint64_t> erasures_{0};
  Guarded<TextMap<uint64_t>> erased_callers_;  // the number of each one's latest erasure
  const size_t shard_count_;                   // a power of two
  const std::unique_ptr<Shard[]> shards_;
};

}  // namespace mainstay::session
