#include "base/clock.h"

#include "base/check.h"

namespace mainstay {
namespace {

WallTime SystemNow() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace

PolicyClock::PolicyClock(Mode mode)
    : mode_(mode), test_ms_(SystemNow().time_since_epoch().count()) {}

WallTime PolicyClock::Now() const {
  if (mode_ == Mode::kReal) {
    return SystemNow();
  }
  return WallTime(std::chrono::milliseconds(test_ms_.load(std::memory_order_relaxed)));
}

void PolicyClock::Advance(std::chrono::milliseconds by) {
  MS_CHECK(mode_ == Mode::kTest);
  MS_CHECK(by.count() >= 0);
  test_ms_.fetch_add(by.count(), std::memory_order_relaxed);
}

}  // namespace mainstay
