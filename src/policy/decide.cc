#include "policy/decide.h"

#include <algorithm>
#include <string>

namespace mainstay::policy {
namespace {

Reason ReasonOfPin(const BaseDecision& base, const Pin& pin) {
  if (base.candidates.front().model->name == pin.model) {
    return Reason::kPinHit;
  }
  const auto dropped = std::ranges::find(base.dropped, pin.model, [](const Dropped& each) {
    return std::string_view(each.model->name);
  });
  return dropped == base.dropped.end() ? base.reason : FailoverReason(dropped->reason);
}

}  // namespace

Reason FailoverReason(std::string_view why) {
  constexpr std::string_view kPrefix = "failover:";
  for (size_t i = 0; i < kReasonTexts.size(); ++i) {
    if (kReasonTexts[i].starts_with(kPrefix) && kReasonTexts[i].substr(kPrefix.size()) == why) {
      return static_cast<Reason>(i);
    }
  }
  return Reason::kFailoverUpstreamError;
}

Result<void> Decide(const BaseDecision& base, const std::optional<Pin>& pin,
                    const CallerView& caller, Verdict& out) {
  out.models.clear();
  out.reason = pin ? ReasonOfPin(base, *pin) : base.reason;
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
