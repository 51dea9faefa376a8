#pragma once

#include <string>
#include <string_view>

#include "base/json_reader.h"

namespace mainstay::decision {

// The words of a message's content, which is a text or a list of parts: appended, with `between`
// before each part but the first. Parts of other kinds are passed over. Reads one value.
void AppendContent(json::Reader& reader, std::string_view between, std::string& text);

}  // namespace mainstay::decision
