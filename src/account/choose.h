#pragma once

#include <vector>

#include "base/result.h"
#include "model/exchange.h"

namespace mainstay::account {

// A target together with the model that it is to serve.
struct Choice {
  const Model* model = nullptr;
  const Target* target = nullptr;
};

// The targets to try, in order: model by model as the verdict ranks them, within a model the
// endpoints of its provider's account, beginning with the one that `turn` points at, so that
// replicas share the load. `out` is emptied first.
//
// Pure. Errors: kNoAccountForModel when nothing enabled serves any of the models.
Result<void> Choose(const Verdict& verdict, uint64_t turn, std::vector<Choice>& out);

}  // namespace mainstay::account
