#pragma once

#include <cstddef>
#include <string_view>

// The two inner loops of the digests: text as JSON writes it into text. Pure; any thread.
namespace mainstay::wire {

// So many bytes behind a text, and behind the place for the result, must be readable or writable.
// Any text inside of a padded JSON document has them.
inline constexpr size_t kFoldSlack = 16;

// Writes the value of a JSON string with its white space folded: each run of ASCII white space,
// however it is written, becomes one blank.
struct Folder {
  char* out = nullptr;      // where the next byte goes
  bool after_blank = true;  // the last byte was a blank: none is written behind it

  // Takes the bytes of [from, stop), and those behind `stop` that belong to an escape which begins
  // before it; returns the first byte not taken. The string ends at `end`. Writes no more bytes
  // than it takes, and kFoldSlack behind them. What is no escape stays as it is.
  const char* Take(const char* from, const char* stop, const char* end);

 private:
  const char* TakeUnusual(const char* at, const char* end);
};

// Writes the value of a JSON string to `out`, which has room for raw.size() + kFoldSlack bytes, and
// returns the end of it. Escapes as in json::Unescape; what is no escape stays as it is.
char* UnescapeTo(std::string_view raw, char* out);

}  // namespace mainstay::wire
