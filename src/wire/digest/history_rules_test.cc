#include "wire/digest/history_rules.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace mainstay::wire {
namespace {

struct PatternCase {
  const char* name;
  std::string text;
  std::string begin;  // empty: refused
  std::string end;
  std::string problem;  // a part of it
};

TEST(VolatilePattern, PatternsOfTheTable) {
  const PatternCase rows[] = {
      {"an ellipsis", "<a>…</a>", "<a>", "</a>", ""},
      {"dots", "<a>...</a>", "<a>", "</a>", ""},
      {"white space is folded", " Clock \t is:…  now\n", "Clock is:", "now", ""},
      {"no mark", "<a></a>", "", "", "BEGIN…END"},
      {"empty", "", "", "", "BEGIN…END"},
      {"nothing before", "…</a>", "", "", "on each side"},
      {"nothing behind", "<a>... ", "", "", "on each side"},
      {"two marks", "<a>…b…</a>", "", "", "one …"},
      {"two marks of both kinds", "<a>…b...</a>", "", "", "one …"},
      {"the longest", std::string(128, 'a') + "…b", std::string(128, 'a'), "b", ""},
      {"one that is too long", "a…" + std::string(129, 'b'), "", "", "128 bytes"},
  };
  for (const PatternCase& row : rows) {
    const Result<VolatilePattern> pattern = ParseVolatilePattern(row.text);
    ASSERT_EQ(pattern.has_value(), !row.begin.empty()) << row.name;
    if (pattern) {
      EXPECT_EQ(pattern->begin, row.begin) << row.name;
      EXPECT_EQ(pattern->end, row.end) << row.name;
    } else {
      EXPECT_NE(pattern.error().message.find(row.problem), std::string::npos) << row.name;
    }
  }
}

TEST(HistoryOptions, DefaultsAreValid) {
  Problems problems;
  Validate(HistoryOptions(), "session.volatile_patterns", problems);
  EXPECT_TRUE(problems.empty());
}

TEST(HistoryOptions, AllProblemsAreNamed) {
  HistoryOptions options{.volatile_patterns = std::vector<std::string>(17, "<a>…</a>")};
  options.volatile_patterns[3] = "x";
  options.volatile_patterns[5] = "…";
  Problems problems;
  Validate(options, "session.volatile_patterns", problems);
  ASSERT_EQ(problems.list().size(), 3u);
  EXPECT_EQ(problems.list()[0].path, "session.volatile_patterns");
  EXPECT_EQ(problems.list()[1].path, "session.volatile_patterns[3]");
  EXPECT_EQ(problems.list()[2].path, "session.volatile_patterns[5]");
}

TEST(HistoryRules, SeedsDiffer) {
  const HistoryRules rules({}, HashKey(std::array<uint8_t, HashKey::kBytes>{1}));
  const HistoryRules other({}, HashKey(std::array<uint8_t, HashKey::kBytes>{2}));
  EXPECT_NE(rules.Seed(DigestPart::kUser), rules.Seed(DigestPart::kAssistant));
  EXPECT_NE(rules.Seed(DigestPart::kUser), other.Seed(DigestPart::kUser));
}

}  // namespace
}  // namespace mainstay::wire
