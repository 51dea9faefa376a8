#pragma once

#include <coroutine>
#include <memory>
#include <utility>

#include "http/io/loop.h"
#include "session/flight.h"

namespace mainstay::gateway {

// A place in a flight from a coroutine's point of view (session/flight.h).
//
//   FlightWait wait(loop, flight, scope);
//   while (wait.Join() == Flight::Role::kWaits) {
//     if (co_await wait != io::IoStatus::kOk) { ... the client left ... }
//   }
//
// Threads: that of the loop; whoever decides may be on another one.
class FlightWait final : private session::FlightWaiter, private io::Cancellable {
 public:
  FlightWait(io::Loop& loop, session::Flight& flight, io::CancelScope& scope)
      : loop_(loop), flight_(flight), scope_(scope), alive_(std::make_shared<FlightWait*>(this)) {}
  FlightWait(const FlightWait&) = delete;
  FlightWait& operator=(const FlightWait&) = delete;
  ~FlightWait() {
    flight_.Forget(*this);
    *alive_ = nullptr;
    if (waiter_) {
      scope_.Detach();
    }
  }

  session::Flight::Role Join() {
    told_ = false;
    return flight_.Join(*this);
  }

  bool await_ready() const noexcept { return told_ || scope_.cancelled(); }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    scope_.Attach(*this);
  }
  io::IoStatus await_resume() {
    flight_.Forget(*this);
    return scope_.cancelled() ? io::IoStatus::kCancelled : io::IoStatus::kOk;
  }

 private:
  // On any thread, and never after Forget; what it posts may come after that.
  void OnFlight() override {
    loop_.Post([alive = alive_] {
      if (*alive != nullptr) {
        (*alive)->Tell();
      }
    });
  }
  void Cancel() override { Resume(); }

  void Tell() {
    told_ = true;
    if (waiter_) {
      Resume();
    }
  }
  void Resume() {
    scope_.Detach();
    std::exchange(waiter_, {}).resume();
  }

  io::Loop& loop_;
  session::Flight& flight_;
  io::CancelScope& scope_;
  const std::shared_ptr<FlightWait*> alive_;
  std::coroutine_handle<> waiter_;
  bool told_ = false;
};

}  // namespace mainstay::gateway
