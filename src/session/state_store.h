#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/keyed_hash.h"
#include "session/options.h"

namespace mainstay::session {

// What the gateway keeps between two starts. With the memory engine, and when the disk cannot be
// used, it is kept until the process ends.
//
// Thread safety: all methods may be called from any thread. Blocking: none of them waits for the
// disk.
class StateStore {
 public:
  virtual ~StateStore() = default;

  // The engine that runs, which is not always the configured one.
  virtual Engine engine() const = 0;

  // The installation's random key: made by the first start, the same in every later one. With the
  // memory engine each start has its own.
  virtual const HashKey& install_key() const = 0;
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
//   directory or disk unusable   memory takes its place
//
// `now` names what is set aside. Waits for the disk; called at the start only.
OpenedState OpenStateStore(const StateOptions& options, WallTime now);

}  // namespace mainstay::session
