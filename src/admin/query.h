#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/answer.h"

namespace mainstay::admin {

// Reads name=value&name=value: escapes undone, a plus sign is a blank, as forms and browsers write
// it. Parameters without a value are left out. Adds a detail for each that is not `known`, stands
// twice, or cannot be read: one that was meant to narrow a call down must not be passed over.
std::map<std::string_view, std::string> ReadQuery(std::string_view query,
                                                  std::span<const std::string_view> known,
                                                  std::vector<Detail>& details);

}  // namespace mainstay::admin
