#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/problems.h"
#include "base/secret.h"

namespace mainstay::identity {

// Somebody who may use the gateway (spec 01, `callers`).
struct CallerOptions {
  std::string name;
  std::vector<Secret> keys;
  std::vector<std::string> allow_models = {"*"};  // configured names; * as the whole or at the end
  int64_t requests_per_minute = 0;                // 0 = no limit
  int64_t max_concurrency = 0;                    // 0 = no limit
};

struct Options {
  std::vector<CallerOptions> callers;  // empty: one caller called anonymous
  bool pass_through_auth = false;  // the client's own key goes upstream and, hashed, is the caller
};

// Adds what is wrong: names and keys missing or given twice, patterns that cannot match as they are
// written, limits below 0. Keys are never part of a message.
void Validate(const Options& options, Problems& problems);

}  // namespace mainstay::identity
