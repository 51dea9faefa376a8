#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "http/chunked.h"
#include "http/head.h"
#include "http/io/buffer.h"
#include "http/io/fill.h"
#include "http/io/loop.h"

namespace mainstay::http {

// How far reading a response head came.
enum class HeadOutcome : uint8_t {
  kOk,
  kTimeout,
  kCancelled,
  kClosed,  // ended or broke before a whole head
  kBad,     // not HTTP that can be trusted, or too large
};

class ClientConnection;

// Told when the provider closes a connection that rests.
class RestWatcher {
 public:
  // May destroy the connection.
  virtual void OnClosedAtRest(ClientConnection& connection) = 0;

 protected:
  ~RestWatcher() = default;
};

// One connection to a provider: one request at a time, one after the other.
//
// Order of calls: StartSending, perhaps FinishSending, ReadHead, then Take and Fill in turn until
// Take says kDone. Threads: that of its loop.
class ClientConnection final : private io::HangUpHandler {
 public:
  ClientConnection(io::Loop& loop, std::unique_ptr<io::Stream> stream)
      : stream_(std::move(stream)), in_(loop.buffers()) {}
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  io::Stream& stream() { return *stream_; }

  // Pieces that one request consists of at most.
  static constexpr size_t kPiecesMax = 10;

  // Sends the pieces in order. kOk: the system took all. kWouldBlock: it took a part; the pieces
  // stay as they are until FinishSending is over. kReset: the connection is broken.
  io::IoStatus StartSending(std::span<const std::string_view> pieces);

  // Sends the rest. Stops early when the provider answers or closes before it has taken everything:
  // that is kOk too, and ReadHead tells. Otherwise kReset, kTimeout, kCancelled.
  io::Task<io::IoStatus> FinishSending(MonoTime deadline);

  // Reads the head of the answer to a request with this method; interim answers are passed over.
  io::Task<HeadOutcome> ReadHead(Method method, MonoTime deadline);
  // After ReadHead gave kOk; its views hold until the next Fill.
  const ResponseHead& head() const { return head_; }

  enum class Body : uint8_t {
    kMore,  // all that had arrived was given: Fill, then Take again
    kFull,  // there is more already: Take again
    kDone,
    kBroken,  // the framing is wrong
  };
  // Gives the bytes of the body that have arrived, transfer coding undone, as views that hold
  // until the next Fill. `pieces` is emptied first.
  Body Take(Pieces& pieces);

  // co_await Fill(deadline): waits for more, and forgets what was given. kOk: something came, or
  // the end of a body that lasts until the connection closes. kWouldBlock: ask again. kEnd and
  // kReset: the body was cut off.
  class Filling;
  [[nodiscard]] inline Filling Fill(MonoTime deadline);

  // Whether another request may be sent: the last answer was read to its end and both sides keep
  // the connection.
  bool Reusable() const;

  // For a connection that ended without an answer: whether the provider cannot have seen the
  // request, so that it may be sent again without being done twice. True when the provider ended
  // the connection in order and its system acknowledged nothing of the request: an end acknowledges
  // all that came before it. After a reset nothing is known, because Linux does not read the
  // acknowledgement in it.
  bool RequestNeverTaken() const;

  // Puts the connection away between two requests: it holds no buffer, and `watcher` hears when the
  // provider closes it.
  void Rest(RestWatcher& watcher);
  // Takes it up again. Gives whether it can be used: still open, and nothing came that nobody asked
  // for.
  enum class Fitness : uint8_t { kFit, kUnfit };
  Fitness WakeUp();

 private:
  enum class Sending : uint8_t { kNothing, kPartly, kWhole };

  void OnHangUp() override;

  // Writes what is pending, as far as possible.
  io::IoStatus SendPending();
  // Reads what is there into in_. False when there was nothing after all.
  bool SomethingCame();
  // Draws the conclusions of a read.
  io::IoStatus OnFilled(io::IoStatus status);

  std::unique_ptr<io::Stream> stream_;
  RestWatcher* rest_watcher_ = nullptr;
  io::Buffer in_;
  ResponseHead head_;
  BodyKind kind_ = BodyKind::kNone;
  uint64_t left_ = 0;  // kLength: bytes still to come
  ChunkedDecoder decoder_;
  size_t given_ = 0;  // bytes of in_ handed out since the last Fill
  uint64_t sent_mark_ = 0;
  std::array<iovec, kPiecesMax> pending_;
  size_t pending_begin_ = 0;
  size_t pending_end_ = 0;
  Sending sending_ = Sending::kNothing;
  bool anything_arrived_ = false;
  bool done_ = true;
  bool closed_ = false;
};

class ClientConnection::Filling final {
 public:
  Filling(ClientConnection& connection, MonoTime deadline)
      : connection_(connection), fill_(*connection.stream_, connection.in_, deadline) {}

  bool await_ready() {
    connection_.in_.Consume(std::exchange(connection_.given_, 0));
    return fill_.await_ready();
  }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { fill_.await_suspend(waiter); }
  io::IoStatus await_resume() { return connection_.OnFilled(fill_.await_resume()); }

 private:
  ClientConnection& connection_;
  io::Fill fill_;
};

inline ClientConnection::Filling ClientConnection::Fill(MonoTime deadline) {
  return Filling(*this, deadline);
}

}  // namespace mainstay::http
