#pragma once

#include <string_view>

#include "base/result.h"
#include "decision/options.h"
#include "model/catalog.h"
#include "model/exchange.h"

namespace mainstay::decision {

// What the request would get on its own: the candidates, best first, and the reason (spec 04 §1).
// As long as no decisions can be configured, that is the requested model, or default_model for an
// unknown name when unknown_model says so.
//
// `out` is overwritten; its memory is used again. Pure: the same request, catalog and options give
// the same decision.
// Errors: kModelNotFound.
Result<void> Decide(std::string_view requested_model, const Catalog& catalog,
                    const Options& options, BaseDecision& out);

}  // namespace mainstay::decision
