#pragma once

#include "base/log.h"
#include "model/exchange.h"

namespace mainstay::observe {

// Logs an exchange that has ended, if its level is enabled:
//
//   debug  exchange              every other one
//   warn   exchange_failed       the answer was an error of 500 or more, or the provider broke it
//   off warn   exchange_failed_over  another target or model served it than the first
//
// Never logs a prompt, an answer, a credential or an id of a session as the client sent it. The
// model's name is what the client wrote and is cut like any long text.
// Any thread; does not wait.
void LogExchange(const Exchange& x, Log& log);

// The level that LogExchange uses; for callers that keep what it needs only when it is wanted.
LogLevel ExchangeLevel(const Exchange& x);

}  // namespace mainstay::observe
