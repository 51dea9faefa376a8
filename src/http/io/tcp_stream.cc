#include "http/io/tcp_stream.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <utility>

#include "http/io/epoll_loop.h"

namespace mainstay::io {

namespace {

// Pieces sent along with a queue; of longer lists the rest goes with the next call.
constexpr size_t kPiecesBehindQueue = 15;

size_t BytesOf(const iovec* pieces, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    bytes += pieces[i].iov_len;
  }
  return bytes;
}

}  // namespace

IoResult SendPieces(int fd, const iovec* pieces, size_t count) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);  // NOLINT: sendmsg does not write to it
  message.msg_iovlen = count;
  while (true) {
    const auto sent = count == 1 ? ::syscall(SYS_sendto, fd, pieces->iov_base, pieces->iov_len,
                                             MSG_NOSIGNAL, nullptr, 0)
                                 : ::syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      return {IoStatus::kOk, static_cast<size_t>(sent)};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {IoStatus::kWouldBlock, 0};
    }
    if (errno != EINTR) {
      return {IoStatus::kReset, 0};
    }
  }
}

void SetResetOnClose(int fd) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

TcpStream::TcpStream(EpollLoop& loop, int fd, Origin origin)
    : Stream(loop.timers()), loop_(loop), fd_(fd), origin_(origin), queue_(loop.buffers()) {
  loop_.Register(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
  // A fresh connection usually brings its request along: trying first saves a round of epoll.
  MarkReady(Ready::kEither);
}

TcpStream::~TcpStream() {
  loop_.Forget(*this);
  if (listed_at_ != kNotListed) {
    loop_.sends().Remove(listed_at_);
  }
  if (!queue_.empty() && TrySendQueue() == IoStatus::kWouldBlock) {
    loop_.sends().AdoptRest(fd_, std::move(queue_));
    return;
  }
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
  iovec whole;
  if (count > 1 && bytes <= EpollLoop::kGatherBytesMax) {
    char* at = loop_.gather();
    whole = {.iov_base = at, .iov_len = bytes};
    for (size_t i = 0; i < count; ++i) {
      std::memcpy(at, pieces[i].iov_base, pieces[i].iov_len);
      at += pieces[i].iov_len;
    }
    pieces = &whole;
    count = 1;
  }
  const IoResult result = SendPieces(fd_, pieces, count);
  sent_bytes_ += result.bytes;
  broken_ = broken_ || result.status == IoStatus::kReset;
  return result;
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
  if (cut_ || finish_pending_) {
    return {IoStatus::kReset, 0};
  }
  // The system refuses longer lists as a whole.
  count = std::min<size_t>(count, IOV_MAX);
  size_t wanted = BytesOf(pieces, count);
  if (MayQueue(wanted)) {
    Queue(pieces, count, wanted);
    return {IoStatus::kOk, wanted};
  }
  IoResult result;
  if (queue_.empty()) {
    result = Send(pieces, count, wanted);
  } else {
    count = std::min(count, kPiecesBehindQueue);
    wanted = BytesOf(pieces, count);
    result = SendBehindQueue(pieces, count);
  }
  const bool full = result.status == IoStatus::kOk ? result.bytes < wanted
                                                   : result.status == IoStatus::kWouldBlock;
  if (full) {
    MarkNotReady(Ready::kWrite);
  }
  return result;
}

bool TcpStream::MayQueue(size_t bytes) const {
  // A queue that is left over makes the stream not ready. After a hang-up the next write is told
  // what became of the connection.
  return ready(Ready::kWrite) && queue_.size() + bytes <= DeferredSends::kStreamBytesMax &&
         loop_.sends().Takes(bytes) && !hung_up() && !broken_;
}

void TcpStream::Queue(const iovec* pieces, size_t count, size_t bytes) {
  if (bytes == 0) {
    return;
  }
  if (listed_at_ == kNotListed) {
    listed_at_ = loop_.sends().Add(*this);
  }
  if (!queue_.held()) {
    queue_.Reserve(DeferredSends::kStreamBytesMax);
  }
  for (size_t i = 0; i < count; ++i) {
    queue_.Append({static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len});
  }
  loop_.sends().Grow(bytes);
  sent_bytes_ += bytes;
}

IoResult TcpStream::SendBehindQueue(const iovec* pieces, size_t count) {
  std::array<iovec, kPiecesBehindQueue + 1> all;
  all[0] = {.iov_base = queue_.data(), .iov_len = queue_.size()};
  std::copy_n(pieces, count, all.begin() + 1);
  IoResult result = SendPieces(fd_, all.data(), count + 1);
  if (result.status == IoStatus::kReset) {
    broken_ = true;
    DropQueue();
  }
  if (result.status != IoStatus::kOk) {
    return result;
  }
  const size_t of_queue = std::min(result.bytes, queue_.size());
  queue_.Consume(of_queue);
  result.bytes -= of_queue;
  if (!queue_.empty()) {
    return {IoStatus::kWouldBlock, 0};
  }
  queue_.Release();
  sent_bytes_ += result.bytes;
  return result;
}

IoStatus TcpStream::TrySendQueue() {
  const iovec piece{.iov_base = queue_.data(), .iov_len = queue_.size()};
  const IoResult result = SendPieces(fd_, &piece, 1);
  if (result.status == IoStatus::kReset) {
    broken_ = true;
    DropQueue();
    return result.status;
  }
  queue_.Consume(result.bytes);
  if (!queue_.empty()) {
    MarkNotReady(Ready::kWrite);
    return IoStatus::kWouldBlock;
  }
  queue_.Release();
  if (finish_pending_) {
    ::shutdown(fd_, SHUT_WR);
  }
  return IoStatus::kOk;
}

void TcpStream::SendQueued() {
  listed_at_ = kNotListed;
  if (!queue_.empty() && TrySendQueue() == IoStatus::kReset) {
    OnReady(Ready::kEither, HangUp::kYes);
  }
}

void TcpStream::DropQueue() {
  cut_ = true;
  queue_.Release();
}

void TcpStream::FinishWriting() {
  if (!queue_.empty()) {
    finish_pending_ = true;
  } else if (!cut_) {
    ::shutdown(fd_, SHUT_WR);
  }
}

void TcpStream::ResetOnClose() {
  if (!queue_.empty()) {
    DropQueue();
  }
  SetResetOnClose(fd_);
}

bool TcpStream::AcknowledgedNothingAfter(uint64_t mark) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      size < offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked) {
    return false;  // not TCP, or a kernel that does not tell: assume that the peer saw it
  }
  // The count of the side that dialled includes one for its SYN.
  if (info.tcpi_bytes_acked > mark + (origin_ == Origin::kDialled ? 1 : 0)) {
    return false;
  }
  if (!queue_.empty() && mark < sent_bytes_) {
    ResetOnClose();
  }
  return true;
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
  bool gone = error || (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
  // A queue of this round has its turn at the end of the round.
  const bool left_over = !queue_.empty() && listed_at_ == kNotListed;
  if (left_over && (ready & Ready::kWrite) != Ready::kNone) {
    const IoStatus sent = TrySendQueue();
    if (sent == IoStatus::kWouldBlock) {
      ready = ready - Ready::kWrite;
    }
    gone = gone || sent == IoStatus::kReset;
  }
  OnReady(ready, gone ? HangUp::kYes : HangUp::kNo);
}

}  // namespace mainstay::io
