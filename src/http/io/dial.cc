#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "http/io/epoll_loop.h"
#include "http/io/resolver.h"
#include "http/io/socket_address.h"
#include "http/io/tls.h"

namespace mainstay::io {
namespace {

// RFC 8305, section 5: how long an attempt has the field to itself.
constexpr std::chrono::milliseconds kAttemptDelay{250};

// Alternates the families, beginning with that of the first address (RFC 8305, section 4): one
// family that leads nowhere then costs one delay, not one per address.
std::vector<SocketAddress> Interleaved(const std::vector<SocketAddress>& addresses, uint16_t port) {
  std::vector<SocketAddress> first;
  std::vector<SocketAddress> second;
  for (SocketAddress address : addresses) {
    if (address.storage.ss_family == AF_INET6) {
      reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port = htons(port);
    } else {
      reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(port);
    }
    const bool leading = address.storage.ss_family == addresses.front().storage.ss_family;
    (leading ? first : second).push_back(address);
  }
  std::vector<SocketAddress> ordered;
  for (size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) {
      ordered.push_back(first[i]);
    }
    if (i < second.size()) {
      ordered.push_back(second[i]);
    }
  }
  return ordered;
}

// What became of all attempts together.
struct Connected {
  int fd = -1;  // the receiver owns it; -1: none
  DialError error = DialError::kRefused;
  std::string detail;
};

// Attempts to connect to the addresses of one peer, the later ones started while the earlier ones
// still try. The first that connects wins. To be awaited once.
class Race final : private Timer, private Cancellable {
 public:
  Race(EpollLoop& loop, std::vector<SocketAddress> addresses, MonoTime deadline, CancelScope& scope)
      : Timer(loop.timers()),
        loop_(loop),
        addresses_(std::move(addresses)),
        deadline_(deadline),
        scope_(scope) {
    attempts_.reserve(addresses_.size());
  }
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;
  ~Race() {
    LeaveScope();
    if (winner_ >= 0) {
      ::close(winner_);
    }
  }

  bool await_ready() {
    if (scope_.cancelled()) {
      error_ = DialError::kCancelled;
      return true;
    }
    if (loop_.now() >= deadline_) {
      error_ = DialError::kTimeout;
      return true;
    }
    return StartNext();
  }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    attached_ = true;
    scope_.Attach(*this);
    SetTimer();
  }
  Connected await_resume() {
    LeaveScope();
    const int fd = std::exchange(winner_, -1);
    return {.fd = fd, .error = error_, .detail = fd >= 0 ? "" : std::move(detail_)};
  }

 private:
  // One socket that connects.
  class Attempt final : public Pollable {
   public:
    Attempt(Race& race, int fd) : race_(race), fd_(fd) {
      race_.loop_.Register(fd_, EPOLLOUT | EPOLLET, *this);
    }
    ~Attempt() {
      race_.loop_.Forget(*this);
      if (fd_ >= 0) {
        ::close(fd_);
      }
    }
    void OnEvents(uint32_t) override {
      int error = 0;
      socklen_t size = sizeof error;
      if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
      }
      race_.OnAttempt(*this, error);
    }
    int TakeDescriptor() {
      race_.loop_.Unregister(fd_);
      return std::exchange(fd_, -1);
    }

   private:
    Race& race_;
    int fd_;
  };

  // Starts attempts until one is under way. True: the race is over.
  bool StartNext() {
    while (next_ < addresses_.size()) {
      const SocketAddress& address = addresses_[next_++];
      const int fd =
          ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (fd < 0) {
        NoteFailure("socket", errno);
        continue;
      }
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) {
        winner_ = fd;
        attempts_.clear();
        return true;
      }
      if (errno == EINPROGRESS) {
        // Registered only now: a socket that does not connect yet would report a hang-up.
        attempts_.push_back(std::make_unique<Attempt>(*this, fd));
        next_start_ = loop_.now() + kAttemptDelay;
        return false;
      }
      NoteFailure("connect", errno);
      ::close(fd);
    }
    return attempts_.empty();
  }

  void NoteFailure(std::string_view what, int error) {
    error_ = error == ETIMEDOUT ? DialError::kTimeout : DialError::kRefused;
    detail_ = std::string(what) + ": " + std::strerror(error);
  }

  void SetTimer() {
    Timer::Set(next_ < addresses_.size() ? std::min(deadline_, next_start_) : deadline_);
  }

  void OnAttempt(Attempt& attempt, int error) {
    if (error == 0) {
      winner_ = attempt.TakeDescriptor();
      Finish();
      return;
    }
    NoteFailure("connect", error);
    std::erase_if(attempts_, [&](const auto& one) { return one.get() == &attempt; });
    if (StartNext()) {
      Finish();
    } else {
      SetTimer();
    }
  }

  void OnDeadline() override {
    if (loop_.now() >= deadline_) {
      error_ = DialError::kTimeout;
      detail_ = "connect: timed out";
      Finish();
    } else if (StartNext()) {
      Finish();
    } else {
      SetTimer();
    }
  }

  void Cancel() override {
    error_ = DialError::kCancelled;
    Finish();
  }

  // The race is gone afterwards.
  void Finish() {
    Timer::Clear();
    attempts_.clear();
    std::exchange(waiter_, {}).resume();
  }

  void LeaveScope() {
    if (std::exchange(attached_, false)) {
      scope_.Detach();
    }
  }

  EpollLoop& loop_;
  const std::vector<SocketAddress> addresses_;
  const MonoTime deadline_;
  CancelScope& scope_;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  size_t next_ = 0;
  MonoTime next_start_ = kNever;
  std::coroutine_handle<> waiter_;
  bool attached_ = false;
  int winner_ = -1;
  DialError error_ = DialError::kRefused;
  std::string detail_;
};

DialError ToDialError(ResolveStatus status) {
  switch (status) {
    case ResolveStatus::kTimeout:
      return DialError::kTimeout;
    case ResolveStatus::kCancelled:
      return DialError::kCancelled;
    case ResolveStatus::kOk:
    case ResolveStatus::kNotFound:
    case ResolveStatus::kFailed:
      return DialError::kName;
  }
  return DialError::kName;
}

DialError ToDialError(IoStatus handshake) {
  if (handshake == IoStatus::kTimeout) {
    return DialError::kTimeout;
  }
  return handshake == IoStatus::kCancelled ? DialError::kCancelled : DialError::kTls;
}

}  // namespace

Task<DialResult> EpollLoop::Dial(const Peer& peer, MonoTime deadline, CancelScope& scope) {
  ResolveResult resolved = co_await resolver_->Resolve(peer.host, deadline, scope);
  if (resolved.status != ResolveStatus::kOk) {
    co_return DialResult{.stream = nullptr,
                         .error = ToDialError(resolved.status),
                         .detail = peer.host + ": " + resolved.detail};
  }
  Race race(*this, Interleaved(resolved.addresses, peer.port), deadline, scope);
  Connected connected = co_await race;
  if (connected.fd < 0) {
    co_return DialResult{
        .stream = nullptr, .error = connected.error, .detail = peer.host + ": " + connected.detail};
  }
  if (peer.tls == nullptr) {
    co_return DialResult{
        .stream = std::make_unique<TcpStream>(*this, connected.fd, TcpStream::Origin::kDialled),
        .error = DialError::kRefused,
        .detail = {}};
  }
  auto stream = std::make_unique<TlsStream>(*this, connected.fd, *peer.tls, peer.host);
  HandshakeResult handshake = co_await Handshake(*stream, deadline, scope);
  if (handshake.status != IoStatus::kOk) {
    co_return DialResult{.stream = nullptr,
                         .error = ToDialError(handshake.status),
                         .detail = peer.host + ": " + handshake.detail};
  }
  co_return DialResult{.stream = std::move(stream), .error = DialError::kRefused, .detail = {}};
}

}  // namespace mainstay::io
