#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "decision/router/options.h"
#include "decision/router/route.h"

namespace mainstay::decision {

// What happens to a model name that nobody configured.
enum class UnknownModel : uint8_t { kReject, kDefault };

// Which requests the decisions judge.
enum class RouteMode : uint8_t {
  kAlways,
  kAuto,  // only those that ask for one of the auto models
};

// Which model of a route comes first.
enum class Prefer : uint8_t {
  kNone,      // the one that was named first
  kCheapest,  // the lowest price of prompt and completion together; unknown prices last
  kFastest,   // whose streams begin soonest, as measured; those without a measurement last
};

// A route described in words, with the models that serve it.
struct PreferenceOptions {
  Route route;
  std::vector<std::string> models;  // configured names or aliases, the best first
  Prefer prefer = Prefer::kNone;
};

struct Options {
  std::string default_model;  // configured name or alias; empty: none
  UnknownModel unknown_model = UnknownModel::kReject;
  RouteMode route = RouteMode::kAlways;
  // Names that stand for no model, but for the wish to have one chosen.
  std::vector<std::string> auto_models = {"auto", "mainstay/auto"};
  std::vector<PreferenceOptions> preferences;
  RouterOptions router;
};

}  // namespace mainstay::decision
