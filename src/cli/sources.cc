#include <cstdlib>
#include <utility>

#include "cli/commands.h"

namespace mainstay::cli {

config::Sources RealSources(std::string salt) {
  return {.environment = [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            return value == nullptr ? std::nullopt : std::optional<std::string>(value);
          },
          .read_file = &config::ReadFileFromDisk,
          .salt = std::move(salt)};
}

}  // namespace mainstay::cli
