#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "decision/options.h"
#include "model/caller.h"
#include "model/catalog.h"

namespace mainstay::decision {

// Reads `routing_preferences` of a request body: a list of at least one
// {"name", "description", "models": [...], "selection_policy": {"prefer": "none" | "cheapest" |
// "fastest"}}.
// `json` is its value, from a body that was decoded; json::kPadding readable bytes follow it. Pure.
//
// Errors: kInvalidField naming what is wrong, also a model that is not configured or that the
// caller may not use (spec 11.3).
Result<std::vector<PreferenceOptions>> ReadInlinePreferences(std::string_view json,
                                                             const Catalog& catalog,
                                                             const CallerView& caller);

}  // namespace mainstay::decision
