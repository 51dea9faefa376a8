#include "decision/router/local_router.h"

#include <algorithm>
#include <utility>

namespace mainstay::decision {

LocalRouter::LocalRouter(std::shared_ptr<const TextClassifier> classifier)
    : classifier_(std::move(classifier)) {}

TrimLimits LocalRouter::Limits(const RouteSet&) const {
  // An answer or two may stand behind what the user said last.
  return {.turns_max = 4, .tokens_max = 4 * kClassifierTokensMax};
}

io::Task<RouterAnswer> LocalRouter::Ask(const RouteSet& routes, const Conversation& conversation,
                                        WallTime, io::CancelScope&) {
  const auto last_user = std::ranges::find(conversation.turns.rbegin(), conversation.turns.rend(),
                                           Role::kUser, &Turn::role);
  if (routes.empty() || last_user == conversation.turns.rend()) {
    co_return RouterAnswer{.outcome = RouterOutcome::kNoMatch};
  }
  if (classifier_ == nullptr || routes.hash() != classifier_->routes_hash()) {
    co_return RouterAnswer{.outcome = RouterOutcome::kUntrained};
  }
  const TextClassifier::Guess guess = classifier_->Judge(last_user->text);
  if (guess.route < 0 || guess.probability < kConfidenceMin) {
    co_return RouterAnswer{.outcome = RouterOutcome::kNoMatch};
  }
  co_return RouterAnswer{
      .outcome = RouterOutcome::kMatch, .route = guess.route, .confidence = guess.probability};
}

}  // namespace mainstay::decision
