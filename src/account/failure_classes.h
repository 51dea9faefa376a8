#pragma once

#include "model/failure.h"

namespace mainstay::account {

// THE table of spec 06 §4, as far as classes exist: what an attempt's outcome means for the
// request. Never fails; what no row names is the request's fault, so it is passed through.
FailureClass Classify(AttemptEvent event, int status);

}  // namespace mainstay::account
