#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/client_connection.h"
#include "http/io/loop.h"
#include "http/url.h"
#include "model/catalog.h"

namespace mainstay::io {
class TlsClientContext;
}

namespace mainstay::upstream {

// Connections to one endpoint on one worker, and how to make more.
class EndpointPool;

struct PoolCounts {
  int64_t dialed = 0;
  int64_t reused = 0;
  int64_t dial_errors = 0;
};

struct Dialed {
  std::unique_ptr<http::ClientConnection> connection;  // null when dialling failed
  io::DialError error = io::DialError::kRefused;
};

// The kept-alive connections of one worker, by endpoint: last in, first out, so that the hot ones
// stay hot and the surplus ages out. Lives on the thread of its loop.
class ConnectionPool final {
 public:
  // `tls` may be null when no endpoint wants TLS; it outlives the pool.
  ConnectionPool(io::Loop& loop, const io::TlsClientContext* tls);
  ~ConnectionPool();

  // The pool of an endpoint; the same object for the same address, also over reloads. It lives as
  // long as somebody holds it.
  std::shared_ptr<EndpointPool> Find(const Endpoint& endpoint);

  const PoolCounts& counts() const { return counts_; }
  int64_t idle() const { return idle_; }
  // Addresses that are remembered: those in use, and those given up since the last Find.
  size_t addresses() const { return endpoints_.size(); }

 private:
  friend class EndpointPool;

  io::Loop& loop_;
  const io::TlsClientContext* tls_;
  PoolCounts counts_;
  int64_t idle_ = 0;
  std::unordered_map<std::string, std::weak_ptr<EndpointPool>> endpoints_;
};

class EndpointPool final : private io::Timer, private http::RestWatcher {
 public:
  EndpointPool(ConnectionPool& pool, const Endpoint& endpoint);
  ~EndpointPool();

  const http::Url& url() const { return url_; }

  // A connection that waits for its next request; null when there is none.
  std::unique_ptr<http::ClientConnection> TakeIdle();

  // A new connection to the endpoint.
  io::Task<Dialed> Dial(MonoTime deadline, io::CancelScope& scope);

  // Keeps the connection for the next request when it can be used again, else closes it.
  void Give(std::unique_ptr<http::ClientConnection> connection);

  // Settings may change with a reload; connections stay, as far as the new settings let them.
  void Update(const KeepAliveOptions& keep_alive);

 private:
  struct Idle {
    std::unique_ptr<http::ClientConnection> connection;
    MonoTime since;
  };

  void OnClosedAtRest(http::ClientConnection& connection) override;
  void OnDeadline() override;  // the oldest idle connection has waited long enough
  void SetExpiry();

  ConnectionPool& pool_;
  const http::Url url_;
  io::Peer peer_;
  KeepAliveOptions keep_alive_;
  std::vector<Idle> idle_;  // oldest first
};

}  // namespace mainstay::upstream
