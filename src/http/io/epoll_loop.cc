#include "http/io/epoll_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "http/io/resolver.h"

namespace mainstay::io {

EpollLoop::Waker::Waker(EpollLoop& loop)
    : loop_(loop), fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  MS_CHECK(fd_ >= 0);
  loop_.Register(fd_, EPOLLIN | EPOLLET, *this);
}

EpollLoop::Waker::~Waker() {
  ::close(fd_);
}

void EpollLoop::Waker::Wake() const {
  const uint64_t one = 1;
  // A full counter means that a wake-up is pending already, which is all that is wanted.
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
}

void EpollLoop::Waker::OnEvents(uint32_t) {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
  loop_.RunPosted();
}

EpollLoop::EpollLoop() : EpollLoop(ResolverOptions{}) {}

EpollLoop::EpollLoop(const ResolverOptions& resolver_options)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  MS_CHECK(epoll_ >= 0);
  now_ = Precise();
  waker_ = std::make_unique<Waker>(*this);
  resolver_ = std::make_unique<Resolver>(*this, resolver_options);
}

EpollLoop::~EpollLoop() {
  resolver_.reset();
  waker_.reset();
  sends_.DropRests();
  ::close(epoll_);
}

void EpollLoop::Register(int fd, uint32_t events, Pollable& owner) {
  epoll_event event{.events = events, .data = {.ptr = &owner}};
  MS_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void EpollLoop::Modify(int fd, uint32_t events, Pollable& owner) {
  epoll_event event{.events = events, .data = {.ptr = &owner}};
  MS_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void EpollLoop::Unregister(int fd) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void EpollLoop::Forget(const Pollable& owner) {
  for (size_t i = event_index_; i < event_count_; ++i) {
    if (events_[i].data.ptr == &owner) {
      events_[i].data.ptr = nullptr;
    }
  }
}

int EpollLoop::TimeoutMs() {
  const MonoTime next = timers_.Next();
  if (next == kNever) {
    return -1;
  }
  // Not now_: a round that took long would put its own length on top of the next deadline.
  const MonoTime now = Precise();
  if (next <= now) {
    return 0;
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  return static_cast<int>(std::min<int64_t>(wait.count(), 3'600'000));
}

void EpollLoop::Run() {
  sends_.Begin();
  // Posts may have come before the first round.
  RunPosted();
  while (!stopped_.load(std::memory_order_acquire)) {
    // Before the time-out is asked for: a stream that breaks may set timers.
    sends_.Flush();
    const int count =
        ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), TimeoutMs());
    now_ = Precise();
    event_count_ = count > 0 ? static_cast<size_t>(count) : 0;
    for (event_index_ = 0; event_index_ < event_count_;) {
      const epoll_event event = events_[event_index_++];
      if (event.data.ptr != nullptr) {
        static_cast<Pollable*>(event.data.ptr)->OnEvents(event.events);
        if (sends_.full()) {
          sends_.Flush();
        }
      }
    }
    event_count_ = event_index_ = 0;
    timers_.RunDue(now_);
  }
  sends_.End();
  stopped_.store(false, std::memory_order_release);
}

void EpollLoop::Stop() {
  stopped_.store(true, std::memory_order_release);
  waker_->Wake();
}

void EpollLoop::Post(std::function<void()> function) {
  posted_.With([&](auto& posted) { posted.push_back(std::move(function)); });
  waker_->Wake();
}

void EpollLoop::RunPosted() {
  std::vector<std::function<void()>> ready;
  posted_.With([&](auto& posted) { ready.swap(posted); });
  for (const std::function<void()>& function : ready) {
    function();
  }
}

}  // namespace mainstay::io
