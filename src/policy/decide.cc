#include "policy/decide.h"

#include <string>

namespace mainstay::policy {

Result<void> Decide(const BaseDecision& base, const SessionView&, const CallerView& caller,
                    Verdict& out) {
  out.models.clear();
  out.reason = base.reason;
  for (const Candidate& candidate : base.candidates) {
    if (caller.Allows(candidate.model->name)) {
      out.models.push_back(candidate.model);
    }
  }
  if (out.models.empty()) {
    return Error{.kind = ErrorKind::kModelNotAllowed,
                 .side = Side::kClient,
                 .message = "this key may not use the model '" +
                            base.candidates.front().model->name +
                            "'; use another model, or have it added to allow_models",
                 .param = "model"};
  }
  return {};
}

}  // namespace mainstay::policy
