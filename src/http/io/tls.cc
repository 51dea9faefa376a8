#include "http/io/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "http/io/epoll_loop.h"
#include "http/io/socket_address.h"

namespace mainstay::io {
namespace {

constexpr size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;

std::string LastReason() {
  const unsigned long code = ERR_peek_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? "connection closed" : text;
}

// The name without the root's dot, which neither certificates nor SNI carry.
std::string WithoutDot(const std::string& host) {
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

// What the macro of OpenSSL does, without its C cast.
bool SetServerName(SSL* ssl, std::string name) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

}  // namespace

// OpenSSL's own socket BIO writes with write(), which raises SIGPIPE; this one sends as TcpStream
// does, and lets it count.
struct TlsStream::Wire {
  static TlsStream& Of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int Read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    if (size <= 0) {
      return 0;
    }
    TlsStream& stream = Of(bio);
    const IoResult result = stream.Receive(into, static_cast<size_t>(size));
    stream.socket_drained_ = result.status == IoStatus::kWouldBlock ||
                             (result.status == IoStatus::kOk &&
                              result.bytes < static_cast<size_t>(size) && !stream.hung_up());
    if (result.status == IoStatus::kOk) {
      return static_cast<int>(result.bytes);
    }
    if (result.status == IoStatus::kWouldBlock) {
      BIO_set_retry_read(bio);
      return -1;
    }
    stream.socket_ended_ = result.status == IoStatus::kEnd;
    return stream.socket_ended_ ? 0 : -1;
  }

  static int Write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    if (size <= 0) {
      return 0;
    }
    const iovec piece{const_cast<char*>(from), static_cast<size_t>(size)};  // NOLINT: is read only
    const IoResult result = Of(bio).Send(&piece, 1, piece.iov_len);
    if (result.status == IoStatus::kOk) {
      return static_cast<int>(result.bytes);
    }
    if (result.status == IoStatus::kWouldBlock) {
      BIO_set_retry_write(bio);
    } else {
      Of(bio).write_broken_ = true;
    }
    return -1;
  }

  static long Control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;  // nothing is held back
      case BIO_CTRL_EOF:
        return Of(bio).socket_ended_ ? 1 : 0;
      default:
        return 0;
    }
  }

  static BIO_METHOD* Method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
      MS_CHECK(made != nullptr);
      BIO_meth_set_read(made, Read);
      BIO_meth_set_write(made, Write);
      BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    return method;
  }
};

void TlsStream::Start(ssl_ctx_st* context) {
  ERR_clear_error();
  ssl_ = SSL_new(context);
  MS_CHECK(ssl_ != nullptr);
  BIO* bio = BIO_new(Wire::Method());
  MS_CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
}

TlsStream::TlsStream(EpollLoop& loop, int fd, const TlsServerContext& context)
    : TcpStream(loop, fd, Origin::kAccepted) {
  Start(context.native());
  SSL_set_accept_state(ssl_);
}

TlsStream::TlsStream(EpollLoop& loop, int fd, const TlsClientContext& context,
                     const std::string& host)
    : TcpStream(loop, fd, Origin::kDialled) {
  Start(context.native());
  SSL_set_connect_state(ssl_);
  const std::string name = WithoutDot(host);
  SocketAddress literal;
  if (MakeSocketAddress(name, 0, literal)) {
    MS_CHECK(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str()) == 1);
    return;
  }
  SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // A name that is no name (empty, or with a zero byte) must not end in an unchecked host.
  if (name.empty() || name.find('\0') != std::string::npos ||
      SSL_set1_host(ssl_, name.c_str()) != 1 || !SetServerName(ssl_, name)) {
    broken_ = true;
    failure_ = "not a host name";
    ERR_clear_error();
  }
}

TlsStream::~TlsStream() {
  if (!reset_) {
    FinishWriting();
  }
  SSL_free(ssl_);
  // Nothing of this thread's errors may reach the next connection's calls.
  ERR_clear_error();
}

// Sorts out a call of OpenSSL that did not succeed. The queue of errors has to be as it left it.
IoStatus TlsStream::OnFailedCall(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return IoStatus::kWouldBlock;
    case SSL_ERROR_ZERO_RETURN:
      return IoStatus::kEnd;
    case SSL_ERROR_SYSCALL:
      // Sending failed. What arrived before may still be read, an early answer for example.
      if (write_broken_ && !socket_ended_) {
        if (!SSL_is_init_finished(ssl_)) {
          broken_ = true;
        }
        break;
      }
      [[fallthrough]];
    default:
      broken_ = true;
  }
  if (failure_.empty()) {
    const long verified = SSL_get_verify_result(ssl_);
    failure_ = verified != X509_V_OK ? X509_verify_cert_error_string(verified) : LastReason();
  }
  ERR_clear_error();
  return IoStatus::kReset;
}

IoResult TlsStream::TryRead(char* into, size_t size) {
  MS_CHECK(size > 0);
  if (broken_) {
    return {IoStatus::kReset, 0};
  }
  size_t total = 0;
  do {
    ERR_clear_error();
    size_t got = 0;
    const int result = SSL_read_ex(ssl_, into + total, size - total, &got);
    if (write_waits_for_read_ && SSL_is_init_finished(ssl_)) {
      write_waits_for_read_ = false;
      MarkReady(Ready::kWrite);
    }
    if (result == 1) {
      total += got;
      continue;
    }
    const IoStatus status = OnFailedCall(result);
    if (status == IoStatus::kWouldBlock) {
      if (SSL_want_write(ssl_)) {
        read_waits_for_write_ = true;
        MarkNotReady(Ready::kEither);
      } else {
        MarkNotReady(Ready::kRead);
      }
    }
    // Ends and failures come again, so the bytes before them go first.
    return total > 0 ? IoResult{IoStatus::kOk, total} : IoResult{status, 0};
    // Another round only for what has already been received: it costs no system call.
  } while (total < size && SSL_has_pending(ssl_) == 1);
  if (total < size && socket_drained_ && !hung_up()) {
    MarkNotReady(Ready::kRead);
  }
  return {IoStatus::kOk, total};
}

// Encrypts and sends what follows after `skip` bytes of the pieces, at most one record. Gives the
// bytes taken; 0 with the reason in `status`.
size_t TlsStream::WriteRecord(const iovec* pieces, size_t count, size_t skip, IoStatus& status) {
  while (skip >= pieces->iov_len) {
    skip -= pieces->iov_len;
    ++pieces;
    --count;
  }
  const char* from = static_cast<const char*>(pieces->iov_base) + skip;
  size_t bytes = std::min(pieces->iov_len - skip, kRecordBytes);
  Buffer record(loop().buffers());
  if (bytes < kRecordBytes && count > 1) {
    // Small pieces share a record: each one costs 22 bytes or more, a cipher call and a send.
    record.Reserve(kRecordBytes);
    record.Append({from, bytes});
    for (size_t i = 1; i < count && record.size() < kRecordBytes; ++i) {
      const size_t fits = std::min(pieces[i].iov_len, kRecordBytes - record.size());
      record.Append({static_cast<const char*>(pieces[i].iov_base), fits});
    }
    from = record.data();
    bytes = record.size();
  }
  // A record that is half sent has to be offered again, or OpenSSL would send one thing and report
  // another.
  MS_CHECK(bytes >= refused_bytes_);
  ERR_clear_error();
  size_t taken = 0;
  const int result = SSL_write_ex(ssl_, from, bytes, &taken);
  if (result == 1) {
    refused_bytes_ = 0;
    return taken;
  }
  status = OnFailedCall(result);
  if (status == IoStatus::kWouldBlock) {
    if (SSL_want_read(ssl_)) {
      write_waits_for_read_ = true;
    } else {
      refused_bytes_ = bytes;
    }
    MarkNotReady(Ready::kWrite);
  }
  return 0;
}

IoResult TlsStream::TryWrite(const iovec* pieces, size_t count) {
  if (broken_ || write_broken_ || finished_ || finish_pending_) {
    return {IoStatus::kReset, 0};
  }
  size_t wanted = 0;
  for (size_t i = 0; i < count; ++i) {
    wanted += pieces[i].iov_len;
  }
  size_t written = 0;
  while (written < wanted) {
    IoStatus status = IoStatus::kOk;
    const size_t taken = WriteRecord(pieces, count, written, status);
    if (taken == 0) {
      return written > 0 ? IoResult{IoStatus::kOk, written} : IoResult{status, 0};
    }
    written += taken;
  }
  return {IoStatus::kOk, written};
}

void TlsStream::FinishWriting() {
  if (finished_ || finish_pending_) {
    return;
  }
  // In the middle of a record or of the handshake there is no way to say it in TLS: the peer then
  // sees the connection end, which it takes for a break.
  if (!broken_ && !write_broken_ && refused_bytes_ == 0 && SSL_is_init_finished(ssl_)) {
    SayEnd();
  } else {
    finished_ = true;
    TcpStream::FinishWriting();
  }
}

void TlsStream::SayEnd() {
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_);
  finish_pending_ = result < 0 && SSL_get_error(ssl_, result) == SSL_ERROR_WANT_WRITE;
  ERR_clear_error();
  if (!finish_pending_) {
    finished_ = true;
    TcpStream::FinishWriting();
  }
}

void TlsStream::ResetOnClose() {
  reset_ = true;
  TcpStream::ResetOnClose();
}

void TlsStream::OnEvents(uint32_t events) {
  const bool readable = (events & EPOLLIN) != 0;
  const bool writable = (events & EPOLLOUT) != 0;
  if (readable && std::exchange(write_waits_for_read_, false)) {
    events |= EPOLLOUT;
  }
  if (writable && std::exchange(read_waits_for_write_, false)) {
    events |= EPOLLIN;
  }
  if (writable && finish_pending_) {
    SayEnd();
  }
  TcpStream::OnEvents(events);
}

IoStatus TlsStream::TryHandshake() {
  if (broken_) {
    return IoStatus::kReset;
  }
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    // Bytes that came with the peer's last flight wait in OpenSSL, where no event tells of them.
    MarkReady(Ready::kEither);
    return IoStatus::kOk;
  }
  const IoStatus status = OnFailedCall(result);
  if (status == IoStatus::kWouldBlock) {
    handshake_interest_ = SSL_want_write(ssl_) ? Ready::kWrite : Ready::kRead;
    MarkNotReady(handshake_interest_);
    return status;
  }
  broken_ = true;
  return IoStatus::kReset;
}

Task<HandshakeResult> Handshake(TlsStream& stream, MonoTime deadline, CancelScope& scope) {
  const Attached attached(scope, stream);
  while (true) {
    const IoStatus status = stream.TryHandshake();
    if (status == IoStatus::kOk) {
      co_return HandshakeResult{};
    }
    if (status != IoStatus::kWouldBlock) {
      co_return HandshakeResult{.status = IoStatus::kReset, .detail = "TLS: " + stream.failure()};
    }
    const IoStatus waited = co_await stream.Wait(stream.handshake_interest(), deadline);
    if (waited != IoStatus::kOk) {
      co_return HandshakeResult{
          .status = waited,
          .detail = waited == IoStatus::kTimeout ? "TLS: handshake timed out" : ""};
    }
  }
}

}  // namespace mainstay::io
