#include "upstream/options.h"

namespace mainstay::upstream {

void Validate(const FailoverOptions& options, std::string_view path, Problems& problems) {
  if (options.max_attempts < 1 || options.max_attempts > 100) {
    problems.Add(Under(path, "max_attempts"), "must be from 1 to 100");
  }
}

}  // namespace mainstay::upstream
