#pragma once

#include <string>

namespace mainstay::cli {

// "0.1.0", and "0.1.0 (1a2b3c4d)" with the commit that was built, where it is known.
std::string Version();
std::string Commit();  // empty when it is not known
std::string VersionWithCommit();

}  // namespace mainstay::cli
