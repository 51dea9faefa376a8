#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/io/buffer.h"
#include "http/io/loop.h"
#include "http/io/stream.h"
#include "http/io/task.h"

namespace mainstay::http {

// Whether a write is the last of its body.
enum class Last : uint8_t { kNo, kYes };

// Whether the connection may carry another request after this answer.
enum class Persistence : uint8_t { kKeepAlive, kClose };

// One request on a server connection and the means to answer it. The connection owns it; it lives
// until the handler's coroutine ends.
//
// An answer is: BeginHead, header lines into out(), EndHead, then Write until Last::kYes. Nothing
// is sent before the first Write, so head and first bytes leave in one system call.
class ServerExchange final {
 public:
  // Pieces that one Write takes at most.
  static constexpr size_t kPiecesMax = 60;

  ServerExchange(io::Loop& loop, io::Stream& stream, std::chrono::milliseconds write_timeout)
      : loop_(loop), stream_(stream), write_timeout_(write_timeout), out_(loop.buffers()) {}
  ServerExchange(const ServerExchange&) = delete;
  ServerExchange& operator=(const ServerExchange&) = delete;

  // The request. Null when the HTTP layer refused it before a head was understood.
  const RequestHead* head() const { return head_; }
  // The whole body, transfer coding undone, content coding not; io::kBufferPadding readable bytes
  // follow it. Valid until the handler ends.
  std::string_view body() const { return body_; }

  io::Loop& loop() { return loop_; }
  // Cancelled when the client leaves.
  io::CancelScope& scope() { return *scope_; }
  std::string PeerAddress() const { return stream_.PeerAddress(); }
  // A digest of it, made once for each connection: to tell clients apart, not to know them.
  uint64_t PeerDigest();
  // When the first byte of the request was seen, and when its last one was.
  MonoTime received() const { return received_; }

  // --- the answer ---

  // Starts the head with its status line. The lines that the caller adds to out() end in CRLF.
  // Framing and connection headers are added by EndHead and must not be among them.
  void BeginHead(int status);
  io::Buffer& out() { return out_; }
  void AddHeader(std::string_view name, std::string_view value);

  // `body_bytes`: the exact length of the body, or nullopt when it is not known: then it is sent
  // chunked, or to HTTP/1.0 until the connection closes. `length_only` heads (HEAD requests)
  // announce the length and have no body. kClose announces that the connection ends.
  void EndHead(std::optional<uint64_t> body_bytes, Persistence persistence);

  // Sends the pieces in order. kOk: all was taken. kWouldBlock: the pieces must stay as they are
  // until Drain has returned, and nothing else may be written before. kReset: the client is gone.
  // Empty pieces send what is pending: the head alone, or nothing.
  io::IoStatus Write(std::span<const std::string_view> pieces, Last last);

  // Sends bytes beside all framing: instead of a head, behind one, or within a body; then only
  // WriteRaw may follow. For servers that misbehave on purpose (fake_provider/). With Last::kYes
  // the exchange counts as answered, so that CloseAfter ends the connection in an orderly way.
  io::IoStatus WriteRaw(std::string_view bytes, Last last);

  // Waits until the client has taken what Write could not send. kOk, kReset, or kTimeout when the
  // client took nothing for the write time-out.
  io::Task<io::IoStatus> Drain();

  // An answer that is all there. Gives the status of the last write.
  io::Task<io::IoStatus> SendWhole(std::string_view body, Persistence persistence);

  // The body cannot be completed: the connection will be closed without its proper end, so that
  // the client cannot take a part for the whole.
  void Abort() { broken_ = true; }

  // The connection ends after this answer, although its head did not say so.
  void CloseAfter() { close_ = true; }

  bool head_sent() const { return head_sent_; }
  bool answered() const { return answered_; }
  uint64_t sent_bytes() const { return sent_bytes_; }
  int status() const { return status_; }

 private:
  friend class ServerConnection;

  void Reset(const RequestHead* head, std::string_view body, MonoTime received);
  bool AddPiece(std::string_view piece);
  io::IoStatus Flush();

  io::Loop& loop_;
  io::Stream& stream_;
  const std::chrono::milliseconds write_timeout_;
  // One for each request; an exchange that is not answering anything has one too.
  std::optional<io::CancelScope> scope_{std::in_place};
  const RequestHead* head_ = nullptr;
  std::string_view body_;
  MonoTime received_{};
  std::optional<uint64_t> peer_digest_;

  enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };
  io::Buffer out_;
  int status_ = 0;
  Framing framing_ = Framing::kNone;
  bool head_ready_ = false;
  bool head_sent_ = false;
  bool answered_ = false;
  bool broken_ = false;
  bool close_ = false;
  bool must_close_ = false;
  uint64_t sent_bytes_ = 0;

  std::array<char, kChunkHeadMax> chunk_head_{};
  // head, chunk head, pieces, chunk end
  std::array<iovec, kPiecesMax + 3> pending_{};
  size_t pending_begin_ = 0;
  size_t pending_end_ = 0;
};

}  // namespace mainstay::http
