#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace mainstay {

// Who sent a request, and what it may use. Views into the configuration snapshot.
struct CallerView {
  std::string_view name = "anonymous";
  std::span<const std::string> allow_models;  // configured names, * at the end; empty: every model

  // Whether the caller may use the model of this configured name.
  bool Allows(std::string_view model) const {
    return allow_models.empty() || std::ranges::any_of(allow_models, [&](std::string_view pattern) {
             return pattern.ends_with('*')
                        ? model.starts_with(pattern.substr(0, pattern.size() - 1))
                        : pattern == model;
           });
  }
};

}  // namespace mainstay
