#pragma once

#include <optional>

#include "base/result.h"
#include "model/exchange.h"
#include "model/session.h"

namespace mainstay::policy {

// Which models are tried, in which order, and why: the caller's permission first (spec 00,
// precedence 1), then the pin, which the base decision has put in front, then the order of the base
// decision. With a pin the reason is pin_hit, or what keeps the pinned model from serving.
//
// `out` is overwritten; its memory is used again. Pure: the same base decision, pin and caller give
// the same verdict.
// Errors: kModelNotAllowed when no candidate may be used.
Result<void> Decide(const BaseDecision& base, const std::optional<Pin>& pin,
                    const CallerView& caller, Verdict& out);

// The reason for going on to another model than `dropped`.
Reason FailoverReason(std::string_view why);

}  // namespace mainstay::policy
