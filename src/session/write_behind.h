#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/flat_map.h"
#include "session/state_store.h"

namespace mainstay::session {

// The newest change of one key.
struct PendingRecord {
  RecordKind kind = RecordKind::kPin;
  RecordKey key{};
  std::optional<std::string> value;  // nothing: the record is erased
};

// Where records end up. Called by the thread of the WriteBehind alone.
class RecordSink {
 public:
  virtual ~RecordSink() = default;

  // Writes all of them as one, or none. The keys differ from each other. Returns nothing when it is
  // done, and what went wrong otherwise; then the same records come again.
  virtual std::optional<std::string> Write(std::span<const PendingRecord* const> records) = 0;

  // Whether records of this kind are to come in the order of their keys.
  virtual bool WantsOrder(RecordKind) const { return true; }
};

struct WriteBehindOptions {
  std::chrono::milliseconds flush_interval{20};
  // Of what has gathered; of what is being written there is at most as much again. A record counts
  // as its value and kRecordOverheadBytes. The half of 64 MiB is about 180,000 pins.
  size_t gathered_bytes_max = 32 << 20;
  // So many are written without gathering more: a larger group would only take longer.
  size_t gathered_records_enough = 1'024;
  // Pauses between two attempts while the sink fails: the first one, and what doubling leads to.
  std::chrono::milliseconds retry_first{100};
  std::chrono::milliseconds retry_max{5'000};
};

// A record's key, its slot in the table and its places in the queue, rounded up.
inline constexpr size_t kRecordOverheadBytes = 96;

// Gathers changes and hands them to a sink in groups, on a thread of its own that sleeps while
// there is nothing to write.
//
// Half of the flush interval is for gathering, the other half for writing: a change is taken by the
// end of the first half, unless the group before it is still being written. A group is written in
// transactions of limited size, sorted by key where the sink wants it, because neighbours share
// pages of the database.
//
// Thread safety: all methods but the destructor may be called from any thread. Blocking: Put holds
// a lock for one insertion into a table; Flush and the destructor wait for the sink.
class WriteBehind final {
 public:
  // `sink` outlives this. Throws std::system_error when there is no thread to be had.
  WriteBehind(RecordSink& sink, const WriteBehindOptions& options);
  // Makes one more attempt to write what is left. What the sink then refuses is dropped.
  ~WriteBehind();
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;

  // In place of an earlier change of the same key that was not taken yet.
  void Put(PendingRecord record);

  // Waits until what was put before has been written or an attempt has failed. Makes one at once.
  void Flush();

  // Without records_damaged, which is no business of writing.
  StoreStats stats() const;

 private:
  struct Id {
    RecordKind kind;
    RecordKey key;
    friend bool operator==(const Id&, const Id&) = default;
  };
  struct IdHash {
    using is_avalanching = void;  // the key is a keyed hash already
    size_t operator()(const Id& id) const;
  };
  // Changes in the order in which their keys came, and where each key is: its place counted from
  // the first record that this group ever had.
  struct Group {
    std::deque<PendingRecord> records;
    FlatMap<Id, uint64_t, IdHash> places;
    uint64_t given_up = 0;  // records that are gone from the front
    size_t bytes = 0;
  };

  void Run();
  void Take();
  // Whether somebody waits for what has not been written yet.
  bool IsAwaited() const { return stopping_ || flush_target_ > finished_; }
  bool HasEnough() const { return gathered_.records.size() >= options_.gathered_records_enough; }
  bool WriteTaken(std::unique_lock<std::mutex>& lock);
  void WriteWithRetries(std::unique_lock<std::mutex>& lock);
  std::span<const PendingRecord* const> NextTransaction() const;
  void GiveUpOldest();
  void GiveUpTaken();

  RecordSink& sink_;
  const WriteBehindOptions options_;

  // A condition variable needs the lock itself, so this is no Guarded.
  mutable std::mutex mutex_;
  std::condition_variable wake_;          // the writer waits for it
  std::condition_variable finished_one_;  // Flush waits for it
  Group gathered_;
  StoreStats stats_;
  int64_t taken_left_ = 0;  // records of the taken group that are not written
  // Groups are numbered from 1 in the order in which they are taken.
  int64_t taken_number_ = 0;
  int64_t finished_ = 0;
  int64_t flush_target_ = 0;  // up to this one somebody is waiting
  bool is_asleep_ = false;    // the writer, until something comes
  bool stopping_ = false;

  // Of the writer alone, without the lock.
  Group taken_;
  std::vector<const PendingRecord*> taken_order_;
  size_t taken_written_ = 0;  // of taken_order_

  std::thread writer_;  // last: it uses all of the above
};

}  // namespace mainstay::session
