// The parts of a provider's connection that the data plane reaches only by chance.
#include "http/client_connection.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/io/memory_loop.h"

namespace mainstay::http {
namespace {

using namespace std::chrono_literals;
using Body = ClientConnection::Body;

// A connection, and the provider's end of it.
class World final : private io::AcceptHandler, private RestWatcher {
 public:
  explicit World(const io::MemoryLink& link = {}) {
    loop_.SetLink("provider:1", link);
    listener_ = loop_.Listen({.host = "provider", .port = 1}, *this).value();
    io::Spawn(Dial());
    loop_.Advance(1s);
  }

  io::MemoryLoop& loop() { return loop_; }
  ClientConnection& connection() { return *connection_; }
  io::Stream& provider() { return *provider_; }
  int closed_at_rest() const { return closed_at_rest_; }

  void Answer(std::string_view bytes) {
    const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    EXPECT_EQ(provider_->TryWrite(&piece, 1).bytes, bytes.size());
  }
  // Takes what was sent.
  std::string Receive() {
    std::string all;
    char bytes[4096];
    while (true) {
      const io::IoResult result = provider_->TryRead(bytes, sizeof bytes);
      if (result.status != io::IoStatus::kOk) {
        return all;
      }
      all.append(bytes, result.bytes);
      loop_.RunUntilIdle();
    }
  }
  void Finish() { provider_->FinishWriting(); }
  void Close() { provider_.reset(); }
  void Reset() {
    provider_->ResetOnClose();
    provider_.reset();
  }

  io::IoStatus Start(std::string_view request = "request") {
    return connection_->StartSending({&request, 1});
  }
  std::optional<HeadOutcome> ReadHead(Method method = Method::kPost,
                                      MonoTime deadline = io::kNever) {
    head_.reset();
    io::Spawn(RunReadHead(method, deadline));
    loop_.RunUntilIdle();
    return head_;
  }
  std::optional<HeadOutcome> head() const { return head_; }
  // Reads the body to its end: all of it, and how it ended.
  struct Read {
    std::string body;
    std::vector<Body> states;
    io::IoStatus filled = io::IoStatus::kOk;
  };
  Read ReadBody() {
    Read read;
    io::Spawn(RunReadBody(read));
    loop_.RunUntilIdle();
    connection_->stream().Cancel();
    return read;
  }
  void Rest() { connection_->Rest(*this); }

 private:
  io::Task<void> Dial() {
    io::CancelScope scope;
    const io::Peer peer{.host = "provider", .port = 1};
    io::DialResult dialled = co_await loop_.Dial(peer, io::kNever, scope);
    connection_ = std::make_unique<ClientConnection>(loop_, std::move(dialled.stream));
  }
  io::Task<void> RunReadHead(Method method, MonoTime deadline) {
    head_ = co_await connection_->ReadHead(method, deadline);
  }
  io::Task<void> RunReadBody(Read& read) {
    Pieces pieces;
    while (true) {
      read.states.push_back(connection_->Take(pieces));
      for (const std::string_view piece : pieces) {
        read.body += piece;
      }
      if (read.states.back() == Body::kDone || read.states.back() == Body::kBroken) {
        co_return;
      }
      if (read.states.back() == Body::kMore) {
        do {
          read.filled = co_await connection_->Fill(io::kNever);
        } while (read.filled == io::IoStatus::kWouldBlock);
        if (read.filled != io::IoStatus::kOk) {
          co_return;
        }
      }
    }
  }
  void OnAccept(std::unique_ptr<io::Stream> stream) override { provider_ = std::move(stream); }
  void OnClosedAtRest(ClientConnection&) override { ++closed_at_rest_; }

  io::MemoryLoop loop_;
  std::unique_ptr<io::Listener> listener_;
  std::unique_ptr<io::Stream> provider_;
  std::unique_ptr<ClientConnection> connection_;
  std::optional<HeadOutcome> head_;
  int closed_at_rest_ = 0;
};

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

// --- sending ---

TEST(SendTest, GoesOnWhenTheProviderReads) {
  World world({.queue_bytes = 10});
  const std::string request(1000, 'r');
  EXPECT_EQ(world.Start(request), io::IoStatus::kWouldBlock);
  std::optional<io::IoStatus> sent;
  auto run = [&]() -> io::Task<void> {
    sent = co_await world.connection().FinishSending(io::kNever);
  };
  io::Spawn(run());
  world.loop().RunUntilIdle();
  EXPECT_FALSE(sent.has_value());
  EXPECT_EQ(world.Receive(), request);
  EXPECT_EQ(sent, io::IoStatus::kOk);
}

TEST(SendTest, IsOverWhenSomethingElseHappens) {
  struct Row {
    const char* name;
    void (*happens)(World&);
    io::IoStatus sent;
    std::optional<HeadOutcome> head;
  };
  const Row rows[] = {
      {"an answer", [](World& world) { world.Answer("HTTP/1.1"); }, io::IoStatus::kOk,
       std::nullopt},
      {"a whole answer",
       [](World& world) {
         for (size_t at = 0; at < kAnswer.size(); at += 10) {
           world.Answer(kAnswer.substr(at, 10));
           world.loop().RunUntilIdle();
         }
       },
       io::IoStatus::kOk, HeadOutcome::kOk},
      {"the end", [](World& world) { world.Finish(); }, io::IoStatus::kOk, HeadOutcome::kClosed},
      {"a reset", [](World& world) { world.Reset(); }, io::IoStatus::kOk, HeadOutcome::kClosed},
      {"a time-out", [](World& world) { world.loop().Advance(5s); }, io::IoStatus::kTimeout,
       std::nullopt},
      {"cancelled", [](World& world) { world.connection().stream().Cancel(); },
       io::IoStatus::kCancelled, HeadOutcome::kCancelled},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world({.queue_bytes = 100});
    EXPECT_EQ(world.Start(std::string(1000, 'r')), io::IoStatus::kWouldBlock);
    std::optional<io::IoStatus> sent;
    auto run = [&]() -> io::Task<void> {
      sent = co_await world.connection().FinishSending(world.loop().now() + 5s);
    };
    io::Spawn(run());
    row.happens(world);
    world.loop().RunUntilIdle();
    EXPECT_EQ(sent, row.sent);
    EXPECT_EQ(world.ReadHead(), row.head);
    EXPECT_FALSE(world.connection().Reusable());
    world.connection().stream().Cancel();
  }
}

// --- heads ---

TEST(ReadHeadTest, PassesOverInterimAnswersUpToALimit) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n";
  for (const int count : {1, 16, 17}) {
    World world;
    world.Start();
    for (int i = 0; i < count; ++i) {
      world.Answer(interim);
      world.loop().RunUntilIdle();
    }
    world.Answer(kAnswer);
    EXPECT_EQ(world.ReadHead(), count <= 16 ? HeadOutcome::kOk : HeadOutcome::kBad) << count;
  }
}

TEST(ReadHeadTest, WaitsUntilItsDeadline) {
  World world;
  world.Start();
  const MonoTime deadline = world.loop().now() + 5s;
  EXPECT_EQ(world.ReadHead(Method::kPost, deadline), std::nullopt);
  world.Answer("HTTP/1.1 2");
  world.loop().Advance(5s - 1ns);
  EXPECT_EQ(world.head(), std::nullopt);
  world.loop().Advance(1ns);
  EXPECT_EQ(world.head(), HeadOutcome::kTimeout);
}

// --- bodies ---

struct BodyCase {
  const char* name;
  std::string answer;
  Method method;
  std::string body;
  Body last;
  bool reusable;
};

TEST(BodyTest, EndsWhereItsFramingSays) {
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += "1\r\nx\r\n";
  }
  const std::string chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  constexpr auto kPost = Method::kPost;
  const BodyCase rows[] = {
      {"length", std::string(kAnswer), kPost, "ok", Body::kDone, true},
      {"no length", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", kPost, "", Body::kDone, true},
      {"to HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", Method::kHead, "", Body::kDone,
       true},
      {"204", "HTTP/1.1 204 No\r\n\r\n", kPost, "", Body::kDone, true},
      {"chunks", chunked + "2\r\nok\r\n0\r\n\r\n", kPost, "ok", Body::kDone, true},
      {"more chunks than pieces", chunked + many + "0\r\n\r\n", kPost, std::string(100, 'x'),
       Body::kDone, true},
      {"a trailer", chunked + "0\r\na: b\r\n\r\n", kPost, "", Body::kDone, true},
      {"bytes behind it", std::string(kAnswer) + "x", kPost, "ok", Body::kDone, false},
      {"bytes behind the chunks", chunked + "0\r\n\r\nx", kPost, "", Body::kDone, false},
      {"asked to close", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
       kPost, "ok", Body::kDone, false},
      {"broken chunks", chunked + "2\r\nok!", kPost, "ok", Body::kBroken, false},
      {"a part", chunked + "9\r\nok", kPost, "ok", Body::kMore, false},
      {"a part of a length", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", kPost, "ok",
       Body::kMore, false},
      {"until the end", "HTTP/1.1 200 OK\r\n\r\nok", kPost, "ok", Body::kMore, false},
  };
  for (const BodyCase& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    world.Start();
    world.Answer(row.answer);
    ASSERT_EQ(world.ReadHead(row.method), HeadOutcome::kOk);
    const World::Read read = world.ReadBody();
    EXPECT_EQ(read.body, row.body);
    EXPECT_EQ(read.states.back(), row.last);
    EXPECT_EQ(world.connection().Reusable(), row.reusable);
  }
}

TEST(BodyTest, UntilTheEndIsCompleteOnlyInOrder) {
  for (const bool reset : {false, true}) {
    World world;
    world.Start();
    world.Answer("HTTP/1.1 200 OK\r\n\r\nok");
    world.loop().RunUntilIdle();
    reset ? world.Reset() : world.Finish();
    ASSERT_EQ(world.ReadHead(), HeadOutcome::kOk);
    const World::Read read = world.ReadBody();
    EXPECT_EQ(read.body, "ok");
    EXPECT_EQ(read.states.back(), reset ? Body::kMore : Body::kDone);
    EXPECT_EQ(read.filled, reset ? io::IoStatus::kReset : io::IoStatus::kOk);
    EXPECT_FALSE(world.connection().Reusable());
  }
}

// --- rest ---

TEST(RestTest, IsDisturbedByWhateverTheProviderDoes) {
  struct Row {
    const char* name;
    void (*happens)(World&);
    ClientConnection::Fitness fitness;
    int closed;
  };
  using enum ClientConnection::Fitness;
  const Row rows[] = {
      {"nothing", [](World&) {}, kFit, 0},
      {"bytes", [](World& world) { world.Answer("x"); }, kUnfit, 0},
      {"the end", [](World& world) { world.Finish(); }, kUnfit, 1},
      {"bytes and the end",
       [](World& world) {
         world.Answer("HTTP/1.1 408 Timeout\r\n\r\n");
         world.Finish();
       },
       kUnfit, 1},
      {"a reset", [](World& world) { world.Reset(); }, kUnfit, 1},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    world.Start();
    EXPECT_EQ(world.Receive(), "");
    world.Answer(kAnswer);
    ASSERT_EQ(world.ReadHead(), HeadOutcome::kOk);
    Pieces pieces;
    ASSERT_EQ(world.connection().Take(pieces), Body::kDone);
    ASSERT_TRUE(world.connection().Reusable());
    world.Receive();
    world.Rest();
    row.happens(world);
    world.loop().RunUntilIdle();
    EXPECT_EQ(world.closed_at_rest(), row.closed);
    EXPECT_EQ(world.connection().WakeUp(), row.fitness);
  }
}

// Only an end in order, which acknowledges nothing of the request, proves that nobody saw it.
TEST(NeverTakenTest, IsSaidOnlyWhenItIsSure) {
  struct Row {
    const char* name;
    std::chrono::milliseconds close_after;  // after the request was sent; it travels 10 ms
    void (*close)(World&);
    bool never_taken;
  };
  const Row rows[] = {
      {"closed before it arrived", 5ms, [](World& world) { world.Close(); }, true},
      {"ended in one direction before it arrived", 5ms, [](World& world) { world.Finish(); },
       false},
      {"ended after it arrived", 15ms, [](World& world) { world.Finish(); }, false},
      {"reset before it arrived", 5ms, [](World& world) { world.Reset(); }, false},
      {"answered, then ended", 5ms,
       [](World& world) {
         world.Answer("HTTP/1.1 100 Continue\r\n\r\n");
         world.Finish();
       },
       false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world({.latency = 10ms});
    world.Start();
    world.loop().Advance(row.close_after);
    row.close(world);
    world.ReadHead();
    bool checked = false;
    for (int ms = 0; ms < 30 && !checked; ++ms) {
      world.loop().Advance(1ms);
      if (world.head() == HeadOutcome::kClosed) {
        checked = true;
        EXPECT_EQ(world.connection().RequestNeverTaken(), row.never_taken);
      }
    }
    EXPECT_TRUE(checked);
  }
}

}  // namespace
}  // namespace mainstay::http
