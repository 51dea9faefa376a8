#pragma once

#include <memory>

#include "http/chunked.h"
#include "http/io/buffer.h"
#include "http/io/fill.h"
#include "http/server.h"

namespace mainstay::http {

// One client connection: reads requests one after the other, has each answered, and keeps or
// closes the connection. Owned by its own coroutine; the server only keeps a list.
class ServerConnection final : private io::HangUpHandler {
 public:
  ServerConnection(Server& server, std::unique_ptr<io::Stream> stream);
  ~ServerConnection();

  // Serves until the connection ends, then destroys the connection.
  static io::Task<void> Run(std::unique_ptr<ServerConnection> connection);

  // The server drains: an idle connection ends now, a busy one after its answer.
  void OnDrain();
  // Breaks off everything.
  void Close();

 private:
  friend class Server;

  enum class Next : uint8_t { kServe, kClose };
  enum class Phase : uint8_t { kIdle, kHead, kBody, kHandling, kClosing };

  void OnHangUp() override;

  // Each reads a part of a request. kClose: the connection is over; a refusal, if one was due, has
  // been answered.
  io::Task<Next> ReadHead();
  io::Task<Next> ReadBody();
  io::Task<Next> ReadSizedBody(uint64_t bytes);
  io::Task<Next> ReadChunkedBody();
  io::Task<Next> Refuse(Error error);
  io::Fill Fill(MonoTime deadline) { return io::Fill(*stream_, in_, deadline); }
  io::IoStatus SendContinue();

  // The body is empty or has come together with the head, which is so for most requests.
  bool WholeRequestArrived();

  std::optional<Error> CheckHead(const ParseResult& parsed) const;
  bool ParseBuffered(ParseResult& parsed);
  void EndRequest();
  // Takes what a client still sends after a refusal, or behind its last request, so that the answer
  // reaches it: closing with unread input would reset the connection under the answer.
  io::Task<void> Linger();

  Server& server_;
  size_t index_ = 0;  // into server_.connections_
  std::unique_ptr<io::Stream> stream_;
  io::Buffer in_;
  io::Buffer chunked_body_;
  std::unique_ptr<RequestHead> head_;
  size_t head_bytes_ = 0;
  size_t request_bytes_ = 0;  // head and body as they stand in in_
  MonoTime received_{};
  Phase phase_ = Phase::kIdle;
  bool refused_ = false;
  bool* gone_ = nullptr;  // for Close: set to true by the destructor
  ServerExchange exchange_;
};

}  // namespace mainstay::http
