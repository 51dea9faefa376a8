#include "http/io/timer.h"

#include "base/check.h"

namespace mainstay::io {

Timer::~Timer() {
  if (position_ != kNotQueued) {
    queue_.Remove(*this);
  }
}

void TimerQueue::Place(size_t position, Timer* timer) {
  heap_[position] = timer;
  timer->position_ = position;
}

void TimerQueue::Up(size_t position) {
  Timer* timer = heap_[position];
  while (position > 0) {
    const size_t parent = (position - 1) / 2;
    if (heap_[parent]->queued_at_ <= timer->queued_at_) {
      break;
    }
    Place(position, heap_[parent]);
    position = parent;
  }
  Place(position, timer);
}

void TimerQueue::Down(size_t position) {
  Timer* timer = heap_[position];
  while (true) {
    size_t child = 2 * position + 1;
    if (child >= heap_.size()) {
      break;
    }
    if (child + 1 < heap_.size() && heap_[child + 1]->queued_at_ < heap_[child]->queued_at_) {
      ++child;
    }
    if (timer->queued_at_ <= heap_[child]->queued_at_) {
      break;
    }
    Place(position, heap_[child]);
    position = child;
  }
  Place(position, timer);
}

void TimerQueue::Schedule(Timer& timer) {
  timer.queued_at_ = timer.deadline_;
  if (timer.position_ == Timer::kNotQueued) {
    timer.position_ = heap_.size();
    heap_.push_back(&timer);
  }
  Up(timer.position_);
}

void TimerQueue::Remove(Timer& timer) {
  const size_t position = timer.position_;
  timer.position_ = Timer::kNotQueued;
  timer.queued_at_ = kNever;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last != &timer) {
    Place(position, last);
    Up(position);
    Down(last->position_);
  }
}

void TimerQueue::Settle() {
  while (!heap_.empty()) {
    Timer& top = *heap_.front();
    if (top.deadline_ == top.queued_at_) {
      return;
    }
    if (top.deadline_ == kNever) {
      Remove(top);
    } else {
      top.queued_at_ = top.deadline_;
      Down(0);
    }
  }
}

MonoTime TimerQueue::Next() {
  Settle();
  return heap_.empty() ? kNever : heap_.front()->queued_at_;
}

int64_t TimerQueue::RunDue(MonoTime now) {
  int64_t ran = 0;
  for (size_t left = heap_.size(); left > 0 && Next() <= now; --left) {
    Timer& due = *heap_.front();
    Remove(due);
    due.Clear();
    due.OnDeadline();
    ++ran;
  }
  return ran;
}

}  // namespace mainstay::io
