#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "decision/router/answer_cache.h"
#include "gateway/data_service.h"
#include "gateway/snapshot.h"
#include "http/io/loop.h"
#include "http/server.h"
#include "session/aliases.h"
#include "session/conversations.h"
#include "session/pin_table.h"
#include "upstream/connection_pool.h"

namespace mainstay::gateway {

// What a data plane gets from outside: everything that a test replaces.
struct Environment {
  io::Loop& loop;
  const PolicyClock& clock;
  Random random;
  const ServingState& serving;
  http::SharedCounts& connections;
  ExchangeObserver& observer;
  session::PinTable& pins;
  session::Conversations& conversations;
  session::Aliases& aliases;
  decision::AnswerCache& router_answers;
  const io::TlsClientContext* tls_client = nullptr;  // null: no provider may want TLS
  const io::TlsServerContext* tls_server = nullptr;  // null: listeners are plain
};

// Everything that serves requests on one loop: listeners, connections, the service, connections to
// providers. A worker thread has one; an integration test has one in memory.
//
// Threads: that of the loop.
class DataPlane final {
 public:
  DataPlane(const Environment& environment, std::shared_ptr<const Snapshot> snapshot);
  ~DataPlane();

  // Errors: an address that cannot be bound.
  Result<void> Listen(const std::vector<std::string>& addresses);

  void SetSnapshot(std::shared_ptr<const Snapshot> snapshot);

  // Stops accepting, lets requests finish, and calls `done` when all connections are gone.
  void Drain(std::function<void()> done);
  // Breaks off what is still running.
  void CloseAll() { server_.CloseAll(); }

  const http::ServerCounts& server_counts() const { return server_.counts(); }
  const upstream::ConnectionPool& pool() const { return pool_; }

 private:
  Environment environment_;
  http::Limits limits_;
  upstream::ConnectionPool pool_;
  DataService service_;
  http::Server server_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
};

}  // namespace mainstay::gateway
