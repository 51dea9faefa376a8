#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "http/io/task.h"
#include "http/io/tcp_stream.h"
#include "http/options.h"

struct ssl_ctx_st;
struct ssl_st;

namespace mainstay::io {

// Where the system's authorities are read from: its folder, as far as they are needed, or its
// bundle as a whole. A system without an indexed folder always gets the bundle.
enum class SystemTrust : uint8_t { kFolder, kBundle };

// What connections to TLS servers have in common: TLS 1.2 or newer, the server's certificate must
// lead to a known authority and name the host that was asked for, HTTP/1.1 by ALPN.
//
// Threads: may be shared by all loops. Streams keep what they need of it; it may go before them.
class TlsClientContext final {
 public:
  struct Options {
    std::string ca_file;  // PEM; authorities that are trusted besides those of the system
    SystemTrust system = SystemTrust::kFolder;  // kBundle when SSL_CERT_FILE names one
  };

  // The system's authorities are where OpenSSL looks: SSL_CERT_DIR works, and SSL_CERT_FILE with
  // kBundle.
  //
  // Errors: kInternal naming the file that could not be used.
  static Result<std::unique_ptr<TlsClientContext>> Make(const Options& options);
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

  ssl_ctx_st* native() const { return context_; }

 private:
  explicit TlsClientContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

// What connections from clients have in common: our certificate, TLS 1.2 or newer, no
// renegotiation, HTTP/1.1 by ALPN, and, when wanted, a certificate of the client.
//
// Threads: as TlsClientContext.
class TlsServerContext final {
 public:
  // Errors: kInternal naming the file that could not be used, or saying that key and certificate
  // do not belong together.
  static Result<std::unique_ptr<TlsServerContext>> Make(const http::TlsOptions& options);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  ssl_ctx_st* native() const { return context_; }

 private:
  explicit TlsServerContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

// TLS over a socket of an EpollLoop. The handshake runs inside the first reads and writes;
// Handshake (below) runs it by itself. A peer that closes the connection without saying so in TLS
// gives kReset, not kEnd: otherwise an attacker could cut an answer short unnoticed.
//
// ready(kRead) says that the connection has bytes, which need not be the program's: after kOk from
// a wait, TryRead may give kWouldBlock more often than on plain TCP.
class TlsStream final : public TcpStream {
 public:
  // The server's side of a connection that was accepted.
  TlsStream(EpollLoop& loop, int fd, const TlsServerContext& context);
  // Our side of a connection that was dialled. `host` is a name or a literal address; the server's
  // certificate has to be for it.
  TlsStream(EpollLoop& loop, int fd, const TlsClientContext& context, const std::string& host);
  // Tells the peer the end, unless the stream broke, was finished, or is to be reset.
  ~TlsStream() override;

  IoResult TryRead(char* into, size_t size) override;
  IoResult TryWrite(const iovec* pieces, size_t count) override;
  void FinishWriting() override;
  void ResetOnClose() override;
  void OnEvents(uint32_t events) override;

  // Goes on with the handshake: kOk when it is done, kWouldBlock with what to wait for in
  // handshake_interest(), kReset with failure().
  IoStatus TryHandshake();
  Ready handshake_interest() const { return handshake_interest_; }
  // Why TLS gave up, for logs; empty when it did not.
  const std::string& failure() const { return failure_; }

 private:
  struct Wire;  // the callbacks through which OpenSSL reaches the socket

  void Start(ssl_ctx_st* context);
  IoStatus OnFailedCall(int result);
  size_t WriteRecord(const iovec* pieces, size_t count, size_t skip, IoStatus& status);
  void SayEnd();

  ssl_st* ssl_ = nullptr;
  std::string failure_;
  size_t refused_bytes_ = 0;  // of a record that is encrypted but not yet taken by the system
  Ready handshake_interest_ = Ready::kNone;
  bool read_waits_for_write_ = false;
  bool write_waits_for_read_ = false;
  bool socket_drained_ = false;  // the last receive gave less than asked for
  bool socket_ended_ = false;
  bool write_broken_ = false;
  bool broken_ = false;
  bool finish_pending_ = false;  // our end has yet to be taken by the system
  bool finished_ = false;
  bool reset_ = false;
};

struct HandshakeResult {
  IoStatus status = IoStatus::kOk;  // kOk, kReset (see detail), kTimeout or kCancelled
  std::string detail;
};

// Completes the handshake of either side. The stream outlives it.
Task<HandshakeResult> Handshake(TlsStream& stream, MonoTime deadline, CancelScope& scope);

}  // namespace mainstay::io
