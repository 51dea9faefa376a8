#pragma once

#include <string>

#include "base/result.h"

namespace mainstay::io {

// Whether nobody listens on the address (host:port; unix addresses are always free, because a
// stale socket file is replaced). Binds it for a moment without sharing it.
//
// Errors: kInternal naming the address, when it is taken or cannot be bound.
Result<void> CheckAddressIsFree(const std::string& address);

}  // namespace mainstay::io
