#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace mainstay {

void CheckFailed(std::string_view file, int line, std::string_view condition) {
  std::fprintf(stderr, "mainstay: check failed at %.*s:%d: %.*s\n", static_cast<int>(file.size()),
               file.data(), line, static_cast<int>(condition.size()), condition.data());
  std::abort();
}

}  // namespace mainstay
