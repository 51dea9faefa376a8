#pragma once

#include <memory>

#include "session/state_store.h"

namespace mainstay::session {

// A store that touches no file and keeps no record. Its key is fresh.
std::unique_ptr<StateStore> MakeMemoryStore();

}  // namespace mainstay::session
