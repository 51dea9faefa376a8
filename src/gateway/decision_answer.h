#pragma once

#include <string>

#include "model/exchange.h"

namespace mainstay::gateway {

// Whether the answer also tells what was looked at and left out.
enum class Explain : uint8_t { kNo, kYes };

// Appends the body of /routing/...: the ranked models and why (spec 02). The exchange has a
// verdict.
void AppendDecision(const Exchange& exchange, Explain explain, std::string& out);

}  // namespace mainstay::gateway
