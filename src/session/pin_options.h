#pragma once

#include <algorithm>
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
  kAll,       // also those that are only known by their messages
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

// A pin that nobody uses any more is valid until this moment, not at it (spec 05 §1.4). Times since
// 1970; `own_ttl` above 0 counts from `since`, whatever the rules say.
inline std::chrono::milliseconds PinEnd(std::chrono::milliseconds since,
                                        std::chrono::milliseconds last_used,
                                        std::chrono::milliseconds own_ttl,
                                        const PinOptions& rules) {
  const bool own = own_ttl.count() > 0;
  const bool sliding = rules.ttl_mode == TtlMode::kSliding && !own;
  const std::chrono::milliseconds end = (sliding ? last_used : since) + (own ? own_ttl : rules.ttl);
  return rules.age_max.count() > 0 ? std::min(end, since + rules.age_max) : end;
}

}  // namespace mainstay::session
