#include "http/io/tcp_stream.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>

#include "http/io/epoll_loop.h"

namespace mainstay::io {

TcpStream::TcpStream(EpollLoop& loop, int fd, Origin origin)
    : Stream(loop.timers()), loop_(loop), fd_(fd), origin_(origin) {
  loop_.Register(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
  // A fresh connection usually brings its request along: trying first saves a round of epoll.
  MarkReady(Ready::kEither);
}

TcpStream::~TcpStream() {
  loop_.Forget(*this);
  ::close(fd_);
}

IoResult TcpStream::Receive(char* into, size_t size) {
  MS_CHECK(size > 0);
  while (true) {
    const auto got = ::syscall(SYS_recvfrom, fd_, into, size, 0, nullptr, nullptr);
    if (got > 0) {
      return {IoStatus::kOk, static_cast<size_t>(got)};
    }
    if (got == 0) {
      // After a reset that a write has already been told of, the system reports a plain end.
      return {broken_ && !end_seen_ ? IoStatus::kReset : IoStatus::kEnd, 0};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {IoStatus::kWouldBlock, 0};
    }
    if (errno != EINTR) {
      broken_ = true;
      end_seen_ = false;
      return {IoStatus::kReset, 0};
    }
  }
}

IoResult TcpStream::Send(const iovec* pieces, size_t count, size_t bytes) {
  iovec whole = pieces[0];
  if (count > 1 && bytes <= EpollLoop::kGatherBytesMax) {
    char* at = loop_.gather();
    whole = {.iov_base = at, .iov_len = bytes};
    for (size_t i = 0; i < count; ++i) {
      std::memcpy(at, pieces[i].iov_base, pieces[i].iov_len);
      at += pieces[i].iov_len;
    }
    count = 1;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);  // NOLINT: sendmsg does not write to it
  message.msg_iovlen = count;
  while (true) {
    const auto sent = count == 1 ? ::syscall(SYS_sendto, fd_, whole.iov_base, whole.iov_len,
                                             MSG_NOSIGNAL, nullptr, 0)
                                 : ::syscall(SYS_sendmsg, fd_, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      sent_bytes_ += static_cast<uint64_t>(sent);
      return {IoStatus::kOk, static_cast<size_t>(sent)};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {IoStatus::kWouldBlock, 0};
    }
    if (errno != EINTR) {
      broken_ = true;
      return {IoStatus::kReset, 0};
    }
  }
}

IoResult TcpStream::TryRead(char* into, size_t size) {
  const IoResult result = Receive(into, size);
  // Fewer bytes than asked for means that the queue was drained: the next arrival is a new edge. A
  // peer that hung up gives no further edge, so its end has to be read. (When its end arrived but
  // has not been reported yet, the report is that edge.)
  const bool drained = result.status == IoStatus::kOk ? result.bytes < size && !hung_up()
                                                      : result.status == IoStatus::kWouldBlock;
  if (drained) {
    MarkNotReady(Ready::kRead);
  }
  return result;
}

IoResult TcpStream::TryWrite(const iovec* pieces, size_t count) {
  // The system refuses longer lists as a whole.
  count = std::min<size_t>(count, IOV_MAX);
  size_t wanted = 0;
  for (size_t i = 0; i < count; ++i) {
    wanted += pieces[i].iov_len;
  }
  const IoResult result = Send(pieces, count, wanted);
  const bool full = result.status == IoStatus::kOk ? result.bytes < wanted
                                                   : result.status == IoStatus::kWouldBlock;
  if (full) {
    MarkNotReady(Ready::kWrite);
  }
  return result;
}

void TcpStream::FinishWriting() {
  ::shutdown(fd_, SHUT_WR);
}

void TcpStream::ResetOnClose() {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

bool TcpStream::AcknowledgedNothingAfter(uint64_t mark) const {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      size < offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked) {
    return false;  // not TCP, or a kernel that does not tell: assume that the peer saw it
  }
  // The count of the side that dialled includes one for its SYN.
  return info.tcpi_bytes_acked <= mark + (origin_ == Origin::kDialled ? 1 : 0);
}

std::string TcpStream::PeerAddress() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char text[INET6_ADDRSTRLEN] = "unix";
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    if (address.ss_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
      ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    } else if (address.ss_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
      ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    }
  }
  return text;
}

void TcpStream::OnEvents(uint32_t events) {
  Ready ready = Ready::kNone;
  if ((events & EPOLLIN) != 0) {
    ready = ready | Ready::kRead;
  }
  if ((events & EPOLLOUT) != 0) {
    ready = ready | Ready::kWrite;
  }
  const bool error = (events & EPOLLERR) != 0;
  if ((events & EPOLLRDHUP) != 0 && !error && !broken_) {
    end_seen_ = true;
  }
  const bool gone = error || (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
  OnReady(ready, gone ? HangUp::kYes : HangUp::kNo);
}

}  // namespace mainstay::io
