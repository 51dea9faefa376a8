#pragma once

#include <chrono>
#include <cstdint>

namespace mainstay::session {

// What extends the life of a pin.
enum class TtlMode : uint8_t {
  kSliding,   // it ends so long after its last hit
  kAbsolute,  // it ends so long after it was made
};

// Which conversations are pinned.
enum class PinSessions : uint8_t {
  kExplicit,  // those that come with a session id
  kOff,
};

// How long sessions stay on their model, and how many of them (spec 01 `routing`, 05 §1).
struct PinOptions {
  PinSessions sessions = PinSessions::kExplicit;
  std::chrono::milliseconds ttl{600'000};
  int64_t entries_max = 10'000;
  TtlMode ttl_mode = TtlMode::kSliding;
  std::chrono::milliseconds age_max{0};  // cap on a pin's age, however often it is used; 0: none
  int64_t repin_after = 3;               // failovers in a row that move a pin; 0: none do
};

}  // namespace mainstay::session
