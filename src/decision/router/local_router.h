#pragma once

#include <memory>

#include "decision/router/router.h"
#include "decision/router/text_classifier.h"

namespace mainstay::decision {

// Judges by the newest thing that the user said, with a classifier that was trained at start. Waits
// for nothing: Ask is over when it returns, within 0.1 ms. Below kConfidenceMin it is no match.
//
// It answers for the routes that the classifier was trained on; for others, such as a client's own
// in the body of a request, it fails with kUntrained, because learning takes too long for a worker.
class LocalRouter final : public Router {
 public:
  static constexpr double kConfidenceMin = 0.5;

  // The classifier is shared by the routers of all workers; null: nothing was learned.
  explicit LocalRouter(std::shared_ptr<const TextClassifier> classifier);

  TrimLimits Limits(const RouteSet& routes) const override;
  io::Task<RouterAnswer> Ask(const RouteSet& routes, const Conversation& conversation, WallTime now,
                             io::CancelScope& scope) override;

 private:
  std::shared_ptr<const TextClassifier> classifier_;
};

}  // namespace mainstay::decision
