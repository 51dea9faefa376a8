#include "observe/access_log.h"

#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "observe/metric_table.h"

namespace mainstay::observe {
namespace {

enum class Outcome { kServed, kFailed, kFailedOver };

bool BrokenByProvider(const Exchange& x) {
  return x.lifecycle == Lifecycle::kAborted && x.error == ErrorKind::kUpstreamBroken;
}

// The first attempt did not serve the request and another one did. Two attempts at one target are
// no fail-over: the first met a connection that was dead already.
bool FailedOver(const Exchange& x) {
  return !x.attempts.empty() && x.target != nullptr &&
         (x.attempts.front().target != x.target || x.attempts.front().model != x.model);
}

Outcome OutcomeOf(const Exchange& x) {
  if (x.status >= 500 || BrokenByProvider(x)) {
    return Outcome::kFailed;
  }
  return FailedOver(x) ? Outcome::kFailedOver : Outcome::kServed;
}

std::string_view EventName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kServed:
      return "exchange";
    case Outcome::kFailed:
      return "exchange_failed";
    case Outcome::kFailedOver:
      return "exchange_failed_over";
  }
  return "";
}

std::string_view OperationName(Operation operation) {
  switch (operation) {
    case Operation::kChat:
      return "chat";
    case Operation::kCompletions:
      return "completions";
    case Operation::kEmbeddings:
      return "embeddings";
  }
  return "";
}

// Milliseconds with microseconds behind the point. A time that was never taken gives nothing.
std::optional<double> MillisBetween(MonoTime start, MonoTime end) {
  if (end == MonoTime() || end < start) {
    return std::nullopt;
  }
  return std::round(std::chrono::duration<double, std::micro>(end - start).count()) / 1e3;
}

std::string_view EventWord(AttemptEvent event) {
  switch (event) {
    case AttemptEvent::kAnswered:
      return "answered";
    case AttemptEvent::kConnectError:
      return "connect_error";
    case AttemptEvent::kReset:
      return "reset";
    case AttemptEvent::kTimeout:
      return "timeout";
    case AttemptEvent::kBadAnswer:
      return "bad_answer";
    case AttemptEvent::kClientLeft:
      return "client_left";
    case AttemptEvent::kBroken:
      return "broken";
  }
  return "";
}

// provider/account:status:class:ms, one after the other; where no status came, what came instead.
std::string AttemptsText(const Exchange& x) {
  std::string text;
  for (const Attempt& attempt : x.attempts) {
    if (!text.empty()) {
      text += ',';
    }
    if (attempt.target != nullptr) {
      text += attempt.target->provider->name;
      text += '/';
      text += attempt.target->account;
    }
    text += ':';
    if (attempt.status != 0) {
      json::AppendInt(text, attempt.status);
    } else {
      text += EventWord(attempt.event);
    }
    text += ':';
    text += FailureClassName(attempt.failure);
    text += ':';
    json::AppendInt(text, std::chrono::round<std::chrono::milliseconds>(attempt.time).count());
    text += "ms";
  }
  return text;
}

// A list of fields that leaves out what is not known.
class Fields final {
 public:
  Fields() { list_.reserve(32); }

  void Text(std::string_view key, std::string_view text) {
    if (!text.empty()) {
      list_.emplace_back(key, text);
    }
  }
  template <typename Number>
  void Add(std::string_view key, Number number) {
    list_.emplace_back(key, number);
  }
  template <typename Number>
  void IfKnown(std::string_view key, const std::optional<Number>& number) {
    if (number) {
      list_.emplace_back(key, *number);
    }
  }

  const std::vector<LogField>& list() const { return list_; }

 private:
  std::vector<LogField> list_;
};

void AddRequest(const Exchange& x, Fields& fields) {
  fields.Text("request_id", x.id());
  fields.Text("caller", x.caller.name);
  fields.Text("protocol", ProtocolName(x.request.protocol));
  fields.Text("operation", OperationName(x.request.operation));
  fields.Add("streaming", x.request.facts.stream == Streaming::kYes);
  fields.Text("requested_model", x.request.model);
}

void AddChoice(const Exchange& x, Fields& fields) {
  if (x.model != nullptr) {
    fields.Text("model", x.model->name);
  }
  if (x.target != nullptr) {
    fields.Text("account", x.target->account);
  }
  fields.Text("decision", x.base.decision);
  fields.Text("reason", ReasonText(x.reason));
}

void AddEnd(const Exchange& x, Fields& fields) {
  fields.Add("status", x.status);
  fields.Text("lifecycle", LifecycleName(x.lifecycle));
  if (x.error) {
    fields.Text("error", ErrorKindName(*x.error));
  }
  fields.Add("attempts", x.attempts.size());
}

void AddNumbers(const Exchange& x, Fields& fields) {
  fields.IfKnown("prompt_tokens", x.usage.prompt);
  fields.IfKnown("cached_tokens", x.usage.cached);
  fields.IfKnown("cache_write_tokens", x.usage.cache_write);
  fields.IfKnown("completion_tokens", x.usage.completion);
  fields.IfKnown("reasoning_tokens", x.usage.reasoning);
  if (x.cost) {
    fields.Add("cost", static_cast<double>(x.cost->value) / 1e9);
  }
  fields.IfKnown("ms", MillisBetween(x.started, x.ended));
  fields.IfKnown("first_byte_ms", MillisBetween(x.started, x.first_byte));
  fields.Add("bytes", x.reply_bytes);
}

}  // namespace

LogLevel ExchangeLevel(const Exchange& x) {
  return OutcomeOf(x) == Outcome::kServed ? LogLevel::kDebug : LogLevel::kWarn;
}

void LogExchange(const Exchange& x, Log& log) {
  const Outcome outcome = OutcomeOf(x);
  const LogLevel level = outcome == Outcome::kServed ? LogLevel::kDebug : LogLevel::kWarn;
  if (!log.Enabled(level)) {
    return;
  }
  const std::string attempts = AttemptsText(x);
  Fields fields;
  AddRequest(x, fields);
  AddChoice(x, fields);
  AddEnd(x, fields);
  fields.Text("tried", attempts);
  AddNumbers(x, fields);
  log.Write(level, EventName(outcome), fields.list());
}

}  // namespace mainstay::observe
