#include "gateway/relay.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/reply_watcher.h"
#include "upstream/request_head.h"
#include "wire/protocol.h"

namespace mainstay::gateway {
namespace {

// Pieces for the client, gathered over what one read brought.
class Batch final {
 public:
  bool full() const { return size_ == pieces_.size(); }
  bool empty() const { return size_ == 0; }
  std::span<const std::string_view> view() const { return {pieces_.data(), size_}; }
  void Clear() { size_ = 0; }

  void Add(std::string_view piece) {
    if (size_ > 0) {
      std::string_view& last = pieces_[size_ - 1];
      if (last.data() + last.size() == piece.data()) {  // neighbours leave as one
        last = {last.data(), last.size() + piece.size()};
        return;
      }
    }
    pieces_[size_++] = piece;
  }

 private:
  std::array<std::string_view, http::ServerExchange::kPiecesMax - 1> pieces_;
  size_t size_ = 0;
};

bool Contains(std::string_view whole, std::string_view part) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

// How passing the body on came to its end.
enum class Ending : uint8_t { kComplete, kClientLeft, kProviderBroke };

class Relayer final {
 public:
  Relayer(io::Loop& loop, http::ServerExchange& client, PipelineReply reply,
          HeaderWriter& headers, Context& context)
      : loop_(loop),
        client_(client),
        reply_(std::move(reply.reply)),
        headers_(headers),
        context_(context),
        connection_(reply_.connection()),
        watcher_(reply_.head(), context.exchange.request, reply.hide_usage,
                 static_cast<size_t>(
                     context.snapshot->shared->options.server.limits.stream_buffer_bytes)) {}

  io::Task<Result<void>> Run() {
    const io::Attached attached(client_.scope(), connection_.stream());
    Exchange& x = context_.exchange;
    x.status = reply_.head().status;
    const Ending ending = co_await PassBody();
    watcher_.Report(x);
    if (ending == Ending::kComplete) {
      x.lifecycle = x.status < 400 ? Lifecycle::kCompleted : Lifecycle::kFailed;
      co_return Result<void>();
    }
    connection_.stream().ResetOnClose();
    x.lifecycle = Lifecycle::kAborted;
    if (ending == Ending::kClientLeft) {
      x.attempts.back().failure = FailureClass::kClientLeft;
      client_.Abort();
      co_return Result<void>();
    }
    x.attempts.back().event = AttemptEvent::kBroken;
    x.attempts.back().failure = FailureClass::kAfterFirstByte;
    co_return co_await EndBroken();
  }

 private:
  void WriteHead() {
    const http::ResponseHead& head = reply_.head();
    client_.BeginHead(head.status);
    upstream::WriteReplyLines(head, client_.out());
    headers_.WriteGatewayHeaders(client_, context_.exchange);
    const bool same_length = head.content_length && !watcher_.may_edit();
    client_.EndHead(same_length ? head.content_length : std::nullopt,
                    http::Persistence::kKeepAlive);
    head_written_ = true;
  }

  // Takes what has arrived, looks at it, and sends on what may go, until the body ends.
  io::Task<Ending> PassBody() {
    http::Pieces pieces;
    while (true) {
      const http::ClientConnection::Body state = connection_.Take(pieces);
      if (state == http::ClientConnection::Body::kBroken) {
        co_return Ending::kProviderBroke;
      }
      const bool done = state == http::ClientConnection::Body::kDone;
      const io::IoStatus sent = co_await PassPieces(pieces, done);
      if (sent != io::IoStatus::kOk) {
        co_return Ending::kClientLeft;
      }
      if (done) {
        co_return Ending::kComplete;
      }
      if (state == http::ClientConnection::Body::kFull) {
        continue;
      }
      const io::IoStatus filled = co_await connection_.Fill(Deadline());
      if (filled == io::IoStatus::kCancelled) {
        co_return Ending::kClientLeft;
      }
      if (filled != io::IoStatus::kOk) {
        co_return Ending::kProviderBroke;
      }
    }
  }

  MonoTime Deadline() const {
    const UpstreamTimeouts& timeouts = reply_.destination().model->provider->timeouts;
    const MonoTime idle =
        timeouts.idle.count() == 0 ? io::kNever : loop_.now() + timeouts.idle;
    const MonoTime total =
        timeouts.total.count() == 0 ? io::kNever : context_.exchange.started + timeouts.total;
    return std::min(idle, total);
  }

  io::Task<io::IoStatus> PassPieces(const http::Pieces& pieces, bool done) {
    Batch batch;
    for (const std::string_view piece : pieces) {
      watcher_.Feed(piece);
      std::string_view forward;
      while (watcher_.Next(forward) == ReplyWatcher::Step::kForward) {
        batch.Add(forward);
        // What began in an earlier read lies in the scanner, and stays there only until it is
        // asked again.
        if (batch.full() || !Contains(piece, forward)) {
          const io::IoStatus sent = co_await Send(batch, http::Last::kNo);
          if (sent != io::IoStatus::kOk) {
            co_return sent;
          }
        }
      }
    }
    if (done) {
      std::string_view rest;
      while (watcher_.Finish(rest) == ReplyWatcher::Step::kForward) {
        batch.Add(rest);
        const io::IoStatus sent = co_await Send(batch, http::Last::kNo);
        if (sent != io::IoStatus::kOk) {
          co_return sent;
        }
      }
      co_return co_await Send(batch, http::Last::kYes);
    }
    // A stream's head leaves at once; any other head waits for its first bytes, so that an answer
    // that breaks before them can still become a proper error.
    if (batch.empty() && (head_written_ || !watcher_.is_stream())) {
      co_return io::IoStatus::kOk;
    }
    co_return co_await Send(batch, http::Last::kNo);
  }

  io::Task<io::IoStatus> Send(Batch& batch, http::Last last) {
    if (!head_written_) {
      WriteHead();
    }
    io::IoStatus status = client_.Write(batch.view(), last);
    if (status == io::IoStatus::kWouldBlock) {
      status = co_await client_.Drain();
    }
    batch.Clear();
    co_return status;
  }

  io::Task<Result<void>> EndBroken() {
    Error error{.kind = ErrorKind::kUpstreamBroken,
                .side = Side::kUpstream,
                .retry = Retry::kLater,
                .message = "the provider's answer broke off; try again"};
    Exchange& x = context_.exchange;
    x.error = error.kind;
    if (!head_written_) {
      co_return error;
    }
    if (!watcher_.is_stream()) {
      client_.Abort();
      co_return Result<void>();
    }
    context_.text.clear();
    wire::RowOf(x.request.protocol).append_error_event(error, x.client_request_id, context_.text);
    client_.CloseAfter();
    const std::string_view event = context_.text;
    io::IoStatus status = client_.Write({&event, 1}, http::Last::kYes);
    if (status == io::IoStatus::kWouldBlock) {
      status = co_await client_.Drain();
    }
    co_return Result<void>();
  }

  io::Loop& loop_;
  http::ServerExchange& client_;
  upstream::Reply reply_;
  HeaderWriter& headers_;
  Context& context_;
  http::ClientConnection& connection_;
  ReplyWatcher watcher_;
  bool head_written_ = false;
};

}  // namespace

io::Task<Result<void>> Relay(io::Loop& loop, http::ServerExchange& client, PipelineReply reply,
                             HeaderWriter& headers, Context& context) {
  Relayer relayer(loop, client, std::move(reply), headers, context);
  co_return co_await relayer.Run();
}

}  // namespace mainstay::gateway
