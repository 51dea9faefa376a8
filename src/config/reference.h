#pragma once

#include <string>

namespace mainstay::config {

// docs/reference/config.md: every key with its type, default and meaning, from the tables that read
// the file.
std::string ConfigReference();

}  // namespace mainstay::config
