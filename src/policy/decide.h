#pragma once

#include "base/result.h"
#include "model/exchange.h"

namespace mainstay::policy {

// Which models are tried, in which order, and why: the caller's permission first (spec 00,
// precedence 1), then the order of the base decision. Pins, locks and the stay-or-switch score
// join here; with none of them configured the base decision stands.
//
// `out` is overwritten; its memory is used again. Pure: the same base decision, memory and caller
// give the same verdict.
// Errors: kModelNotAllowed when no candidate may be used.
Result<void> Decide(const BaseDecision& base, const SessionView& memory, const CallerView& caller,
                    Verdict& out);

}  // namespace mainstay::policy
