#include "http/io/memory_loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/io/testing/stream_world.h"

namespace mainstay::io {
namespace {

using namespace std::chrono_literals;
using testing::ReadAll;
using testing::ReadExactly;
using testing::ReadOutcome;
using testing::WriteAll;

constexpr char kAddress[] = "provider.example:443";

class MemoryLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto listener = loop_.Listen({.host = "provider.example", .port = 443}, accepted_);
    ASSERT_TRUE(listener);
    listener_ = std::move(listener).value();
  }

  // Dials and, when it works, leaves both ends in client_ and server_.
  Task<void> Connect(MonoTime deadline = kNever) {
    const Peer peer{.host = "provider.example", .port = 443};
    dialled_ = co_await loop_.Dial(peer, deadline, scope_);
    dial_ended_ = loop_.now();
    client_ = std::move(dialled_.stream);
    ended_ = true;
  }
  void TakeServer() {
    loop_.RunUntilIdle();
    ASSERT_EQ(accepted_.streams.size(), 1U);
    server_ = std::move(accepted_.streams[0]);
    accepted_.streams.clear();
  }

  MemoryLoop loop_;
  testing::Accepted accepted_{loop_};
  std::unique_ptr<Listener> listener_;
  CancelScope scope_;
  DialResult dialled_;
  MonoTime dial_ended_{};
  bool ended_ = false;
  std::unique_ptr<Stream> client_;
  std::unique_ptr<Stream> server_;
};

struct DialCase {
  const char* name;
  MemoryLink link;
  bool listens = true;
  std::chrono::milliseconds deadline{1'000};
  bool connects = true;
  DialError want = DialError::kRefused;
  std::chrono::milliseconds takes{0};
};

TEST(MemoryDialTest, EndsAsTheLinkSays) {
  using Dial = MemoryLink::Dial;
  const DialCase cases[] = {
      {.name = "connects", .link = {}},
      {.name = "takes_a_round_trip", .link = {.latency = 20ms}, .takes = 40ms},
      {.name = "just_in_time", .link = {.latency = 20ms}, .deadline = 40ms, .takes = 40ms},
      {.name = "too_late",
       .link = {.latency = 20ms},
       .deadline = 39ms,
       .connects = false,
       .want = DialError::kTimeout,
       .takes = 39ms},
      {.name = "nobody_listens", .link = {}, .listens = false, .connects = false},
      {.name = "refused", .link = {.dial = Dial::kRefused}, .connects = false},
      {.name = "black_hole",
       .link = {.dial = Dial::kBlackHole},
       .connects = false,
       .want = DialError::kTimeout,
       .takes = 1'000ms},
      {.name = "unknown_name",
       .link = {.dial = Dial::kUnknownName},
       .connects = false,
       .want = DialError::kName},
  };
  for (const DialCase& row : cases) {
    MemoryLoop loop;
    testing::Accepted accepted(loop);
    std::unique_ptr<Listener> listener;
    if (row.listens) {
      listener =
          std::move(loop.Listen({.host = "provider.example", .port = 443}, accepted)).value();
    }
    loop.SetLink(kAddress, row.link);
    const MonoTime start = loop.now();
    DialResult dialled;
    bool ended = false;
    const auto dial = [&]() -> Task<void> {
      CancelScope scope;
      const Peer peer{.host = "provider.example", .port = 443};
      dialled = co_await loop.Dial(peer, start + row.deadline, scope);
      ended = true;
    };
    Spawn(dial());
    EXPECT_FALSE(ended) << row.name << ": never inside the call";
    EXPECT_TRUE(loop.RunUntil([&] { return ended; }, 10s)) << row.name;
    EXPECT_EQ(loop.now() - start, row.takes) << row.name;
    EXPECT_EQ(dialled.stream != nullptr, row.connects) << row.name;
    if (!row.connects) {
      EXPECT_EQ(dialled.error, row.want) << row.name;
      EXPECT_NE(dialled.detail.find(kAddress), std::string::npos) << row.name;
    }
    loop.RunUntilIdle();
    EXPECT_EQ(accepted.streams.size(), row.connects ? 1U : 0U) << row.name;
  }
}

TEST_F(MemoryLoopTest, ADialCanBeCancelled) {
  loop_.SetLink(kAddress, {.dial = MemoryLink::Dial::kBlackHole});
  Spawn(Connect());
  loop_.Advance(1min);
  EXPECT_FALSE(ended_);
  scope_.Cancel();
  EXPECT_TRUE(ended_);
  EXPECT_EQ(dialled_.error, DialError::kCancelled);
}

TEST_F(MemoryLoopTest, AnAddressIsTakenOnce) {
  EXPECT_FALSE(loop_.Listen({.host = "provider.example", .port = 443}, accepted_));
  listener_.reset();
  EXPECT_TRUE(loop_.Listen({.host = "provider.example", .port = 443}, accepted_));
  auto first = loop_.Listen({.host = "127.0.0.1"}, accepted_);
  auto second = loop_.Listen({.host = "127.0.0.1"}, accepted_);
  ASSERT_TRUE(first && second);
  EXPECT_NE((*first)->port(), 0);
  EXPECT_NE((*first)->port(), (*second)->port());
}

TEST_F(MemoryLoopTest, AListenerThatIsDestroyedHandsOverItsQueue) {
  Spawn(Connect());
  EXPECT_TRUE(loop_.RunUntil([&] {
    listener_.reset(ended_ ? nullptr : listener_.release());
    return ended_;
  }));
  EXPECT_EQ(accepted_.streams.size(), 1U);
}

TEST_F(MemoryLoopTest, NothingIsResumedInsideAWrite) {
  Spawn(Connect());
  TakeServer();
  bool read = false;
  const auto reader = [&]() -> Task<void> {
    (void)co_await ReadExactly(*server_, 1);
    read = true;
  };
  Spawn(reader());
  loop_.RunUntilIdle();
  const iovec piece = testing::Piece("x");
  EXPECT_EQ(client_->TryWrite(&piece, 1).status, IoStatus::kOk);
  EXPECT_FALSE(read);
  loop_.RunUntilIdle();
  EXPECT_TRUE(read);
}

TEST_F(MemoryLoopTest, BytesTakeTheLatencyOfTheLink) {
  loop_.SetLink(kAddress, {.latency = 30ms});
  Spawn(Connect());
  loop_.RunUntil([&] { return ended_; });
  TakeServer();
  std::vector<std::pair<MonoTime, char>> arrivals;
  const auto reader = [&]() -> Task<void> {
    while (true) {
      const ReadOutcome got = co_await ReadExactly(*server_, 1);
      if (got.status != IoStatus::kOk) {
        co_return;
      }
      arrivals.emplace_back(loop_.now(), got.bytes[0]);
    }
  };
  Spawn(reader());
  const MonoTime start = loop_.now();
  const iovec a = testing::Piece("a");
  const iovec b = testing::Piece("b");
  (void)client_->TryWrite(&a, 1);
  loop_.Advance(10ms);
  (void)client_->TryWrite(&b, 1);
  client_->FinishWriting();
  loop_.Advance(19ms);
  EXPECT_TRUE(arrivals.empty());
  loop_.Advance(100ms);
  const std::vector<std::pair<MonoTime, char>> want = {{start + 30ms, 'a'}, {start + 40ms, 'b'}};
  EXPECT_EQ(arrivals, want);
}

TEST_F(MemoryLoopTest, ChunksComeOneByOne) {
  loop_.SetLink(kAddress, {.chunk_bytes = 3});
  Spawn(Connect());
  TakeServer();
  const iovec piece = testing::Piece("abcdefgh");
  EXPECT_EQ(client_->TryWrite(&piece, 1).bytes, 8U);
  client_->FinishWriting();
  loop_.RunUntilIdle();
  std::vector<std::string> reads;
  char bytes[100];
  for (IoResult result{}; result.status == IoStatus::kOk; loop_.RunUntilIdle()) {
    EXPECT_FALSE(server_->hung_up());
    result = server_->TryRead(bytes, sizeof bytes);
    reads.emplace_back(bytes, result.bytes);
    if (reads.size() == 3) {
      // The end comes after the last bytes were read, as one more event.
      loop_.RunUntilIdle();
      EXPECT_TRUE(server_->hung_up());
      EXPECT_EQ(server_->TryRead(bytes, sizeof bytes).status, IoStatus::kEnd);
      break;
    }
  }
  EXPECT_EQ(reads, (std::vector<std::string>{"abc", "def", "gh"}));
}

TEST_F(MemoryLoopTest, AWriterIsHeldAtTheBoundOfTheQueue) {
  loop_.SetLink(kAddress, {.queue_bytes = 1'000});
  Spawn(Connect());
  TakeServer();
  const std::string block(600, 'x');
  const iovec piece = testing::Piece(block);
  EXPECT_EQ(client_->TryWrite(&piece, 1).bytes, 600U);
  EXPECT_EQ(client_->TryWrite(&piece, 1).bytes, 400U);
  EXPECT_EQ(client_->TryWrite(&piece, 1).status, IoStatus::kWouldBlock);
  loop_.RunUntilIdle();
  EXPECT_FALSE(client_->ready(Ready::kWrite)) << "arriving is not enough, it has to be read";
  char bytes[100];
  EXPECT_EQ(server_->TryRead(bytes, sizeof bytes).bytes, 100U);
  EXPECT_FALSE(client_->ready(Ready::kWrite)) << "not inside the read";
  loop_.RunUntilIdle();
  EXPECT_TRUE(client_->ready(Ready::kWrite));
  EXPECT_EQ(client_->TryWrite(&piece, 1).bytes, 100U);
}

struct ResetCase {
  const char* name;
  uint64_t after;
  const char* want_read;
  bool want_unseen;  // AcknowledgedNothingAfter the start
};

TEST(MemoryResetTest, ComesAfterTheBytesOfTheRow) {
  const ResetCase cases[] = {
      {"before_the_first", 0, "", true},
      {"in_the_middle", 3, "abc", false},
      {"after_the_last", 6, "abcdef", false},
      {"never_reached", 7, "abcdef", false},
  };
  for (const ResetCase& row : cases) {
    MemoryLoop loop;
    testing::Accepted accepted(loop);
    auto listener = loop.Listen({.host = "a", .port = 1}, accepted);
    ASSERT_TRUE(listener);
    loop.SetLink("a:1", {.reset_after_to_acceptor = row.after});
    ReadOutcome at_server;
    ReadOutcome at_client;
    bool unseen = false;
    testing::Runner(loop).Run({
        [&]() -> Task<void> {
          CancelScope scope;
          const Peer peer{.host = "a", .port = 1};
          const DialResult dialled = co_await loop.Dial(peer, kNever, scope);
          EXPECT_EQ(co_await WriteAll(*dialled.stream, "abcdef"), IoStatus::kOk);
          dialled.stream->FinishWriting();
          at_client = co_await ReadAll(*dialled.stream);
          unseen = dialled.stream->AcknowledgedNothingAfter(0);
        },
        [&]() -> Task<void> {
          const std::unique_ptr<Stream> server = co_await accepted.Next();
          at_server = co_await ReadAll(*server);
        },
    });
    const bool breaks = row.after <= 6;
    EXPECT_EQ(at_server.bytes, row.want_read) << row.name;
    EXPECT_EQ(at_server.status, breaks ? IoStatus::kReset : IoStatus::kEnd) << row.name;
    EXPECT_EQ(at_client.status, breaks ? IoStatus::kReset : IoStatus::kEnd) << row.name;
    EXPECT_EQ(unseen, row.want_unseen) << row.name;
  }
}

TEST_F(MemoryLoopTest, TimersRunInOrderWhenTimeMoves) {
  std::vector<std::pair<char, std::chrono::nanoseconds>> order;
  const MonoTime start = loop_.now();
  // A scope holds one operation, so each sleeper has its own.
  CancelScope scopes[3];
  const auto sleep_in = [&](CancelScope& scope, char name,
                            std::chrono::milliseconds time) -> Task<void> {
    EXPECT_EQ(co_await loop_.Sleep(time, scope), IoStatus::kOk);
    order.emplace_back(name, loop_.now() - start);
    EXPECT_EQ(co_await loop_.Sleep(10ms, scope), IoStatus::kOk);
    order.emplace_back(static_cast<char>(name - 'a' + 'A'), loop_.now() - start);
  };
  Spawn(sleep_in(scopes[0], 'c', 30ms));
  Spawn(sleep_in(scopes[1], 'a', 10ms));
  Spawn(sleep_in(scopes[2], 'b', 25ms));
  loop_.RunUntilIdle();
  EXPECT_TRUE(order.empty());
  loop_.Advance(100ms);
  const std::vector<std::pair<char, std::chrono::nanoseconds>> want = {
      {'a', 10ms}, {'A', 20ms}, {'b', 25ms}, {'c', 30ms}, {'B', 35ms}, {'C', 40ms}};
  EXPECT_EQ(order, want);
  EXPECT_EQ(loop_.now(), start + 100ms);
}

TEST_F(MemoryLoopTest, RunUntilStopsAtItsLimit) {
  const MonoTime start = loop_.now();
  EXPECT_FALSE(loop_.RunUntil([] { return false; }, 5s));
  EXPECT_EQ(loop_.now(), start + 5s);
  EXPECT_TRUE(loop_.RunUntil([] { return true; }, 5s));
  EXPECT_EQ(loop_.now(), start + 5s);
}

TEST_F(MemoryLoopTest, ASleepCanBeCancelled) {
  IoStatus status = IoStatus::kOk;
  const auto sleep = [&]() -> Task<void> {
    status = co_await loop_.Sleep(1h, scope_);
    EXPECT_EQ(co_await loop_.Sleep(1h, scope_), IoStatus::kCancelled) << "at once";
  };
  Spawn(sleep());
  scope_.Cancel();
  EXPECT_EQ(status, IoStatus::kCancelled);
}

TEST_F(MemoryLoopTest, RunTakesPostsOfOtherThreadsUntilStopped) {
  int ran = 0;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      loop_.Post([&] { ++ran; });
    }
    loop_.Post([&] { loop_.Stop(); });
  });
  loop_.Run();
  other.join();
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace mainstay::io
