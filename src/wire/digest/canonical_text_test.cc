#include "wire/digest/canonical_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mainstay::wire {
namespace {

const HistoryRules& Rules() {
  static const HistoryRules rules({}, HashKey(std::array<uint8_t, HashKey::kBytes>{}));
  return rules;
}

// Exactly as many bytes behind a text as may be read, all of them blanks, which must not matter.
class Readable final {
 public:
  explicit Readable(std::string_view text)
      : bytes_(text.size()), data_(new char[text.size() + kFoldSlack]) {
    text.copy(data_.get(), text.size());
    std::fill_n(data_.get() + text.size(), kFoldSlack, ' ');
  }
  std::string_view view() const { return {data_.get(), bytes_}; }

 private:
  size_t bytes_;
  std::unique_ptr<char[]> data_;
};

// The canonical form of a text that comes in pieces of `step` elements: characters or escapes.
std::string Canonical(TextKind kind, std::string_view raw, size_t step) {
  CanonicalText text;
  text.Start(Rules(), kind, 0);
  text.BeginText();
  size_t at = 0;
  while (at < raw.size()) {
    size_t end = at;
    for (size_t i = 0; i < step && end < raw.size(); ++i) {
      end += raw[end] != '\\' ? 1 : raw[end + 1] == 'u' ? 6 : 2;
    }
    text.Append(Readable(raw.substr(at, end - at)).view());
    at = end;
  }
  text.EndText();
  std::string copy;
  EXPECT_TRUE(text.Copy(copy));
  if (copy.ends_with(' ')) {
    copy.pop_back();
  }
  EXPECT_EQ(text.Hash(), HashOf(copy, 0));
  EXPECT_EQ(text.bytes(), copy.size());
  return copy;
}

struct TextCase {
  const char* name;
  TextKind kind;
  std::string raw;
  std::string want;
};

TEST(CanonicalText, TextsOfTheTable) {
  const std::string long_word(40, 'w');
  const TextCase rows[] = {
      {"empty", TextKind::kUser, "", ""},
      {"white space only", TextKind::kUser, R"( \n\t\r\f\u000b  )", ""},
      {"a word", TextKind::kUser, "a", "a"},
      {"blanks at block borders", TextKind::kUser, "123456789012345  123456789012345  7",
       "123456789012345 123456789012345 7"},
      {"many blanks", TextKind::kUser, "a" + std::string(50, ' ') + "b", "a b"},
      {"a line end and an indentation", TextKind::kUser, R"(a {\n        b;\n    }\n)", "a { b; }"},
      {"escapes at block borders", TextKind::kUser, R"(12345678901234\"\"\\\\\/\b.)",
       "12345678901234\"\"\\\\/\b."},
      {"long words", TextKind::kUser, long_word + "\\n" + long_word, long_word + " " + long_word},
      {"code points", TextKind::kUser, R"(\u00e9\u20ac\ud83d\ude00\u0000.)",
       std::string("é€😀\0.", 11)},
      {"half a pair", TextKind::kUser, R"(\ud83d.\ude00)", "\uFFFD.\uFFFD"},
      {"half a pair before another", TextKind::kUser, R"(\ud83d\ud83d\ude00)", "\uFFFD😀"},
      {"half a pair behind a backslash", TextKind::kUser, R"(\\ud83d)", "\\ud83d"},
      {"a cut", TextKind::kUser, "a<system-reminder>b</system-reminder>c", "a c"},
      {"a cut at the beginning", TextKind::kUser, "<system-reminder>b</system-reminder> c", "c"},
      {"a cut at the end", TextKind::kUser, "c <system-reminder>b</system-reminder>", "c"},
      {"two cuts", TextKind::kUser,
       "a <system-reminder>b</system-reminder> <system-reminder></system-reminder> c", "a c"},
      {"a cut to the first end", TextKind::kUser,
       "<system-reminder>a<system-reminder></system-reminder>b</system-reminder>c",
       "b</system-reminder>c"},
      {"no end", TextKind::kUser, "a <system-reminder>b", "a <system-reminder>b"},
      {"half a beginning", TextKind::kUser, "a <system-rem", "a <system-rem"},
      {"something like a beginning", TextKind::kUser, "<system-reminders>b</system-reminder>",
       "<system-reminders>b</system-reminder>"},
      {"tags", TextKind::kAssistant, R"(x <a> b <c d=\"e f\" > </a> y < z > 1)",
       "x<a>b<c d=\"e f\" ></a>y < z > 1"},
      {"a tag that is not closed", TextKind::kAssistant, "x <a <b> c", "x<a<b>c"},
      {"thinking within a tag's blanks", TextKind::kAssistant, "a <think> b </think> <c>", "a<c>"},
      {"a date", TextKind::kOpening, "today: 2026-11-21 10:01, x", "today: , x"},
      {"a date in a system text", TextKind::kSystem, "Today's date: 2026-11-21", "Today's date:"},
      {"a date at the end", TextKind::kOpening, "today: 2026-11-21", "today:"},
      {"two dates", TextKind::kOpening, "date 2026-11-21 time 2026-11-21T10:01:00Z.",
       "date time ."},
      {"a date between blocks", TextKind::kOpening,
       "<system-reminder>x</system-reminder>date: 2026-11-21<system-reminder>x</system-reminder>y",
       "date: y"},
      {"as it is", TextKind::kVerbatim, "<think> date: 2026-11-21 </think>",
       "<think> date: 2026-11-21 </think>"},
  };
  for (const TextCase& row : rows) {
    for (const size_t step : {1'000u, 1u, 2u, 3u, 5u, 16u}) {
      EXPECT_EQ(Canonical(row.kind, row.raw, step), row.want) << row.name << " by " << step;
    }
  }
}

TEST(CanonicalText, TextsAreJoinedByOneBlank) {
  CanonicalText text;
  text.Start(Rules(), TextKind::kUser, 0);
  for (const std::string_view piece : {" ", "a ", "", " b", "<system-reminder>x</system-reminder>",
                                       "c", "<system-reminder>", "x</system-reminder>"}) {
    text.BeginText();
    text.Append(Readable(piece).view());
    text.EndText();
  }
  std::string copy;
  ASSERT_TRUE(text.Copy(copy));
  EXPECT_EQ(copy, "a b c <system-reminder> x</system-reminder>");
}

// Whatever is cut out of a long text, and wherever it is flushed, the hash is that of what is left.
TEST(CanonicalText, LongTextsHashLikeShortOnes) {
  const std::string words = [] {
    std::string text;
    for (int i = 0; text.size() < 30'000; ++i) {
      text += "word" + std::to_string(i) + " ";
    }
    text.pop_back();
    return text;
  }();
  const std::string begin = "<system-reminder>";
  const std::string end = "</system-reminder>";
  const struct {
    const char* name;
    TextKind kind;
    std::string raw;
    std::string want;
  } rows[] = {
      {"plain", TextKind::kUser, words + "\\n" + words, words + " " + words},
      {"one block", TextKind::kUser, words + begin + words + end + words, words + " " + words},
      {"a block at the beginning", TextKind::kUser, begin + words + end + words, words},
      {"a block at the end", TextKind::kUser, words + begin + words + end, words},
      {"no end", TextKind::kUser, words + begin + words, words + begin + words},
      {"no end, and another block", TextKind::kUser,
       words + begin + words + "<environment_details>x</environment_details>",
       words + begin + words + "<environment_details>x</environment_details>"},
      {"dates", TextKind::kOpening, words + " date: 2026-11-21 " + words + " now 2026-11-21",
       words + " date: " + words + " now"},
      {"a date before a block", TextKind::kOpening,
       words + " date: 2026-11-21 " + begin + words + end + "x", words + " date: x"},
      {"tags", TextKind::kAssistant, words + " <a> " + words + " </a> x",
       words + "<a>" + words + "</a>x"},
  };
  for (const auto& row : rows) {
    for (const size_t kept : {size_t{1'024}, size_t{5'000}, CanonicalText::kKeptBytes}) {
      for (const size_t step : {size_t{100}, size_t{7'919}, row.raw.size()}) {
        CanonicalText text(kept);
        text.Start(Rules(), row.kind, 5);
        text.BeginText();
        for (size_t at = 0; at < row.raw.size();) {
          size_t next = std::min(row.raw.size(), at + step);
          next += row.raw[next - 1] == '\\' ? 1 : 0;
          text.Append(Readable(std::string_view(row.raw).substr(at, next - at)).view());
          at = next;
        }
        text.EndText();
        EXPECT_EQ(text.bytes(), row.want.size()) << row.name << " " << kept << " by " << step;
        EXPECT_EQ(text.Hash(), HashOf(row.want, 5)) << row.name << " " << kept << " by " << step;
      }
    }
  }
}

TEST(CanonicalText, ManyBeginningsWithoutAnEndStayCheap) {
  std::string raw;
  while (raw.size() < 4'000'000) {
    raw += "<system-reminder> <environment_details> ";
  }
  CanonicalText text;
  text.Start(Rules(), TextKind::kUser, 5);
  text.BeginText();
  text.Append(Readable(raw).view());
  text.EndText();
  EXPECT_EQ(text.bytes(), raw.size() - 1);
}

}  // namespace
}  // namespace mainstay::wire
