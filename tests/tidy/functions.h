#pragma once

#include <string_view>
#include <vector>

namespace mainstay::tidy {

// A function body at namespace or class level. Lambdas and local classes count as part of the
// function that they stand in.
struct FunctionBody {
  int first_line = 0;  // the line of its opening brace
  int lines = 0;       // from the opening brace to the closing one, both included
};

// Finds function bodies by their braces, in the code view of source.h. It knows as much C++ as
// our style uses: no K&R definitions, no macros that open or close braces.
std::vector<FunctionBody> FindFunctions(std::string_view code);

}  // namespace mainstay::tidy
