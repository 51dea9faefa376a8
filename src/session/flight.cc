#include "session/flight.h"

#include <utility>

namespace mainstay::session {

Flight::Role Flight::Join(FlightWaiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (decided_) {
    return Role::kFollows;
  }
  if (!std::exchange(led_, true)) {
    return Role::kLeads;
  }
  waiters_.push_back(&waiter);
  return Role::kWaits;
}

void Flight::Forget(FlightWaiter& waiter) {
  const std::lock_guard lock(mutex_);
  std::erase(waiters_, &waiter);
}

void Flight::Publish(const Decided& decided) {
  const std::lock_guard lock(mutex_);
  decided_ = decided;
  Wake();
}

void Flight::Abandon() {
  const std::lock_guard lock(mutex_);
  if (!decided_) {
    led_ = false;
    Wake();
  }
}

Decided Flight::decided() const {
  const std::lock_guard lock(mutex_);
  return decided_.value_or(Decided{});
}

void Flight::Revoke() {
  const std::lock_guard lock(mutex_);
  revoked_ = true;
}

bool Flight::revoked() const {
  const std::lock_guard lock(mutex_);
  return revoked_;
}

// Under the lock, so that Forget can promise that no call comes after it.
void Flight::Wake() {
  for (FlightWaiter* const waiter : std::exchange(waiters_, {})) {
    waiter->OnFlight();
  }
}

}  // namespace mainstay::session
