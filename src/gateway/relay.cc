#include "gateway/relay.h"

#include <algorithm>
#include <utility>

#include "upstream/request_head.h"
#include "wire/protocol.h"

namespace mainstay::gateway {
namespace {

// Reads of an answer, 16 KiB or a list of pieces each, before other connections get their turn.
constexpr int kTurnReads = 64;

// Null: nobody looks for the conversations of such requests.
wire::openai_chat::ReplyDigest* StartDigest(Context& context) {
  if (!context.place.found()) {
    return nullptr;
  }
  context.reply_digest.Start(*context.snapshot->shared->history_rules, context.exchange.history);
  return &context.reply_digest;
}

}  // namespace

Relay::Relay(io::Loop& loop, http::ServerExchange& client, PipelineReply reply,
             HeaderWriter& headers, ConversationStage& conversations, Context& context)
    : loop_(loop),
      client_(client),
      reply_(std::move(reply.reply)),
      headers_(headers),
      conversations_(conversations),
      context_(context),
      connection_(reply_.connection()),
      watcher_(
          reply_.head(), context.exchange.request, reply.hide_usage,
          static_cast<size_t>(context.snapshot->shared->options.server.limits.stream_buffer_bytes),
          StartDigest(context)) {}

io::Task<Result<void>> Relay::Run() {
  const io::Attached attached(client_.scope(), connection_.stream());
  context_.exchange.status = reply_.head().status;
  WriteHeadLines();
  Ending ending = Ending::kComplete;
  while (true) {
    if (TurnOver()) [[unlikely]] {
      client_.scope().Detach();  // it holds one operation at a time
      const io::IoStatus slept = co_await loop_.Sleep(std::chrono::nanoseconds(0), client_.scope());
      client_.scope().Attach(connection_.stream());
      if (slept != io::IoStatus::kOk) {
        ending = Ending::kClientLeft;
        break;
      }
    }
    const http::ClientConnection::Body state = connection_.Take(context_.pieces);
    const bool broken = state == http::ClientConnection::Body::kBroken;
    // The events before the fault still go on; any other answer had better become a proper error.
    if (broken && !watcher_.takes_events()) {
      ending = Ending::kProviderBroke;
      break;
    }
    StartPassing(state);
    io::IoStatus sent = Pass();
    while (sent == io::IoStatus::kWouldBlock) {
      sent = co_await client_.Drain();
      if (sent == io::IoStatus::kOk) {
        sent = Pass();
      }
    }
    if (sent != io::IoStatus::kOk) {
      ending = Ending::kClientLeft;
      break;
    }
    if (body_done_) {
      ending = watcher_.cut_short() ? Ending::kCutShort : Ending::kComplete;
      break;
    }
    if (broken) {
      ending = Ending::kProviderBroke;
      break;
    }
    if (state == http::ClientConnection::Body::kFull) {
      continue;
    }
    watcher_.BeforeRead();
    io::IoStatus filled = io::IoStatus::kWouldBlock;
    while (filled == io::IoStatus::kWouldBlock) {
      filled = co_await connection_.Fill(Deadline());
    }
    if (filled != io::IoStatus::kOk) {
      ending = filled == io::IoStatus::kCancelled ? Ending::kClientLeft
               : filled == io::IoStatus::kTimeout ? Ending::kProviderLate
                                                  : Ending::kProviderBroke;
      break;
    }
  }
  watcher_.Report(context_.exchange);
  Exchange& x = context_.exchange;
  if (ending == Ending::kComplete) {
    x.lifecycle = x.status < 400 ? Lifecycle::kCompleted : Lifecycle::kFailed;
    conversations_.AddUsage(context_);
    co_return Result<void>();
  }
  co_return co_await End(ending);
}

// At once, because the views of the provider's head hold only until the next read. The lines are
// given up when the answer breaks before its first byte.
void Relay::WriteHeadLines() {
  const http::ResponseHead& head = reply_.head();
  client_.BeginHead(head.status);
  upstream::WriteReplyLines(head, client_.out());
  headers_.WriteGatewayHeaders(client_, context_);
}

MonoTime Relay::Deadline() const {
  const UpstreamTimeouts& timeouts = reply_.destination().model->provider->timeouts;
  const MonoTime idle = timeouts.idle.count() == 0 ? io::kNever : loop_.now() + timeouts.idle;
  return std::min(idle, reply_.deadline());
}

// Time stands still within a round of the loop: as long as reading and writing have to wait, which
// is nearly always, each read is the first one of its turn.
bool Relay::TurnOver() {
  if (turn_ != loop_.now()) {
    turn_ = loop_.now();
    turn_reads_ = 0;
  }
  if (++turn_reads_ <= kTurnReads) {
    return false;
  }
  turn_reads_ = 1;
  return true;
}

void Relay::StartPassing(http::ClientConnection::Body state) {
  if (!begun_ && !context_.pieces.empty()) {
    begun_ = true;
    NoteBegin();
  }
  body_done_ = state == http::ClientConnection::Body::kDone;
  piece_ = 0;
  stage_ = Stage::kFeed;
}

// How soon a stream begins is one of the things that models are chosen by. An answer that comes as
// a whole says nothing about it.
void Relay::NoteBegin() {
  const Exchange& x = context_.exchange;
  if (!watcher_.is_stream() || x.status >= 300) {
    return;
  }
  const MonoTime sent = x.first_byte - ServedAttempt().time;
  x.model->first_token->Add(std::max(x.first_byte, loop_.now()) - sent);
}

io::IoStatus Relay::Pass() {
  std::string_view forward;
  while (stage_ == Stage::kFeed || stage_ == Stage::kForward) {
    if (stage_ == Stage::kFeed) {
      if (piece_ == context_.pieces.size()) {
        stage_ = body_done_ ? Stage::kTail : Stage::kEnd;
        break;
      }
      watcher_.Feed(context_.pieces[piece_]);
      stage_ = Stage::kForward;
    }
    if (watcher_.Next(forward) == ReplyWatcher::Step::kMore) {
      ++piece_;
      stage_ = Stage::kFeed;
      continue;
    }
    context_.batch.Add(forward);
    // What began in an earlier read lies in the scanner, and stays there only until it is asked
    // again.
    if (context_.batch.full() || !Contains(context_.pieces[piece_], forward)) {
      if (const io::IoStatus sent = Send(http::Last::kNo); sent != io::IoStatus::kOk) {
        return sent;
      }
    }
  }
  while (stage_ == Stage::kTail) {
    const bool more = watcher_.Finish(forward) == ReplyWatcher::Step::kForward;
    if (watcher_.cut_short()) {
      // An answer that will be cut must not have been sent to its last byte.
      if (!watcher_.takes_events()) {
        context_.batch.Clear();
      }
      stage_ = Stage::kEnd;
      break;
    }
    if (more) {
      context_.batch.Add(forward);
    } else {
      stage_ = Stage::kEnd;
    }
    const io::IoStatus sent = Send(more ? http::Last::kNo : http::Last::kYes);
    if (sent != io::IoStatus::kOk) {
      return sent;
    }
  }
  // A stream's head leaves at once; any other head waits for its first bytes, so that an answer
  // that breaks before them can still become a proper error.
  const bool head_due = !head_ended_ && watcher_.is_stream() && !watcher_.cut_short();
  return context_.batch.empty() && !head_due ? io::IoStatus::kOk : Send(http::Last::kNo);
}

// An answer that could not be followed counts when it is over: what it said is not known.
void Relay::NoteReply() {
  const bool over = stage_ == Stage::kTail || stage_ == Stage::kEnd;
  if (context_.conversation_noted || (watcher_.link() == nullptr && !(over && body_done_))) {
    return;
  }
  if (context_.exchange.status >= 300) {
    conversations_.Fail(context_);
    return;
  }
  watcher_.Report(context_.exchange);
  conversations_.Commit(context_, watcher_.link());
}

io::IoStatus Relay::Send(http::Last last) {
  NoteReply();
  if (!head_ended_) {
    head_ended_ = true;
    // A stream that breaks gets an event more than the provider counted.
    const bool same_length = !watcher_.may_edit() && !watcher_.takes_events();
    client_.EndHead(same_length ? reply_.head().content_length : std::nullopt,
                    http::Persistence::kKeepAlive);
  }
  const io::IoStatus status = client_.Write(context_.batch.view(), last);
  context_.batch.Clear();
  return status;
}

Attempt& Relay::ServedAttempt() {
  std::vector<Attempt>& attempts = context_.exchange.attempts;
  size_t at = attempts.size() - 1;
  while (attempts[at].event != AttemptEvent::kAnswered) {
    --at;
  }
  return attempts[at];
}

io::Task<Result<void>> Relay::End(Ending ending) {
  Exchange& x = context_.exchange;
  if (ending != Ending::kCutShort) {
    connection_.stream().ResetOnClose();
  }
  x.lifecycle = Lifecycle::kAborted;
  if (ending == Ending::kClientLeft) {
    // What it has seen of the answer may come back in its next request.
    watcher_.BreakOff();
    if (x.status < 300 && watcher_.link() != nullptr) {
      conversations_.Commit(context_, watcher_.link());
    }
    conversations_.Fail(context_);
    ServedAttempt().failure = FailureClass::kClientLeft;
    client_.Abort();
    co_return Result<void>();
  }
  conversations_.Fail(context_);
  Attempt& served = ServedAttempt();
  served.event = AttemptEvent::kBroken;
  served.failure = FailureClass::kAfterFirstByte;
  co_return co_await EndBroken(ending);
}

io::Task<Result<void>> Relay::EndBroken(Ending ending) {
  const bool late = ending == Ending::kProviderLate;
  Error error{.kind = late ? ErrorKind::kUpstreamTimeout : ErrorKind::kUpstreamBroken,
              .side = Side::kUpstream,
              .retry = Retry::kLater,
              .message = late ? "the provider's answer stopped and did not go on in time; try again"
                         : ending == Ending::kCutShort
                             ? "the provider ended its answer before it was complete; try again"
                             : "the provider's answer broke off; try again"};
  Exchange& x = context_.exchange;
  x.error = error.kind;
  if (!head_ended_) {
    co_return error;
  }
  if (!watcher_.takes_events()) {
    client_.Abort();
    co_return Result<void>();
  }
  // The error must not become the continuation of an event that was cut off.
  context_.text = watcher_.within_event() ? "\n\n" : "";
  wire::RowOf(x.request.protocol).append_error_event(error, x.client_request_id, context_.text);
  client_.CloseAfter();
  const std::string_view event = context_.text;
  if (client_.Write({&event, 1}, http::Last::kYes) == io::IoStatus::kWouldBlock) {
    co_await client_.Drain();
  }
  co_return Result<void>();
}

}  // namespace mainstay::gateway
