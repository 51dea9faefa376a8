#pragma once

#include <string_view>

namespace mainstay::http {

// The phrase that goes with a status, as RFC 9110 and its registry have it; "Unknown" for others.
// Clients ignore it, yet some refuse a status line without one.
std::string_view ReasonPhrase(int status);

}  // namespace mainstay::http
