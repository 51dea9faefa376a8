#pragma once

#include <cstdint>
#include <string>

namespace mainstay::decision {

// What happens to a model name that nobody configured.
enum class UnknownModel : uint8_t { kReject, kDefault };

struct Options {
  std::string default_model;  // configured name or alias; empty: none
  UnknownModel unknown_model = UnknownModel::kReject;
};

}  // namespace mainstay::decision
