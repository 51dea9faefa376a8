#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "model/conversation.h"
#include "model/exchange.h"
#include "model/failure.h"
#include "model/session.h"
#include "observe/histogram.h"

namespace mainstay::observe {

// What a worker counts. Everything here is written by one thread and read by any.

// Room for the protocols of the product; the table of wire/ has no more.
inline constexpr size_t kProtocolsMax = 4;
// 1 to 599 are themselves; 0 stands for no answer and for everything else.
inline constexpr size_t kStatusCount = 600;
inline constexpr size_t kErrorKindCount = static_cast<size_t>(ErrorKind::kInternal) + 1;
inline constexpr size_t kReasonsMax = 256;  // a Reason is one byte

enum class TokenKind : uint8_t { kPrompt, kCached, kCacheWrite, kCompletion, kReasoning };
inline constexpr size_t kTokenKindCount = 5;

// Series without a configured name in their labels.
struct FixedCells {
  std::array<std::array<Counter, kStatusCount>, kProtocolsMax> requests;
  std::array<Counter, kErrorKindCount> errors;
  std::array<Counter, kErrorKindCount> http_refused;
  std::array<Counter, kReasonsMax> reasons;
  std::array<Counter, kPinOutcomeCount> pins;
  std::array<Counter, kContinuityTexts.size()> continuity;
  std::array<Counter, kRouterOutcomeTexts.size()> router_asked;
  Counter router_cached;
  Histogram router_time;
  Histogram request_time;
  Histogram decision_time;
  Counter stream_events;
  Counter reply_bytes;
  Counter aborted;

  Counter connections;
  Counter accepted;
  Counter refused_connections;
  Counter upstream_idle;
  Counter dialed;
  Counter reused;
  Counter dial_errors;
};

using AttemptCells = std::array<Counter, static_cast<size_t>(kFailureClassCount)>;
using TokenCells = std::array<Counter, kTokenKindCount>;

// Label values in the order of the metric's row.
template <size_t kLabels>
using SeriesKey = std::array<std::string, kLabels>;

// Series by the names of the configuration. A series stays when its names leave the configuration:
// a counter must not go back. Operators name these, so they are few.
struct NamedCells {
  std::map<SeriesKey<2>, AttemptCells> attempts;  // provider, account
  std::map<SeriesKey<1>, Histogram> first_byte;   // provider
  std::map<SeriesKey<1>, TokenCells> tokens;      // model
  std::map<SeriesKey<2>, Counter> cost_nanos;     // model, currency
  std::map<SeriesKey<1>, Counter> rejected_ids;   // source
};

}  // namespace mainstay::observe
