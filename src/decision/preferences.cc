#include "decision/preferences.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace mainstay::decision {
namespace {

// Prompt and completion together, as if a request had as much of both. Unknown is dearest.
double PriceOf(const Model& model) {
  const auto& pricing = model.options.pricing;
  if (!pricing || !pricing->prompt_per_1m || !pricing->completion_per_1m) {
    return std::numeric_limits<double>::infinity();
  }
  return *pricing->prompt_per_1m + *pricing->completion_per_1m;
}

}  // namespace

Preferences::Preferences(std::vector<PreferenceOptions> options, const Catalog& catalog) {
  std::vector<Route> routes;
  for (PreferenceOptions& preference : options) {
    std::vector<const Model*> models;
    for (const std::string& name : preference.models) {
      const Model* const model = catalog.Find(name);
      if (model == nullptr || std::ranges::find(models, model) != models.end()) {
        continue;
      }
      // Among equally cheap ones the order written stays.
      const auto at = preference.prefer == Prefer::kCheapest
                          ? std::ranges::upper_bound(models, PriceOf(*model), {},
                                                     [](const Model* m) { return PriceOf(*m); })
                          : models.end();
      models.insert(at, model);
    }
    routes.push_back(std::move(preference.route));
    served_.push_back({.models = std::move(models), .prefer = preference.prefer});
  }
  routes_ = RouteSet(std::move(routes));
}

Ranking Preferences::ranking(int route) const {
  if (route < 0) {
    return {};
  }
  const Served& served = served_[static_cast<size_t>(route)];
  return {.models = served.models, .prefer = served.prefer};
}

int Preferences::Find(std::string_view name) const {
  const auto list = routes_.list();
  const auto found = std::ranges::find(list, name, &Route::name);
  return found == list.end() ? -1 : static_cast<int>(found - list.begin());
}

int Preferences::FindServedBy(const Model& model) const {
  const auto found = std::ranges::find_if(served_, [&](const Served& served) {
    return std::ranges::find(served.models, &model) != served.models.end();
  });
  return found == served_.end() ? -1 : static_cast<int>(found - served_.begin());
}

}  // namespace mainstay::decision
