#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/keyed_hash.h"
#include "session/options.h"

namespace mainstay::session {

// What a record is about. The numbers are on the disk: none is ever changed or used again.
enum class RecordKind : uint8_t {
  kPin = 1,
  kConversation = 2,
  kBinding = 3,
  kPrior = 4,
  kAlias = 5,
};

// A keyed hash of what the record belongs to, never a raw id.
using RecordKey = std::array<uint8_t, 16>;

// The longest value that is kept. A longer one is not written, and counted as dropped.
inline constexpr size_t kRecordValueBytesMax = 16 << 20;

// What happened since the start, for the metrics. A memory store has nothing to report.
struct StoreStats {
  int64_t pending_records = 0;  // put and not on the disk yet
  int64_t commits = 0;          // transactions that ended well
  int64_t records_written = 0;  // in them; a key that was put twice between two commits is one
  int64_t failures = 0;         // transactions and loads that failed
  int64_t records_dropped = 0;  // lost to the disk: there was no room to let them wait any longer
  int64_t records_damaged = 0;  // passed over by Load, because their checksum was wrong
  // Whether the disk refused the newest transaction. It is tried again, and this turns false when
  // that goes well.
  bool degraded = false;
  std::string problem;  // of the newest failure, while degraded
};

// What the gateway keeps between two starts: an installation key, and records of a few kinds. With
// the memory engine, and when the disk cannot be used at the start, nothing outlives the process.
//
// Changes are written behind: Put and Erase remember the newest value of each key, and one thread
// of the store writes what has gathered, in one transaction for all, within
// StateOptions::flush_interval. After a kill of the process every transaction is there whole; after
// a crash of the machine the newest may be missing.
//
// At the limit: what waits for the disk takes at most 64 MiB (WriteBehindOptions). While the disk
// refuses writes, it is tried again with growing pauses of up to 5 s; when the limit is reached
// meanwhile, the records that have waited longest are given up and counted.
//
// Thread safety: all methods may be called from any thread. Blocking: only Load, Flush and the
// destructor wait for the disk.
class StateStore {
 public:
  // Writes what is pending, if the disk takes it at the first attempt, and closes the files.
  virtual ~StateStore() = default;

  // The engine that runs, which is not always the configured one.
  virtual Engine engine() const = 0;

  // Whether what is put can ever be loaded again. Where it cannot, nobody needs to encode it.
  virtual bool KeepsRecords() const { return true; }

  // The installation's random key: made by the first start, the same in every later one. With the
  // memory engine each start has its own.
  virtual const HashKey& install_key() const = 0;

  // Keeps this value for the key, in place of an earlier one. Copies it. Cannot fail: what cannot
  // be written is counted (stats).
  virtual void Put(RecordKind kind, const RecordKey& key, std::string_view value) = 0;

  // Forgets the key. One that is not there is no error.
  virtual void Erase(RecordKind kind, const RecordKey& key) = 0;

  // Gives every record of a kind that the disk holds, in no order: to be called at the start,
  // before the first Put. The value lives until the function returns; the function may call Put and
  // Erase. A damaged record is passed over and counted. When the file cannot be read to its end,
  // the rest is missing, and that is counted as a failure.
  using Visitor = std::function<void(const RecordKey& key, std::string_view value)>;
  virtual void Load(RecordKind kind, const Visitor& visit) = 0;

  // Waits until everything that was put before is on the disk, or until an attempt to write it has
  // failed. For the end of the process and for tests.
  virtual void Flush() = 0;

  virtual StoreStats stats() const = 0;
};

// How opening went, for the log and the metric.
struct OpenReport {
  Engine engine = Engine::kMemory;  // that runs
  // Whether something is missing that should be there: the disk, or what was on it.
  bool degraded = false;
  std::string reason;     // when degraded: what happened, what follows, and what to do
  std::string set_aside;  // where a damaged database was moved to, if one was
};

struct OpenedState {
  std::unique_ptr<StateStore> store;  // never null
  OpenReport report;
};

// Opens the state, or makes it: the directory with mode 0700, in it the database `state.db` with
// mode 0600. Never fails (spec 10):
//
//   the database is damaged      it is renamed to state.db.corrupt-<ms>, and a new one is made
//   it is of a later version     it is left alone, and memory takes its place
//   it is of an earlier version  it is brought up to date; earlier programs then leave it alone
//   directory or disk unusable   memory takes its place
//
// `now` names what is set aside. Waits for the disk; called at the start only.
OpenedState OpenStateStore(const StateOptions& options, WallTime now);

}  // namespace mainstay::session
