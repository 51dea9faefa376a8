#pragma once

#include <array>
#include <span>

#include "base/clock.h"
#include "base/random.h"

namespace mainstay {

// A time-ordered id of 26 characters: 48 bits of milliseconds and 80 random bits in Crockford's
// base 32 (the ULID form). Ids of later milliseconds sort later.
std::array<char, 26> MakeRequestId(WallTime now, Random& random);

// Lower-case hexadecimal digits of random bits; for trace and span ids.
void FillRandomHex(std::span<char> out, Random& random);

}  // namespace mainstay
