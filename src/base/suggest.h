#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mainstay {

// The candidate that was probably meant by `written`, or an empty view when none is near. Letter
// case and '-' for '_' count little; a letter missing, added, changed or swapped with its neighbour
// counts 1. Near is a third of the length of what was written. The first of equals wins. Texts
// longer than 64 bytes are never near anything and only the first 1,000 candidates are looked at,
// which bounds the work on hostile input.
std::string_view Nearest(std::string_view written, std::span<const std::string_view> candidates);

// "; did you mean X?" to be appended to a message, or "" when no candidate is near.
std::string DidYouMean(std::string_view written, std::span<const std::string_view> candidates);

}  // namespace mainstay
