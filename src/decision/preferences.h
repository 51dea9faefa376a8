#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decision/options.h"
#include "model/catalog.h"

namespace mainstay::decision {

// The preferences of a configuration, or of one request, with their models looked up. Immutable.
class Preferences final {
 public:
  Preferences() = default;
  // Names that the catalog does not know are left out: whoever checks the options says so. The
  // catalog outlives the preferences.
  Preferences(const std::vector<PreferenceOptions>& options, const Catalog& catalog);

  bool empty() const { return routes_.empty(); }
  // In declared order, for the router.
  std::span<const Route> routes() const { return routes_; }
  // Models of a route, the preferred one first; `route` counts as in routes().
  std::span<const Model* const> models(int route) const {
    return models_[static_cast<size_t>(route)];
  }
  // The route of that name, or -1.
  int Find(std::string_view name) const;

 private:
  std::vector<Route> routes_;
  std::vector<std::vector<const Model*>> models_;
};

}  // namespace mainstay::decision
