// A provider and a client that are both fast share the loop with the others.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using fake_provider::Ending;
using support::Chat;
using support::ChatStream;
using support::Client;
using support::Event;
using support::kDone;
using support::Post;
using support::World;

struct TurnCase {
  const char* name;
  std::string request;
  std::string body;
  std::string type;
};

std::vector<TurnCase> TurnCases() {
  std::string events;
  while (events.size() < 4'000'000) {
    events += Event("some more words of the answer");
  }
  events += kDone;
  return {
      {"whole", Post(Chat()), std::string(4'000'000, 'x'), "application/json"},
      {"stream", Post(ChatStream()), events, "text/event-stream"},
      {"one_long_event", Post(ChatStream()),
       Event(std::string(4'000'000, 'x')) + std::string(kDone), "text/event-stream"},
  };
}

// Two answers arrive at the same moment, first the large one, all of it at once, and then the small
// one. The network takes whatever is sent.
TEST(TurnTest, ALargeAnswerLetsASmallOnePass) {
  for (const TurnCase& row : TurnCases()) {
    SCOPED_TRACE(row.name);
    World world(support::Replicas(2));
    world.SetClientLink({.queue_bytes = 64 << 20});
    for (const int number : {1, 2}) {
      world.SetProviderLink({.latency = 1s, .queue_bytes = 64 << 20}, number);
    }
    world.provider(1).On().Do({.body = row.body, .headers = {{"content-type", row.type}}});
    Client large = world.Ask(row.request);
    Client small = world.Ask(Post(Chat()));
    world.Advance(3999ms);
    EXPECT_TRUE(world.exchanges().empty());
    world.Advance(1ms);  // connecting takes two seconds, the request one and the answer one
    ASSERT_EQ(world.exchanges().size(), 2U);
    EXPECT_LT(world.exchanges()[0].reply_bytes, 10'000U) << "the small one was first";
    EXPECT_EQ(large.answer().body, row.body);
    EXPECT_TRUE(large.answer().whole);
    EXPECT_TRUE(small.answer().whole);
  }
}

// The client is heard of while others have their turn.
TEST(TurnTest, AClientMayLeaveInBetween) {
  for (const bool reset : {true, false}) {
    World world;
    world.SetClientLink({.latency = 1s, .queue_bytes = 64 << 20});
    world.SetProviderLink({.latency = 2s, .queue_bytes = 64 << 20});
    world.provider().On().Do({.body = std::string(16'000'000, 'x')});
    Client client = world.Ask(Post(Chat()));
    // The answer arrives 11 seconds after the start, and so does the client's end: behind it.
    world.Advance(10s);
    EXPECT_EQ(world.calls(), 1);
    reset ? client.Reset() : client.Close();
    world.Advance(10s);
    EXPECT_EQ(world.client_connections(), 0);
    EXPECT_EQ(world.provider().connections(), 0);
    ASSERT_EQ(world.exchanges().size(), 1U);
    EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kAborted);
    EXPECT_EQ(world.exchange().attempts.back().failure, FailureClass::kClientLeft);
    EXPECT_LT(world.exchange().reply_bytes, 16'000'000U);
  }
}

TEST(TurnTest, AClientMayLeaveAfterwards) {
  World world;
  world.SetClientLink({.queue_bytes = 64 << 20});
  world.SetProviderLink({.queue_bytes = 64 << 20});
  world.provider().On().Do(
      {.body = std::string(16'000'000, 'x'), .end = Ending::kHang, .after_bytes = 15'000'000});
  Client client = world.Ask(Post(Chat()));
  EXPECT_EQ(client.answer().body.size(), 15'000'000U);
  EXPECT_EQ(world.provider().connections(), 1);
  client.Close();
  world.Run();
  EXPECT_EQ(world.provider().connections(), 0);
  EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kAborted);
}

}  // namespace
}  // namespace mainstay
