#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fake_provider/fake_provider.h"
#include "gateway/data_plane.h"
#include "http/io/memory_loop.h"
#include "http/server.h"
#include "session/aliases.h"
#include "session/conversations.h"
#include "session/memory_store.h"
#include "session/pin_table.h"
#include "support/client.h"
#include "support/seen.h"

// The data plane of one worker, providers and clients on a network in memory, in virtual time: no
// sockets, no threads, nothing that sleeps.
namespace mainstay::support {

// A provider at an address of the network.
struct Provider {
  Provider(io::MemoryLoop& loop, const std::string& host, uint16_t port,
           const fake_provider::Options& options, std::function<WallTime()> now);

  http::Limits limits{.idle_timeout = std::chrono::hours(24)};
  http::SharedCounts shared;
  fake_provider::FakeProvider fake;
  http::Server server;
  std::unique_ptr<io::Listener> listener;

  // Requests that arrived here, and how they ended.
  const std::deque<fake_provider::Call>& calls() const { return fake.calls(); }
  int64_t connections() const { return server.counts().connections; }
  // Rules; see FakeProvider::On.
  fake_provider::Rule& On(fake_provider::Match match = {}) { return fake.On(std::move(match)); }
  // As a router: conversations with this word belong to the route.
  void Route(const std::string& word, const std::string& route) {
    On({.contains = word}).Do({.text = "{\"route\":\"" + route + "\"}"});
  }
};

// Configurations to begin with.
//
// One provider, "demo", with so many replicas at 10.0.0.1:80, 10.0.0.2:80 ...; it serves
// demo/small, which is known as "small" upstream, and demo/large.
gateway::Options Replicas(int count);
// Adds two routes, "code" and "think", each with the models of both, its own first, and their
// router, which is the replica of that number; Provider::Route says what it answers.
void AddRoutes(gateway::Options& options, const std::string& coder, const std::string& thinker,
               int router);
std::string ReplicaUrl(int number);   // "http://10.0.0.1:80/v1"
std::string ReplicaHost(int number);  // "10.0.0.1"

class World final {
 public:
  static constexpr std::string_view kHost = "127.0.0.1";
  static constexpr uint16_t kPort = 12'000;

  // `options` must be a valid configuration. A provider is made for each of its addresses.
  explicit World(gateway::Options options = Replicas(1), fake_provider::Options provider = {});
  // Ends what is left. Everything must have ended then: connections, contexts, leases.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  io::MemoryLoop& loop() { return loop_; }
  // What is served from.
  const gateway::Snapshot& snapshot() const { return *snapshot_; }
  gateway::DataPlane& plane() { return *plane_; }
  session::PinTable& pins() { return *pins_; }
  session::Conversations& conversations() { return *conversations_; }
  const session::Aliases& aliases() const { return *aliases_; }
  gateway::ServingState& serving() { return serving_; }
  PolicyClock& clock() { return clock_; }
  // Of the replica with this number, from 1.
  Provider& provider(int number = 1) { return *providers_.at(static_cast<size_t>(number - 1)); }
  size_t provider_count() const { return providers_.size(); }
  // All requests that arrived at any provider.
  int64_t calls() const;

  Client Connect() { return Client(loop_, std::string(kHost), kPort); }
  // Connects, sends, and runs what can happen without time passing.
  Client Ask(std::string_view bytes);

  // How the network to the gateway, or to a replica, behaves; for connections made from now on.
  void SetClientLink(const io::MemoryLink& link);
  void SetProviderLink(const io::MemoryLink& link, int number = 1);

  // Runs what can happen without time passing.
  void Run() { loop_.RunUntilIdle(); }
  void Advance(std::chrono::nanoseconds duration) { loop_.Advance(duration); }

  // What the observer was told.
  const std::vector<SeenExchange>& exchanges() const { return recorder_.exchanges(); }
  // The last one; the test fails when there is none.
  const SeenExchange& exchange() const;
  const std::vector<ErrorKind>& refused() const { return recorder_.refused(); }
  int rejected_ids() const { return recorder_.rejected_ids(); }
  void Forget() { recorder_.Forget(); }

  int64_t client_connections() const { return plane_->server_counts().connections; }

  // Serves from this configuration from now on, as a reload does.
  void Reload(gateway::Options options);

  // As the gateway does on SIGTERM. `drained()` tells when all connections are gone.
  void Drain();
  bool drained() const { return drained_; }

 private:
  std::shared_ptr<const gateway::Snapshot> MakeSnapshot(gateway::Options options);
  void AddProviders(const gateway::Options& options);

  io::MemoryLoop loop_;
  PolicyClock clock_{PolicyClock::Mode::kTest};
  gateway::ServingState serving_;
  http::SharedCounts connections_;
  Recorder recorder_;
  fake_provider::Options provider_options_;
  std::vector<std::string> provider_addresses_;
  std::vector<std::unique_ptr<Provider>> providers_;
  std::unique_ptr<session::StateStore> store_ = session::MakeMemoryStore();
  std::shared_ptr<const gateway::Snapshot> snapshot_;
  std::unique_ptr<session::PinTable> pins_;
  std::unique_ptr<session::Conversations> conversations_;
  std::unique_ptr<session::Aliases> aliases_;
  decision::AnswerCache router_answers_{store_->install_key()};
  std::unique_ptr<gateway::DataPlane> plane_;
  bool drained_ = false;
};

// --- requests ---

// A chat request of one user message; `members` are further members with a comma in front.
std::string Chat(std::string_view members = "", std::string_view text = "hello",
                 std::string_view model = "demo/small");
std::string ChatStream(std::string_view members = "");

// A whole POST with its body's length. `headers` are whole lines.
std::string Post(std::string_view body, std::string_view headers = "",
                 std::string_view path = "/v1/chat/completions");
// The same in chunks of this size.
std::string PostChunked(std::string_view body, size_t chunk_bytes, std::string_view headers = "");
std::string Get(std::string_view path, std::string_view headers = "");

// --- streams ---

// One event of a chat stream that says `text`.
std::string Event(std::string_view text);
inline constexpr std::string_view kUsageEvent =
    "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"small\","
    "\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}"
    "\n\n";
inline constexpr std::string_view kDone = "data: [DONE]\n\n";

}  // namespace mainstay::support
