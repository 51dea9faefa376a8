#include "http/server.h"

#include <utility>

#include "http/server_connection.h"

namespace mainstay::http {
namespace {

// Heads kept for the next requests; as many as requests commonly run at once on one loop.
constexpr size_t kIdleHeadsMax = 64;

}  // namespace

Server::Server(io::Loop& loop, const Limits& limits, Handler& handler, SharedCounts& shared)
    : loop_(loop), limits_(limits), handler_(handler), shared_(shared) {}

Server::~Server() {
  MS_CHECK(connections_.empty());
}

void Server::OnAccept(std::unique_ptr<io::Stream> stream) {
  ++counts_.accepted;
  if (shared_.connections.fetch_add(1, std::memory_order_relaxed) >= limits_.connections) {
    shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    ++counts_.refused_connections;
    return;  // destroys the stream: at the limit a connection is closed without an answer
  }
  auto connection = std::make_unique<ServerConnection>(*this, std::move(stream));
  connection->index_ = connections_.size();
  connections_.push_back(connection.get());
  counts_.connections = static_cast<int64_t>(connections_.size());
  io::Spawn(ServerConnection::Run(std::move(connection)));
}

void Server::Remove(ServerConnection& connection) {
  connections_[connection.index_] = connections_.back();
  connections_[connection.index_]->index_ = connection.index_;
  connections_.pop_back();
  counts_.connections = static_cast<int64_t>(connections_.size());
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
  if (draining_ && connections_.empty() && drained_) {
    // Not from here: the caller may destroy the server, and the connection is still being ended.
    loop_.Post(std::exchange(drained_, nullptr));
  }
}

void Server::Drain(std::function<void()> done) {
  draining_ = true;
  if (connections_.empty()) {
    done();
    return;
  }
  drained_ = std::move(done);
  // OnDrain may end connections and so change the list.
  const std::vector<ServerConnection*> connections = connections_;
  for (ServerConnection* connection : connections) {
    connection->OnDrain();
  }
}

void Server::CloseAll() {
  // Closing a connection mostly ends it, and then the last one takes its place in the list: from
  // the back, that is one which was closed before and whose handler still has to end by itself.
  for (size_t left = connections_.size(); left > 0; --left) {
    if (left <= connections_.size()) {
      connections_[left - 1]->Close();
    }
  }
}

std::unique_ptr<RequestHead> Server::TakeHead() {
  if (heads_.empty()) {
    return std::make_unique<RequestHead>();
  }
  std::unique_ptr<RequestHead> head = std::move(heads_.back());
  heads_.pop_back();
  return head;
}

void Server::GiveHead(std::unique_ptr<RequestHead> head) {
  if (heads_.size() < kIdleHeadsMax) {
    heads_.push_back(std::move(head));
  }
}

}  // namespace mainstay::http
