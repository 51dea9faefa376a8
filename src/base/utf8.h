#pragma once

#include <string_view>

// UTF-8 as Unicode defines it (table 3-7): no surrogates, no over-long forms, nothing above
// U+10FFFF. Pure functions; any thread, nothing blocks or allocates.
namespace mainstay {

// Reads nothing outside the text, so that it needs no padding. An empty text is valid.
bool IsValidUtf8(std::string_view text);

// The length of the UTF-8 sequence at `p`, 1 to 4; 0 when there is none that is valid and ends
// before `end`. p < end.
int Utf8Length(const char* p, const char* end);

namespace internal {

// For tests and benches: checks with one version, which this build and processor may not have;
// then the answer is kMissing.
enum class Utf8Version { kPortable, kAvx2 };
enum class Utf8Verdict { kValid, kInvalid, kMissing };
Utf8Verdict ValidateWith(Utf8Version version, std::string_view text);

}  // namespace internal
}  // namespace mainstay
