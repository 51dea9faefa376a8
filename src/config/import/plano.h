#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/problems.h"

namespace mainstay::config {

// What came out of another system's configuration.
struct Imported {
  // A Mainstay configuration that LoadText accepts where the variables that it refers to are set.
  std::string text;
  // What has no equivalent or needs attention, in the order of the file. Every key of the file is
  // either in `text` or in here.
  Problems differences;
};

// Either that, or why the text is no such configuration at all.
using ImportResult = std::variant<Imported, Problems>;

// Reads a configuration of Plano (formerly archgw), format v0.1 to v0.4, with its deprecated forms.
// References $NAME become ${NAME}; secrets that stand in the text itself are in neither part of the
// result: a variable takes their place. `file` names the text in the first comment of the result.
// Never throws, waits for nothing, reads no variable; any thread.
ImportResult ImportPlano(std::string_view text, std::string_view file);

}  // namespace mainstay::config
