#include "cli/provider_server.h"

#include <utility>

#include "base/random.h"
#include "config/embedded.h"
#include "http/io/socket_probe.h"

namespace mainstay::cli {

ProviderServer::ProviderServer(fake_provider::Options options)
    : provider_(
          std::move(options), [this] { return clock_.Now(); }, Random::FromSystem().Next()),
      server_(loop_, limits_, provider_, connections_) {}

ProviderServer::~ProviderServer() {
  listener_.reset();
  server_.CloseAll();
}

Result<void> ProviderServer::Listen(const std::string& address) {
  if (Result<void> free = io::CheckAddressIsFree(address); !free) {
    return free;
  }
  MS_TRY(const http::ListenAddress parsed, http::ParseListenAddress(address));
  MS_TRY(listener_, loop_.Listen(parsed, server_));
  return {};
}

void ProviderServer::Drain(std::function<void()> done) {
  listener_.reset();
  server_.Drain(std::move(done));
}

DemoProvider::~DemoProvider() {
  if (thread_.joinable()) {
    server_->loop().Stop();
    thread_.join();
  }
}

Result<void> DemoProvider::Start() {
  server_ = std::make_unique<ProviderServer>(fake_provider::Options{});
  Result<void> listening = server_->Listen(std::string(config::kDemoProviderListen));
  if (listening) {
    thread_ = std::thread([this] { server_->loop().Run(); });
  }
  return listening;
}

}  // namespace mainstay::cli
