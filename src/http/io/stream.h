#pragma once

#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/check.h"
#include "http/io/timer.h"

namespace mainstay::io {

enum class IoStatus : uint8_t {
  kOk,
  kWouldBlock,  // nothing possible now: wait
  kEnd,         // the peer finished sending, orderly
  kReset,       // the connection broke
  kTimeout,     // the deadline of a wait passed
  kCancelled,   // Cancel was called
};

struct IoResult {
  IoStatus status = IoStatus::kOk;
  size_t bytes = 0;
};

// What a wait is for; a set of bits.
enum class Ready : uint8_t { kNone = 0, kRead = 1, kWrite = 2, kEither = 3 };
inline Ready operator|(Ready a, Ready b) {
  return static_cast<Ready>(static_cast<uint8_t>(a) | static_cast<uint8_t>(b));
}
inline Ready operator&(Ready a, Ready b) {
  return static_cast<Ready>(static_cast<uint8_t>(a) & static_cast<uint8_t>(b));
}
inline Ready operator-(Ready a, Ready b) {
  return static_cast<Ready>(static_cast<uint8_t>(a) & ~static_cast<uint8_t>(b));
}

// Something that a coroutine may be waiting in and that another event can break off.
class Cancellable {
 public:
  virtual void Cancel() = 0;

 protected:
  ~Cancellable() = default;
};

// Breaks off whatever one request is waiting for, when its client leaves. At most one operation is
// attached at a time, because a request does one thing at a time.
class CancelScope final {
 public:
  CancelScope() = default;
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

  // An operation attached too late is cancelled at once, so that no caller has to look first.
  void Attach(Cancellable& operation) {
    MS_CHECK(operation_ == nullptr);
    operation_ = &operation;
    if (cancelled_) {
      operation.Cancel();
    }
  }
  void Detach() { operation_ = nullptr; }

  // Idempotent. Resumes the waiting coroutine before it returns; the scope may be gone then.
  void Cancel() {
    if (!cancelled_) {
      cancelled_ = true;
      if (operation_ != nullptr) {
        operation_->Cancel();
      }
    }
  }
  bool cancelled() const { return cancelled_; }

 private:
  Cancellable* operation_ = nullptr;
  bool cancelled_ = false;
};

// Attaches an operation to a scope for a block.
class Attached final {
 public:
  Attached(CancelScope& scope, Cancellable& operation) : scope_(scope) { scope.Attach(operation); }
  ~Attached() { scope_.Detach(); }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

 private:
  CancelScope& scope_;
};

// Told once when the peer of a stream closes or breaks the connection while nobody waits on it. A
// waiting coroutine is resumed instead and sees it by itself; so does, with hung_up(), whoever sets
// a handler after the fact.
class HangUpHandler {
 public:
  // May destroy the stream.
  virtual void OnHangUp() = 0;

 protected:
  ~HangUpHandler() = default;
};

// One connection's bytes in both directions, plain or TLS or in memory. Try* never wait and report
// kWouldBlock; then `co_await stream.Wait(...)` suspends until the stream may be ready again.
// Readiness is remembered, so a wait for something already possible does not suspend.
//
// Threads: everything on the thread of its loop. At most one wait at a time.
class Stream : public Cancellable {
 public:
  explicit Stream(TimerQueue& timers) : timer_(timers, *this) {}
  virtual ~Stream() { MS_CHECK(!waiter_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Reads up to `size` bytes, which is not 0. kOk comes with at least one byte. kEnd and kReset are
  // final: they come again.
  virtual IoResult TryRead(char* into, size_t size) = 0;

  // Writes the pieces in order, as far as possible; fewer bytes than given is kOk as well. The next
  // call has to begin with the bytes that were not taken: TLS may have encrypted them already.
  //
  // Bytes that were taken leave before the loop sleeps, in order, and also when the stream is
  // destroyed right away. As ever, kOk does not say that they arrive: a failure that shows only
  // when they leave comes like one of the connection later on, as a hang-up and the kReset or kEnd
  // of the next read.
  virtual IoResult TryWrite(const iovec* pieces, size_t count) = 0;

  // Ends our direction, behind the bytes that were taken; the peer sees an orderly end. Reading
  // goes on. No bytes may follow.
  virtual void FinishWriting() = 0;

  // Breaks the connection when the stream is destroyed, instead of ending it orderly. Bytes that
  // were taken and have not left yet never will.
  virtual void ResetOnClose() = 0;

  // Bytes taken so far, as they go over the wire.
  virtual uint64_t SentBytes() const = 0;

  // Whether the peer's system acknowledged nothing of what was taken after SentBytes() was `mark`:
  // then the peer's program cannot have seen any of it, and it may be sent again elsewhere without
  // being done twice. To that end a yes settles it: bytes that have not left yet never will, and
  // the stream takes no more. Meant for a connection that broke; costs a system call.
  virtual bool AcknowledgedNothingAfter(uint64_t mark) = 0;

  // The peer's address for logs and limits, without the port: "127.0.0.1", "::1", "unix".
  virtual std::string PeerAddress() const = 0;

  class Waiting;
  // Gives kOk, kTimeout (deadline passed) or kCancelled. After kCancelled every wait gives it. kOk
  // is a hint: the next Try* may still give kWouldBlock.
  [[nodiscard]] inline Waiting Wait(Ready interest, MonoTime deadline);

  void Cancel() final;

  // Ends the wait that is going on, if any, as if its deadline had passed. Unlike Cancel it leaves
  // no mark: the stream works on.
  void Interrupt() {
    if (waiter_) {
      Resume(IoStatus::kTimeout);
    }
  }

  // The peer has closed its side or the connection broke; what it sent before may still be read.
  bool hung_up() const { return hung_up_; }
  bool ready(Ready interest) const { return (ready_ & interest) != Ready::kNone; }

  // `handler` may be null: nobody is told.
  void SetHangUpHandler(HangUpHandler* handler) { hang_up_handler_ = handler; }

 protected:
  // For the loop: marks what has become possible and resumes the coroutine that waits for it. The
  // stream may be gone afterwards.
  enum class HangUp : uint8_t { kNo, kYes };
  void OnReady(Ready ready, HangUp hang_up);

  void MarkNotReady(Ready what) { ready_ = ready_ - what; }
  void MarkReady(Ready what) { ready_ = ready_ | what; }

 private:
  class WaitTimer final : public Timer {
   public:
    WaitTimer(TimerQueue& queue, Stream& stream) : Timer(queue), stream_(stream) {}
    void OnDeadline() override { stream_.Resume(IoStatus::kTimeout); }

   private:
    Stream& stream_;
  };

  void Resume(IoStatus status);

  std::coroutine_handle<> waiter_;
  HangUpHandler* hang_up_handler_ = nullptr;
  WaitTimer timer_;
  Ready ready_ = Ready::kNone;
  Ready interest_ = Ready::kNone;
  IoStatus wait_status_ = IoStatus::kOk;
  bool hung_up_ = false;
  bool cancelled_ = false;
};

class Stream::Waiting final {
 public:
  Waiting(Stream& stream, Ready interest, MonoTime deadline)
      : stream_(stream), deadline_(deadline), interest_(interest) {}

  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  // A coroutine that is destroyed while it waits must not be resumed any more.
  ~Waiting() {
    if (suspended_) {
      stream_.timer_.Clear();
      stream_.interest_ = Ready::kNone;
      stream_.waiter_ = {};
    }
  }

  bool await_ready() const noexcept { return stream_.ready(interest_) || stream_.cancelled_; }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    MS_CHECK(!stream_.waiter_);
    stream_.waiter_ = waiter;
    stream_.interest_ = interest_;
    stream_.timer_.Set(deadline_);
    suspended_ = true;
  }
  IoStatus await_resume() noexcept {
    const bool suspended = std::exchange(suspended_, false);
    if (stream_.cancelled_) {
      return IoStatus::kCancelled;
    }
    return suspended ? stream_.wait_status_ : IoStatus::kOk;
  }

 private:
  Stream& stream_;
  MonoTime deadline_;
  Ready interest_;
  bool suspended_ = false;
};

inline Stream::Waiting Stream::Wait(Ready interest, MonoTime deadline) {
  return Waiting(*this, interest, deadline);
}

}  // namespace mainstay::io
