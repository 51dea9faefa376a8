#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace mainstay::io {

class TimerQueue;

inline constexpr MonoTime kNever = MonoTime::max();

// A deadline that is moved far more often than it is reached. Setting it later is one store: the
// queue keeps the earlier entry and looks at the real deadline when that entry comes up.
//
// Lives on the thread of its queue and is destroyed before the queue.
class Timer {
 public:
  explicit Timer(TimerQueue& queue) : queue_(queue) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  inline void Set(MonoTime deadline);
  void Clear() { deadline_ = kNever; }
  MonoTime deadline() const { return deadline_; }

 protected:
  virtual ~Timer();
  // The deadline has passed. The timer is clear; it may be set again or be destroyed inside.
  virtual void OnDeadline() = 0;

 private:
  friend class TimerQueue;
  static constexpr size_t kNotQueued = SIZE_MAX;

  TimerQueue& queue_;
  MonoTime deadline_ = kNever;
  MonoTime queued_at_ = kNever;
  size_t position_ = kNotQueued;
};

// The timers of one loop, a binary heap by the time at which each has to be looked at.
class TimerQueue final {
 public:
  // The earliest time at which a timer may be due; kNever when none is set. Entries whose timer
  // was moved or cleared are put right on the way.
  MonoTime Next();

  // Runs every timer whose deadline is not after `now`. Gives the number that ran. Timers that set
  // themselves to the past inside get their turn in a later call, so that a call always ends.
  int64_t RunDue(MonoTime now);

 private:
  friend class Timer;

  void Schedule(Timer& timer);
  void Remove(Timer& timer);
  void Settle();  // the top entry is a real deadline afterwards, or the heap is empty
  void Place(size_t position, Timer* timer);
  void Up(size_t position);
  void Down(size_t position);

  std::vector<Timer*> heap_;
};

inline void Timer::Set(MonoTime deadline) {
  deadline_ = deadline;
  if (deadline < queued_at_) {
    queue_.Schedule(*this);
  }
}

}  // namespace mainstay::io
