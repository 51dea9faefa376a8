#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "decision/router/conversation.h"
#include "decision/router/route.h"
#include "http/io/task.h"

namespace mainstay::io {
class CancelScope;
}

namespace mainstay::decision {

// Why a router could not say which route fits. All but kCancelled are a router failure: the request
// goes on as without preferences, with the reason router_unavailable (spec 05 §1.5).
enum class RouterFailure : uint8_t {
  kNone,
  kTimeout,      // no whole answer in time
  kUnreachable,  // could not connect, or the connection broke
  kBadStatus,    // answered with a status other than 2xx
  kGarbage,      // answered with something that is no answer
  kUntrained,    // a local router was asked about routes that it has not learned
  kCancelled,    // the client left: nobody wants the answer
};
inline constexpr size_t kRouterFailureCount = 7;

inline constexpr std::string_view RouterFailureName(RouterFailure failure) {
  switch (failure) {
    case RouterFailure::kNone:
      return "none";
    case RouterFailure::kTimeout:
      return "timeout";
    case RouterFailure::kUnreachable:
      return "unreachable";
    case RouterFailure::kBadStatus:
      return "bad_status";
    case RouterFailure::kGarbage:
      return "garbage";
    case RouterFailure::kUntrained:
      return "untrained";
    case RouterFailure::kCancelled:
      return "cancelled";
  }
  return "";
}

// Whether the answer was remembered from an earlier question.
enum class AnswerSource : uint8_t { kAsked, kCached };

struct RouterAnswer {
  enum class Kind : uint8_t { kMatch, kNoMatch, kFailed };

  Kind kind = Kind::kFailed;
  int route = -1;                                // kMatch: position in the routes that were given
  double confidence = 0;                         // kMatch, in [0,1]; a model that is asked gives 1
  RouterFailure failure = RouterFailure::kNone;  // kFailed
  AnswerSource source = AnswerSource::kAsked;

  friend bool operator==(const RouterAnswer&, const RouterAnswer&) = default;
};

// For metrics and tests. Every call of Ask counts when it is over: in `cached`, or in `asked` and
// in one of the others.
struct RouterCounts {
  int64_t asked = 0;
  int64_t cached = 0;
  int64_t matched = 0;
  int64_t unmatched = 0;
  std::array<int64_t, kRouterFailureCount> failed{};  // by RouterFailure

  int64_t failures(RouterFailure failure) const { return failed[static_cast<size_t>(failure)]; }

  // Counts one call that is over.
  void Count(const RouterAnswer& answer) {
    if (answer.source == AnswerSource::kCached) {
      ++cached;
      return;
    }
    ++asked;
    switch (answer.kind) {
      case RouterAnswer::Kind::kMatch:
        ++matched;
        break;
      case RouterAnswer::Kind::kNoMatch:
        ++unmatched;
        break;
      case RouterAnswer::Kind::kFailed:
        ++failed[static_cast<size_t>(answer.failure)];
        break;
    }
  }
};

// Says which of the routes a conversation should take.
//
// Threads: one object for each worker, on its loop's thread. It outlives the tasks that it gave
// out: who replaces it at a reload keeps the old one until those are over.
class Router {
 public:
  virtual ~Router() = default;

  // How much of a conversation Ask can make use of, for these routes; give it to ConversationOf.
  virtual TrimLimits Limits(std::span<const Route> routes) const = 0;

  // Judges a conversation. Never fails in another way than by the answer. `now` is policy time: it
  // decides which remembered answers are still good. No routes, or no turns: no match.
  //
  // Waiting: up to the time-out of the options, in socket time; `scope` may break it off. `routes`
  // and `conversation` are read until the task is over.
  virtual io::Task<RouterAnswer> Ask(std::span<const Route> routes,
                                     const Conversation& conversation, WallTime now,
                                     io::CancelScope& scope) = 0;

  virtual const RouterCounts& counts() const = 0;
};

}  // namespace mainstay::decision
