#include "fake_provider/tokens.h"

#include <gtest/gtest.h>

#include <string>

namespace mainstay::fake_provider {
namespace {

struct TokenCase {
  const char* name;
  std::string text;
  int64_t tokens;
};

TEST(TokensTest, FollowTheRule) {
  const TokenCase cases[] = {
      {"nothing", "", 0},
      {"one_letter_begins_a_token", "a", 1},
      {"four_letters", "abcd", 1},
      {"five_letters", "abcde", 2},
      {"longer_than_a_word_of_the_scan", "abcdefghijklmnopqrstuvwxyz", 7},
      {"two_byte_characters_are_halves", "äöüß", 2},
      {"three_byte_characters_are_whole", "漢字", 2},
      {"four_byte_characters_are_whole", "😀😀😀", 3},
      {"mixed", "abcdefghä漢", 4},  // 8 + 2 + 4 quarters
      {"a_kilobyte", std::string(1024, 'x'), 256},
  };
  for (const TokenCase& row : cases) {
    EXPECT_EQ(TokensOf(row.text), row.tokens) << row.name;
  }
}

struct FirstCase {
  const char* name;
  std::string_view text;
  int64_t max;
  std::string_view first;
};

TEST(TokensTest, FirstTokensCutsBetweenCharacters) {
  const FirstCase cases[] = {
      {"all_of_it", "abcdefgh", 2, "abcdefgh"},
      {"ascii", "abcdefgh", 1, "abcd"},
      {"none", "abcdefgh", 0, ""},
      {"a_character_that_does_not_fit_goes", "abc漢字", 1, "abc"},
      {"exactly_fits", "漢字", 1, "漢"},
      {"huge_limit", "ab", INT64_MAX, "ab"},
  };
  for (const FirstCase& row : cases) {
    EXPECT_EQ(FirstTokens(row.text, row.max), row.first) << row.name;
  }
}

TEST(TokensTest, StretchesAddUpWhereverTheyAreCut) {
  const std::string text = "abc ä漢😀 defghijklmnop äääää 漢漢漢 the end of the text";
  const int64_t units = TakeUnits(text, INT64_MAX).units;
  for (int64_t step = 1; step <= units; ++step) {
    std::string_view rest = text;
    int64_t sum = 0;
    while (!rest.empty()) {
      const UnitStretch taken = TakeUnits(rest, step);
      ASSERT_GT(taken.bytes, 0U) << step;
      rest.remove_prefix(taken.bytes);
      sum += taken.units;
    }
    EXPECT_EQ(sum, units) << step;
  }
}

}  // namespace
}  // namespace mainstay::fake_provider
