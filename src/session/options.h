#pragma once

#include <cstdint>
#include <string>

namespace mainstay::session {

enum class Engine : uint8_t { kSqlite, kMemory };

// Where the gateway keeps what must survive a restart (spec 01, `state`).
struct StateOptions {
  Engine engine = Engine::kSqlite;
  std::string path = "./mainstay-data";  // a directory; made with mode 0700 when it is missing
};

}  // namespace mainstay::session
