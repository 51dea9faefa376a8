#pragma once

#include <atomic>
#include <chrono>

namespace mainstay {

// Policy time: what every TTL, cooldown, limit and idle rule sees, and what replay records.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// Socket time: time-outs, drain, latency measurements. Never faked, except by the in-memory loop.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

// The source of policy time. In real mode it is the system clock. In test mode (--test-clock) it
// stands still at the moment of construction and moves by Advance alone (spec 11.9).
//
// Thread safety: all methods may be called from any thread.
class PolicyClock final {
 public:
  enum class Mode { kReal, kTest };

  explicit PolicyClock(Mode mode);

  Mode mode() const { return mode_; }
  WallTime Now() const;

  // Moves a test clock forward. In real mode this ends the process: the caller must have refused.
  void Advance(std::chrono::milliseconds by);

 private:
  const Mode mode_;
  std::atomic<int64_t> test_ms_;
};

}  // namespace mainstay
