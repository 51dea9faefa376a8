// Nobody is sent more than he takes, and nothing piles up in between.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Chat;
using support::Client;
using support::End;
using support::Get;
using support::Post;
using support::World;

// Sends as much as the other side takes, and counts it.
class Flood final : public http::Handler {
 public:
  enum class Shape : uint8_t { kWhole, kStream };

  Flood(io::MemoryLoop& loop, Shape shape, size_t bytes)
      : loop_(loop), shape_(shape), bytes_(bytes), server_(loop, limits_, *this, shared_) {
    listener_ = loop.Listen({.host = "10.0.0.9", .port = 80}, server_).value();
  }
  ~Flood() {
    listener_.reset();
    server_.CloseAll();
    loop_.RunUntilIdle();
  }

  size_t sent() const { return sent_; }
  bool cancelled() const { return cancelled_; }

  io::Task<void> Handle(http::ServerExchange& exchange) override {
    const std::string piece = shape_ == Shape::kStream ? support::Event(std::string(9'000, 'x'))
                                                       : std::string(10'000, 'x');
    exchange.BeginHead(200);
    exchange.AddHeader("content-type",
                       shape_ == Shape::kStream ? "text/event-stream" : "application/json");
    exchange.EndHead(std::nullopt, http::Persistence::kKeepAlive);
    const std::string_view view = piece;
    for (sent_ = 0; sent_ < bytes_; sent_ += piece.size()) {
      io::IoStatus status = exchange.Write({&view, 1}, http::Last::kNo);
      if (status == io::IoStatus::kWouldBlock) {
        status = co_await exchange.Drain();
      }
      if (status != io::IoStatus::kOk) {
        cancelled_ = true;
        co_return;
      }
    }
    const std::string_view end = shape_ == Shape::kStream ? support::kDone : std::string_view();
    sent_ += end.size();
    exchange.Write({&end, 1}, http::Last::kYes);
  }
  io::Task<void> Refuse(const Error&, http::ServerExchange&) override { co_return; }

 private:
  io::MemoryLoop& loop_;
  const Shape shape_;
  const size_t bytes_;
  size_t sent_ = 0;
  bool cancelled_ = false;
  http::Limits limits_{.idle_timeout = 24h};
  http::SharedCounts shared_;
  http::Server server_;
  std::unique_ptr<io::Listener> listener_;
};

// A world whose only model is served by a flood.
gateway::Options AtTheFlood() {
  gateway::Options options = support::Replicas(1);
  options.catalog.providers.push_back({.name = "flood", .base_url = "http://10.0.0.9:80/v1"});
  options.catalog.models = {{.name = "flood/x", .provider = "flood"}};
  options.catalog.providers[1].timeouts.idle = 24h;
  return options;
}

class BackPressureTest : public ::testing::TestWithParam<Flood::Shape> {
 protected:
  static constexpr size_t kQueue = 64 << 10;
  static constexpr size_t kTotal = 4 << 20;
  // Two links, what the gateway has read, and what the flood has not got rid of.
  static constexpr size_t kBound = 2 * kQueue + (32 << 10) + 10'000;

  static std::string Request() {
    return Post(
        Chat(GetParam() == Flood::Shape::kStream ? R"(,"stream":true)" : "", "hello", "flood/x"));
  }
};

// The world makes a provider for each address; the one of the flood has to go first.
struct FloodedWorld {
  explicit FloodedWorld(Flood::Shape shape, size_t bytes) : world(AtTheFlood()) {
    world.provider(2).listener.reset();
    flood = std::make_unique<Flood>(world.loop(), shape, bytes);
  }
  Client& Connect() {
    client = std::make_unique<Client>(world.Connect());
    return *client;
  }

  World world;
  std::unique_ptr<Flood> flood;
  std::unique_ptr<Client> client;
};

TEST_P(BackPressureTest, AClientThatDoesNotReadStopsTheProvider) {
  FloodedWorld flooded(GetParam(), kTotal);
  Client& client = flooded.Connect();
  client.Pause();
  client.Send(Request());
  flooded.world.Advance(10s);
  EXPECT_EQ(client.received(), "");
  EXPECT_GE(flooded.flood->sent(), kQueue);
  EXPECT_LE(flooded.flood->sent(), kBound);

  client.Resume();
  flooded.world.Run();
  EXPECT_TRUE(client.answer().whole);
  EXPECT_GE(client.answer().body.size(), kTotal);
  EXPECT_EQ(client.answer().body.size(), flooded.flood->sent());
  EXPECT_EQ(flooded.world.exchange().lifecycle, Lifecycle::kCompleted);
}

TEST_P(BackPressureTest, AClientThatReadsSlowlyIsFollowed) {
  FloodedWorld flooded(GetParam(), kTotal);
  Client& client = flooded.Connect();
  client.Send(Request());
  client.Pause();
  for (int i = 0; i < 10; ++i) {
    flooded.world.Advance(70s);  // within the write time-out
    client.Resume();
    client.Pause();
    flooded.world.Run();
    EXPECT_LE(flooded.flood->sent(), client.received().size() + kBound);
    EXPECT_EQ(client.end(), End::kOpen);
  }
  EXPECT_GT(client.received().size(), 5 * kQueue);
  client.Resume();
  flooded.world.Run();
  EXPECT_TRUE(client.answer().whole);
}

TEST_P(BackPressureTest, AStuckClientIsCutOffAfterTheWriteTimeout) {
  FloodedWorld flooded(GetParam(), kTotal);
  Client& client = flooded.Connect();
  client.Pause();
  client.Send(Request());
  flooded.world.Advance(75s - 1ms);
  EXPECT_EQ(flooded.world.client_connections(), 1);
  EXPECT_FALSE(flooded.flood->cancelled());
  flooded.world.Advance(1ms);
  EXPECT_EQ(flooded.world.client_connections(), 0);
  EXPECT_TRUE(flooded.flood->cancelled());
  EXPECT_EQ(flooded.world.exchange().lifecycle, Lifecycle::kAborted);
  client.Resume();
  flooded.world.Run();
  EXPECT_EQ(client.end(), End::kReset);
  EXPECT_FALSE(client.answer().whole);
}

INSTANTIATE_TEST_SUITE_P(All, BackPressureTest,
                         ::testing::Values(Flood::Shape::kWhole, Flood::Shape::kStream),
                         [](const auto& row) {
                           return row.param == Flood::Shape::kWhole ? "whole" : "stream";
                         });

TEST(BackPressureTest, APipelineThatIsNotReadIsNotTakenIn) {
  World world;
  world.SetClientLink({.queue_bytes = 4096});
  Client client = world.Connect();
  client.Pause();
  std::string requests;
  for (int i = 0; i < 5000; ++i) {
    requests += Get("/healthz");
  }
  client.Send(requests);
  world.Advance(10s);
  // What left the client: one link, one buffer of the gateway, and what was answered.
  EXPECT_GT(client.unsent(), requests.size() - 40'000);
  client.Resume();
  world.Run();
  EXPECT_EQ(client.answers().list.size(), 5000U);
}

// A provider that accepts connections and reads nothing.
class Deaf final : public io::AcceptHandler {
 public:
  void OnAccept(std::unique_ptr<io::Stream> stream) override {
    streams_.push_back(std::move(stream));
  }

 private:
  std::vector<std::unique_ptr<io::Stream>> streams_;
};

TEST(BackPressureTest, AProviderThatTakesNoBodyIsGivenUp) {
  gateway::Options options = support::Replicas(2);
  options.catalog.providers[0].timeouts.first_byte = 3s;
  World world(options);
  world.provider(1).listener.reset();
  Deaf deaf;
  std::unique_ptr<io::Listener> listener =
      world.loop().Listen({.host = support::ReplicaHost(1), .port = 80}, deaf).value();
  Client client = world.Ask(Post(Chat("", std::string(300'000, 'x'))));
  world.Advance(2999ms);
  EXPECT_EQ(client.received(), "");
  world.Advance(1ms);
  EXPECT_EQ(client.answer().status, 200);
  ASSERT_EQ(world.exchange().attempts.size(), 2U);
  EXPECT_EQ(world.exchange().attempts[0].event, AttemptEvent::kTimeout);
  EXPECT_EQ(world.provider(2).calls().size(), 1U);
  EXPECT_EQ(world.provider(2).calls()[0].body.size(), Chat("", "", "small").size() + 300'000);
}

// It answers before it has read the request: the answer counts, and the connection is over.
class Hasty final : public io::AcceptHandler {
 public:
  void OnAccept(std::unique_ptr<io::Stream> stream) override {
    static constexpr std::string_view kAnswer =
        "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno";
    const iovec piece{.iov_base = const_cast<char*>(kAnswer.data()), .iov_len = kAnswer.size()};
    stream->TryWrite(&piece, 1);
    streams_.push_back(std::move(stream));
  }

 private:
  std::vector<std::unique_ptr<io::Stream>> streams_;
};

TEST(BackPressureTest, AnAnswerBeforeTheEndOfTheRequestCounts) {
  World world;
  world.provider(1).listener.reset();
  Hasty hasty;
  std::unique_ptr<io::Listener> listener =
      world.loop().Listen({.host = support::ReplicaHost(1), .port = 80}, hasty).value();
  Client client = world.Ask(Post(Chat("", std::string(300'000, 'x'))));
  EXPECT_EQ(client.answer().status, 413);
  EXPECT_EQ(client.answer().body, "no");
  EXPECT_EQ(world.plane().pool().idle(), 0);
}

}  // namespace
}  // namespace mainstay
