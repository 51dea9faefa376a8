#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/problems.h"
#include "config/document.h"

namespace mainstay::config {

// The value of a variable, or nullopt when it is not set. The real one is in cli/; tests bring
// their own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Variable → value, of those that a document used.
using UsedVariables = std::map<std::string, std::string>;

// Replaces ${NAME} and ${NAME:-default} in every scalar of the tree, and marks what it replaced as
// kEnvironment. A variable that is set, even to nothing, wins over the default. What comes out is
// not looked at again, so the value of a variable may hold ${. Any other $ stays as it is.
//
// Adds a problem, which names the variable, for each one that is not set and has no default, and
// for
// ${ without an end or without a name; the value becomes kBroken. Returns the variables that had a
// value.
UsedVariables ExpandEnvironment(Node& root, const Environment& environment, Problems& problems);

// The message with every value of a variable replaced by ${NAME}. Checks of later stages quote
// names, and a name may have come from a variable that holds something to keep to oneself.
std::string HideVariables(std::string message, const UsedVariables& variables);

}  // namespace mainstay::config
