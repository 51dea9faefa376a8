#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "session/sqlite_database.h"
#include "session/state_store.h"

namespace mainstay::session {

struct SqliteStore {
  OpenResult result = OpenResult::kUnusable;
  std::unique_ptr<StateStore> store;  // with kOpened
  std::string problem;                // otherwise
};

// Opens the database in this file, or makes it. It is checked as a whole first, so that damage
// shows now and not in the middle of a request. The directory must exist.
SqliteStore OpenSqliteStore(const std::string& file, std::chrono::milliseconds flush_interval);

}  // namespace mainstay::session
