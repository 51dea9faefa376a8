#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/result.h"
#include "cli/provider_server.h"
#include "gateway/gateway.h"
#include "http/io/epoll_loop.h"

namespace mainstay::cli::demo {

// A scripted provider and a gateway before it, on free ports of 127.0.0.1, each with a thread of
// its own. Nothing is written to the disk.
class World final {
 public:
  // `loop` is the main loop of the gateway, as in Gateway::Setup; it outlives the world.
  explicit World(io::EpollLoop& loop);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Learns the routes, which takes 0.1 s, and serves. Call once.
  //
  // Errors: no port is free, the configuration is refused, the local router cannot be loaded.
  Result<void> Start();

  const io::Peer& gateway_peer() const { return gateway_peer_; }
  const Catalog& catalog() const { return gateway_->snapshot().catalog; }

  // Lets the gateway end in order; calls `done` on the loop.
  void Drain(std::function<void()> done) { gateway_->Drain(std::move(done)); }

 private:
  Result<void> StartProvider();
  Result<void> StartGateway();

  io::EpollLoop& loop_;
  std::optional<Log> log_;
  std::unique_ptr<ProviderServer> provider_;
  std::thread provider_thread_;
  std::unique_ptr<gateway::Gateway> gateway_;
  io::Peer gateway_peer_;
  io::Peer provider_peer_;
};

}  // namespace mainstay::cli::demo
