// One suite for every kind of stream: what one of them promises, all of them keep.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "http/io/epoll_loop.h"
#include "http/io/memory_loop.h"
#include "http/io/socket_address.h"
#include "http/io/testing/certificates.h"
#include "http/io/testing/stream_world.h"
#include "http/io/tls.h"

namespace mainstay::io {
namespace {

using namespace std::chrono_literals;
using testing::ReadAll;
using testing::ReadExactly;
using testing::ReadOutcome;
using testing::Settle;
using testing::Until;
using testing::WriteAll;
using Body = std::function<Task<void>()>;

enum class Transport { kTcp, kUnix, kTls, kMemory, kMemoryChunked, kMemorySlow };

struct TransportCase {
  const char* name;
  Transport transport;
};

void PrintTo(const TransportCase& row, std::ostream* out) {
  *out << row.name;
}

const TransportCase kTransports[] = {
    {"tcp", Transport::kTcp},
    {"unix", Transport::kUnix},
    {"tls", Transport::kTls},
    {"memory", Transport::kMemory},
    {"memory_in_chunks_of_7", Transport::kMemoryChunked},
    {"memory_with_latency", Transport::kMemorySlow},
};

class StreamTest : public ::testing::TestWithParam<TransportCase> {
 protected:
  void SetUp() override {
    if (transport() >= Transport::kMemory) {
      loop_ = std::make_unique<MemoryLoop>();
    } else {
      loop_ = std::make_unique<EpollLoop>();
    }
    accepted_ = std::make_unique<testing::Accepted>(*loop_);
    Connect();
    ASSERT_TRUE(client_ != nullptr);
    ASSERT_TRUE(server_ != nullptr);
  }
  static void TearDownTestSuite() {
    server_context_.reset();
    client_context_.reset();
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    accepted_.reset();
    listener_.reset();
    loop_.reset();
  }

  Transport transport() const { return GetParam().transport; }
  Loop& loop() { return *loop_; }

  void Run(const std::vector<Body>& bodies) { testing::Runner(*loop_).Run(bodies); }

  std::unique_ptr<Stream> client_;
  std::unique_ptr<Stream> server_;

 private:
  void Connect() {
    http::ListenAddress address{.host = "127.0.0.1"};
    if (transport() == Transport::kUnix) {
      address = {.kind = http::ListenAddress::Kind::kUnix, .path = folder_.File("socket")};
    }
    if (transport() == Transport::kTls) {
      MakeContexts();
    }
    const bool is_tls = transport() == Transport::kTls;
    auto listener = loop_->Listen(address, *accepted_, is_tls ? server_context_.get() : nullptr);
    ASSERT_TRUE(listener) << listener.error().message;
    listener_ = std::move(listener).value();
    const uint16_t port = listener_->port();
    if (transport() >= Transport::kMemory) {
      static_cast<MemoryLoop&>(*loop_).SetLink("127.0.0.1:" + std::to_string(port), Link());
    }
    Run({[&]() -> Task<void> {
           if (transport() == Transport::kUnix) {
             client_ = DialUnix(address);
             co_return;
           }
           CancelScope scope;
           const Peer peer{
               .host = "127.0.0.1", .port = port, .tls = is_tls ? client_context_.get() : nullptr};
           DialResult dialled = co_await loop_->Dial(peer, loop_->now() + 5s, scope);
           EXPECT_TRUE(dialled.stream != nullptr) << dialled.detail;
           client_ = std::move(dialled.stream);
         },
         [&]() -> Task<void> {
           server_ = co_await accepted_->Next();
           if (transport() == Transport::kTls) {
             // The client's dial completes the handshake only when this side takes part in it.
             CancelScope scope;
             const HandshakeResult shaken =
                 co_await Handshake(static_cast<TlsStream&>(*server_), loop_->now() + 5s, scope);
             EXPECT_EQ(shaken.status, IoStatus::kOk) << shaken.detail;
           }
         }});
  }

  MemoryLink Link() const {
    MemoryLink link;
    if (transport() == Transport::kMemoryChunked) {
      link.chunk_bytes = 7;
      link.queue_bytes = 100;
    }
    if (transport() == Transport::kMemorySlow) {
      link.latency = 3ms;
    }
    return link;
  }

  std::unique_ptr<Stream> DialUnix(const http::ListenAddress& address) {
    SocketAddress system;
    EXPECT_TRUE(MakeSocketAddress(address, system));
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&system.storage), system.size), 0);
    return std::make_unique<TcpStream>(static_cast<EpollLoop&>(*loop_), fd,
                                       TcpStream::Origin::kDialled);
  }

  // Once for all tests: reading the system's authorities takes long.
  static void MakeContexts() {
    if (server_context_) {
      return;
    }
    const testing::TemporaryFolder folder;
    const testing::TestAuthority authority(folder, "authority");
    const auto files = authority.Issue("server", {.alternative_names = "IP:127.0.0.1"});
    auto server = TlsServerContext::Make({.cert_file = files.certificate, .key_file = files.key});
    ASSERT_TRUE(server) << server.error().message;
    server_context_ = std::move(server).value();
    auto client = TlsClientContext::Make({.ca_file = authority.file()});
    ASSERT_TRUE(client) << client.error().message;
    client_context_ = std::move(client).value();
  }

  static std::unique_ptr<TlsServerContext> server_context_;
  static std::unique_ptr<TlsClientContext> client_context_;
  testing::TemporaryFolder folder_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<testing::Accepted> accepted_;
  std::unique_ptr<Listener> listener_;
};

std::unique_ptr<TlsServerContext> StreamTest::server_context_;
std::unique_ptr<TlsClientContext> StreamTest::client_context_;

INSTANTIATE_TEST_SUITE_P(All, StreamTest, ::testing::ValuesIn(kTransports),
                         [](const auto& tested) { return std::string(tested.param.name); });

std::string RandomBytes(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random());
  }
  return bytes;
}

// Writes `bytes` as lists of pieces of random sizes, empty ones among them.
Task<IoStatus> WriteInPieces(Stream& stream, std::string_view bytes, uint32_t seed) {
  std::mt19937 random(seed);
  while (!bytes.empty()) {
    std::vector<iovec> pieces;
    std::string_view rest = bytes;
    while (pieces.size() < 9 && !rest.empty()) {
      const size_t size =
          std::min<size_t>(rest.size(), random() % 3 == 0 ? random() % 30'000 : random() % 40);
      pieces.push_back(testing::Piece(rest.substr(0, size)));
      rest.remove_prefix(size);
    }
    // Until all of these pieces are taken; a write that came up short goes on where it stopped.
    size_t first = 0;
    while (first < pieces.size()) {
      const IoResult result = stream.TryWrite(&pieces[first], pieces.size() - first);
      if (result.status == IoStatus::kWouldBlock) {
        const IoStatus waited = co_await stream.Wait(Ready::kWrite, kNever);
        if (waited != IoStatus::kOk) {
          co_return waited;
        }
        continue;
      }
      if (result.status != IoStatus::kOk) {
        co_return result.status;
      }
      size_t taken = result.bytes;
      bytes.remove_prefix(taken);
      while (first < pieces.size() && taken >= pieces[first].iov_len) {
        taken -= pieces[first++].iov_len;
      }
      if (taken > 0) {
        pieces[first] = {static_cast<char*>(pieces[first].iov_base) + taken,
                         pieces[first].iov_len - taken};
      }
    }
  }
  co_return IoStatus::kOk;
}

TEST_P(StreamTest, CarriesBytesBothWaysAtOnceAndThenTheEnd) {
  const size_t size = transport() == Transport::kMemoryChunked ? 3'000 : 1'500'000;
  const std::string up = RandomBytes(size, 1);
  const std::string down = RandomBytes(size / 2, 2);
  Run({[&]() -> Task<void> {
         EXPECT_EQ(co_await WriteInPieces(*client_, up, 3), IoStatus::kOk);
         client_->FinishWriting();
         const ReadOutcome read = co_await ReadAll(*client_, 70'000);
         EXPECT_EQ(read.status, IoStatus::kEnd);
         EXPECT_TRUE(read.bytes == down);
       },
       [&]() -> Task<void> {
         const ReadOutcome read = co_await ReadAll(*server_, 1'000);
         EXPECT_EQ(read.status, IoStatus::kEnd);
         EXPECT_TRUE(read.bytes == up);
         EXPECT_EQ(co_await WriteInPieces(*server_, down, 4), IoStatus::kOk);
         server_.reset();
       }});
}

TEST_P(StreamTest, ReadsNothingWhenThereIsNothingAndWaitsForIt) {
  bool written = false;
  Run({[&]() -> Task<void> {
         char byte = 0;
         EXPECT_EQ(server_->TryRead(&byte, 1).status, IoStatus::kWouldBlock);
         EXPECT_FALSE(server_->ready(Ready::kRead));
         const ReadOutcome read = co_await ReadExactly(*server_, 1);
         EXPECT_TRUE(written);
         EXPECT_EQ(read.bytes, "x");
       },
       [&]() -> Task<void> {
         written = true;
         EXPECT_EQ(co_await WriteAll(*client_, "x"), IoStatus::kOk);
       }});
}

TEST_P(StreamTest, ReadsOneByteAtATime) {
  const std::string text = RandomBytes(300, 5);
  Run({[&]() -> Task<void> {
         EXPECT_EQ(co_await WriteAll(*client_, text), IoStatus::kOk);
         client_->FinishWriting();
       },
       [&]() -> Task<void> {
         const ReadOutcome read = co_await ReadAll(*server_, 1);
         EXPECT_EQ(read.bytes, text);
         EXPECT_EQ(read.status, IoStatus::kEnd);
       }});
}

TEST_P(StreamTest, AWriterWaitsForASlowReader) {
  const std::string block = RandomBytes(1 << 16, 6);
  size_t written = 0;
  bool blocked = false;
  Run({[&]() -> Task<void> {
         const iovec piece = testing::Piece(block);
         while (!blocked) {
           const IoResult result = client_->TryWrite(&piece, 1);
           written += result.bytes;
           blocked = result.status == IoStatus::kWouldBlock;
           EXPECT_TRUE(blocked || result.status == IoStatus::kOk);
           EXPECT_LT(written, 64U << 20);
           if (result.bytes < block.size()) {
             EXPECT_FALSE(client_->ready(Ready::kWrite)) << "a short write says it already";
           }
         }
         EXPECT_FALSE(client_->ready(Ready::kWrite));
         EXPECT_EQ(co_await client_->Wait(Ready::kWrite, kNever), IoStatus::kOk);
         // The same bytes again, as the contract wants it.
         const IoResult result = client_->TryWrite(&piece, 1);
         EXPECT_EQ(result.status, IoStatus::kOk);
         written += result.bytes;
         client_->FinishWriting();
       },
       [&]() -> Task<void> {
         co_await Until(loop(), [&] { return blocked; });
         const ReadOutcome read = co_await ReadAll(*server_, 1 << 16);
         EXPECT_EQ(read.bytes.size(), written);
         EXPECT_EQ(read.status, IoStatus::kEnd);
       }});
}

TEST_P(StreamTest, AnEndStaysAndTheOtherDirectionGoesOn) {
  Run({[&]() -> Task<void> {
         EXPECT_EQ(co_await WriteAll(*client_, "question"), IoStatus::kOk);
         client_->FinishWriting();
         client_->FinishWriting();
         EXPECT_EQ((co_await ReadExactly(*client_, 6)).bytes, "answer");
       },
       [&]() -> Task<void> {
         const ReadOutcome read = co_await ReadAll(*server_);
         EXPECT_EQ(read.bytes, "question");
         EXPECT_EQ(read.status, IoStatus::kEnd);
         char byte = 0;
         EXPECT_EQ(server_->TryRead(&byte, 1).status, IoStatus::kEnd);
         EXPECT_EQ(co_await server_->Wait(Ready::kRead, kNever), IoStatus::kOk);
         EXPECT_EQ(server_->TryRead(&byte, 1).status, IoStatus::kEnd);
         EXPECT_EQ(co_await WriteAll(*server_, "answer"), IoStatus::kOk);
       }});
}

TEST_P(StreamTest, AResetIsNoEndAndStays) {
  bool half_read = false;
  Run({[&]() -> Task<void> {
         EXPECT_EQ(co_await WriteAll(*client_, "half a"), IoStatus::kOk);
         co_await Until(loop(), [&] { return half_read; });
         client_->ResetOnClose();
         client_.reset();
       },
       [&]() -> Task<void> {
         EXPECT_EQ((co_await ReadExactly(*server_, 6)).bytes, "half a");
         half_read = true;
         const ReadOutcome read = co_await ReadAll(*server_);
         // A unix socket has no reset of its own: its peer sees the end.
         const IoStatus want = transport() == Transport::kUnix ? IoStatus::kEnd : IoStatus::kReset;
         EXPECT_EQ(read.bytes, "");
         EXPECT_EQ(read.status, want);
         EXPECT_TRUE(server_->hung_up());
         char byte = 0;
         EXPECT_EQ(server_->TryRead(&byte, 1).status, want);
         EXPECT_EQ(server_->TryRead(&byte, 1).status, want);
       }});
}

TEST_P(StreamTest, AWriteThatIsToldOfTheResetLeavesItVisibleToReads) {
  if (transport() == Transport::kUnix) {
    GTEST_SKIP() << "no resets";
  }
  client_->ResetOnClose();
  client_.reset();
  Run({[&]() -> Task<void> {
    const iovec piece = testing::Piece("x");
    co_await Until(loop(), [&] { return server_->TryWrite(&piece, 1).status != IoStatus::kOk; });
    EXPECT_EQ(server_->TryWrite(&piece, 1).status, IoStatus::kReset);
    char byte = 0;
    EXPECT_EQ(server_->TryRead(&byte, 1).status, IoStatus::kReset);
  }});
}

TEST_P(StreamTest, AnEarlyAnswerCanBeReadAfterTheConnectionBroke) {
  Run({[&]() -> Task<void> {
    // The server answers and closes without having read what the client sends.
    EXPECT_EQ(co_await WriteAll(*client_, "a long body"), IoStatus::kOk);
    EXPECT_EQ((co_await ReadExactly(*server_, 1)).bytes, "a");
    EXPECT_EQ(co_await WriteAll(*server_, "too large"), IoStatus::kOk);
    co_await Settle(loop());
    server_.reset();
    const iovec piece = testing::Piece("more of it");
    co_await Until(loop(), [&] { return client_->TryWrite(&piece, 1).status == IoStatus::kReset; });
    const ReadOutcome read = co_await ReadAll(*client_);
    EXPECT_EQ(read.bytes, "too large");
    EXPECT_TRUE(read.status == IoStatus::kReset || read.status == IoStatus::kEnd);
  }});
}

TEST_P(StreamTest, LastBytesAndEndInOneGoAreBothSeen) {
  for (const size_t step : {1UL, 5UL, 64UL, 4'096UL}) {
    client_.reset();
    server_.reset();
    TearDown();
    SetUp();
    const std::string text = RandomBytes(64, 7);
    EXPECT_EQ(client_->TryRead(std::string(1, ' ').data(), 1).status, IoStatus::kWouldBlock);
    Run({[&]() -> Task<void> {
           EXPECT_EQ(co_await WriteAll(*server_, text), IoStatus::kOk);
           server_->FinishWriting();
           server_.reset();
         },
         [&]() -> Task<void> {
           const ReadOutcome read = co_await ReadAll(*client_, step);
           EXPECT_EQ(read.bytes, text) << "step " << step;
           EXPECT_EQ(read.status, IoStatus::kEnd) << "step " << step;
         }});
  }
}

TEST_P(StreamTest, AnEndThatWasReportedBeforeTheBytesWereReadIsSeen) {
  if (transport() == Transport::kMemoryChunked) {
    GTEST_SKIP() << "there the end waits for the reader";
  }
  Run({[&]() -> Task<void> {
    EXPECT_EQ(co_await WriteAll(*server_, "the last bytes"), IoStatus::kOk);
    server_.reset();
    co_await Until(loop(), [&] { return client_->hung_up(); });
    const ReadOutcome read = co_await ReadAll(*client_);
    EXPECT_EQ(read.bytes, "the last bytes");
    EXPECT_EQ(read.status, IoStatus::kEnd);
  }});
}

TEST_P(StreamTest, AWaitEndsAtItsDeadlineAndTheStreamLivesOn) {
  Run({[&]() -> Task<void> {
    char byte = 0;
    EXPECT_EQ(server_->TryRead(&byte, 1).status, IoStatus::kWouldBlock);
    const MonoTime start = loop().Precise();
    EXPECT_EQ(co_await server_->Wait(Ready::kRead, start + 3ms), IoStatus::kTimeout);
    EXPECT_GE(loop().Precise(), start + 3ms);
    EXPECT_EQ(co_await WriteAll(*client_, "x"), IoStatus::kOk);
    EXPECT_EQ((co_await ReadExactly(*server_, 1)).bytes, "x");
  }});
}

TEST_P(StreamTest, CancellingEndsTheWaitAndAllLaterOnes) {
  CancelScope scope;
  bool cancelled = false;
  Run({[&]() -> Task<void> {
         const Attached attached(scope, *server_);
         char byte = 0;
         EXPECT_EQ(server_->TryRead(&byte, 1).status, IoStatus::kWouldBlock);
         EXPECT_EQ(co_await server_->Wait(Ready::kRead, kNever), IoStatus::kCancelled);
         cancelled = true;
         EXPECT_EQ(co_await server_->Wait(Ready::kEither, kNever), IoStatus::kCancelled);
       },
       [&]() -> Task<void> {
         scope.Cancel();
         EXPECT_TRUE(cancelled);
         scope.Cancel();
         co_return;
       }});
}

TEST_P(StreamTest, AScopeThatWasCancelledBeforeCancelsWhatIsAttached) {
  CancelScope scope;
  scope.Cancel();
  Run({[&]() -> Task<void> {
    const Attached attached(scope, *server_);
    EXPECT_EQ(co_await server_->Wait(Ready::kRead, kNever), IoStatus::kCancelled);
  }});
}

class CountHangUps final : public HangUpHandler {
 public:
  explicit CountHangUps(std::function<void()> then) : then_(std::move(then)) {}
  void OnHangUp() override {
    ++count;
    then_();
  }
  int count = 0;

 private:
  std::function<void()> then_;
};

TEST_P(StreamTest, TellsOfAHangUpOnceAndMayBeDestroyedThen) {
  CountHangUps hang_ups([&] { server_.reset(); });
  server_->SetHangUpHandler(&hang_ups);
  Run({[&]() -> Task<void> {
    EXPECT_EQ(co_await WriteAll(*client_, "bytes alone are no hang-up"), IoStatus::kOk);
    co_await Settle(loop());
    EXPECT_EQ(hang_ups.count, 0);
    EXPECT_FALSE(server_->hung_up());
    EXPECT_EQ((co_await ReadExactly(*server_, 26)).bytes.size(), 26U);
    client_.reset();
    co_await Until(loop(), [&] { return hang_ups.count > 0; });
    co_await Settle(loop());
    EXPECT_EQ(hang_ups.count, 1);
    EXPECT_EQ(server_, nullptr);
  }});
}

TEST_P(StreamTest, AHangUpResumesAWaitInsteadOfTellingTheHandler) {
  CountHangUps hang_ups([] {});
  server_->SetHangUpHandler(&hang_ups);
  Run({[&]() -> Task<void> {
         char byte = 0;
         EXPECT_EQ(server_->TryRead(&byte, 1).status, IoStatus::kWouldBlock);
         EXPECT_EQ(co_await server_->Wait(Ready::kRead, kNever), IoStatus::kOk);
         EXPECT_EQ(hang_ups.count, 0);
       },
       [&]() -> Task<void> {
         client_.reset();
         co_return;
       }});
}

// A task that waits is destroyed, stream and all or stream afterwards; then the bytes come.
TEST_P(StreamTest, AWaitThatIsDestroyedIsNotResumed) {
  bool resumed = false;
  const auto wait = [&]() -> Task<void> {
    (void)co_await ReadExactly(*server_, 1);
    resumed = true;
  };
  struct Starter {
    struct promise_type {
      Starter get_return_object() {
        return {std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_always final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
  };
  const auto start = [&]() -> Starter { co_await wait(); };
  const Starter started = start();
  EXPECT_FALSE(started.handle.done());
  started.handle.destroy();
  Run({[&]() -> Task<void> {
    EXPECT_EQ(co_await WriteAll(*client_, "xy"), IoStatus::kOk);
    co_await Settle(loop());
    EXPECT_FALSE(resumed);
    EXPECT_EQ((co_await ReadExactly(*server_, 2)).bytes, "xy");
  }});
}

TEST_P(StreamTest, AResumedTaskMayDestroyBothStreams) {
  Run({[&]() -> Task<void> {
         (void)co_await ReadExactly(*server_, 1);
         server_.reset();
         client_.reset();
       },
       [&]() -> Task<void> { EXPECT_EQ(co_await WriteAll(*client_, "x"), IoStatus::kOk); }});
}

TEST_P(StreamTest, ATimeOutMayDestroyTheStream) {
  Run({[&]() -> Task<void> {
    char byte = 0;
    EXPECT_EQ(server_->TryRead(&byte, 1).status, IoStatus::kWouldBlock);
    EXPECT_EQ(co_await server_->Wait(Ready::kRead, loop().now() + 1ms), IoStatus::kTimeout);
    server_.reset();
  }});
}

TEST_P(StreamTest, KnowsWhetherThePeerMayHaveSeenABreakingRequest) {
  if (transport() == Transport::kUnix) {
    EXPECT_FALSE(client_->AcknowledgedNothingAfter(0));
    return;
  }
  Run({[&]() -> Task<void> {
    const uint64_t start = client_->SentBytes();
    EXPECT_EQ(co_await WriteAll(*client_, "seen"), IoStatus::kOk);
    EXPECT_GE(client_->SentBytes(), start + 4);
    EXPECT_EQ((co_await ReadExactly(*server_, 4)).bytes, "seen");
    // An acknowledgement may be held back for a while.
    co_await Until(loop(), [&] { return !client_->AcknowledgedNothingAfter(start); });
    EXPECT_TRUE(client_->AcknowledgedNothingAfter(client_->SentBytes()));

    server_.reset();
    co_await Until(loop(), [&] { return client_->hung_up(); });
    const uint64_t mark = client_->SentBytes();
    const iovec piece = testing::Piece("not seen");
    EXPECT_EQ(client_->TryWrite(&piece, 1).status, IoStatus::kOk);
    EXPECT_GE(client_->SentBytes(), mark + 8);
    co_await Until(loop(), [&] { return client_->TryWrite(&piece, 1).status == IoStatus::kReset; });
    EXPECT_TRUE(client_->AcknowledgedNothingAfter(mark));
    // The end came before the break.
    EXPECT_EQ((co_await ReadAll(*client_)).status, IoStatus::kEnd);
    EXPECT_FALSE(client_->AcknowledgedNothingAfter(start));
  }});
}

TEST_P(StreamTest, TheAcceptingSideCountsAcknowledgementsAlike) {
  if (transport() == Transport::kUnix) {
    GTEST_SKIP() << "no acknowledgements";
  }
  Run({[&]() -> Task<void> {
    const uint64_t start = server_->SentBytes();
    EXPECT_TRUE(server_->AcknowledgedNothingAfter(start));
    EXPECT_EQ(co_await WriteAll(*server_, "x"), IoStatus::kOk);
    EXPECT_EQ((co_await ReadExactly(*client_, 1)).bytes, "x");
    co_await Until(loop(), [&] { return !server_->AcknowledgedNothingAfter(start); });
  }});
}

TEST_P(StreamTest, NamesThePeer) {
  const std::string want = transport() == Transport::kUnix ? "unix" : "127.0.0.1";
  EXPECT_EQ(server_->PeerAddress(), want);
  EXPECT_EQ(client_->PeerAddress(), want);
}

}  // namespace
}  // namespace mainstay::io
