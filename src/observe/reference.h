#pragma once

#include <string>

namespace mainstay::observe {

// docs/reference/metrics.md: every metric with its type, labels and meaning, from the table that
// also writes them.
std::string MetricsReference();

}  // namespace mainstay::observe
