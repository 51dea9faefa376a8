// Drain, reload and the hard end, under running requests.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Answers;
using support::Chat;
using support::ChatStream;
using support::Client;
using support::End;
using support::Get;
using support::Post;
using support::World;
using ::testing::HasSubstr;

// --- drain ---

TEST(DrainTest, WithoutConnectionsItIsOverAtOnce) {
  World world;
  world.Drain();
  EXPECT_TRUE(world.drained());
  EXPECT_EQ(world.Connect().end(), End::kOpen);
  Client late = world.Ask(Get("/healthz"));
  EXPECT_EQ(late.end(), End::kRefused);
}

TEST(DrainTest, IdleConnectionsEnd) {
  World world;
  Client used = world.Ask(Get("/healthz"));
  Client fresh = world.Connect();
  world.Run();
  EXPECT_EQ(world.client_connections(), 2);
  world.Drain();
  EXPECT_TRUE(world.drained());
  EXPECT_EQ(used.end(), End::kEnded);
  EXPECT_EQ(used.answers().list.size(), 1U);
  EXPECT_EQ(fresh.end(), End::kEnded);
  EXPECT_EQ(fresh.received(), "");
}

TEST(DrainTest, RunningRequestsFinish) {
  World world;
  world.provider().On({.contains = "stream"}).Do({.text = "a b c", .gap = 1s});
  world.provider().On({.contains = "slow"}).Do({.text = "ok", .delay = 3s});
  Client stream = world.Ask(Post(Chat(R"(,"stream":true)", "stream")));
  Client slow = world.Ask(Post(Chat("", "slow")));
  world.Drain();
  EXPECT_FALSE(world.drained());
  world.Advance(2999ms);
  EXPECT_EQ(slow.received(), "");
  world.Advance(10s);
  EXPECT_TRUE(stream.answer().whole);
  EXPECT_THAT(stream.answer().body, HasSubstr("[DONE]"));
  EXPECT_EQ(stream.end(), End::kEnded);
  EXPECT_TRUE(slow.answer().whole);
  EXPECT_TRUE(slow.answer().closes()) << "its head came after the drain had begun";
  EXPECT_EQ(slow.end(), End::kEnded);
  EXPECT_TRUE(world.drained());
}

// Whatever is behind a running request on its connection, or half here, is told to go elsewhere.
TEST(DrainTest, NewRequestsOnOldConnectionsAreRefused) {
  const std::string request = Post(Chat());
  for (const size_t sent : {size_t{1}, size_t{30}, request.size() - 1}) {
    World world;
    Client client = world.Ask(request.substr(0, sent));
    world.Drain();
    EXPECT_EQ(client.end(), End::kOpen) << "it may still be finished";
    client.Send(request.substr(sent));
    world.Run();
    EXPECT_EQ(client.answer().status, 503);
    EXPECT_EQ(client.answer().Header("retry-after"), "5");
    EXPECT_THAT(client.answer().body, HasSubstr("shutting_down"));
    EXPECT_TRUE(client.answer().closes());
    EXPECT_EQ(client.end(), End::kEnded);
    EXPECT_EQ(world.calls(), 0);
    EXPECT_TRUE(world.drained());
  }
}

TEST(DrainTest, APipelinedRequestIsRefusedOrNotServed) {
  for (const size_t chunk_bytes : {SIZE_MAX, size_t{1}}) {
    World world;
    world.SetClientLink({.chunk_bytes = chunk_bytes});
    world.provider().On().Do({.text = "a b c", .gap = 1s});
    // Its head has been sent before the drain: it promised to keep the connection.
    Client stream = world.Ask(Post(ChatStream()) + Post(Chat()));
    world.Drain();
    world.Advance(10s);
    const Answers answers = stream.answers();
    ASSERT_EQ(answers.list.size(), 2U);
    EXPECT_TRUE(answers.list[0].whole);
    EXPECT_EQ(answers.list[1].status, 503);
    EXPECT_TRUE(answers.list[1].closes());
    EXPECT_EQ(stream.end(), End::kEnded);
    EXPECT_EQ(world.calls(), 1);
    EXPECT_TRUE(world.drained());
  }
  World world;
  world.provider().On().Do({.text = "ok", .delay = 1s});
  Client client = world.Ask(Post(Chat()) + Post(Chat()));
  world.Drain();
  world.Advance(10s);
  EXPECT_TRUE(client.answer().whole) << "one answer, which says that it is the last";
  EXPECT_TRUE(client.answer().closes());
  EXPECT_EQ(client.end(), End::kEnded);
  EXPECT_EQ(world.calls(), 1);
  EXPECT_TRUE(world.drained());
}

// A read that was exactly filled leaves the connection marked as readable when it is not.
TEST(DrainTest, AConnectionThatOnlyLooksReadableEnds) {
  for (size_t bytes = 16'384; bytes <= 65'536; bytes *= 2) {
    for (const size_t off : {0, 64}) {
      World world;
      world.provider().On().Do({.text = "a b c", .gap = 1s});
      std::string request = Post(Chat(R"(,"stream":true)", std::string(bytes, 'x')));
      // The length has five digits in both.
      const size_t surplus = request.size() - (bytes - off);
      request = Post(Chat(R"(,"stream":true)", std::string(bytes - surplus, 'x')));
      ASSERT_EQ(request.size(), bytes - off);
      Client client = world.Ask(request);
      world.Drain();
      world.Advance(6s);
      EXPECT_TRUE(client.answer().whole);
      EXPECT_EQ(client.end(), End::kEnded) << "not only when the idle time is over";
      EXPECT_TRUE(world.drained());
    }
  }
}

TEST(DrainTest, ReadinessSaysSo) {
  World world;
  world.provider().On().Do({.delay = 1s});
  Client running = world.Ask(Post(Chat()) + Get("/readyz"));
  Client other = world.Ask("GET /readyz HTTP/1.1\r\nhost: g\r\n");
  world.Drain();
  other.Send("\r\n");
  world.Run();
  EXPECT_EQ(other.answer().status, 503);
  EXPECT_THAT(other.answer().body, HasSubstr("not ready"));
}

// --- the hard end ---

TEST(CloseAllTest, BreaksOffWhateverRuns) {
  World world(support::Replicas(2));
  world.provider(1).On({.contains = "hang"}).Hang();
  world.provider(2).On({.contains = "hang"}).Hang();
  world.provider(1).On({.contains = "stream"}).Do({.text = "a b c", .gap = 1s});
  world.provider(2).On({.contains = "stream"}).Do({.text = "a b c", .gap = 1s});
  world.provider(1).On({.contains = "large"}).Do({.body = std::string(1'000'000, 'x')});
  world.provider(2).On({.contains = "large"}).Do({.body = std::string(1'000'000, 'x')});
  std::vector<Client> clients;
  const std::string large(3'000'000, 'x');
  for (int i = 0; i < 3; ++i) {
    clients.push_back(world.Ask(""));
    clients.push_back(world.Ask("GET /hea"));
    clients.push_back(world.Ask(Post(Chat()).substr(0, 100)));
    clients.push_back(world.Ask("GET\r\n\r\n"));
    clients.push_back(world.Ask(Post(Chat("", "hang"))));
    clients.push_back(world.Ask(Post(Chat(R"(,"stream":true)", "stream")) + Post(Chat())));
    clients.push_back(world.Connect());
    clients.back().Pause();
    clients.back().Send(Post(Chat("", "large")));
    clients.push_back(world.Connect());
    clients.back().Send(Post(large).substr(0, 2'000'000));
  }
  world.Drain();
  world.plane().CloseAll();
  EXPECT_EQ(world.client_connections(), 0);
  world.Run();
  EXPECT_TRUE(world.drained());
  EXPECT_EQ(world.provider(1).connections() + world.provider(2).connections(),
            world.plane().pool().idle());
  for (const support::SeenExchange& exchange : world.exchanges()) {
    EXPECT_EQ(exchange.lifecycle, Lifecycle::kAborted);
  }
}

// --- reload ---

TEST(ReloadTest, ARunningRequestKeepsItsConfiguration) {
  World world;
  world.provider(1).On().Do({.text = "a b c", .gap = 1s});
  Client client = world.Ask(Post(ChatStream()));
  world.Advance(1s);

  // Everything is somewhere else, and the model is called otherwise.
  gateway::Options options;
  options.catalog.providers.push_back({.name = "new", .base_url = support::ReplicaUrl(2)});
  options.catalog.models.push_back({.name = "new/model", .provider = "new"});
  world.Reload(options);
  world.Run();
  EXPECT_EQ(world.provider(1).connections(), 1);

  Client other = world.Ask(Post(Chat()));
  EXPECT_EQ(other.answer().status, 404) << "demo/small is gone";
  other.Forget();
  other.Send(Post(Chat("", "hello", "new/model")));
  world.Run();
  EXPECT_EQ(other.answer().status, 200);
  EXPECT_EQ(world.provider(2).fake.call_count(), 1);

  world.Advance(10s);
  EXPECT_TRUE(client.answer().whole);
  EXPECT_THAT(client.answer().body, HasSubstr("[DONE]"));
  EXPECT_EQ(client.end(), End::kOpen);
  EXPECT_EQ(world.exchange().model, "demo/small");
  EXPECT_EQ(world.provider(1).connections(), 0) << "nobody can use it any more";
  client.Forget();
  client.Send(Post(Chat("", "hello", "new/model")));
  world.Run();
  EXPECT_EQ(client.answer().status, 200) << "the connection is the old one, the configuration new";
}

TEST(ReloadTest, FailoverGoesOnInTheConfigurationItBeganWith) {
  World world(support::Replicas(3));
  world.provider(1).On().Hang();
  Client client = world.Ask(Post(Chat()));
  gateway::Options options;
  options.catalog.providers.push_back({.name = "new", .base_url = support::ReplicaUrl(4)});
  options.catalog.models.push_back({.name = "new/model", .provider = "new"});
  world.Reload(options);
  world.provider(1).server.CloseAll();
  world.Run();
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(world.provider(2).fake.call_count(), 1);
  EXPECT_EQ(world.provider(2).connections(), 0);
}

TEST(ReloadTest, APoolGoesWithItsProviderAndStaysWithIt) {
  World world(support::Replicas(3));
  Client client = world.Ask(Post(Chat()) + Post(Chat()) + Post(Chat()));
  EXPECT_EQ(world.plane().pool().idle(), 3);
  world.Reload(support::Replicas(2));
  world.Run();
  EXPECT_EQ(world.plane().pool().idle(), 2);
  EXPECT_EQ(world.provider(1).connections(), 1);
  EXPECT_EQ(world.provider(3).connections(), 0);
  for (int i = 0; i < 2; ++i) {
    client.Send(Post(Chat()));
    world.Run();
  }
  EXPECT_EQ(world.plane().pool().counts().dialed, 3);
  EXPECT_EQ(world.plane().pool().counts().reused, 2);
}

TEST(ReloadTest, NewLimitsHoldFromTheNextRequestOn) {
  World world;
  Client client = world.Ask(Post(Chat()));
  gateway::Options options = support::Replicas(1);
  options.server.limits.body_bytes = 10;
  world.Reload(options);
  client.Forget();
  client.Send(Post(Chat()));
  world.Run();
  EXPECT_EQ(client.answer().status, 413);
}

}  // namespace
}  // namespace mainstay
