#pragma once

#include <cstdint>

namespace mainstay::observe {

// What the operating system says of this process. What it does not say is 0.
struct ProcessStats {
  uint64_t resident_bytes = 0;
  uint64_t cpu_nanos = 0;  // user and system, all threads
  uint64_t open_fds = 0;
  double started_seconds = 0;  // since the epoch
};

// Reads /proc; some 50 us. Any thread.
ProcessStats ReadProcessStats();

}  // namespace mainstay::observe
