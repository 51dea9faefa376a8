#pragma once

#include <cstddef>
#include <string_view>

namespace mainstay::wire {

// A date, and a time of day behind it, as [begin, end) in a text; begin == end: there is none.
struct DateSpan {
  size_t begin = 0;
  size_t end = 0;
};

// How far a date reaches before and behind its first digit, and how far its cue word is before it.
inline constexpr size_t kDateBehindBytes = 80;
inline constexpr size_t kDateAheadBytes = 96;

// Finds the first date in a canonical text that has its first digit in [from, to), and that follows
// a word which announces it (today, date, time, now) within the same sentence: "Today's date is
// Saturday, November 21, 2026", "<current_date>2026-11-21</current_date>". Nothing before `begin`
// counts. Other dates are content. Pure; any thread.
DateSpan FindAnnouncedDate(std::string_view text, size_t begin, size_t from, size_t to);

}  // namespace mainstay::wire
