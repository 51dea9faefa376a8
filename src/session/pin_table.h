#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "model/session.h"
#include "session/flight.h"
#include "session/names.h"
#include "session/pin_options.h"
#include "session/state_store.h"

namespace mainstay::session {

// The pins of all sessions: which model a session is held to (spec 05 §1). Looking a pin up,
// making, moving and dropping one takes the same time however many there are; the least recently
// used one gives way to a new one.
//
// Every change is handed to the store at once. Up to kOneShardMax entries the order of use is
// exact; above, it is kept within shares of the table, each with a lock of its own: a full share
// gives up its own least recently used pin, although another one may have room for half a per cent
// more.
//
// Threads: everything from any thread. Blocking: locks are held for well under a microsecond.
class PinTable final {
 public:
  static constexpr int64_t kOneShardMax = 65'536;

  // The rules as they are at the moment of a call: a reload changes them between two.
  using Rules = PinOptions;

  // Takes over the store's pins that are still valid. The store outlives the table.
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

  // Makes or replaces a pin whatever was there, by an operator's wish.
  void Set(const SessionKey& key, const Pin& pin, const Rules& rules, WallTime now);

  // Drops the pin; requests that are under way do not bring it back. False: there was none.
  bool Erase(const SessionKey& key, const Rules& rules, WallTime now);
  // Drops all pins of a caller; gives their number. In steps, so that nobody waits for all of it.
  int64_t EraseOfCaller(std::string_view caller, const Rules& rules, WallTime now);

  // A page of live pins in no particular order. `cursor` is 0 at the beginning and then what the
  // page before gave; 0 again at the end. Pins that come and go meanwhile may be missing.
  struct Listed {
    SessionKey key;
    Pin pin;
  };
  struct Filter {
    std::string_view model;   // empty: all
    std::string_view caller;  // empty: all
    std::string_view text;    // part of the public key; empty: all
  };
  uint64_t List(uint64_t cursor, size_t limit, const Filter& filter, const Rules& rules,
                WallTime now, std::vector<Listed>& out) const;

  // Live pins. Expired ones are dropped on the way, in passing.
  int64_t Count(const Rules& rules, WallTime now);

 private:
  static constexpr uint32_t kNil = UINT32_MAX;

  // Neighbours in one of the two orders that a share keeps: by use and by age.
  struct Links {
    uint32_t before = kNil;
    uint32_t after = kNil;
  };
  struct Order {
    uint32_t oldest = kNil;
    uint32_t newest = kNil;
  };
  struct Entry {
    SessionKey key;
    const std::string* model = nullptr;  // null: the entry is free
    const std::string* decision = nullptr;
    const std::string* caller = nullptr;
    const std::string* source = nullptr;
    int64_t since_ms = 0;
    int64_t last_used_ms = 0;
    int64_t ttl_ms = 0;
    uint32_t hits = 0;
    uint32_t version = 1;
    uint32_t failovers = 0;
    Links by_use;
    Links by_age;
  };
  struct Shard {
    mutable std::mutex mutex;
    FlatMap<SessionKey, uint32_t, SessionKeyHash> index;
    std::vector<Entry> entries;
    uint32_t free = kNil;  // linked through by_use.after
    Order by_use;
    Order by_age;
    // Of sessions without a pin that have requests under way.
    FlatMap<SessionKey, std::shared_ptr<Flight>, SessionKeyHash> flights;
  };

  Shard& ShardOf(const SessionKey& key) const;
  int64_t ShardEntriesMax(const Rules& rules) const;
  static void Unlink(Shard& shard, Links Entry::* links, Order& order, uint32_t at);
  static void Append(Shard& shard, Links Entry::* links, Order& order, uint32_t at);
  static bool Valid(const Entry& entry, const Rules& rules, int64_t now_ms);
  static Pin View(const Entry& entry);
  // Under the lock of the shard.
  uint32_t FindValid(Shard& shard, const SessionKey& key, const Rules& rules, int64_t now_ms);
  uint32_t Insert(Shard& shard, const SessionKey& key, const Rules& rules, int64_t now_ms);
  enum class Stored : uint8_t { kKeep, kErase };
  void Remove(Shard& shard, uint32_t at, Stored stored);
  void DropExpired(Shard& shard, const Rules& rules, int64_t now_ms);
  void Fill(Entry& entry, const Pin& pin);
  void Store(const Entry& entry);
  void CloseFlight(const SessionKey& key, const std::shared_ptr<Flight>& flight);
  void LeaveFlight(const SessionKey& key, std::shared_ptr<Flight> flight);
  static void Touch(Shard& shard, uint32_t at, int64_t now_ms);

  StateStore& store_;
  Names names_;
  size_t shard_count_;  // a power of two
  std::unique_ptr<Shard[]> shards_;
};

// The bytes of a pin in the store. Format 1, little-endian: format (u8), since, last_used, ttl in
// ms (i64), hits, version, failovers (u32), then model, decision, caller and source, each as
// length (u16) and bytes.
void EncodePin(const Pin& pin, std::string& out);
// False for bytes of another format or length; the texts are views into `value`.
bool DecodePin(std::string_view value, Pin& out);

}  // namespace mainstay::session
