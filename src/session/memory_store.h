#pragma once

#include <memory>

#include "session/state_store.h"

namespace mainstay::session {

// A store that forgets when the process ends and touches no file. Its key is fresh.
std::unique_ptr<StateStore> MakeMemoryStore();

}  // namespace mainstay::session
