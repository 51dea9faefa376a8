#pragma once

#include <map>
#include <string>
#include <utility>

#include "config/load.h"

namespace mainstay::config {

// Sources for tests: variables and files from tables, nothing from outside.
inline Sources FakeSources(std::map<std::string, std::string> variables = {},
                           std::map<std::string, std::string> files = {}) {
  Sources sources;
  sources.environment =
      [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  sources.read_file = [files = std::move(files)](const std::string& path,
                                                 size_t) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) {
      return Error{.kind = ErrorKind::kNotFound, .message = "does not exist"};
    }
    return found->second;
  };
  sources.salt = "salt";
  return sources;
}

}  // namespace mainstay::config
