#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

constexpr ChoiceName<decision::UnknownModel> kUnknownModel[] = {
    {"reject", decision::UnknownModel::kReject},
    {"default", decision::UnknownModel::kDefault},
};

const Table<upstream::FailoverOptions>& FailoverTable() {
  using S = upstream::FailoverOptions;
  static const Table<S> table =
      Table<S>()
          .Key("enabled", &S::enabled, Boolean(),
               "Whether a request that failed goes on to another target.")
          .Key("max_attempts", &S::max_attempts, Integer({.min = 1, .max = 100}),
               "Most targets for one request, the first included.");
  return table;
}

}  // namespace

const Table<gateway::Options>& RoutingTable() {
  using S = gateway::Options;
  static const Table<S> table =
      Table<S>()
          .Key(
              "default_model", [](auto& o) -> auto& { return o.decision.default_model; },
              Text(Empty::kAllowed),
              "Name or alias of the model that serves requests for unknown models when "
              "`unknown_model` is `default`. Empty: none.")
          .Key(
              "unknown_model", [](auto& o) -> auto& { return o.decision.unknown_model; },
              Choice(kUnknownModel),
              "What happens when a client asks for a model that is not configured: an error, or "
              "the default model.")
          .Key("failover", &S::failover, Section(FailoverTable()), "Trying other targets.");
  return table;
}

}  // namespace mainstay::config
