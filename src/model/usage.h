#pragma once

#include <cstdint>
#include <optional>

namespace mainstay {

// Token counts as a provider reported them. Absent means not reported, which is not 0.
struct Usage {
  std::optional<int64_t> prompt;       // all input, cached tokens included
  std::optional<int64_t> cached;       // input read from the provider's prefix cache
  std::optional<int64_t> cache_write;  // input written to it, where that is billed apart
  std::optional<int64_t> completion;
  std::optional<int64_t> reasoning;  // the part of completion that was reasoning

  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace mainstay
