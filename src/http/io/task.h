#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "http/io/poison.h"

namespace mainstay::io {

// Memory for coroutine frames: free lists by size class, one set per thread. A request makes a
// handful of frames of the same few sizes, so nearly every allocation is a pop from a list.
class FramePool final {
 public:
  static void* Allocate(size_t bytes) {
    const size_t index = ClassOf(bytes);
    if (index < kClasses) {
      if (FreeFrame* const frame = lists_.head[index]) {
        Unpoison(frame, ClassBytes(index));
        lists_.head[index] = frame->next;
        ++lists_.room[index];
        return frame;
      }
    }
    return AllocateFresh(bytes);
  }

  static void Free(void* frame, size_t bytes) {
    const size_t index = ClassOf(bytes);
    if (index >= kClasses || lists_.room[index] == 0) {
      ::operator delete(frame);
      return;
    }
    auto* const free = new (frame) FreeFrame{lists_.head[index]};
    lists_.head[index] = free;
    --lists_.room[index];
    // All but the link.
    Poison(free + 1, ClassBytes(index) - sizeof *free);
  }

 private:
  static constexpr size_t kGrain = 128;
  static constexpr size_t kClasses = 32;  // frames up to 4 KiB are pooled, larger ones are not

  struct FreeFrame {
    FreeFrame* next;
  };
  // All zero until the thread's first allocation, so that looking at it needs no guard.
  struct Lists {
    std::array<FreeFrame*, kClasses> head{};
    std::array<uint32_t, kClasses> room{};  // how many more frames may be kept
  };
  struct Owner;

  static constexpr size_t ClassOf(size_t bytes) { return (bytes - 1) / kGrain; }
  static constexpr size_t ClassBytes(size_t index) { return (index + 1) * kGrain; }
  static void* AllocateFresh(size_t bytes);

  static constinit thread_local Lists lists_;
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
