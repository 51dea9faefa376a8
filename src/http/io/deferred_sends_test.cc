// What a round writes leaves together at its end; the peer is a bare socket that the test holds.
#include "http/io/deferred_sends.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "http/io/epoll_loop.h"
#include "http/io/tcp_stream.h"
#include "http/io/testing/stream_world.h"

namespace mainstay::io {
namespace {

using testing::ReadAll;
using testing::ReadOutcome;
using testing::Settle;
using testing::Until;
using Body = std::function<Task<void>()>;

enum class Transport { kTcp, kUnix };

struct TransportCase {
  const char* name;
  Transport transport;
};

void PrintTo(const TransportCase& row, std::ostream* out) {
  *out << row.name;
}

// Both ends of a connection, non-blocking: ours, and the peer's.
struct Ends {
  int ours = -1;
  int peer = -1;
};

Ends ConnectTcp() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(listener, 1), 0);
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const int dialled = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(dialled, reinterpret_cast<const sockaddr*>(&address), size), 0);
  const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  ::close(listener);
  const int on = 1;
  ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return {.ours = accepted, .peer = dialled};
}

Ends ConnectUnix() {
  int both[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both), 0);
  return {.ours = both[0], .peer = both[1]};
}

// What the peer finds when it reads as far as it can now.
struct PeerView {
  std::string bytes;
  enum class End { kOpen, kEnd, kReset } end = End::kOpen;
};
using End = PeerView::End;

class DeferredSendsTest : public ::testing::TestWithParam<TransportCase> {
 protected:
  void SetUp() override {
    const Ends ends = Connect();
    fd_ = ends.ours;
    peer_ = ends.peer;
    // Buffers of a given size do not grow while the test looks elsewhere.
    const int bytes = 1 << 16;
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    ::setsockopt(peer_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    stream_ = Adopt(fd_);
  }
  void TearDown() override {
    stream_.reset();
    loop_.reset();
    ClosePeer();
  }

  bool tcp() const { return GetParam().transport == Transport::kTcp; }
  Ends Connect() const { return tcp() ? ConnectTcp() : ConnectUnix(); }
  EpollLoop& loop() { return *loop_; }
  void Run(const Body& body) { testing::Runner(*loop_).Run({body}); }
  std::unique_ptr<TcpStream> Adopt(int fd) {
    return std::make_unique<TcpStream>(*loop_, fd, TcpStream::Origin::kAccepted);
  }

  IoResult Write(std::string_view bytes) {
    const iovec piece = testing::Piece(bytes);
    return stream_->TryWrite(&piece, 1);
  }

  static PeerView Look(int peer) {
    PeerView view;
    std::string block(1 << 16, '\0');
    while (true) {
      const ssize_t got = ::recv(peer, block.data(), block.size(), MSG_DONTWAIT);
      if (got <= 0) {
        view.end = got == 0 ? End::kEnd : errno == EAGAIN ? End::kOpen : End::kReset;
        return view;
      }
      view.bytes.append(block, 0, static_cast<size_t>(got));
    }
  }
  PeerView Look() const { return Look(peer_); }
  // Reads until the connection is no longer open.
  Task<PeerView> LookToTheEnd() {
    PeerView all;
    co_await Until(loop(), [&] {
      const PeerView more = Look();
      all.bytes += more.bytes;
      all.end = more.end;
      return more.end != End::kOpen;
    });
    co_return all;
  }

  void ClosePeer() {
    if (peer_ >= 0) {
      ::close(std::exchange(peer_, -1));
    }
  }
  void ResetPeer() {
    SetResetOnClose(peer_);
    ClosePeer();
  }

  // Leaves no room in the system for our bytes, behind the stream's back.
  Task<size_t> FillSystem() {
    size_t filled = 0;
    // What is on its way to the peer makes room when it arrives.
    for (size_t more = SIZE_MAX; more > 0;) {
      more = FillOnce();
      filled += more;
      co_await Settle(loop());
    }
    co_return filled;
  }
  size_t FillOnce() const {
    const std::string block(1 << 12, '.');
    size_t filled = 0;
    // In ever smaller blocks, so that there is no room for a single byte.
    for (size_t size = block.size(); size > 0;) {
      const ssize_t sent = ::send(fd_, block.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
      filled += sent > 0 ? static_cast<size_t>(sent) : 0;
      size = sent > 0 ? size : size / 2;
    }
    return filled;
  }

  uint32_t SegmentsWithData() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    EXPECT_EQ(::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_data_segs_out;
  }

  std::unique_ptr<EpollLoop> loop_ = std::make_unique<EpollLoop>();
  int fd_ = -1;
  int peer_ = -1;
  std::unique_ptr<TcpStream> stream_;
};

INSTANTIATE_TEST_SUITE_P(All, DeferredSendsTest,
                         ::testing::ValuesIn({TransportCase{"tcp", Transport::kTcp},
                                              TransportCase{"unix", Transport::kUnix}}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(DeferredSendsTest, WritesOfOneRoundLeaveTogetherAtItsEnd) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    const uint32_t segments = tcp() ? SegmentsWithData() : 0;
    const uint64_t mark = stream_->SentBytes();
    for (const std::string_view text : {"head, ", "body, ", "tail"}) {
      EXPECT_EQ(Write(text).bytes, text.size());
    }
    EXPECT_EQ(stream_->SentBytes(), mark + 16);
    EXPECT_EQ(Look().bytes, "") << "the round is not over";
    std::string seen;
    loop().Post([&] { seen = Look().bytes; });  // the first that the next round does
    co_await Settle(loop());
    EXPECT_EQ(seen, "head, body, tail");
    EXPECT_TRUE(stream_->ready(Ready::kWrite));
    if (tcp()) {
      EXPECT_EQ(SegmentsWithData(), segments + 1);
    }
  });
}

TEST_P(DeferredSendsTest, WhatALoopDoesLastLeavesToo) {
  loop().Post([&] {
    EXPECT_EQ(Write("the last words").bytes, 14U);
    loop().Stop();
  });
  loop().Run();
  EXPECT_EQ(Look().bytes, "the last words");
}

TEST_P(DeferredSendsTest, OutsideOfARoundAWriteLeavesAtOnce) {
  EXPECT_EQ(Write("now").bytes, 3U);
  EXPECT_EQ(Look().bytes, "now");
  Run([]() -> Task<void> { co_return; });
  EXPECT_EQ(Write("again").bytes, 5U);
  EXPECT_EQ(Look().bytes, "again");
}

TEST_P(DeferredSendsTest, ALargeWriteLeavesAtOnceBehindWhatIsQueued) {
  const std::string large(DeferredSends::kStreamBytesMax, 'l');
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    EXPECT_EQ(Write("queued ").bytes, 7U);
    EXPECT_EQ(Write(large).bytes, large.size());
    EXPECT_TRUE(Look().bytes == "queued " + large);
    EXPECT_EQ(Write("after").bytes, 5U);
    EXPECT_EQ(Look().bytes, "");
    co_await Settle(loop());
    EXPECT_EQ(Look().bytes, "after");
    EXPECT_EQ(stream_->SentBytes(), 12 + large.size());
  });
}

TEST_P(DeferredSendsTest, ALongListOfPiecesBehindAQueueIsWrittenInOrder) {
  const std::string block(1'000, 'b');
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    EXPECT_EQ(Write("queued ").bytes, 7U);
    std::vector<iovec> pieces(40, testing::Piece(block));
    const IoResult result = stream_->TryWrite(pieces.data(), pieces.size());
    EXPECT_EQ(result.status, IoStatus::kOk);
    EXPECT_EQ(result.bytes % block.size(), 0U);
    EXPECT_TRUE(stream_->ready(Ready::kWrite)) << "a shorter list is not a full system";
    EXPECT_TRUE(Look().bytes == "queued " + std::string(result.bytes, 'b'));
  });
}

TEST_P(DeferredSendsTest, WhatTheSystemDoesNotTakeWaitsForItAndTheEndWaitsBehind) {
  for (const bool ends : {false, true}) {
    TearDown();
    loop_ = std::make_unique<EpollLoop>();
    SetUp();
    Run([&]() -> Task<void> {
      co_await Settle(loop());
      const std::string filled(co_await FillSystem(), '.');
      EXPECT_EQ(Write("left over").status, IoStatus::kOk);
      EXPECT_TRUE(stream_->ready(Ready::kWrite)) << "nobody has asked the system yet";
      if (ends) {
        stream_->FinishWriting();
        EXPECT_EQ(Write("more").status, IoStatus::kReset);
      }
      co_await Settle(loop());
      EXPECT_FALSE(stream_->ready(Ready::kWrite));
      if (!ends) {
        EXPECT_EQ(Write("more").status, IoStatus::kWouldBlock);
      }
      std::string seen;
      while (!stream_->ready(Ready::kWrite)) {
        seen += Look().bytes;
        co_await Settle(loop());
      }
      EXPECT_TRUE(ends || Write(", more").bytes == 6U);
      co_await Settle(loop());
      const PeerView rest = Look();
      EXPECT_TRUE(seen + rest.bytes == filled + (ends ? "left over" : "left over, more"));
      EXPECT_EQ(rest.end, ends ? End::kEnd : End::kOpen);
    });
  }
}

TEST_P(DeferredSendsTest, TheEndComesBehindTheQueue) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    EXPECT_EQ(Write("last").bytes, 4U);
    stream_->FinishWriting();
    stream_->FinishWriting();
    const PeerView seen = co_await LookToTheEnd();
    EXPECT_EQ(seen.bytes, "last");
    EXPECT_EQ(seen.end, End::kEnd);
    // Our direction alone has ended.
    EXPECT_EQ(::send(peer_, "x", 1, MSG_NOSIGNAL), 1);
    EXPECT_EQ((co_await testing::ReadExactly(*stream_, 1)).bytes, "x");
  });
}

TEST_P(DeferredSendsTest, ADestroyedStreamDeliversWhatIsQueued) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    EXPECT_EQ(Write("delivered").bytes, 9U);
    stream_.reset();
    const PeerView seen = co_await LookToTheEnd();
    EXPECT_EQ(seen.bytes, "delivered");
    EXPECT_EQ(seen.end, End::kEnd);
    EXPECT_EQ(loop().sends().rests(), 0U);
  });
}

TEST_P(DeferredSendsTest, ADestroyedStreamDeliversWhatTheSystemTakesLater) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    const std::string filled(co_await FillSystem(), '.');
    EXPECT_EQ(Write("delivered").bytes, 9U);
    stream_.reset();
    EXPECT_EQ(loop().sends().rests(), 1U);
    const PeerView seen = co_await LookToTheEnd();
    EXPECT_TRUE(seen.bytes == filled + "delivered");
    EXPECT_EQ(seen.end, End::kEnd);
    EXPECT_EQ(loop().sends().rests(), 0U);
  });
}

TEST_P(DeferredSendsTest, ARestEndsWithItsConnection) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    co_await FillSystem();
    EXPECT_EQ(Write("never read").bytes, 10U);
    stream_.reset();
    EXPECT_EQ(loop().sends().rests(), 1U);
    ResetPeer();
    co_await Until(loop(), [&] { return loop().sends().rests() == 0; });
  });
}

TEST_P(DeferredSendsTest, ARestThatOutlivesTheLoopIsNoOrderlyEnd) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    co_await FillSystem();
    EXPECT_EQ(Write("lost").bytes, 4U);
    stream_.reset();
  });
  EXPECT_EQ(loop().sends().rests(), 1U);
  loop_.reset();
  // A unix socket has no reset of its own.
  EXPECT_EQ(Look().end, tcp() ? End::kReset : End::kEnd);
}

TEST_P(DeferredSendsTest, MoreRestsThanAllowedAreReset) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    co_await FillSystem();
    std::vector<int> others;
    while (loop().sends().rests() < DeferredSends::kRestsMax) {
      const Ends ends = ConnectUnix();
      others.push_back(ends.peer);
      Buffer bytes(loop().buffers());
      bytes.Append("x");
      loop().Register(ends.ours, 0, *stream_);
      loop().sends().AdoptRest(ends.ours, std::move(bytes));
    }
    FillOnce();  // the connections took their time
    EXPECT_EQ(Write("one too many").bytes, 12U);
    stream_.reset();
    EXPECT_EQ(loop().sends().rests(), DeferredSends::kRestsMax);
    EXPECT_EQ((co_await LookToTheEnd()).end, tcp() ? End::kReset : End::kEnd);
    co_await Until(loop(), [&] { return loop().sends().rests() == 0; });
    for (const int peer : others) {
      EXPECT_EQ(Look(peer).bytes, "x");
      ::close(peer);
    }
  });
}

TEST_P(DeferredSendsTest, AResetDropsWhatIsQueued) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    EXPECT_EQ(Write("dropped").bytes, 7U);
    stream_->ResetOnClose();
    EXPECT_EQ(Write("not behind a gap").status, IoStatus::kReset);
    stream_->FinishWriting();
    co_await Settle(loop());
    EXPECT_EQ(Look().end, End::kOpen) << "the end would look orderly";
    stream_.reset();
    const PeerView seen = co_await LookToTheEnd();
    EXPECT_EQ(seen.bytes, "");
    EXPECT_EQ(seen.end, tcp() ? End::kReset : End::kEnd);
  });
}

TEST_P(DeferredSendsTest, ABreakAtTheEndOfTheRoundResumesWhoWaits) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    char byte = 0;
    EXPECT_EQ(stream_->TryRead(&byte, 1).status, IoStatus::kWouldBlock);
    ResetPeer();
    EXPECT_EQ(Write("too late").status, IoStatus::kOk);
    EXPECT_EQ(co_await stream_->Wait(Ready::kRead, kNever), IoStatus::kOk);
    EXPECT_TRUE(stream_->hung_up());
    EXPECT_EQ(stream_->TryRead(&byte, 1).status, IoStatus::kReset);
    EXPECT_EQ(Write("x").status, IoStatus::kReset);
  });
}

class OnHangUpDo final : public HangUpHandler {
 public:
  explicit OnHangUpDo(std::function<void()> action) : action_(std::move(action)) {}
  void OnHangUp() override {
    ++count;
    action_();
  }
  int count = 0;

 private:
  std::function<void()> action_;
};

TEST_P(DeferredSendsTest, ABreakTellsTheHandlerWhoseWritesStillLeave) {
  const Ends other = Connect();
  std::unique_ptr<TcpStream> witness = Adopt(other.ours);
  OnHangUpDo handler([&] {
    stream_.reset();
    const iovec piece = testing::Piece("it broke");
    EXPECT_EQ(witness->TryWrite(&piece, 1).bytes, 8U);
  });
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    stream_->SetHangUpHandler(&handler);
    ResetPeer();
    EXPECT_EQ(Write("too late").status, IoStatus::kOk);
    EXPECT_EQ(handler.count, 0) << "not inside of the write";
    co_await Settle(loop());
    EXPECT_EQ(handler.count, 1);
    EXPECT_EQ(Look(other.peer).bytes, "it broke");
  });
  witness.reset();
  ::close(other.peer);
}

TEST_P(DeferredSendsTest, AnEarlyAnswerCanBeReadAfterABreakAtTheEndOfTheRound) {
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    EXPECT_EQ(::send(peer_, "no", 2, MSG_NOSIGNAL), 2);
    ClosePeer();
    EXPECT_EQ(Write("a request").status, IoStatus::kOk);
    const ReadOutcome read = co_await ReadAll(*stream_);
    EXPECT_EQ(read.bytes, "no");
  });
}

// The double-send hazard: a peer that has closed only its own direction could still act on what
// comes.
TEST_P(DeferredSendsTest, WhatIsSaidNeverToHaveBeenTakenNeverLeaves) {
  if (!tcp()) {
    GTEST_SKIP() << "no acknowledgements: the answer is no";
  }
  Run([&]() -> Task<void> {
    EXPECT_EQ(Write("an earlier one").bytes, 14U);
    co_await Settle(loop());
    EXPECT_EQ(Look().bytes, "an earlier one");
    co_await Until(loop(), [&] { return !stream_->AcknowledgedNothingAfter(0); });

    EXPECT_EQ(Write("answered").bytes, 8U);
    const uint64_t mark = stream_->SentBytes();
    EXPECT_TRUE(stream_->AcknowledgedNothingAfter(mark)) << "nothing was taken after it";
    co_await Settle(loop());
    EXPECT_EQ(Look().bytes, "answered") << "a question about nothing drops nothing";

    ::shutdown(peer_, SHUT_WR);
    EXPECT_EQ(Write("do it once").bytes, 10U);
    char byte = 0;
    EXPECT_EQ(stream_->TryRead(&byte, 1).status, IoStatus::kEnd);
    EXPECT_TRUE(stream_->AcknowledgedNothingAfter(mark));
    EXPECT_EQ(Write("or twice").status, IoStatus::kReset);
    co_await Settle(loop());
    EXPECT_EQ(Look().bytes, "");
    stream_.reset();
    const PeerView seen = co_await LookToTheEnd();
    EXPECT_EQ(seen.bytes, "");
    EXPECT_EQ(seen.end, End::kReset);
  });
}

TEST_P(DeferredSendsTest, AfterAHangUpAWriteIsToldAtOnce) {
  Run([&]() -> Task<void> {
    ResetPeer();
    co_await Until(loop(), [&] { return stream_->hung_up(); });
    EXPECT_EQ(Write("x").status, IoStatus::kReset);
  });
}

TEST_P(DeferredSendsTest, ARoundQueuesSoMuchAndNoMore) {
  const std::string block(DeferredSends::kStreamBytesMax, 'b');
  constexpr size_t kStreams = DeferredSends::kRoundBytesMax / DeferredSends::kStreamBytesMax + 4;
  std::vector<std::unique_ptr<TcpStream>> streams;
  std::vector<int> peers;
  for (size_t i = 0; i < kStreams; ++i) {
    const Ends ends = Connect();
    streams.push_back(Adopt(ends.ours));
    peers.push_back(ends.peer);
  }
  Run([&]() -> Task<void> {
    co_await Settle(loop());
    for (size_t i = 0; i < kStreams; ++i) {
      const iovec piece = testing::Piece(block);
      EXPECT_EQ(streams[i]->TryWrite(&piece, 1).bytes, block.size());
      EXPECT_EQ(Look(peers[i]).bytes.empty(), i < kStreams - 4) << i;
    }
    co_await Settle(loop());
    for (size_t i = 0; i < kStreams - 4; ++i) {
      EXPECT_TRUE(Look(peers[i]).bytes == block) << i;
    }
  });
  streams.clear();
  for (const int peer : peers) {
    ::close(peer);
  }
}

}  // namespace
}  // namespace mainstay::io
