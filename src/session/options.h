#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace mainstay::session {

enum class Engine : uint8_t { kSqlite, kMemory };

// Where the gateway keeps what must survive a restart (spec 01, `state`).
struct StateOptions {
  Engine engine = Engine::kSqlite;
  std::string path = "./mainstay-data";  // a directory; made with mode 0700 when it is missing
  // From a change to the commit that holds it, at most, while the disk keeps up: what a kill may
  // cost. 0 commits as fast as the disk takes it.
  std::chrono::milliseconds flush_interval{20};
};

}  // namespace mainstay::session
