#pragma once

#include <cstdint>
#include <string_view>

#include "base/problems.h"

namespace mainstay::upstream {

// Failover over the targets of a request (spec 06 §4, `routing.failover`).
struct FailoverOptions {
  bool enabled = true;
  int64_t max_attempts = 4;  // distinct targets, the first included
};

// `path` is where the options stand in the configuration.
void Validate(const FailoverOptions& options, std::string_view path, Problems& problems);

}  // namespace mainstay::upstream
