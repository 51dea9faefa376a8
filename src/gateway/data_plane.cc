#include "gateway/data_plane.h"

#include <utility>

#include "decision/router/llm_router.h"
#include "decision/router/local_router.h"
#include "http/url.h"

namespace mainstay::gateway {

DataPlane::DataPlane(const Environment& environment, std::shared_ptr<const Snapshot> snapshot)
    : environment_(environment),
      pool_(environment.loop, environment.tls_client),
      service_(environment.loop, environment.clock, environment.random, environment.serving,
               environment.observer, environment.pins, environment.conversations,
               environment.aliases),
      server_(environment.loop, limits_, service_, environment.connections) {
  SetSnapshot(std::move(snapshot));
}

DataPlane::~DataPlane() = default;

Result<void> DataPlane::Listen(const std::vector<std::string>& addresses) {
  for (const std::string& text : addresses) {
    MS_TRY(const http::ListenAddress address, http::ParseListenAddress(text));
    MS_TRY(std::unique_ptr<io::Listener> listener,
           environment_.loop.Listen(address, server_, environment_.tls_server));
    listeners_.push_back(std::move(listener));
  }
  return {};
}

void DataPlane::SetSnapshot(std::shared_ptr<const Snapshot> snapshot) {
  limits_ = snapshot->options.server.limits;
  std::unique_ptr<decision::Router> router;
  if (snapshot->options.decision.router.type == decision::RouterType::kLocal) {
    router = std::make_unique<decision::LocalRouter>(snapshot->classifier);
  } else {
    router = std::make_unique<decision::LlmRouter>(environment_.loop, environment_.tls_client,
                                                   snapshot->options.decision.router,
                                                   environment_.router_answers);
  }
  service_.SetSnapshot(
      std::make_shared<const WorkerSnapshot>(std::move(snapshot), pool_, std::move(router)));
}

void DataPlane::Drain(std::function<void()> done) {
  listeners_.clear();
  server_.Drain(std::move(done));
}

}  // namespace mainstay::gateway
