#pragma once

#include <chrono>
#include <cstdint>

namespace mainstay::session {

// How conversations are recognised by their messages (spec 01 `session`, 03 §2).
struct ContinuityOptions {
  bool enabled = true;
  bool fuzzy_matching = true;  // whether the inside of a history may do when its beginning differs
  std::chrono::milliseconds age_max{604'800'000};  // after its last use it is forgotten
  int64_t fingerprint_message_count = 5;           // newest messages whose runs can be found again
  bool client_key_includes_ip = true;  // the address helps to choose among equal matches
  int64_t conversations_max = 1'000'000;
  int64_t run_min = 2;  // messages of a run that is to be found again
  std::chrono::milliseconds retry_window{120'000};
};

}  // namespace mainstay::session
