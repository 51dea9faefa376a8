#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "account/choose.h"
#include "gateway/snapshot.h"
#include "http/server_exchange.h"
#include "identity/callers.h"
#include "model/exchange.h"
#include "upstream/sender.h"

namespace mainstay::gateway {

// What one request needs while it runs. Kept by its worker and used again, so that a request
// allocates nothing that the one before it has left behind.
struct Context {
  Exchange exchange;
  std::shared_ptr<const WorkerSnapshot> snapshot;
  identity::CallerLease lease;

  std::string model_scratch;   // the model's name when it came with escapes
  std::string decoded_body;    // the body when it came compressed
  std::array<char, 55> traceparent{};
  std::vector<account::Choice> choices;
  std::vector<upstream::Destination> destinations;
  std::string text;            // bodies of answers that the gateway writes itself

  void Clear() {
    exchange.Clear();
    snapshot.reset();
    lease = {};
    decoded_body.clear();
    choices.clear();
    destinations.clear();
    text.clear();
  }
};

}  // namespace mainstay::gateway
