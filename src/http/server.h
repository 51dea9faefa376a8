#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "http/io/loop.h"
#include "http/options.h"
#include "http/server_exchange.h"

namespace mainstay::http {

// What a server does with requests. Called on the loop's thread.
class Handler {
 public:
  // Answers one request through the exchange. A handler that returns without an answer makes the
  // connection close.
  virtual io::Task<void> Handle(ServerExchange& exchange) = 0;

  // Answers a request that the HTTP layer refuses (framing, limits, time-outs); exchange.head() is
  // null when it could not be understood. The connection closes afterwards.
  virtual io::Task<void> Refuse(const Error& error, ServerExchange& exchange) = 0;

 protected:
  ~Handler() = default;
};

// Numbers that all workers' servers of a listener share.
struct SharedCounts {
  std::atomic<int64_t> connections{0};
};

// What a server counted; read on the loop's thread.
struct ServerCounts {
  int64_t connections = 0;          // open now
  int64_t accepted = 0;             // since the start
  int64_t refused_connections = 0;  // over limits.connections
};

class ServerConnection;

// HTTP/1.1 on one loop: connections, keep-alive, pipelining, limits, drain. Nothing of a
// connection leaves the loop's thread.
class Server final : public io::AcceptHandler {
 public:
  // `limits` and the others outlive the server.
  Server(io::Loop& loop, const Limits& limits, Handler& handler, SharedCounts& shared);
  ~Server();

  void OnAccept(std::unique_ptr<io::Stream> stream) override;

  // Lets running requests finish, closes idle connections, and calls `done` when none is left
  // (at once, when there is none now). The listeners must be gone. `done` may destroy the server.
  void Drain(std::function<void()> done);
  // Breaks what is still running off.
  void CloseAll();

  bool draining() const { return draining_; }
  const ServerCounts& counts() const { return counts_; }

 private:
  friend class ServerConnection;

  std::unique_ptr<RequestHead> TakeHead();
  void GiveHead(std::unique_ptr<RequestHead> head);
  void Remove(ServerConnection& connection);

  io::Loop& loop_;
  const Limits& limits_;
  Handler& handler_;
  SharedCounts& shared_;
  ServerCounts counts_;
  std::vector<std::unique_ptr<RequestHead>> heads_;
  std::vector<ServerConnection*> connections_;
  bool draining_ = false;
  std::function<void()> drained_;
};

}  // namespace mainstay::http
