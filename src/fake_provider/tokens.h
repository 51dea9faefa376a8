#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// The token rule of the scripted provider. Real tokenizers need tables of megabytes and differ from
// model to model; this one has to be plausible, fast, and simple enough to predict in a test:
//
//   an ASCII character is a quarter of a token, another character of two bytes in UTF-8 is half of
//   one, every longer character is a whole one; a text's sum is rounded up.
namespace mainstay::fake_provider {

// Quarters of a token. No text has more units than bytes plus one third.
inline constexpr int64_t kUnitsPerToken = 4;

// The whole tokens that so many units fill or begin.
constexpr int64_t TokensOfUnits(int64_t units) {
  return (units + kUnitsPerToken - 1) / kUnitsPerToken;
}

struct UnitStretch {
  size_t bytes = 0;
  int64_t units = 0;
};

// The shortest stretch from the start of `text` that has at least `units_min` units and ends
// between two characters; all of the text when it has fewer. Linear in the stretch.
UnitStretch TakeUnits(std::string_view text, int64_t units_min);

int64_t TokensOf(std::string_view text);

// The start of `text` that has at most so many tokens, whole characters.
std::string_view FirstTokens(std::string_view text, int64_t tokens_max);

}  // namespace mainstay::fake_provider
