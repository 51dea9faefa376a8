#include "upstream/sender.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mainstay::upstream {
namespace {

// The moment `limit` from now; 0 stands for no limit.
MonoTime DeadlineIn(MonoTime now, std::chrono::milliseconds limit) {
  return limit.count() == 0 ? io::kNever : now + limit;
}

Error NoAnswer(AttemptEvent last, size_t attempts) {
  const bool timeout = last == AttemptEvent::kTimeout;
  return {.kind = timeout ? ErrorKind::kUpstreamTimeout : ErrorKind::kUpstreamUnreachable,
          .side = Side::kUpstream,
          .retry = Retry::kLater,
          .message = timeout ? "the provider did not answer in time (" + std::to_string(attempts) +
                                   " attempts); try again"
                             : "no provider could be reached (" + std::to_string(attempts) +
                                   " attempts); try again"};
}

Error ClientLeft() {
  return {.kind = ErrorKind::kClientLeft,
          .side = Side::kClient,
          .message = "the client left before the answer began"};
}

}  // namespace

io::Task<Result<Reply>> Sender::Send(std::span<const Destination> destinations, RequestMaker& maker,
                                     io::CancelScope& scope, Exchange& exchange) {
  const auto allowed =
      static_cast<size_t>(options_.enabled ? std::max<int64_t>(1, options_.max_attempts) : 1);
  const size_t attempts = std::min(allowed, destinations.size());
  Reply last_answer;
  AttemptEvent last_event = AttemptEvent::kConnectError;
  MonoTime started = exchange.decided;
  for (size_t i = 0; i < attempts; ++i) {
    const Destination& destination = destinations[i];
    const MonoTime total = DeadlineIn(loop_.now(), destination.model->provider->timeouts.total);
    Outcome outcome;
    NeverTaken never_taken = NeverTaken::kYes;
    if (std::unique_ptr<http::ClientConnection> idle = destination.pool->TakeIdle()) {
      outcome = co_await TryOn(std::move(idle), destination, maker, scope, total, never_taken);
    }
    if (scope.cancelled() && !outcome.reply) {
      outcome.event = AttemptEvent::kClientLeft;
    } else if (never_taken == NeverTaken::kYes) {
      outcome = co_await TryFresh(destination, maker, scope, total);
    }
    const MonoTime answered = loop_.Precise();
    const int status = outcome.reply ? outcome.reply.head().status : 0;
    const FailureClass failure = classify_(outcome.event, status);
    exchange.attempts.push_back({.target = destination.target,
                                 .model = destination.model,
                                 .event = outcome.event,
                                 .failure = failure,
                                 .status = status,
                                 .time = answered - started});
    started = answered;
    switch (failure) {
      case FailureClass::kNone:
      case FailureClass::kRequestFault:
        exchange.first_byte = answered;
        co_return std::move(outcome.reply);
      case FailureClass::kClientLeft:
        co_return ClientLeft();
      case FailureClass::kTemporary:
      case FailureClass::kAfterFirstByte:
        break;
    }
    last_event = outcome.event;
    if (outcome.reply) {
      last_answer = std::move(outcome.reply);
    }
  }
  if (last_answer) {
    exchange.first_byte = started;
    co_return std::move(last_answer);
  }
  co_return NoAnswer(last_event, attempts);
}

io::Task<Sender::Outcome> Sender::TryFresh(const Destination& destination, RequestMaker& maker,
                                           io::CancelScope& scope, MonoTime total_deadline) {
  const MonoTime connect = DeadlineIn(loop_.now(), destination.model->provider->timeouts.connect);
  Dialed dialed = co_await destination.pool->Dial(std::min(connect, total_deadline), scope);
  if (scope.cancelled()) {
    co_return Outcome{.event = AttemptEvent::kClientLeft};
  }
  if (dialed.connection == nullptr) {
    co_return Outcome{.event = AttemptEvent::kConnectError};
  }
  // What a fresh connection did not take is not sent again: the provider is not well.
  NeverTaken never_taken = NeverTaken::kNo;
  co_return co_await TryOn(std::move(dialed.connection), destination, maker, scope, total_deadline,
                           never_taken);
}

io::Task<Sender::Outcome> Sender::TryOn(std::unique_ptr<http::ClientConnection> connection,
                                        const Destination& destination, RequestMaker& maker,
                                        io::CancelScope& scope, MonoTime total_deadline,
                                        NeverTaken& never_taken) {
  const UpstreamTimeouts& timeouts = destination.model->provider->timeouts;
  const io::Attached attached(scope, connection->stream());
  io::Buffer head(loop_.buffers());
  const std::span<const std::string_view> body = maker.Make(destination, head);
  std::array<std::string_view, http::ClientConnection::kPiecesMax> pieces;
  MS_CHECK(body.size() < pieces.size());
  pieces[0] = head.view();
  std::ranges::copy(body, pieces.begin() + 1);

  never_taken = NeverTaken::kNo;
  io::IoStatus sent = connection->StartSending({pieces.data(), body.size() + 1});
  if (sent == io::IoStatus::kWouldBlock) {
    // A provider that does not take the body in is as late as one that does not answer.
    sent = co_await connection->FinishSending(
        std::min(total_deadline, DeadlineIn(loop_.now(), timeouts.first_byte)));
  }
  if (sent == io::IoStatus::kTimeout) {
    co_return Outcome{.event = AttemptEvent::kTimeout};
  }
  if (sent == io::IoStatus::kCancelled) {
    connection->stream().ResetOnClose();
    co_return Outcome{.event = AttemptEvent::kClientLeft};
  }
  http::HeadOutcome outcome = http::HeadOutcome::kClosed;
  if (sent == io::IoStatus::kOk) {
    const MonoTime deadline =
        std::min(total_deadline, DeadlineIn(loop_.now(), timeouts.first_byte));
    outcome = co_await connection->ReadHead(http::Method::kPost, deadline);
  }
  switch (outcome) {
    case http::HeadOutcome::kOk:
      co_return Outcome{.event = AttemptEvent::kAnswered,
                        .reply = Reply(std::move(connection), destination, total_deadline)};
    case http::HeadOutcome::kTimeout:
      co_return Outcome{.event = AttemptEvent::kTimeout};
    case http::HeadOutcome::kCancelled:
      connection->stream().ResetOnClose();
      co_return Outcome{.event = AttemptEvent::kClientLeft};
    case http::HeadOutcome::kBad:
      co_return Outcome{.event = AttemptEvent::kBadAnswer};
    case http::HeadOutcome::kClosed:
      break;
  }
  if (connection->RequestNeverTaken()) {
    never_taken = NeverTaken::kYes;
  }
  co_return Outcome{.event = AttemptEvent::kReset};
}

}  // namespace mainstay::upstream
