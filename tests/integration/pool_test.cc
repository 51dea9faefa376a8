// Connections to providers: kept, used again, given up, and never trusted when they are dead.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Chat;
using support::ChatStream;
using support::Client;
using support::Post;
using support::World;

gateway::Options Config(const KeepAliveOptions& keep_alive, int replicas = 1) {
  gateway::Options options = support::Replicas(replicas);
  options.catalog.providers[0].keep_alive = keep_alive;
  return options;
}

const upstream::PoolCounts& Counts(World& world) {
  return world.plane().pool().counts();
}

// --- whether an answer leaves a connection that may be used again ---

struct ReuseCase {
  const char* name;
  fake_provider::Action action;
  bool kept;
};

void PrintTo(const ReuseCase& row, std::ostream* out) {
  *out << row.name;
}

class ReuseTest : public ::testing::TestWithParam<ReuseCase> {};

// What is sent as raw bytes ends its connection; here it shall look as if it did not.
TEST_P(ReuseTest, TellsWhetherTheConnectionIsKept) {
  World world;
  world.provider().On().Sequence({GetParam().action, {}});
  Client client = world.Ask(Post(Chat()));
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_TRUE(client.answer().whole);
  client.Forget();
  client.Send(Post(Chat()));
  world.Run();
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(world.calls(), 2);
  EXPECT_EQ(Counts(world).reused, GetParam().kept ? 1 : 0);
  EXPECT_EQ(Counts(world).dialed, GetParam().kept ? 1 : 2);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReuseTest,
    ::testing::Values(
        ReuseCase{"a_good_answer", {}, true},
        ReuseCase{"an_answer_in_pieces", {.gap = 0ms, .write_bytes = 3}, true},
        ReuseCase{"connection_close", {.headers = {{"connection", "close"}}}, false},
        ReuseCase{"until_close", {.raw = "HTTP/1.1 200 OK\r\n\r\nx"}, false},
        ReuseCase{"old_version", {.raw = "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx"}, false},
        ReuseCase{"bytes_behind_the_answer", {.body = "xyz", .content_length = 2}, false}),
    [](const auto& row) { return row.param.name; });

TEST(PoolTest, RequestsOneAfterTheOtherShareAConnection) {
  World world;
  Client client = world.Connect();
  for (int i = 0; i < 20; ++i) {
    client.Send(Post(i % 2 == 0 ? Chat() : ChatStream()));
    world.Run();
  }
  EXPECT_EQ(client.answers().list.size(), 20U);
  EXPECT_EQ(Counts(world).dialed, 1);
  EXPECT_EQ(Counts(world).reused, 19);
  EXPECT_EQ(world.provider().connections(), 1);
}

TEST(PoolTest, NoMoreAreKeptThanConfigured) {
  for (const int kept : {0, 1, 3}) {
    World world(Config({.connections_per_worker = kept}));
    world.provider().On().Do({.delay = 10ms});
    std::vector<Client> clients;
    for (int i = 0; i < 5; ++i) {
      clients.push_back(world.Ask(Post(Chat())));
    }
    EXPECT_EQ(world.provider().connections(), 5);
    world.Advance(10ms);
    EXPECT_EQ(world.plane().pool().idle(), kept);
    EXPECT_EQ(world.provider().connections(), kept);
  }
}

TEST(PoolTest, AnIdleConnectionEndsAfterItsTime) {
  World world(Config({.idle = 5s}));
  Client client = world.Ask(Post(Chat()));
  world.Advance(4999ms);
  EXPECT_EQ(world.provider().connections(), 1);
  client.Send(Post(Chat()));  // begins its rest anew
  world.Run();
  world.Advance(4999ms);
  EXPECT_EQ(world.provider().connections(), 1);
  world.Advance(1ms);
  EXPECT_EQ(world.provider().connections(), 0);
  EXPECT_EQ(world.plane().pool().idle(), 0);
  EXPECT_EQ(Counts(world).reused, 1);
}

TEST(PoolTest, TheSurplusAgesOut) {
  World world(Config({.idle = 5s}));
  world.provider().On().Do({.delay = 10ms});
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(world.Ask(Post(Chat())));
  }
  world.Advance(10ms);
  for (int i = 0; i < 8; ++i) {  // one is enough for this load: always the same one
    EXPECT_EQ(world.plane().pool().idle(), i < 5 ? 4 : 1) << i;
    clients[0].Send(Post(Chat()));
    world.Advance(1s);
  }
}

TEST(PoolTest, AProviderThatClosesIsNoticedAtOnce) {
  World world;
  Client client = world.Ask(Post(Chat()));
  EXPECT_EQ(world.plane().pool().idle(), 1);
  world.provider().server.CloseAll();
  world.Run();
  EXPECT_EQ(world.plane().pool().idle(), 0);
  client.Send(Post(Chat()));
  world.Run();
  EXPECT_EQ(client.answers().list.back().status, 200);
  EXPECT_EQ(Counts(world).dialed, 2);
}

TEST(PoolTest, AReloadTakesNewLimitsAtOnce) {
  World world(Config({.connections_per_worker = 5, .idle = 60s}));
  world.provider().On().Do({.delay = 10ms});
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(world.Ask(Post(Chat())));
  }
  world.Advance(10ms);
  EXPECT_EQ(world.plane().pool().idle(), 5);
  world.Reload(Config({.connections_per_worker = 3, .idle = 60s}));
  world.Run();
  EXPECT_EQ(world.plane().pool().idle(), 3);
  EXPECT_EQ(world.provider().connections(), 3);
  world.Reload(Config({.connections_per_worker = 3, .idle = 5s}));
  world.Advance(4989ms);
  EXPECT_EQ(world.plane().pool().idle(), 3);
  world.Advance(1ms);
  EXPECT_EQ(world.plane().pool().idle(), 3) << "their rest began 10 ms after the start";
  world.Advance(10ms);
  EXPECT_EQ(world.plane().pool().idle(), 0);
}

// --- dead connections ---

// The provider ends a connection that rested while the next request is on its way to it: the two
// cross. Connecting takes 20 ms, so the first answer is complete after 40 ms, and 130 ms after the
// start the provider has waited long enough.
void LetThemCross(World& world, Client& client) {
  world.provider(1).limits.idle_timeout = 100ms;
  world.SetProviderLink({.latency = 10ms});
  client = world.Ask(Post(Chat()));
  world.Advance(135ms);
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(world.plane().pool().idle(), 1);
  client.Forget();
}

TEST(DeadConnectionTest, IsReplacedOnceWhenNothingWasTaken) {
  World world;
  Client client = world.Connect();
  LetThemCross(world, client);
  client.Send(Post(Chat()));
  world.Advance(100ms);
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(client.answer().Header("x-mainstay-attempts"), "1");
  EXPECT_EQ(world.exchange().attempts.size(), 1U) << "the same target, on another connection";
  EXPECT_EQ(Counts(world).reused, 1);
  EXPECT_EQ(Counts(world).dialed, 2);
  EXPECT_EQ(world.calls(), 2);
}

// A reset does not tell what was read before it.
TEST(DeadConnectionTest, IsNotReplacedAfterAReset) {
  World world;
  world.SetProviderLink({.latency = 10ms});
  Client client = world.Ask(Post(Chat()));
  world.Advance(100ms);
  client.Forget();
  world.provider().server.CloseAll();  // resets
  world.Advance(5ms);
  client.Send(Post(Chat()));
  world.Advance(100ms);
  EXPECT_EQ(client.answer().status, 502);
  EXPECT_EQ(Counts(world).dialed, 1);
}

// The provider's system has taken bytes of the request: its program may have seen them.
TEST(DeadConnectionTest, IsNotReplacedWhenSomethingWasTaken) {
  for (const int replicas : {1, 2}) {
    World world(support::Replicas(replicas));
    Client client = world.Ask(Post(Chat()) + (replicas == 2 ? Post(Chat()) : ""));
    world.provider(1).On().Reset();
    client.Forget();
    client.Send(Post(Chat()));
    world.Run();
    EXPECT_EQ(world.provider(1).fake.call_count(), 2) << "each request once";
    EXPECT_EQ(client.answer().status, replicas == 2 ? 200 : 502);
    EXPECT_EQ(world.exchange().attempts.size(), static_cast<size_t>(replicas));
  }
}

// Of a fresh connection nothing is sent twice, whatever became of it.
TEST(DeadConnectionTest, AFreshOneIsNotTriedAgain) {
  World world;
  world.SetProviderLink({.reset_after_to_acceptor = 0});
  Client client = world.Ask(Post(Chat()));
  EXPECT_EQ(client.answer().status, 502);
  EXPECT_EQ(Counts(world).dialed, 1);
  EXPECT_EQ(world.calls(), 0);
}

// A replacement that cannot be made is a failure of this target, and the next one is asked.
TEST(DeadConnectionTest, WithoutAReplacementTheNextTargetIsAsked) {
  World world(support::Replicas(2));
  Client client = world.Connect();
  LetThemCross(world, client);
  client.Send(Post(Chat()));  // the second replica's turn
  world.Run();
  EXPECT_EQ(world.provider(2).fake.call_count(), 1);
  client.Forget();
  world.SetProviderLink({.dial = io::MemoryLink::Dial::kRefused});
  client.Send(Post(Chat()));  // the first one's, whose connection is about to end
  world.Advance(100ms);
  EXPECT_EQ(client.answer().status, 200);
  ASSERT_EQ(world.exchange().attempts.size(), 2U);
  EXPECT_EQ(world.exchange().attempts[0].event, AttemptEvent::kConnectError);
  EXPECT_EQ(world.exchange().attempts[1].endpoint, support::ReplicaUrl(2));
  EXPECT_EQ(world.calls(), 3);
}

// An answer that nobody asked for, on a connection that rests: it must not be given to anybody.
TEST(DeadConnectionTest, WithUnaskedBytesIsNotUsed) {
  World world;
  world.provider()
      .On({.nth = 1})
      .Do({.raw = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
                  "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
           .gap = 10ms,
           .write_bytes = 40});
  Client client = world.Ask(Post(Chat()));
  EXPECT_EQ(client.answer().body, "ok");
  world.Advance(10ms);
  client.Forget();
  client.Send(Post(Chat()));
  world.Advance(100ms);
  EXPECT_EQ(client.answer().body.find("evil"), std::string::npos);
  EXPECT_EQ(client.answer().status, 200);
}

}  // namespace
}  // namespace mainstay
