#pragma once

#include <string>
#include <string_view>

#include "base/problems.h"

namespace mainstay::config {

// What `check` prints, one line each, in the order given (LoadText sorts by position):
//
//   gateway.yaml: 2 problems
//   gateway.yaml:4:3: servre: unknown key; did you mean server?
//   gateway.yaml:9:14: routing.default_model: ...
//
// Parts that are not known (position, path) are left out. `what` is "problem" or "warning". Empty
// for an empty list.
std::string ProblemReport(std::string_view file, const Problems& problems,
                          std::string_view what = "problem");

}  // namespace mainstay::config
