#pragma once

#include <optional>
#include <string_view>

#include "base/problems.h"

namespace mainstay::config {

// The length in bytes of the character at the start of `text`, or 0 when its bytes are no UTF-8.
// `text` is not empty.
size_t CharacterLength(std::string_view text);

// True for the control characters (C0, DEL, C1), whose meaning depends on who prints them. `text`
// starts with a whole character.
bool IsControl(std::string_view text);

// The first place where a file is not plain UTF-8 text, with its line and column: an invalid byte,
// or a control character other than tab and line end. nullopt: the text is fine.
std::optional<Problem> FindBadText(std::string_view text);

// True when the text holds a control character or bytes that are no UTF-8. Values like these would
// break a header, a log line or a terminal.
bool HasControl(std::string_view text);

}  // namespace mainstay::config
