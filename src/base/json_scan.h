#pragma once

#include <atomic>
#include <cstdint>

// MAINSTAY_JSON_PORTABLE builds the code of machines without SSE2, so that it can be tested on one
// that has it.
#if defined(__SSE2__) && !defined(MAINSTAY_JSON_PORTABLE)
#define MAINSTAY_JSON_SSE2 1
#include <emmintrin.h>
#else
#define MAINSTAY_JSON_SSE2 0
#endif

// The search for the end of a string, where a JSON reader spends its time. Internal to
// base/json_reader; pure functions, any thread.
namespace mainstay::json::internal {

inline constexpr uint32_t kSawHighByte = 1;
inline constexpr uint32_t kBroken = 2;

// Where a string's closing quote is. With kBroken: the first byte that is wrong, or `end` or beyond
// when the string has no end.
struct StringEnd {
  const char* at;
  uint32_t flags;
};

// Finds the end of the string that `from` is inside of, and checks everything up to there but
// UTF-8. `flags` are carried over into the result; kSawHighByte spares the search for such bytes.
// `from` may be up to 16 bytes beyond `end`; the byte before it is readable and not a backslash.
// Reads less than kPadding bytes beyond `end`.
using StringScan = StringEnd (*)(const char* from, const char* end, uint32_t flags);

// The widest version that this processor can run, chosen at the first call.
extern std::atomic<StringScan> scan_string;

// For tests and benches: makes every later scan of this process take one version, and returns
// whether this build and processor have it. kWidest goes back to the choice made by itself.
enum class ScanVersion { kWidest, kPortable, kSse2, kAvx2 };
bool UseScanVersion(ScanVersion version);

}  // namespace mainstay::json::internal
