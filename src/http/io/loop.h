#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "http/io/buffer.h"
#include "http/io/stream.h"
#include "http/io/task.h"
#include "http/io/timer.h"
#include "http/url.h"

namespace mainstay::io {

class TlsClientContext;
class TlsServerContext;

// Takes the connections of a listener. Called on the loop's thread.
class AcceptHandler {
 public:
  // Must not destroy the listener.
  virtual void OnAccept(std::unique_ptr<Stream> stream) = 0;

 protected:
  ~AcceptHandler() = default;
};

// A listening socket. Destroying it first hands over what the system had already queued, because
// closing a SO_REUSEPORT listener would reset those connections.
class Listener {
 public:
  virtual ~Listener() = default;
  // The port that was bound; 0 for a unix socket.
  virtual uint16_t port() const = 0;
};

// Where to connect to.
struct Peer {
  std::string host;  // name, IPv4 or IPv6 without brackets
  uint16_t port = 0;
  const TlsClientContext* tls = nullptr;  // null: plain TCP; outlives the dial
};

enum class DialError : uint8_t { kName, kRefused, kTimeout, kTls, kCancelled };

struct DialResult {
  std::unique_ptr<Stream> stream;  // null when it failed
  DialError error = DialError::kRefused;
  std::string detail;  // for logs: what failed, without secrets
};

// One thread's world of events: streams, listeners, timers and functions posted from elsewhere.
// Two implementations: EpollLoop on the system, MemoryLoop in one process with virtual time.
//
// Threads: Post and Stop from anywhere; everything else on the thread that runs the loop.
class Loop {
 public:
  virtual ~Loop() = default;

  // Socket time as of the current round of events: cheap, and the same for all that a round does.
  MonoTime now() const { return now_; }
  // Socket time now; for latency measurements within a round.
  virtual MonoTime Precise() const = 0;

  // Connections to `address` go to `handler`; with `tls`, which may be null and outlives the
  // listener and its streams, they speak TLS. The handler gets a stream at once: the handshake runs
  // inside its first reads and writes, and its time counts against their deadlines.
  //
  // Errors: kInternal with the address and the system's reason.
  virtual Result<std::unique_ptr<Listener>> Listen(const http::ListenAddress& address,
                                                   AcceptHandler& handler,
                                                   const TlsServerContext* tls) = 0;
  Result<std::unique_ptr<Listener>> Listen(const http::ListenAddress& address,
                                           AcceptHandler& handler) {
    return Listen(address, handler, nullptr);
  }

  // Looks the name up, connects, and shakes hands when the peer wants TLS; all of it before the
  // deadline. `scope` may break it off. `peer` is read until the end.
  virtual Task<DialResult> Dial(const Peer& peer, MonoTime deadline, CancelScope& scope) = 0;

  // Runs until Stop; a Stop that came before ends it at once. Destroys nothing: streams and
  // listeners belong to their owners.
  virtual void Run() = 0;
  // The loop must live until Stop and Post have returned.
  virtual void Stop() = 0;
  // Runs the function in a later round, in the order of the posts. What is posted after the last
  // round is destroyed with the loop without having run.
  virtual void Post(std::function<void()> function) = 0;

  TimerQueue& timers() { return timers_; }
  BufferPool& buffers() { return buffers_; }

  class Sleeping;
  // co_await loop.Sleep(duration, scope): kOk after the time, kCancelled when broken off.
  [[nodiscard]] inline Sleeping Sleep(std::chrono::nanoseconds duration, CancelScope& scope);

 protected:
  MonoTime now_{};
  TimerQueue timers_;
  BufferPool buffers_;
};

class Loop::Sleeping final : private Timer, private Cancellable {
 public:
  Sleeping(Loop& loop, MonoTime until, CancelScope& scope)
      : Timer(loop.timers()), until_(until), scope_(scope) {}
  Sleeping(const Sleeping&) = delete;
  Sleeping& operator=(const Sleeping&) = delete;
  ~Sleeping() { LeaveScope(); }

  bool await_ready() const noexcept { return scope_.cancelled(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    attached_ = true;
    scope_.Attach(*this);
    Timer::Set(until_);
  }
  IoStatus await_resume() noexcept {
    LeaveScope();
    return scope_.cancelled() ? IoStatus::kCancelled : IoStatus::kOk;
  }

 private:
  void LeaveScope() {
    if (std::exchange(attached_, false)) {
      scope_.Detach();
    }
  }
  void OnDeadline() override { std::exchange(waiter_, {}).resume(); }
  void Cancel() override {
    if (waiter_) {
      Timer::Clear();
      std::exchange(waiter_, {}).resume();
    }
  }

  MonoTime until_;
  CancelScope& scope_;
  std::coroutine_handle<> waiter_;
  bool attached_ = false;
};

inline Loop::Sleeping Loop::Sleep(std::chrono::nanoseconds duration, CancelScope& scope) {
  return Sleeping(*this, now() + duration, scope);
}

}  // namespace mainstay::io
