#pragma once

#include "base/clock.h"
#include "decision/router/conversation.h"
#include "decision/router/route_set.h"
#include "http/io/task.h"
#include "model/exchange.h"

namespace mainstay::io {
class CancelScope;
}

namespace mainstay::decision {

// kMatch and kNoMatch are answers. All others but kCancelled are a failure of the router: the
// request goes on as without preferences, with the reason router_unavailable (spec 05 §1.5).
struct RouterAnswer {
  RouterOutcome outcome = RouterOutcome::kNoMatch;
  int route = -1;         // kMatch: position in the routes that were given
  double confidence = 0;  // kMatch, in [0,1]; a model that is asked gives 1
  AnswerSource source = AnswerSource::kAsked;

  friend bool operator==(const RouterAnswer&, const RouterAnswer&) = default;
};

// Says which of the routes a conversation should take.
//
// Threads: one object for each worker, on its loop's thread. It outlives the tasks that it gave
// out: who replaces it at a reload keeps the old one until those are over.
class Router {
 public:
  virtual ~Router() = default;

  // How much of a conversation Ask can make use of, for these routes; give it to ConversationOf.
  virtual TrimLimits Limits(const RouteSet& routes) const = 0;

  // Judges a conversation. Never fails in another way than by the answer. `now` is policy time: it
  // decides which remembered answers are still good. No routes, or no turns: no match.
  //
  // Waiting: up to the time-out of the options, in socket time; `scope` may break it off. `routes`
  // and `conversation` are read until the task is over.
  virtual io::Task<RouterAnswer> Ask(const RouteSet& routes, const Conversation& conversation,
                                     WallTime now, io::CancelScope& scope) = 0;
};

}  // namespace mainstay::decision
