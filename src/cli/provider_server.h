#pragma once

#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "fake_provider/fake_provider.h"
#include "http/io/epoll_loop.h"
#include "http/server.h"

namespace mainstay::cli {

// The scripted provider on a loop of its own.
class ProviderServer final {
 public:
  explicit ProviderServer(fake_provider::Options options);
  ~ProviderServer();

  // Errors: the address is taken or cannot be bound.
  Result<void> Listen(const std::string& address);

  fake_provider::FakeProvider& provider() { return provider_; }
  io::EpollLoop& loop() { return loop_; }

  // Lets running answers end, then calls `done` on the loop's thread.
  void Drain(std::function<void()> done);

 private:
  io::EpollLoop loop_;
  PolicyClock clock_{PolicyClock::Mode::kReal};
  http::Limits limits_;
  http::SharedCounts connections_;
  fake_provider::FakeProvider provider_;
  http::Server server_;
  std::unique_ptr<io::Listener> listener_;
};

// The provider behind `serve` without a configuration file: on a thread of its own until it is
// destroyed.
class DemoProvider final {
 public:
  ~DemoProvider();

  // Errors: as ProviderServer::Listen.
  Result<void> Start();

 private:
  std::unique_ptr<ProviderServer> server_;
  std::thread thread_;
};

}  // namespace mainstay::cli
