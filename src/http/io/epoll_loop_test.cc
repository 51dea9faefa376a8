#include "http/io/epoll_loop.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/io/testing/certificates.h"
#include "http/io/testing/fake_dns.h"
#include "http/io/testing/stream_world.h"

namespace mainstay::io {
namespace {

using namespace std::chrono_literals;
using testing::FakeDns;
using testing::FakeZone;

TEST(EpollLoopTest, PostsOfOtherThreadsRunInOrderAndStopEndsTheRun) {
  EpollLoop loop;
  std::vector<int> ran;
  std::thread other([&] {
    for (int i = 0; i < 1'000; ++i) {
      loop.Post([&ran, i] { ran.push_back(i); });
    }
    loop.Post([&] { loop.Stop(); });
  });
  loop.Run();
  other.join();
  ASSERT_EQ(ran.size(), 1'000U);
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(ran[i], i);
  }
}

TEST(EpollLoopTest, StopFromAnotherThreadWakesTheLoopUp) {
  EpollLoop loop;
  std::atomic<bool> running{false};
  loop.Post([&] { running = true; });
  std::thread other([&] {
    while (!running) {
      std::this_thread::yield();
    }
    loop.Stop();
  });
  loop.Run();
  other.join();
}

TEST(EpollLoopTest, AStopThatCameBeforeEndsTheNextRunOnly) {
  EpollLoop loop;
  loop.Stop();
  loop.Run();
  int ran = 0;
  loop.Post([&] {
    ++ran;
    loop.Post([&] {
      ++ran;
      loop.Stop();
    });
  });
  loop.Run();
  EXPECT_EQ(ran, 2);
}

TEST(EpollLoopTest, WhatNeverRanIsDestroyedWithTheLoop) {
  const auto held = std::make_shared<int>(1);
  {
    EpollLoop loop;
    loop.Post([held] {});
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(EpollLoopTest, SleepsAtLeastAsLongAsAsked) {
  EpollLoop loop;
  testing::Runner(loop).Run({[&]() -> Task<void> {
    CancelScope scope;
    const MonoTime start = loop.Precise();
    EXPECT_EQ(co_await loop.Sleep(1500us, scope), IoStatus::kOk);
    EXPECT_GE(loop.Precise() - start, 1500us - 1ms);  // now() is as of the round's beginning
  }});
}

struct ListenCase {
  const char* name;
  http::ListenAddress address;
  const char* want;  // part of the message; empty: works
};

TEST(ListenTest, WorksOrSaysWhy) {
  using Kind = http::ListenAddress::Kind;
  const testing::TemporaryFolder folder;
  const ListenCase cases[] = {
      {"ipv4", {.host = "127.0.0.1"}, ""},
      {"not_an_address", {.host = "example.com"}, "Invalid argument"},
      {"not_ours", {.host = "192.0.2.1"}, "Cannot assign requested address"},
      {"unix", {.kind = Kind::kUnix, .path = folder.File("a")}, ""},
      {"unix_in_no_folder", {.kind = Kind::kUnix, .path = folder.File("b/c")}, "No such file"},
      {"unix_path_too_long", {.kind = Kind::kUnix, .path = std::string(200, 'x')}, "Invalid"},
  };
  for (const ListenCase& row : cases) {
    EpollLoop loop;
    testing::Accepted accepted(loop);
    const auto listener = loop.Listen(row.address, accepted);
    const std::string want = row.want;
    if (want.empty()) {
      EXPECT_TRUE(listener) << row.name << ": " << listener.error().message;
    } else {
      ASSERT_FALSE(listener) << row.name;
      EXPECT_NE(listener.error().message.find(want), std::string::npos)
          << row.name << ": " << listener.error().message;
    }
  }
}

TEST(ListenTest, AUnixSocketOfADeadProcessIsReplacedAndOneOfALivingIsNot) {
  const testing::TemporaryFolder folder;
  const http::ListenAddress address{.kind = http::ListenAddress::Kind::kUnix,
                                    .path = folder.File("socket")};
  EpollLoop loop;
  testing::Accepted accepted(loop);
  // What a killed process leaves behind: a bound file that nobody listens on.
  SocketAddress system;
  ASSERT_TRUE(MakeSocketAddress(address, system));
  const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&system.storage), system.size), 0);
  ::close(dead);
  auto living = loop.Listen(address, accepted);
  ASSERT_TRUE(living) << living.error().message;
  const auto second = loop.Listen(address, accepted);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("Address already in use"), std::string::npos);
  living = Error{};
  EXPECT_FALSE(std::filesystem::exists(address.path));
}

TEST(ListenTest, AListenerThatIsDestroyedHandsOverWhatTheSystemHadQueued) {
  EpollLoop loop;
  testing::Accepted accepted(loop);
  auto made = loop.Listen({.host = "127.0.0.1"}, accepted);
  ASSERT_TRUE(made);
  std::unique_ptr<Listener> listener = std::move(made).value();
  SocketAddress address;
  ASSERT_TRUE(MakeSocketAddress("127.0.0.1", listener->port(), address));
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&address.storage), address.size),
            0);
  EXPECT_TRUE(accepted.streams.empty());
  listener.reset();
  EXPECT_EQ(accepted.streams.size(), 1U);
  ::close(client);
}

// A socket that is bound to an address, and refuses or swallows connections.
class DeadEnd final {
 public:
  enum class Kind { kRefuses, kSwallows };
  DeadEnd(const std::string& host, uint16_t port, Kind kind)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SocketAddress address;
    MS_CHECK(MakeSocketAddress(host, port, address));
    MS_CHECK(::bind(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0);
    MS_CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address.storage), &address.size) == 0);
    port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
    if (kind == Kind::kSwallows) {
      // With the queue full the system drops what else wants to connect.
      MS_CHECK(::listen(fd_, 0) == 0);
      for (int& fill : fills_) {
        fill = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int refused =
            ::connect(fill, reinterpret_cast<const sockaddr*>(&address.storage), address.size);
        MS_CHECK(refused == 0 || errno == EINPROGRESS);
      }
    }
  }
  DeadEnd(const DeadEnd&) = delete;
  DeadEnd& operator=(const DeadEnd&) = delete;
  ~DeadEnd() {
    for (const int fill : fills_) {
      if (fill >= 0) {
        ::close(fill);
      }
    }
    ::close(fd_);
  }
  uint16_t port() const { return port_; }

 private:
  const int fd_;
  uint16_t port_ = 0;
  int fills_[3] = {-1, -1, -1};
};

class DialTest : public ::testing::Test {
 protected:
  DialTest() { dns_.Serve(loop_); }

  DialResult Dial(const std::string& host, uint16_t port, std::chrono::nanoseconds limit = 5s) {
    DialResult result;
    testing::Runner(loop_).Run({[&]() -> Task<void> {
      const Peer peer{.host = host, .port = port};
      CancelScope scope;
      result = co_await loop_.Dial(peer, loop_.Precise() + limit, scope);
    }});
    return result;
  }
  std::unique_ptr<Listener> Listen(const std::string& host, uint16_t port = 0) {
    auto listener = loop_.Listen({.host = host, .port = port}, accepted_);
    EXPECT_TRUE(listener) << listener.error().message;
    return listener ? std::move(listener).value() : nullptr;
  }

  FakeDns dns_;
  EpollLoop loop_{dns_.Options()};
  testing::Accepted accepted_{loop_};
};

struct DialCase {
  const char* name;
  const char* listens;  // empty: a port that refuses
  const char* dials;
  const char* want_peer;  // empty: fails with kRefused
};

TEST_F(DialTest, ConnectsWhereSomebodyListens) {
  dns_.zones["both.test"] = {.addresses = {"127.0.0.1", "::1"}};
  dns_.zones["four.test"] = {.addresses = {"127.0.0.1"}};
  dns_.zones["two.test"] = {.addresses = {"127.0.0.1", "127.0.0.2"}};
  const DialCase cases[] = {
      {"literal_ipv4", "127.0.0.1", "127.0.0.1", "127.0.0.1"},
      {"literal_ipv6", "::1", "::1", "::1"},
      {"localhost_on_ipv4", "127.0.0.1", "localhost", "127.0.0.1"},
      {"localhost_on_ipv6", "::1", "localhost", "::1"},
      {"name", "127.0.0.1", "four.test.", "127.0.0.1"},
      {"name_of_both_on_ipv4", "127.0.0.1", "both.test.", "127.0.0.1"},
      {"name_of_both_on_ipv6", "::1", "both.test.", "::1"},
      {"second_address", "127.0.0.2", "two.test.", "127.0.0.2"},
      {"refused", "", "127.0.0.1", ""},
      {"refused_by_all", "", "both.test.", ""},
  };
  for (const DialCase& row : cases) {
    const std::string host = row.listens;
    const DeadEnd refuses("127.0.0.1", 0, DeadEnd::Kind::kRefuses);
    const std::unique_ptr<Listener> listener = host.empty() ? nullptr : Listen(host);
    const DialResult dialled = Dial(row.dials, listener ? listener->port() : refuses.port());
    const std::string want = row.want_peer;
    ASSERT_EQ(dialled.stream != nullptr, !want.empty()) << row.name << ": " << dialled.detail;
    if (dialled.stream) {
      EXPECT_EQ(dialled.stream->PeerAddress(), want) << row.name;
    } else {
      EXPECT_EQ(dialled.error, DialError::kRefused) << row.name;
      EXPECT_NE(dialled.detail.find("Connection refused"), std::string::npos) << row.name;
    }
    accepted_.streams.clear();
  }
}

TEST_F(DialTest, AnUnknownNameIsAnErrorOfTheName) {
  const DialResult dialled = Dial("missing.test.", 80);
  EXPECT_EQ(dialled.error, DialError::kName);
  EXPECT_NE(dialled.detail.find("missing.test."), std::string::npos);
}

TEST_F(DialTest, TheDeadlineCoversTheLookUp) {
  dns_.zones["a.test"] = {.mode = FakeZone::Mode::kSilent};
  EXPECT_EQ(Dial("a.test.", 80, 3ms).error, DialError::kTimeout);
}

TEST_F(DialTest, TheDeadlineCoversTheConnection) {
  const DeadEnd swallows("127.0.0.1", 0, DeadEnd::Kind::kSwallows);
  EXPECT_EQ(Dial("127.0.0.1", swallows.port(), 3ms).error, DialError::kTimeout);
  EXPECT_EQ(Dial("127.0.0.1", swallows.port(), -1ms).error, DialError::kTimeout);
}

TEST_F(DialTest, TheNextAddressIsTriedWhileTheFirstIsSilent) {
  const DeadEnd swallows("127.0.0.2", 0, DeadEnd::Kind::kSwallows);
  const std::unique_ptr<Listener> listener = Listen("127.0.0.3", swallows.port());
  dns_.zones["a.test"] = {.addresses = {"127.0.0.2", "127.0.0.3"}};
  const MonoTime start = loop_.Precise();
  const DialResult dialled = Dial("a.test.", swallows.port());
  ASSERT_NE(dialled.stream, nullptr) << dialled.detail;
  EXPECT_EQ(dialled.stream->PeerAddress(), "127.0.0.3");
  EXPECT_GE(loop_.Precise() - start, 240ms) << "the first had the field to itself";
}

TEST_F(DialTest, ARefusalDoesNotEndTheAttemptsThatStillTry) {
  const DeadEnd swallows("127.0.0.2", 0, DeadEnd::Kind::kSwallows);
  dns_.zones["a.test"] = {.addresses = {"127.0.0.2", "127.0.0.3"}};
  EXPECT_EQ(Dial("a.test.", swallows.port(), 270ms).error, DialError::kTimeout);
}

// Cancels the dial once it waits where the row says, or destroys it there.
TEST_F(DialTest, CanBeBrokenOffAtEveryPoint) {
  dns_.zones["silent.test"] = {.mode = FakeZone::Mode::kSilent};
  const DeadEnd swallows("127.0.0.1", 0, DeadEnd::Kind::kSwallows);
  struct Row {
    const char* name;
    const char* host;
    int rounds;  // of events before
  };
  const Row rows[] = {{"before_it_starts", "127.0.0.1", -1},
                      {"look_up", "silent.test.", 0},
                      {"look_up_sent", "silent.test.", 2},
                      {"connecting", "127.0.0.1", 0},
                      {"connecting_for_a_while", "127.0.0.1", 2}};
  for (const Row& row : rows) {
    CancelScope scope;
    DialResult result;
    bool ended = false;
    testing::Runner(loop_).Run({
        [&]() -> Task<void> {
          if (row.rounds < 0) {
            scope.Cancel();
          }
          const Peer peer{.host = row.host, .port = swallows.port()};
          result = co_await loop_.Dial(peer, kNever, scope);
          ended = true;
        },
        [&]() -> Task<void> {
          CancelScope never;
          for (int i = 0; i < row.rounds; ++i) {
            co_await loop_.Sleep(1us, never);
          }
          EXPECT_EQ(ended, row.rounds < 0) << row.name;
          scope.Cancel();
          EXPECT_TRUE(ended) << row.name;
        },
    });
    EXPECT_EQ(result.error, DialError::kCancelled) << row.name;
    EXPECT_EQ(result.stream, nullptr) << row.name;
  }
}

TEST_F(DialTest, MayCancelAnotherWhoseEventIsInTheSameRound) {
  const std::unique_ptr<Listener> listener = Listen("127.0.0.1");
  const Peer peer{.host = "127.0.0.1", .port = listener->port()};
  CancelScope first;
  CancelScope second;
  int connected = 0;
  const auto dial = [&](CancelScope& mine, CancelScope& other) -> Task<void> {
    const DialResult result = co_await loop_.Dial(peer, kNever, mine);
    connected += result.stream ? 1 : 0;
    other.Cancel();
  };
  testing::Runner(loop_).Run(
      {[&] { return dial(first, second); }, [&] { return dial(second, first); }});
  EXPECT_EQ(connected, 1);
}

struct Started {
  struct promise_type {
    Started get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

TEST_F(DialTest, MayBeDestroyedWhileItWaits) {
  dns_.zones["silent.test"] = {.mode = FakeZone::Mode::kSilent};
  const DeadEnd swallows("127.0.0.1", 0, DeadEnd::Kind::kSwallows);
  for (const char* host : {"silent.test.", "127.0.0.1"}) {
    CancelScope scope;
    const Peer peer{.host = host, .port = swallows.port()};
    const auto start = [&]() -> Started { (void)co_await loop_.Dial(peer, kNever, scope); };
    const Started started = start();
    ASSERT_FALSE(started.handle.done()) << host;
    started.handle.destroy();
    scope.Cancel();
    testing::Runner(loop_).Run({[&]() -> Task<void> { co_await testing::Settle(loop_); }});
  }
}

}  // namespace
}  // namespace mainstay::io
