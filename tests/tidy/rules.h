#pragma once

#include <vector>

#include "tidy/source.h"

namespace mainstay::tidy {

// Every house rule on every file: the includes of layers.h and the rules of the table in rules.cc.
// The files are the whole tree, because some rules ask whether a neighbour exists.
std::vector<Finding> CheckTree(const std::vector<SourceFile>& tree);

}  // namespace mainstay::tidy
