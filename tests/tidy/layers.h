#pragma once

#include <vector>

#include "tidy/source.h"

namespace mainstay::tidy {

// The direction of dependencies between the folders of src/, and who may include which library.
// The tables in layers.cc are the rules; a new module or library is one row there.
void CheckIncludes(const SourceFile& file, std::vector<Finding>& findings);

}  // namespace mainstay::tidy
