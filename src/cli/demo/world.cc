#include "cli/demo/world.h"

#include <utility>
#include <variant>

#include "cli/commands.h"
#include "cli/demo/scripted_models.h"
#include "cli/version.h"
#include "config/embedded.h"
#include "config/fingerprint.h"
#include "config/problem_report.h"
#include "http/url.h"
#include "session/state_store.h"

namespace mainstay::cli::demo {
namespace {

// Between the choice of a port and its use another process may take it.
constexpr int kStartsMax = 5;

class Nobody final : public io::AcceptHandler {
 public:
  void OnAccept(std::unique_ptr<io::Stream>) override {}
};

Result<uint16_t> FreePort(io::Loop& loop) {
  Nobody nobody;
  MS_TRY(const http::ListenAddress any, http::ParseListenAddress("127.0.0.1:0"));
  MS_TRY(const std::unique_ptr<io::Listener> listener, loop.Listen(any, nobody));
  return listener->port();
}

std::string AddressOf(const io::Peer& peer) {
  return peer.host + ":" + std::to_string(peer.port);
}

Result<config::Loaded> LoadDemoConfig(const io::Peer& gateway, const io::Peer& provider) {
  config::LoadResult result = config::LoadText(
      config::DemoConfig(AddressOf(gateway), AddressOf(provider)), RealSources(""));
  if (const auto* problems = std::get_if<Problems>(&result)) {
    return Error{.message = config::ProblemReport("the demo's configuration", *problems)};
  }
  return std::get<config::Loaded>(std::move(result));
}

}  // namespace

World::World(io::EpollLoop& loop)
    : loop_(loop), gateway_peer_{.host = "127.0.0.1"}, provider_peer_{.host = "127.0.0.1"} {}

World::~World() {
  gateway_.reset();
  if (provider_thread_.joinable()) {
    provider_->loop().Stop();
    provider_thread_.join();
  }
}

Result<void> World::Start() {
  Result<void> started = StartProvider();
  if (!started) {
    return started;
  }
  for (int start = 1; start <= kStartsMax; ++start) {
    started = StartGateway();
    if (started) {
      break;
    }
  }
  return started;
}

Result<void> World::StartProvider() {
  Result<void> listening;
  for (int start = 1; start <= kStartsMax; ++start) {
    MS_TRY(provider_peer_.port, FreePort(loop_));
    provider_ = std::make_unique<ProviderServer>(fake_provider::Options{});
    listening = provider_->Listen(AddressOf(provider_peer_));
    if (listening) {
      ScriptModels(provider_->provider());
      provider_thread_ = std::thread([this] { provider_->loop().Run(); });
      break;
    }
  }
  return listening;
}

Result<void> World::StartGateway() {
  gateway_.reset();
  MS_TRY(gateway_peer_.port, FreePort(loop_));
  MS_TRY(config::Loaded loaded, LoadDemoConfig(gateway_peer_, provider_peer_));
  log_.emplace(LogOptions{.level = loaded.options.telemetry.log_level,
                          .format = loaded.options.telemetry.log_format});
  session::OpenedState state =
      session::OpenStateStore(loaded.options.state, PolicyClock(PolicyClock::Mode::kReal).Now());
  gateway_ = std::make_unique<gateway::Gateway>(
      gateway::Gateway::Setup{.checked = {.options = std::move(loaded.options),
                                          .hash = std::move(loaded.hash),
                                          .effective = std::move(loaded.effective)},
                              .clock = PolicyClock::Mode::kReal,
                              .reload = [] { return gateway::Reloaded{}; },
                              .log = *log_,
                              .state = std::move(state),
                              .main_loop = loop_,
                              .version = Version(),
                              .commit = Commit()});
  return gateway_->Start();
}

}  // namespace mainstay::cli::demo
