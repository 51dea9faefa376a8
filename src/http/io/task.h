#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

namespace mainstay::io {

// Memory for coroutine frames: free lists by size class, one set per thread. A request makes a
// handful of frames of the same few sizes, so nearly every allocation is a pop from a list.
class FramePool final {
 public:
  static void* Allocate(size_t bytes);
  static void Free(void* frame, size_t bytes);
};

template <typename T>
class Task;

namespace internal {

// Where a task that ended goes on. Compilers turn the transfer into a jump only when they optimise,
// and not under every sanitizer; therefore a task that ends without ever having been suspended
// returns to its caller instead, so that a loop over such tasks needs no stack in any build.
struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
    auto& promise = self.promise();
    if (promise.awaiter_suspended) {
      return promise.continuation;
    }
    promise.ended = true;
    return std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  bool awaiter_suspended = false;  // the one who awaits was left suspended: it has to be resumed
  bool ended = false;              // ended before the one who awaits had to be suspended

  static void* operator new(size_t bytes) { return FramePool::Allocate(bytes); }
  static void operator delete(void* frame, size_t bytes) { FramePool::Free(frame, bytes); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  // Exceptions do not cross our borders; one that does is a programmer's error.
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

template <typename T>
struct Promise final : PromiseBase {
  std::optional<T> value;

  Task<T> get_return_object();
  template <typename U = T>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() { return std::move(*value); }
};

template <>
struct Promise<void> final : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void Take() const noexcept {}
};

}  // namespace internal

// A coroutine that starts when it is awaited and gives its result to the one who awaits it.
// Destroying a task that is suspended destroys its frame and, through it, everything it waits for.
template <typename T = void>
class [[nodiscard]] Task final {
 public:
  using promise_type = internal::Promise<T>;

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      Destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { Destroy(); }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) noexcept {
    const std::coroutine_handle<promise_type> handle = handle_;
    handle.promise().continuation = waiting;
    handle.resume();
    if (handle.promise().ended) {
      return false;
    }
    handle.promise().awaiter_suspended = true;
    return true;
  }
  T await_resume() { return handle_.promise().Take(); }

 private:
  void Destroy() {
    if (handle_) {
      handle_.destroy();
    }
  }

  std::coroutine_handle<promise_type> handle_;
};

namespace internal {

template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}

inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// The outermost frame of a spawned task: starts at once and frees itself at its end.
struct Detached final {
  struct promise_type final {
    static void* operator new(size_t bytes) { return FramePool::Allocate(bytes); }
    static void operator delete(void* frame, size_t bytes) { FramePool::Free(frame, bytes); }
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

inline Detached RunDetached(Task<void> task) {
  co_await task;
}

}  // namespace internal

// Starts a task that nobody waits for. It runs until its first suspension before Spawn returns.
inline void Spawn(Task<void> task) {
  internal::RunDetached(std::move(task));
}

}  // namespace mainstay::io
