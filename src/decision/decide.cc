#include "decision/decide.h"

#include <string>

namespace mainstay::decision {

Result<void> Decide(std::string_view requested_model, const Catalog& catalog,
                    const Options& options, BaseDecision& out) {
  const Model* model = catalog.Find(requested_model);
  Reason reason = Reason::kRequestedModel;
  if (model == nullptr && options.unknown_model == UnknownModel::kDefault) {
    model = catalog.Find(options.default_model);
    reason = Reason::kDefaultModel;
  }
  if (model == nullptr) {
    return Error{.kind = ErrorKind::kModelNotFound,
                 .side = Side::kClient,
                 .message = "the model '" + std::string(requested_model) +
                            "' is not configured here; GET /v1/models lists those that are",
                 .param = "model"};
  }
  out.decision = {};
  out.candidates.assign(1, {.model = model, .score = 1.0});
  out.dropped.clear();
  out.reason = reason;
  return {};
}

}  // namespace mainstay::decision
