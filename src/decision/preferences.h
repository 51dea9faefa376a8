#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decision/options.h"
#include "decision/router/route_set.h"
#include "model/catalog.h"

namespace mainstay::decision {

// Models in the order in which they are preferred, as far as that is known beforehand.
struct Ranking {
  std::span<const Model* const> models;
  Prefer prefer = Prefer::kNone;  // kFastest has yet to be looked up
};

// The preferences of a configuration, or of one request, with their models looked up. Immutable.
class Preferences final {
 public:
  Preferences() = default;
  // Names that the catalog does not know are left out: whoever checks the options says so. The
  // catalog outlives the preferences.
  Preferences(std::vector<PreferenceOptions> options, const Catalog& catalog);

  bool empty() const { return routes_.empty(); }
  // In declared order, for the router.
  const RouteSet& routes() const { return routes_; }
  // The models of a route, which counts as in routes(). None: negative.
  Ranking ranking(int route) const;
  // The route of that name, or -1.
  int Find(std::string_view name) const;
  // The first route that the model serves, or -1.
  int FindServedBy(const Model& model) const;

 private:
  struct Served {
    std::vector<const Model*> models;
    Prefer prefer = Prefer::kNone;
  };

  RouteSet routes_;
  std::vector<Served> served_;
};

}  // namespace mainstay::decision
