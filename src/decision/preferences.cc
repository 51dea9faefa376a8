#include "decision/preferences.h"

#include <algorithm>
#include <limits>

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

Preferences::Preferences(const std::vector<PreferenceOptions>& options, const Catalog& catalog) {
  for (const PreferenceOptions& preference : options) {
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
    routes_.push_back(preference.route);
    models_.push_back(std::move(models));
  }
}

int Preferences::Find(std::string_view name) const {
  const auto found = std::ranges::find(routes_, name, &Route::name);
  return found == routes_.end() ? -1 : static_cast<int>(found - routes_.begin());
}

}  // namespace mainstay::decision
