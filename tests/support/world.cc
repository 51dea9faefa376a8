#include "support/world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "http/url.h"

namespace mainstay::support {

Provider::Provider(io::MemoryLoop& loop, const std::string& host, uint16_t port,
                   const fake_provider::Options& options, std::function<WallTime()> now)
    : fake(options, std::move(now), port), server(loop, limits, fake, shared) {
  listener = loop.Listen({.host = host, .port = port}, server).value();
}

std::string ReplicaHost(int number) {
  return "10.0.0." + std::to_string(number);
}
void AddRoutes(gateway::Options& options, const std::string& coder, const std::string& thinker,
               int router) {
  options.decision.preferences = {
      {.route = {.name = "code", .description = "writing code"}, .models = {coder, thinker}},
      {.route = {.name = "think", .description = "weighing arguments"},
       .models = {thinker, coder}}};
  options.decision.router.base_url = ReplicaUrl(router);
}

std::string ReplicaUrl(int number) {
  return "http://" + ReplicaHost(number) + ":80/v1";
}

gateway::Options Replicas(int count) {
  gateway::Options options;
  ProviderOptions provider{.name = "demo"};
  for (int number = 1; number <= count; ++number) {
    provider.endpoints.push_back(ReplicaUrl(number));
  }
  options.catalog.providers.push_back(std::move(provider));
  options.catalog.models.push_back({.name = "demo/small", .provider = "demo"});
  options.catalog.models.push_back({.name = "demo/large", .provider = "demo"});
  return options;
}

World::World(gateway::Options options, fake_provider::Options provider)
    : provider_options_(std::move(provider)) {
  if (provider_options_.record_calls == 0) {
    provider_options_.record_calls = 1000;
  }
  provider_options_.reset_grace = std::chrono::milliseconds(0);
  serving_.ready = true;
  AddProviders(options);
  snapshot_ = MakeSnapshot(std::move(options));
  pins_ = std::make_unique<session::PinTable>(*store_, snapshot_->options.pins, clock_.Now());
  conversations_ = std::make_unique<session::Conversations>(*store_, snapshot_->options.continuity,
                                                            clock_.Now());
  aliases_ =
      std::make_unique<session::Aliases>(*store_, snapshot_->options.continuity, clock_.Now());
  plane_ =
      std::make_unique<gateway::DataPlane>(gateway::Environment{.loop = loop_,
                                                                .clock = clock_,
                                                                .random = Random(1),
                                                                .serving = serving_,
                                                                .connections = connections_,
                                                                .observer = recorder_,
                                                                .pins = *pins_,
                                                                .conversations = *conversations_,
                                                                .aliases = *aliases_,
                                                                .router_answers = router_answers_},
                                           snapshot_);
  const Result<void> listening = plane_->Listen({std::string(kHost) + ":" + std::to_string(kPort)});
  MS_CHECK(listening.has_value());
}

World::~World() {
  if (!drained_) {
    plane_->Drain([this] { drained_ = true; });
  }
  plane_->CloseAll();
  Run();
  EXPECT_TRUE(drained_) << client_connections() << " connections are still there";
  EXPECT_EQ(connections_.connections.load(), 0);
  plane_.reset();
  for (const auto& provider : providers_) {
    provider->listener.reset();
    Run();
    provider->server.CloseAll();
    Run();
    EXPECT_EQ(provider->connections(), 0);
  }
}

std::shared_ptr<const gateway::Snapshot> World::MakeSnapshot(gateway::Options options) {
  Problems problems;
  gateway::Validate(options, problems);
  for (const Problem& problem : problems.list()) {
    ADD_FAILURE() << problem.path << ": " << problem.message;
  }
  return std::make_shared<const gateway::Snapshot>(std::move(options), "0123456789abcdef", "",
                                                   store_->install_key(), nullptr, snapshot_.get());
}

void World::AddProviders(const gateway::Options& options) {
  for (const ProviderOptions& provider : options.catalog.providers) {
    std::vector<std::string> urls = provider.endpoints;
    if (urls.empty()) {
      urls.push_back(provider.base_url);
    }
    for (const std::string& text : urls) {
      const http::Url url = http::ParseUrl(text).value();
      const std::string address = url.host + ":" + std::to_string(url.port);
      if (std::ranges::find(provider_addresses_, address) == provider_addresses_.end()) {
        provider_addresses_.push_back(address);
        providers_.push_back(std::make_unique<Provider>(
            loop_, url.host, url.port, provider_options_, [this] { return clock_.Now(); }));
      }
    }
  }
}

int64_t World::calls() const {
  int64_t calls = 0;
  for (const auto& provider : providers_) {
    calls += provider->fake.call_count();
  }
  return calls;
}

Client World::Ask(std::string_view bytes) {
  Client client = Connect();
  client.Send(bytes);
  Run();
  return client;
}

void World::SetClientLink(const io::MemoryLink& link) {
  loop_.SetLink(std::string(kHost) + ":" + std::to_string(kPort), link);
}

void World::SetProviderLink(const io::MemoryLink& link, int number) {
  loop_.SetLink(provider_addresses_.at(static_cast<size_t>(number - 1)), link);
}

const SeenExchange& World::exchange() const {
  static const SeenExchange kNone;
  EXPECT_FALSE(exchanges().empty());
  return exchanges().empty() ? kNone : exchanges().back();
}

void World::Reload(gateway::Options options) {
  AddProviders(options);
  snapshot_ = MakeSnapshot(std::move(options));
  plane_->SetSnapshot(snapshot_);
}

void World::Drain() {
  serving_.draining = true;
  plane_->Drain([this] { drained_ = true; });
  Run();
}

std::string Chat(std::string_view members, std::string_view text, std::string_view model) {
  return R"({"model":")" + std::string(model) + R"(","messages":[{"role":"user","content":")" +
         std::string(text) + R"("}])" + std::string(members) + "}";
}

std::string ChatStream(std::string_view members) {
  return Chat(R"(,"stream":true)" + std::string(members));
}

std::string Post(std::string_view body, std::string_view headers, std::string_view path) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nhost: gateway\r\n" + std::string(headers) +
         "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string PostChunked(std::string_view body, size_t chunk_bytes, std::string_view headers) {
  std::string request = "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n" +
                        std::string(headers) + "transfer-encoding: chunked\r\n\r\n";
  char size[20];
  while (!body.empty()) {
    const std::string_view chunk = body.substr(0, chunk_bytes);
    body.remove_prefix(chunk.size());
    std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    request += size;
    request += chunk;
    request += "\r\n";
  }
  return request + "0\r\n\r\n";
}

std::string Get(std::string_view path, std::string_view headers) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nhost: gateway\r\n" + std::string(headers) +
         "\r\n";
}

std::string Event(std::string_view text) {
  return R"(data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small",)"
         R"("choices":[{"index":0,"delta":{"content":")" +
         std::string(text) + "\"},\"finish_reason\":null}]}\n\n";
}

}  // namespace mainstay::support
