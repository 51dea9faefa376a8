#pragma once

#include <mutex>
#include <utility>

namespace mainstay {

// A value with its lock. The only way to the value is With, which runs a function on it under the
// lock. Inside: no I/O, no second lock, no calls to code that could come back here.
template <typename T>
class Guarded final {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  template <typename Function>
  decltype(auto) With(Function&& function) {
    std::lock_guard lock(mutex_);
    return std::forward<Function>(function)(value_);
  }
  template <typename Function>
  decltype(auto) With(Function&& function) const {
    std::lock_guard lock(mutex_);
    return std::forward<Function>(function)(std::as_const(value_));
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace mainstay
