#include "wire/digest/dates.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mainstay::wire {
namespace {

constexpr size_t kCueDistanceMax = 24;
constexpr std::array<std::string_view, 4> kCues = {"today", "date", "time", "now"};
constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays = {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

bool IsDigit(char c) {
  return static_cast<unsigned>(c - '0') < 10;
}
char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
bool IsLetter(char c) {
  return static_cast<unsigned>((c | 0x20) - 'a') < 26;
}

bool StartsWithWord(std::string_view text, std::string_view lower_word) {
  return text.size() >= lower_word.size() &&
         std::equal(lower_word.begin(), lower_word.end(), text.begin(),
                    [](char a, char b) { return a == Lower(b); });
}

// The length of the name that the text begins with, in full or by its first three letters (with a
// point or an "t" as in Sept), or 0.
template <size_t kCount>
size_t NameLength(std::string_view text, const std::array<std::string_view, kCount>& names) {
  size_t letters = 0;
  while (letters < text.size() && letters < 10 && IsLetter(text[letters])) {
    ++letters;
  }
  if (letters < 3) {
    return 0;
  }
  const char initial = Lower(text[0]);
  for (const std::string_view name : names) {
    if (name[0] != initial) {
      continue;  // nearly always
    }
    const bool whole = letters == name.size();
    const bool abbreviated = letters <= 5 && letters < name.size();
    if ((whole || abbreviated) &&
        std::equal(text.begin(), text.begin() + static_cast<ptrdiff_t>(letters), name.begin(),
                   [](char a, char b) { return Lower(a) == b; })) {
      return letters + (!whole && letters < text.size() && text[letters] == '.' ? 1 : 0);
    }
  }
  return 0;
}

// Reads a date from its first digit on. All calls leave the place alone when they give false.
class DateReader final {
 public:
  DateReader(std::string_view text, size_t at) : text_(text), at_(at) {}

  size_t at() const { return at_; }

  bool Number(size_t digits_min, size_t digits_max, int low, int high) {
    size_t end = at_;
    int value = 0;
    while (end < text_.size() && end - at_ < 5 && IsDigit(text_[end])) {
      value = value * 10 + (text_[end] - '0');
      ++end;
    }
    const size_t digits = end - at_;
    if (digits < digits_min || digits > digits_max || value < low || value > high) {
      return false;
    }
    at_ = end;
    return true;
  }
  bool Year() { return Number(4, 4, 1900, 2199); }
  bool Month() { return Number(1, 2, 1, 12); }
  bool Day() { return Number(1, 2, 1, 31); }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) {
      return false;
    }
    ++at_;
    return true;
  }
  bool Take(std::string_view lower) {
    if (!StartsWithWord(Rest(), lower)) {
      return false;
    }
    at_ += lower.size();
    return true;
  }
  bool MonthName() {
    const size_t length = NameLength(Rest(), kMonths);
    at_ += length;
    return length > 0;
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void Return(size_t at) { at_ = at; }

 private:
  std::string_view Rest() const { return text_.substr(std::min(at_, text_.size())); }

  std::string_view text_;
  size_t at_;
};

// 2026-11-21, 11/21/2026, 21.11.2026
bool ReadNumeric(DateReader& r) {
  const size_t begin = r.at();
  for (const bool year_first : {true, false}) {
    r.Return(begin);
    if (!(year_first ? r.Year() : r.Day())) {
      continue;
    }
    const char separator = r.Peek();
    if (separator != '-' && separator != '/' && separator != '.') {
      continue;
    }
    r.Take(separator);
    // Which of the two is the month depends on where it was written.
    if (r.Day() && r.Take(separator) && (year_first ? r.Day() : r.Year())) {
      return true;
    }
  }
  r.Return(begin);
  return false;
}

void SkipOrdinal(DateReader& r) {
  for (const std::string_view suffix : {"st", "nd", "rd", "th"}) {
    if (r.Take(suffix)) {
      return;
    }
  }
}

// 21 November 2026, 21st of November, 2026
bool ReadDayMonthYear(DateReader& r) {
  const size_t begin = r.at();
  if (r.Day()) {
    SkipOrdinal(r);
    r.Take('.');
    if (r.Take(' ')) {
      r.Take("of ");
      if (r.MonthName()) {
        r.Take(',');
        if (r.Take(' ') && r.Year()) {
          return true;
        }
      }
    }
  }
  r.Return(begin);
  return false;
}

// The rest of "November 21, 2026", whose month stands before it.
bool ReadDayYear(DateReader& r) {
  const size_t begin = r.at();
  if (r.Day()) {
    SkipOrdinal(r);
    r.Take(',');
    if (r.Take(' ') && r.Year()) {
      return true;
    }
  }
  r.Return(begin);
  return false;
}

// Z, UTC, GMT+1, +01:00
void SkipZone(DateReader& r) {
  const size_t begin = r.at();
  r.Take(' ');
  const bool named = r.Take("utc") || r.Take("gmt") || r.Take('Z') || r.Take('z');
  const size_t behind_name = r.at();
  if ((r.Take('+') || r.Take('-')) && r.Number(1, 4, 0, 1400)) {
    if (r.Take(':')) {
      r.Number(2, 2, 0, 59);
    }
    return;
  }
  r.Return(named ? behind_name : begin);
}

// T10:01:33.123Z, " at 10:01 PM"
void SkipTime(DateReader& r) {
  const size_t begin = r.at();
  if (!r.Take('T') && !r.Take(" at ") && !r.Take(", at ") && !r.Take(", ") && !r.Take(' ')) {
    return;
  }
  if (!r.Number(1, 2, 0, 24) || !r.Take(':') || !r.Number(2, 2, 0, 59)) {
    r.Return(begin);
    return;
  }
  const size_t minutes = r.at();
  if (r.Take(':') && r.Number(2, 2, 0, 60)) {
    const size_t seconds = r.at();
    if (r.Take('.')) {
      size_t digits = 0;
      for (; digits < 9 && IsDigit(r.Peek()); ++digits) {
        r.Take(r.Peek());
      }
      r.Return(digits == 0 ? seconds : r.at());
    }
  } else {
    r.Return(minutes);
  }
  const size_t clock = r.at();
  r.Take(' ');
  if (!r.Take("am") && !r.Take("pm") && !r.Take("a.m.") && !r.Take("p.m.")) {
    r.Return(clock);
  }
  SkipZone(r);
}

// The name that ends before `end`, one blank and perhaps a comma between: where it begins, or
// `end`.
template <size_t kCount>
size_t NameBefore(std::string_view text, size_t begin, size_t end,
                  const std::array<std::string_view, kCount>& names) {
  if (end == begin || text[end - 1] != ' ') {
    return end;
  }
  size_t last = end - 1;
  last -= last > begin && (text[last - 1] == ',' || text[last - 1] == '.') ? 1 : 0;
  size_t first = last;
  while (first > begin && last - first < 10 && IsLetter(text[first - 1])) {
    --first;
  }
  const size_t length = NameLength(text.substr(first, last - first), names);
  return length > 0 && length == last - first ? first : end;
}

// Whether a word that announces a date stands shortly before `date`, in the same sentence.
bool IsAnnounced(std::string_view text, size_t begin, size_t date) {
  const size_t first = date - std::min(date - begin, kCueDistanceMax + kCues[0].size());
  for (size_t at = date; at-- > first;) {
    if (at + 1 < date && (text[at] == '.' || text[at] == '?' || text[at] == '!') &&
        text[at + 1] == ' ') {
      return false;
    }
    // A word of its own, or the part of a name: current_date, currentDate.
    const bool begins = at == begin || !IsLetter(text[at - 1]) ||
                        (text[at] >= 'A' && text[at] <= 'Z' && text[at - 1] >= 'a');
    if (!begins || !IsLetter(text[at])) {
      continue;
    }
    for (const std::string_view cue : kCues) {
      const size_t behind = at + cue.size();
      if (behind <= date && date - behind <= kCueDistanceMax &&
          StartsWithWord(text.substr(at, cue.size()), cue) &&
          (behind == date || !IsLetter(text[behind]))) {
        return true;
      }
    }
  }
  return false;
}

// Whether what stands behind the digits at `at` may belong to a date: few numbers do.
bool MayBeginDate(std::string_view text, size_t at) {
  size_t digits = 0;
  while (at < text.size() && digits < 5 && IsDigit(text[at])) {
    ++at;
    ++digits;
  }
  constexpr std::string_view kBehind = " ,-./sSnNrRtT";
  return digits <= 4 && at < text.size() && kBehind.find(text[at]) != std::string_view::npos;
}

// The date whose first digit is at `at`.
DateSpan DateAt(std::string_view text, size_t begin, size_t at) {
  const char before = at > begin ? text[at - 1] : ' ';
  if (IsDigit(before) || IsLetter(before) || static_cast<unsigned char>(before) > 0x7F) {
    return {};
  }
  if (!MayBeginDate(text, at)) {
    return {};
  }
  DateReader r(text, at);
  size_t first = at;
  const size_t month = NameBefore(text, begin, at, kMonths);
  if (month != at && ReadDayYear(r)) {
    first = month;
  } else if (!ReadNumeric(r) && !ReadDayMonthYear(r)) {
    return {};
  }
  SkipTime(r);
  if (IsDigit(r.Peek()) || IsLetter(r.Peek())) {
    return {};
  }
  first = NameBefore(text, begin, first, kWeekdays);
  return IsAnnounced(text, begin, first) ? DateSpan{.begin = first, .end = r.at()} : DateSpan{};
}

size_t FindDigit(std::string_view text, size_t at, size_t to) {
#if defined(__SSE2__)
  // Digits become the smallest of signed bytes.
  const __m128i shift = _mm_set1_epi8(static_cast<char>(0x80 - '0'));
  const __m128i behind = _mm_set1_epi8(-128 + 10);
  for (; at + 16 <= to; at += 16) {
    __m128i bytes;
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    const auto digits = static_cast<uint32_t>(
        _mm_movemask_epi8(_mm_cmplt_epi8(_mm_add_epi8(bytes, shift), behind)));
    if (digits != 0) {
      return at + static_cast<size_t>(__builtin_ctz(digits));
    }
  }
#endif
  while (at < to && !IsDigit(text[at])) {
    ++at;
  }
  return at;
}

}  // namespace

DateSpan FindAnnouncedDate(std::string_view text, size_t begin, size_t from, size_t to) {
  for (size_t at = FindDigit(text, from, to); at < to; at = FindDigit(text, at, to)) {
    const DateSpan date = DateAt(text, begin, at);
    if (date.end > date.begin) {
      return date;
    }
    while (at < to && IsDigit(text[at])) {
      ++at;
    }
  }
  return {};
}

}  // namespace mainstay::wire
