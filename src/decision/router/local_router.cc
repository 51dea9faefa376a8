#include "decision/router/local_router.h"

#include <algorithm>
#include <utility>

namespace mainstay::decision {

LocalRouter::LocalRouter(std::shared_ptr<const TextClassifier> classifier)
    : classifier_(std::move(classifier)) {}

TrimLimits LocalRouter::Limits(std::span<const Route>) const {
  // An answer or two may stand behind what the user said last.
  return {.turns_max = 4, .tokens_max = 4 * kClassifierTokensMax};
}

io::Task<RouterAnswer> LocalRouter::Ask(std::span<const Route> routes,
                                        const Conversation& conversation, WallTime,
                                        io::CancelScope&) {
  const RouterAnswer answer = Judge(routes, conversation);
  counts_.Count(answer);
  co_return answer;
}

RouterAnswer LocalRouter::Judge(std::span<const Route> routes,
                                const Conversation& conversation) const {
  const auto last_user = std::ranges::find(conversation.turns.rbegin(), conversation.turns.rend(),
                                           Role::kUser, &Turn::role);
  if (routes.empty() || last_user == conversation.turns.rend()) {
    return {.kind = RouterAnswer::Kind::kNoMatch};
  }
  if (HashOf(routes) != classifier_->routes_hash()) {
    return {.kind = RouterAnswer::Kind::kFailed, .failure = RouterFailure::kUntrained};
  }
  const TextClassifier::Guess guess = classifier_->Judge(last_user->text);
  if (guess.route < 0 || guess.probability < kConfidenceMin) {
    return {.kind = RouterAnswer::Kind::kNoMatch};
  }
  return {
      .kind = RouterAnswer::Kind::kMatch, .route = guess.route, .confidence = guess.probability};
}

}  // namespace mainstay::decision
