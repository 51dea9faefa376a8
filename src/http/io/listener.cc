#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "http/io/epoll_loop.h"
#include "http/io/socket_address.h"
#include "http/io/tls.h"

namespace mainstay::io {
namespace {

constexpr int kBacklog = 1024;
// Connections taken per event, so that a flood does not keep running requests waiting.
constexpr int kAcceptsPerRound = 64;
// How long to leave the queue alone when the process has no descriptors left.
constexpr std::chrono::milliseconds kDescriptorPause{100};

class EpollListener final : public Listener, public Pollable, private Timer {
 public:
  EpollListener(EpollLoop& loop, int fd, AcceptHandler& handler, const TlsServerContext* tls,
                std::string unix_path)
      : Timer(loop.timers()),
        loop_(loop),
        fd_(fd),
        handler_(handler),
        tls_(tls),
        unix_path_(std::move(unix_path)) {
    // Level-triggered: what is left after a round's share comes up again in the next round.
    loop_.Register(fd_, EPOLLIN, *this);
  }

  ~EpollListener() {
    // What arrives while this runs is served as well, up to a point: a flood must not keep us here.
    for (int i = 0; i < 2 * kBacklog && AcceptOne(); ++i) {
    }
    loop_.Forget(*this);
    ::close(fd_);
    if (!unix_path_.empty()) {
      ::unlink(unix_path_.c_str());
    }
  }

  uint16_t port() const override {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    if (address.ss_family == AF_INET) {
      return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
    }
    if (address.ss_family == AF_INET6) {
      return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
    }
    return 0;
  }

  void OnEvents(uint32_t) override {
    for (int i = 0; i < kAcceptsPerRound && AcceptOne(); ++i) {
    }
  }

 private:
  bool AcceptOne() {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        loop_.Modify(fd_, 0, *this);
        Timer::Set(loop_.now() + kDescriptorPause);
      }
      return errno == ECONNABORTED || errno == EINTR;
    }
    if (unix_path_.empty()) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (tls_ != nullptr) {
      handler_.OnAccept(std::make_unique<TlsStream>(loop_, fd, *tls_));
    } else {
      handler_.OnAccept(std::make_unique<TcpStream>(loop_, fd, TcpStream::Origin::kAccepted));
    }
    return true;
  }

  void OnDeadline() override { loop_.Modify(fd_, EPOLLIN, *this); }

  EpollLoop& loop_;
  const int fd_;
  AcceptHandler& handler_;
  const TlsServerContext* tls_;
  const std::string unix_path_;
};

Error ListenError(const http::ListenAddress& address, std::string_view what) {
  return {.kind = ErrorKind::kInternal,
          .message = "cannot listen on " + address.ToString() + ": " + std::string(what) + ": " +
                     std::strerror(errno)};
}

// A socket file that nobody answers on is left over from a process that was killed.
void RemoveStaleSocket(const sockaddr_un& address) {
  // Non-blocking, because a live server whose queue is full would keep us waiting.
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) {
    return;
  }
  if (::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == ECONNREFUSED) {
    ::unlink(address.sun_path);
  }
  ::close(probe);
}

}  // namespace

Result<std::unique_ptr<Listener>> EpollLoop::Listen(const http::ListenAddress& address,
                                                    AcceptHandler& handler,
                                                    const TlsServerContext* tls) {
  SocketAddress bound;
  if (!MakeSocketAddress(address, bound)) {
    errno = EINVAL;
    return ListenError(address, "address");
  }
  const int fd = ::socket(bound.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return ListenError(address, "socket");
  }
  const int on = 1;
  const bool is_unix = bound.storage.ss_family == AF_UNIX;
  if (is_unix) {
    RemoveStaleSocket(*reinterpret_cast<const sockaddr_un*>(&bound.storage));
  } else {
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  const bool bound_ok =
      ::bind(fd, reinterpret_cast<const sockaddr*>(&bound.storage), bound.size) == 0;
  if (!bound_ok || ::listen(fd, kBacklog) != 0) {
    Error error = ListenError(address, bound_ok ? "listen" : "bind");
    ::close(fd);
    return error;
  }
  return std::unique_ptr<Listener>(
      std::make_unique<EpollListener>(*this, fd, handler, tls, is_unix ? address.path : ""));
}

}  // namespace mainstay::io
