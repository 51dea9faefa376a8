#include "fake_provider/player.h"

#include <algorithm>
#include <optional>
#include <string>

namespace mainstay::fake_provider {
namespace {

constexpr char kGarbageBytes[] = "\x16\x03\x01\xff\0\xfe this is no HTTP \r\n\x80\r\n";
constexpr std::string_view kGarbage(kGarbageBytes, sizeof kGarbageBytes - 1);

// Neither a script nor an answer says where: the connection ends before the status line.
bool EndsBeforeHead(const Action& action) {
  return action.end != Ending::kProper && !action.after_bytes && !action.after_events;
}

// How much of the body is sent. Without a fault: all of it.
size_t BytesSent(const Answer& answer, const Action& action) {
  if (action.end == Ending::kProper) {
    return answer.body.size();
  }
  if (action.after_bytes) {
    return std::min<size_t>(*action.after_bytes, answer.body.size());
  }
  const auto events = static_cast<size_t>(action.after_events.value_or(0));
  if (events == 0) {
    return 0;
  }
  // A whole answer is one event; to be cut off within, it ends in the middle.
  if (answer.event_ends.empty()) {
    return answer.body.size() / 2;
  }
  return answer.event_ends[std::min(events, answer.event_ends.size()) - 1];
}

bool HasHeader(const Headers& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(), [&](const auto& header) {
    return http::EqualsIgnoreCase(header.first, name);
  });
}

void AddFiller(http::ServerExchange& exchange, int64_t bytes) {
  const std::string line_value(1000, 'x');
  for (int64_t number = 0; bytes > 0; ++number) {
    const auto size = static_cast<size_t>(std::min<int64_t>(bytes, 1000));
    exchange.AddHeader("x-filler-" + std::to_string(number),
                       std::string_view(line_value).substr(0, size));
    bytes -= static_cast<int64_t>(size);
  }
}

class Player final {
 public:
  Player(http::ServerExchange& exchange, const Answer& answer, const Action& action, Pace pace)
      : exchange_(exchange), answer_(answer), action_(action), pace_(pace) {}

  void SendHead(std::string_view request_id) {
    exchange_.BeginHead(answer_.status);
    if (!HasHeader(action_.headers, "content-type")) {
      exchange_.AddHeader("content-type", answer_.content_type);
    }
    exchange_.AddHeader("x-request-id", request_id);
    if (action_.gzip == Gzip::kAlways) {
      exchange_.AddHeader("content-encoding", "gzip");
    }
    for (const auto& [name, value] : action_.headers) {
      exchange_.AddHeader(name, value);
    }
    AddFiller(exchange_, action_.head_bytes);
    const bool stream = answer_.kind == Answer::Kind::kStream;
    std::optional<uint64_t> length = action_.content_length;
    if (!length && !stream) {
      length = answer_.body.size();
    }
    exchange_.EndHead(length, http::Persistence::kKeepAlive);
  }

  // Sends the body up to where it ends or is cut off.
  io::Task<Outcome> SendBody() {
    const std::string_view body = answer_.body;
    const size_t end = BytesSent(answer_, action_);
    const bool proper = action_.end == Ending::kProper;
    const std::chrono::microseconds gap = action_.gap.value_or(pace_.gap);
    size_t at = 0;
    do {
      const size_t next = std::min(NextStop(at, gap), end);
      const bool last = proper && next == body.size();
      const Outcome sent =
          co_await Send(body.substr(at, next - at), last ? http::Last::kYes : http::Last::kNo);
      if (sent != Outcome::kFinished) {
        co_return sent;
      }
      at = next;
      // Even without a gap the loop's other connections get their turn.
      if (at < end && co_await Wait(exchange_, gap) != Outcome::kFinished) {
        co_return Outcome::kCancelled;
      }
    } while (at < end);
    co_return Outcome::kFinished;
  }

  io::Task<Outcome> End() {
    switch (action_.end) {
      case Ending::kProper:
        // With a length that is not the body's the next answer would be taken for a part of this
        // one, and a raw answer says nothing about how it ends.
        if (answer_.kind == Answer::Kind::kRaw ||
            (action_.content_length && *action_.content_length != answer_.body.size())) {
          exchange_.CloseAfter();
        }
        co_return Outcome::kFinished;
      case Ending::kReset:
        if (exchange_.head_sent() &&
            co_await Wait(exchange_, pace_.reset_grace) != Outcome::kFinished) {
          co_return Outcome::kCancelled;
        }
        exchange_.Abort();
        co_return Outcome::kFinished;
      case Ending::kClose:
      case Ending::kGarbage: {
        exchange_.CloseAfter();
        const std::string_view bytes = action_.end == Ending::kGarbage ? kGarbage : "";
        co_return co_await Settle(exchange_.WriteRaw(bytes, http::Last::kYes));
      }
      case Ending::kHang:
        while (co_await Wait(exchange_, std::chrono::hours(1)) == Outcome::kFinished) {
        }
        co_return Outcome::kCancelled;
    }
    co_return Outcome::kFinished;
  }

 private:
  // Where the write that begins at `at` ends.
  size_t NextStop(size_t at, std::chrono::microseconds gap) const {
    if (action_.write_bytes > 0) {
      return at + static_cast<size_t>(action_.write_bytes);
    }
    if (answer_.event_ends.empty() || gap.count() == 0) {
      return answer_.body.size();
    }
    const auto next = std::upper_bound(answer_.event_ends.begin(), answer_.event_ends.end(), at);
    return next == answer_.event_ends.end() ? answer_.body.size() : *next;
  }

  io::Task<Outcome> Send(std::string_view piece, http::Last last) {
    const io::IoStatus status = answer_.kind == Answer::Kind::kRaw
                                    ? exchange_.WriteRaw(piece, last)
                                    : exchange_.Write({&piece, 1}, last);
    return Settle(status);
  }

  io::Task<Outcome> Settle(io::IoStatus status) {
    if (status == io::IoStatus::kWouldBlock) {
      status = co_await exchange_.Drain();
    }
    co_return status == io::IoStatus::kOk ? Outcome::kFinished : Outcome::kCancelled;
  }

  http::ServerExchange& exchange_;
  const Answer& answer_;
  const Action& action_;
  const Pace pace_;
};

}  // namespace

io::Task<Outcome> Wait(http::ServerExchange& exchange, std::chrono::nanoseconds duration) {
  const io::IoStatus slept = co_await exchange.loop().Sleep(duration, exchange.scope());
  co_return slept == io::IoStatus::kOk ? Outcome::kFinished : Outcome::kCancelled;
}

io::Task<Outcome> Play(http::ServerExchange& exchange, const Answer& answer, const Action& action,
                       std::string_view request_id, Pace pace) {
  Player player(exchange, answer, action, pace);
  if (!EndsBeforeHead(action)) {
    if (answer.kind != Answer::Kind::kRaw) {
      player.SendHead(request_id);
    }
    const Outcome sent = co_await player.SendBody();
    if (sent != Outcome::kFinished) {
      co_return sent;
    }
  }
  co_return co_await player.End();
}

}  // namespace mainstay::fake_provider
