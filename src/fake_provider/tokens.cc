#include "fake_provider/tokens.h"

#include <cstring>
#include <limits>

namespace mainstay::fake_provider {
namespace {

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Continuation bytes weigh nothing, so that it does not matter where a character is looked at.
int64_t UnitsOf(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x80) {
    return 1;
  }
  if (byte < 0xC0) {
    return 0;
  }
  return byte < 0xE0 ? 2 : 4;
}

// Eight bytes at a time as long as they are ASCII, of which nearly all prompts consist.
size_t AsciiRun(std::string_view text, size_t from, size_t bytes_max) {
  constexpr uint64_t kHighBits = 0x8080'8080'8080'8080;
  size_t run = 0;
  while (run + 8 <= bytes_max && from + run + 8 <= text.size()) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + from + run, sizeof word);
    if ((word & kHighBits) != 0) {
      break;
    }
    run += 8;
  }
  return run;
}

}  // namespace

UnitStretch TakeUnits(std::string_view text, int64_t units_min) {
  UnitStretch taken;
  while (taken.bytes < text.size() && taken.units < units_min) {
    const size_t run = AsciiRun(text, taken.bytes, static_cast<size_t>(units_min - taken.units));
    taken.bytes += run;
    taken.units += static_cast<int64_t>(run);
    if (run == 0) {
      taken.units += UnitsOf(text[taken.bytes++]);
    }
  }
  while (taken.bytes < text.size() && IsContinuation(text[taken.bytes])) {
    ++taken.bytes;
  }
  return taken;
}

int64_t TokensOf(std::string_view text) {
  return TokensOfUnits(TakeUnits(text, std::numeric_limits<int64_t>::max()).units);
}

std::string_view FirstTokens(std::string_view text, int64_t tokens_max) {
  const int64_t units_max = tokens_max > std::numeric_limits<int64_t>::max() / kUnitsPerToken
                                ? std::numeric_limits<int64_t>::max()
                                : tokens_max * kUnitsPerToken;
  UnitStretch taken = TakeUnits(text, units_max);
  // The last character may have gone over the limit: then it is taken back.
  while (taken.units > units_max && taken.bytes > 0) {
    taken.units -= UnitsOf(text[--taken.bytes]);
  }
  return text.substr(0, taken.bytes);
}

}  // namespace mainstay::fake_provider
