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

io::Task<Result<Reply>> Sender::Send(std::span<const Destination> destinations,
                                     RequestMaker& maker, io::CancelScope& scope,
                                     Exchange& exchange) {
  const auto allowed =
      static_cast<size_t>(options_.enabled ? std::max<int64_t>(1, options_.max_attempts) : 1);
  const size_t attempts = std::min(allowed, destinations.size());
  Reply last_answer;
  AttemptEvent last_event = AttemptEvent::kConnectError;
  for (size_t i = 0; i < attempts; ++i) {
    const Destination& destination = destinations[i];
    const MonoTime started = loop_.Precise();
    Outcome outcome = co_await Try(destination, maker, scope);
    const int status = outcome.reply ? outcome.reply.head().status : 0;
    const FailureClass failure = classify_(outcome.event, status);
    exchange.attempts.push_back({.target = destination.target,
                                 .model = destination.model,
                                 .event = outcome.event,
                                 .failure = failure,
                                 .status = status,
                                 .time = loop_.Precise() - started});
    switch (failure) {
      case FailureClass::kNone:
      case FailureClass::kRequestFault:
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
    co_return std::move(last_answer);
  }
  co_return NoAnswer(last_event, attempts);
}

io::Task<Sender::Outcome> Sender::Try(const Destination& destination, RequestMaker& maker,
                                      io::CancelScope& scope) {
  const UpstreamTimeouts& timeouts = destination.model->provider->timeouts;
  const MonoTime total = DeadlineIn(loop_.now(), timeouts.total);
  EndpointPool::UseIdle use_idle = EndpointPool::UseIdle::kYes;
  while (true) {
    const MonoTime connect = DeadlineIn(loop_.now(), timeouts.connect);
    Checkout checkout =
        co_await destination.pool->Take(use_idle, std::min(connect, total), scope);
    if (scope.cancelled()) {
      co_return Outcome{.event = AttemptEvent::kClientLeft};
    }
    if (checkout.connection == nullptr) {
      co_return Outcome{.event = AttemptEvent::kConnectError};
    }
    bool never_taken = false;
    Outcome outcome = co_await TryOn(std::move(checkout.connection), destination, maker, scope,
                                     total, checkout.origin, never_taken);
    if (!never_taken) {
      co_return outcome;
    }
    use_idle = EndpointPool::UseIdle::kNo;
  }
}

io::Task<Sender::Outcome> Sender::TryOn(std::unique_ptr<http::ClientConnection> connection,
                                        const Destination& destination, RequestMaker& maker,
                                        io::CancelScope& scope, MonoTime total_deadline,
                                        Origin origin, bool& never_taken) {
  const UpstreamTimeouts& timeouts = destination.model->provider->timeouts;
  const io::Attached attached(scope, connection->stream());
  io::Buffer head(loop_.buffers());
  const std::span<const std::string_view> body = maker.Make(destination, head);
  std::array<std::string_view, 8> pieces;
  MS_CHECK(body.size() < pieces.size());
  pieces[0] = head.view();
  std::ranges::copy(body, pieces.begin() + 1);

  // A provider that does not take the body in is as late as one that does not answer.
  const MonoTime send_deadline =
      std::min(total_deadline, DeadlineIn(loop_.now(), timeouts.first_byte));
  const io::IoStatus sent =
      co_await connection->Send({pieces.data(), body.size() + 1}, send_deadline);
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
                        .reply = Reply(std::move(connection), destination)};
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
  never_taken = origin == Origin::kPooled && connection->nothing_arrived() &&
                connection->RequestNeverTaken();
  co_return Outcome{.event = AttemptEvent::kReset};
}

}  // namespace mainstay::upstream
