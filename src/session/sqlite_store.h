#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "session/state_store.h"

namespace mainstay::session {

// What opening a database came to. The difference is what has to follow.
enum class OpenResult : uint8_t {
  kOpened,
  kDamaged,   // what is in the file makes no sense: set it aside
  kTooNew,    // a later version wrote it: leave it alone
  kUnusable,  // the file cannot be used, whatever is in it: rights, space, locks, hardware
};

struct SqliteStore {
  OpenResult result = OpenResult::kUnusable;
  std::unique_ptr<StateStore> store;  // with kOpened
  std::string problem;                // otherwise
};

// Opens the database in this file, or makes it. It is checked as a whole first, so that damage
// shows now and not in the middle of a request. The directory must exist.
SqliteStore OpenSqliteStore(const std::string& file);

}  // namespace mainstay::session
