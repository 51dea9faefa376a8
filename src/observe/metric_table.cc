#include "observe/metric_table.h"

#include "model/protocol.h"
#include "model/reason.h"

namespace mainstay::observe {
namespace {

// The sum over the workers of the counter that `pick` finds in a worker's cells.
template <typename Cells, typename Pick>
uint64_t Sum(const std::vector<const Cells*>& shards, Pick pick) {
  uint64_t sum = 0;
  for (const Cells* cells : shards) {
    sum += pick(*cells).value();
  }
  return sum;
}

uint64_t Sum(const Scrape& scrape, Counter FixedCells::* counter) {
  return Sum(scrape.fixed,
             [counter](const FixedCells& cells) -> const Counter& { return cells.*counter; });
}

// The counter at a position of one of the arrays that every worker has.
template <size_t kSize>
uint64_t Sum(const Scrape& scrape, std::array<Counter, kSize> FixedCells::* counters, size_t at) {
  return Sum(scrape.fixed,
             [=](const FixedCells& cells) -> const Counter& { return (cells.*counters)[at]; });
}

template <Counter FixedCells::* kCounter>
void WriteSum(const Scrape& scrape, ExpositionWriter& out) {
  out.Integer({}, Sum(scrape, kCounter));
}

template <Histogram FixedCells::* kHistogram>
void WriteTimes(const Scrape& scrape, ExpositionWriter& out) {
  HistogramTotals totals;
  for (const FixedCells* cells : scrape.fixed) {
    (cells->*kHistogram).AddTo(totals);
  }
  out.Times({}, totals);
}

void WriteRequests(const Scrape& scrape, ExpositionWriter& out) {
  for (size_t protocol = 0; protocol < kProtocolsMax; ++protocol) {
    for (size_t status = 0; status < kStatusCount; ++status) {
      const uint64_t count = Sum(scrape.fixed, [=](const FixedCells& cells) -> const Counter& {
        return cells.requests[protocol][status];
      });
      if (count > 0) {
        out.Integer({ProtocolName(static_cast<Protocol>(protocol)),
                     status == 0 ? "none" : std::to_string(status)},
                    count);
      }
    }
  }
}

void WriteErrors(const Scrape& scrape, ExpositionWriter& out) {
  for (size_t kind = 0; kind < kErrorKindCount; ++kind) {
    out.Integer({ErrorKindName(static_cast<ErrorKind>(kind))},
                Sum(scrape, &FixedCells::errors, kind));
  }
}

void WriteHttpRefused(const Scrape& scrape, ExpositionWriter& out) {
  // Most kinds of error can never refuse a request here, so only those that did are shown.
  for (size_t kind = 0; kind < kErrorKindCount; ++kind) {
    if (const uint64_t count = Sum(scrape, &FixedCells::http_refused, kind); count > 0) {
      out.Integer({ErrorKindName(static_cast<ErrorKind>(kind))}, count);
    }
  }
}

void WriteAttempts(const Scrape& scrape, ExpositionWriter& out) {
  for (const auto& [key, shards] : scrape.attempts) {
    for (size_t failure = 0; failure < static_cast<size_t>(kFailureClassCount); ++failure) {
      out.Integer(
          {key[0], key[1], FailureClassName(static_cast<FailureClass>(failure))},
          Sum(shards, [=](const AttemptCells& cells) -> const Counter& { return cells[failure]; }));
    }
  }
}

void WriteFailovers(const Scrape& scrape, ExpositionWriter& out) {
  constexpr std::string_view kPrefix = "failover:";
  for (size_t reason = 0; reason < kReasonsMax; ++reason) {
    const std::string_view text = ReasonText(static_cast<Reason>(reason));
    if (text.starts_with(kPrefix)) {
      out.Integer({text.substr(kPrefix.size())}, Sum(scrape, &FixedCells::reasons, reason));
    }
  }
}

void WriteFirstByte(const Scrape& scrape, ExpositionWriter& out) {
  for (const auto& [key, shards] : scrape.first_byte) {
    HistogramTotals totals;
    for (const Histogram* histogram : shards) {
      histogram->AddTo(totals);
    }
    out.Times({key[0]}, totals);
  }
}

void WriteTokens(const Scrape& scrape, ExpositionWriter& out) {
  for (const auto& [key, shards] : scrape.tokens) {
    for (size_t kind = 0; kind < kTokenKindCount; ++kind) {
      out.Integer(
          {key[0], TokenKindName(static_cast<TokenKind>(kind))},
          Sum(shards, [=](const TokenCells& cells) -> const Counter& { return cells[kind]; }));
    }
  }
}

void WriteCost(const Scrape& scrape, ExpositionWriter& out) {
  for (const auto& [key, shards] : scrape.cost_nanos) {
    uint64_t nanos = 0;
    for (const Counter* counter : shards) {
      nanos += counter->value();
    }
    out.Nanos({key[0], key[1]}, nanos);
  }
}

void WriteRejectedIds(const Scrape& scrape, ExpositionWriter& out) {
  for (const auto& [key, shards] : scrape.rejected_ids) {
    uint64_t count = 0;
    for (const Counter* counter : shards) {
      count += counter->value();
    }
    out.Integer({key[0]}, count);
  }
}

void WritePins(const Scrape& scrape, ExpositionWriter& out) {
  for (size_t outcome = 0; outcome < kPinOutcomeCount; ++outcome) {
    out.Integer({PinOutcomeText(static_cast<PinOutcome>(outcome))},
                Sum(scrape, &FixedCells::pins, outcome));
  }
}

void WriteContinuity(const Scrape& scrape, ExpositionWriter& out) {
  for (size_t at = 0; at < kContinuityTexts.size(); ++at) {
    out.Integer({kContinuityTexts[at]}, Sum(scrape, &FixedCells::continuity, at));
  }
}

void WriteRouter(const Scrape& scrape, ExpositionWriter& out) {
  for (size_t outcome = 1; outcome < kRouterOutcomeTexts.size(); ++outcome) {
    out.Integer({kRouterOutcomeTexts[outcome]}, Sum(scrape, &FixedCells::router_asked, outcome));
  }
  out.Integer({"cached"}, Sum(scrape, &FixedCells::router_cached));
}

void WriteReloads(const Scrape& scrape, ExpositionWriter& out) {
  out.Integer({"ok"}, scrape.counts.reloads_ok);
  out.Integer({"refused"}, scrape.counts.reloads_refused);
}

void WriteConfigInfo(const Scrape& scrape, ExpositionWriter& out) {
  if (!scrape.counts.config_hash.empty()) {
    out.Integer({scrape.counts.config_hash}, 1);
  }
}

void WriteBuildInfo(const Scrape& scrape, ExpositionWriter& out) {
  out.Integer({scrape.counts.version, scrape.counts.commit}, 1);
}

void WriteStateDegraded(const Scrape& scrape, ExpositionWriter& out) {
  out.Integer({}, scrape.counts.state_degraded ? 1 : 0);
}

template <uint64_t ProcessCounts::* kCount>
void WriteCount(const Scrape& scrape, ExpositionWriter& out) {
  out.Integer({}, scrape.counts.*kCount);
}

void WriteResident(const Scrape& scrape, ExpositionWriter& out) {
  out.Integer({}, scrape.process.resident_bytes);
}

void WriteCpu(const Scrape& scrape, ExpositionWriter& out) {
  out.Nanos({}, scrape.process.cpu_nanos);
}

void WriteOpenFds(const Scrape& scrape, ExpositionWriter& out) {
  out.Integer({}, scrape.process.open_fds);
}

void WriteStarted(const Scrape& scrape, ExpositionWriter& out) {
  out.Double({}, scrape.process.started_seconds);
}

constexpr MetricType kCounter = MetricType::kCounter;
constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kHistogram = MetricType::kHistogram;

// THE table. Label values come from the configuration and from enumerations, never from clients.
constexpr MetricRow kMetrics[] = {
    {{"mainstay_requests_total",
      kCounter,
      "Requests that ended, by the status that the client got; none: it got no answer.",
      {"protocol", "status"}},
     &WriteRequests},
    {{"mainstay_errors_total",
      kCounter,
      "Requests that ended in an error of the gateway's own words.",
      {"code"}},
     &WriteErrors},
    {{"mainstay_aborted_total",
      kCounter,
      "Requests whose answer was broken off, by the client or by the provider.",
      {}},
     &WriteSum<&FixedCells::aborted>},
    {{"mainstay_request_seconds",
      kHistogram,
      "Time from the first byte of a request to the last byte of its answer.",
      {}},
     &WriteTimes<&FixedCells::request_time>},
    {{"mainstay_decision_seconds",
      kHistogram,
      "Time from the first byte of a request until it is settled where it goes; the client's time "
      "for sending it is part of that.",
      {}},
     &WriteTimes<&FixedCells::decision_time>},
    {{"mainstay_attempts_total",
      kCounter,
      "Tries upstream, by what they came to.",
      {"provider", "account", "class"}},
     &WriteAttempts},
    {{"mainstay_failovers_total",
      kCounter,
      "Requests that another target or model served because the first could not.",
      {"reason"}},
     &WriteFailovers},
    {{"mainstay_first_byte_seconds",
      kHistogram,
      "Time of an attempt from sending the request to the head of the provider's answer.",
      {"provider"}},
     &WriteFirstByte},
    {{"mainstay_tokens_total",
      kCounter,
      "Tokens as providers reported them. cached and cache_write are parts of prompt, reasoning is "
      "a part of completion.",
      {"model", "kind"}},
     &WriteTokens},
    {{"mainstay_cost_total",
      kCounter,
      "Cost of the tokens at the configured prices, in units of the currency.",
      {"model", "currency"}},
     &WriteCost},
    {{"mainstay_pins_total",
      kCounter,
      "Requests, by what became of their session's pin.",
      {"outcome"}},
     &WritePins},
    {{"mainstay_continuity_total",
      kCounter,
      "Chat requests, by how they go with what is known of their conversation, as "
      "x-mainstay-continuity says it; off: nobody looked.",
      {"class"}},
     &WriteContinuity},
    {{"mainstay_router_questions_total",
      kCounter,
      "Conversations that the router of the preferences judged, by what it said or why it could "
      "not; cached: its answer was remembered, so that it was not asked.",
      {"outcome"}},
     &WriteRouter},
    {{"mainstay_router_seconds", kHistogram, "Time that the router took when it was asked.", {}},
     &WriteTimes<&FixedCells::router_time>},
    {{"mainstay_rejected_ids_total",
      kCounter,
      "Session ids that cannot be one: empty, longer than 256 bytes, not printable.",
      {"source"}},
     &WriteRejectedIds},
    {{"mainstay_stream_events_total", kCounter, "Events of streamed answers.", {}},
     &WriteSum<&FixedCells::stream_events>},
    {{"mainstay_reply_bytes_total", kCounter, "Bytes of answers sent to clients.", {}},
     &WriteSum<&FixedCells::reply_bytes>},

    {{"mainstay_http_refused_total",
      kCounter,
      "Requests refused before they were understood: framing, limits, time-outs.",
      {"reason"}},
     &WriteHttpRefused},
    {{"mainstay_connections", kGauge, "Open connections of clients.", {}},
     &WriteSum<&FixedCells::connections>},
    {{"mainstay_connections_accepted_total", kCounter, "Connections accepted from clients.", {}},
     &WriteSum<&FixedCells::accepted>},
    {{"mainstay_connections_refused_total",
      kCounter,
      "Connections closed at once because there were too many.",
      {}},
     &WriteSum<&FixedCells::refused_connections>},
    {{"mainstay_upstream_idle_connections",
      kGauge,
      "Connections to providers that wait for their next request.",
      {}},
     &WriteSum<&FixedCells::upstream_idle>},
    {{"mainstay_upstream_dialed_total", kCounter, "Connections made to providers.", {}},
     &WriteSum<&FixedCells::dialed>},
    {{"mainstay_upstream_reused_total",
      kCounter,
      "Attempts on a connection that was kept alive.",
      {}},
     &WriteSum<&FixedCells::reused>},
    {{"mainstay_upstream_dial_errors_total",
      kCounter,
      "Connections to providers that could not be made.",
      {}},
     &WriteSum<&FixedCells::dial_errors>},

    {{"mainstay_config_reloads_total",
      kCounter,
      "Reloads of the configuration; refused: the one before stays.",
      {"result"}},
     &WriteReloads},
    {{"mainstay_config_info", kGauge, "1, with the hash of the configuration in use.", {"hash"}},
     &WriteConfigInfo},
    {{"mainstay_build_info", kGauge, "1, with what was built.", {"version", "commit"}},
     &WriteBuildInfo},
    {{"mainstay_state_degraded",
      kGauge,
      "1 when the state is in memory although it should be on disk, or started empty because it "
      "was "
      "damaged; the log says why.",
      {}},
     &WriteStateDegraded},
    {{"mainstay_log_dropped_total",
      kCounter,
      "Log lines that were lost because they came faster than they were written.",
      {}},
     &WriteCount<&ProcessCounts::log_dropped>},

    {{"mainstay_conversations", kGauge, "Conversations that are remembered.", {}},
     &WriteCount<&ProcessCounts::conversations>},
    {{"mainstay_conversation_anchors",
      kGauge,
      "Points of conversations that a request can be recognised by.",
      {}},
     &WriteCount<&ProcessCounts::conversation_anchors>},
    {{"mainstay_conversation_index_bytes",
      kGauge,
      "Memory for conversations and their anchors.",
      {}},
     &WriteCount<&ProcessCounts::conversation_bytes>},
    {{"mainstay_conversation_collisions_total",
      kCounter,
      "Look-ups that led to a conversation by chance, and were found out.",
      {}},
     &WriteCount<&ProcessCounts::conversation_collisions>},

    {{"process_resident_memory_bytes", kGauge, "Resident memory.", {}}, &WriteResident},
    {{"process_cpu_seconds_total", kCounter, "User and system CPU time.", {}}, &WriteCpu},
    {{"process_open_fds", kGauge, "Open file descriptors.", {}}, &WriteOpenFds},
    {{"process_start_time_seconds", kGauge, "When the process started, since the epoch.", {}},
     &WriteStarted},
};

}  // namespace

std::string_view ErrorKindName(ErrorKind kind) {
  // No default case: a new kind does not compile without its word. One behind kInternal also needs
  // a new kErrorKindCount.
  switch (kind) {
    case ErrorKind::kInvalidJson:
      return "invalid_json";
    case ErrorKind::kMissingField:
      return "missing_field";
    case ErrorKind::kInvalidField:
      return "invalid_field";
    case ErrorKind::kUnsupportedEncoding:
      return "unsupported_encoding";
    case ErrorKind::kInvalidApiKey:
      return "invalid_api_key";
    case ErrorKind::kModelNotAllowed:
      return "model_not_allowed";
    case ErrorKind::kModelNotFound:
      return "model_not_found";
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kMethodNotAllowed:
      return "method_not_allowed";
    case ErrorKind::kRequestTooLarge:
      return "request_too_large";
    case ErrorKind::kHeadTooLarge:
      return "head_too_large";
    case ErrorKind::kBadFraming:
      return "bad_framing";
    case ErrorKind::kRequestTimeout:
      return "request_timeout";
    case ErrorKind::kExpectationFailed:
      return "expectation_failed";
    case ErrorKind::kCallerRateLimited:
      return "caller_rate_limited";
    case ErrorKind::kUpstreamUnreachable:
      return "upstream_unreachable";
    case ErrorKind::kUpstreamTimeout:
      return "upstream_timeout";
    case ErrorKind::kUpstreamBroken:
      return "upstream_broken";
    case ErrorKind::kNoAccountForModel:
      return "no_account_for_model";
    case ErrorKind::kShuttingDown:
      return "shutting_down";
    case ErrorKind::kClientLeft:
      return "client_left";
    case ErrorKind::kInternal:
      return "internal_error";
  }
  return "";
}

std::string_view TokenKindName(TokenKind kind) {
  switch (kind) {
    case TokenKind::kPrompt:
      return "prompt";
    case TokenKind::kCached:
      return "cached";
    case TokenKind::kCacheWrite:
      return "cache_write";
    case TokenKind::kCompletion:
      return "completion";
    case TokenKind::kReasoning:
      return "reasoning";
  }
  return "";
}

std::span<const MetricRow> MetricTable() {
  return kMetrics;
}

}  // namespace mainstay::observe
