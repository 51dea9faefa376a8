#include "support/seen.h"

#include <utility>

namespace mainstay::support {

void Recorder::OnExchange(const Exchange& exchange) {
  SeenExchange seen{.request_id = std::string(exchange.id()),
                    .client_request_id = std::string(exchange.client_request_id),
                    .caller = std::string(exchange.caller.name),
                    .model = exchange.model == nullptr ? "" : exchange.model->name,
                    .target = exchange.target == nullptr ? "" : exchange.target->endpoint,
                    .status = exchange.status,
                    .lifecycle = exchange.lifecycle,
                    .error = exchange.error,
                    .attempts = {},
                    .usage = exchange.usage,
                    .events = exchange.events,
                    .reply_bytes = exchange.reply_bytes};
  for (const Attempt& attempt : exchange.attempts) {
    seen.attempts.push_back({.endpoint = attempt.target->endpoint,
                             .event = attempt.event,
                             .failure = attempt.failure,
                             .status = attempt.status});
  }
  exchanges_.push_back(std::move(seen));
}

}  // namespace mainstay::support
