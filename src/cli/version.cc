#include "cli/version.h"

#include <mainstay_version.h>

namespace mainstay::cli {

std::string Version() {
  return MAINSTAY_VERSION;
}

std::string Commit() {
  return MAINSTAY_COMMIT;
}

std::string VersionWithCommit() {
  const std::string commit = Commit();
  return commit.empty() ? Version() : Version() + " (" + commit + ")";
}

}  // namespace mainstay::cli
