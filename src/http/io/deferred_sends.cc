#include "http/io/deferred_sends.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "http/io/epoll_loop.h"
#include "http/io/tcp_stream.h"

namespace mainstay::io {

// What is left to send of a connection that its owner has closed.
class DeferredSends::Rest final : public Pollable, private Timer {
 public:
  Rest(DeferredSends& owner, int fd, Buffer bytes)
      : Timer(owner.loop_.timers()), owner_(owner), fd_(fd), bytes_(std::move(bytes)) {
    // A new interest reports what is possible already: no edge is missed.
    owner_.loop_.Modify(fd_, EPOLLOUT | EPOLLET, *this);
    Timer::Set(owner_.loop_.now() + kRestTime);
  }
  ~Rest() {
    owner_.loop_.Forget(*this);
    if (Send() == IoStatus::kWouldBlock) {
      SetResetOnClose(fd_);
    }
    ::close(fd_);
  }

  void OnEvents(uint32_t) override {
    if (Send() != IoStatus::kWouldBlock) {
      owner_.Forget(*this);
    }
  }

 private:
  // kWouldBlock: not all of it.
  IoStatus Send() {
    while (!bytes_.empty()) {
      const iovec piece{.iov_base = bytes_.data(), .iov_len = bytes_.size()};
      const IoResult sent = SendPieces(fd_, &piece, 1);
      if (sent.status != IoStatus::kOk) {
        return sent.status;
      }
      bytes_.Consume(sent.bytes);
    }
    return IoStatus::kOk;
  }

  void OnDeadline() override { owner_.Forget(*this); }

  DeferredSends& owner_;
  const int fd_;
  Buffer bytes_;
};

DeferredSends::DeferredSends(EpollLoop& loop) : loop_(loop) {}

DeferredSends::~DeferredSends() = default;

void DeferredSends::FlushAll() {
  // By index, because the list grows while a stream that broke resumes its owner.
  size_t next = 0;
  while (next < streams_.size()) {
    if (TcpStream* const stream = std::exchange(streams_[next++], nullptr)) {
      stream->SendQueued();
    }
  }
  streams_.clear();
  bytes_ = 0;
}

void DeferredSends::AdoptRest(int fd, Buffer bytes) {
  if (rests_.size() < kRestsMax) {
    rests_.push_back(std::make_unique<Rest>(*this, fd, std::move(bytes)));
    return;
  }
  SetResetOnClose(fd);
  ::close(fd);
}

void DeferredSends::DropRests() {
  rests_.clear();
}

void DeferredSends::Forget(const Rest& rest) {
  std::erase_if(rests_, [&](const auto& one) { return one.get() == &rest; });
}

}  // namespace mainstay::io
