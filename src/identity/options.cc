#include "identity/options.h"

#include <map>
#include <string_view>

namespace mainstay::identity {
namespace {

void CheckKeys(const std::vector<CallerOptions>& callers, Problems& problems) {
  // Looked up by the secret itself: this runs once, over what the operator wrote.
  std::map<std::string_view, std::string> first;
  for (size_t c = 0; c < callers.size(); ++c) {
    const std::string path = Under(At("callers", c), "keys");
    if (callers[c].keys.empty()) {
      problems.Add(path, "must have at least one key, here or in keys_file");
    }
    for (size_t k = 0; k < callers[c].keys.size(); ++k) {
      const Secret& key = callers[c].keys[k];
      if (key.empty()) {
        problems.Add(At(path, k), "must not be empty");
        continue;
      }
      const auto [place, is_first] = first.emplace(key.Expose(), At(path, k));
      if (!is_first) {
        problems.Add(At(path, k),
                     "is the same key as " + place->second + "; a key belongs to one caller");
      }
    }
  }
}

void CheckPatterns(const CallerOptions& caller, const std::string& path, Problems& problems) {
  if (caller.allow_models.empty()) {
    problems.Add(path, "must not be empty; write [\"*\"] to allow every model");
  }
  for (size_t i = 0; i < caller.allow_models.size(); ++i) {
    const std::string& pattern = caller.allow_models[i];
    const size_t star = pattern.find('*');
    if (pattern.empty()) {
      problems.Add(At(path, i), "must not be empty");
    } else if (star != std::string::npos && star + 1 != pattern.size()) {
      problems.Add(At(path, i), "may have a * at its end alone");
    }
  }
}

}  // namespace

void Validate(const Options& options, Problems& problems) {
  std::map<std::string_view, std::string> names;
  for (size_t c = 0; c < options.callers.size(); ++c) {
    const CallerOptions& caller = options.callers[c];
    const std::string path = At("callers", c);
    if (caller.name.empty()) {
      problems.Add(Under(path, "name"), "must not be empty");
    } else if (const auto [first, is_first] = names.emplace(caller.name, Under(path, "name"));
               !is_first) {
      problems.Add(Under(path, "name"),
                   caller.name + " is already the name of a caller, at " + first->second);
    }
    CheckPatterns(caller, Under(path, "allow_models"), problems);
    if (caller.requests_per_minute < 0) {
      problems.Add(Under(path, "requests_per_minute"), "must be at least 0; 0 is no limit");
    }
    if (caller.max_concurrency < 0) {
      problems.Add(Under(path, "max_concurrency"), "must be at least 0; 0 is no limit");
    }
  }
  CheckKeys(options.callers, problems);
}

}  // namespace mainstay::identity
