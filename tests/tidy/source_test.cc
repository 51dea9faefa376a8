#include "tidy/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace mainstay::tidy {
namespace {

struct SplitCase {
  std::string_view name;
  std::string_view text;
  std::string_view code;
  std::string_view comments;
};

constexpr SplitCase kSplitCases[] = {
    {"code_alone", "int a;", "int a;", "      "},
    {"line_comment", "a; // b\nc;", "a;     \nc;", "   // b\n  "},
    {"block_comment_over_lines", "a /* b\nc */ d", "a     \n     d", "  /* b\nc */  "},
    {"comment_signs_in_a_string", R"(f("//x"); g)", R"(f("   "); g)", "          "},
    {"quote_in_a_comment", "// don't\na", "        \na", "// don't\n "},
    {"escaped_quote", R"("\"//" b)", R"("    " b)", "        "},
    {"character_quote", R"('"' // b)", R"(" "     )", "    // b"},
    {"digit_separators", "8'000 + 0xff'ff; 'x'", "8'000 + 0xff'ff; \" \"", "                    "},
    {"prefixed_character", "u8'x' a", "u8\" \" a", "       "},
    {"raw_string", "R\"x(\" // )x\" + 1", "\" \" + 1", "                "},
    {"raw_string_with_brace", "R\"({)\"", "\" \"", "      "},
    {"directive_with_continuation", "#define X { \\\n  {\na", "           \n   \na",
     "           \n   \n "},
    {"comment_on_a_directive", "#include <a> // b", "                 ", "             // b"},
    {"hash_within_a_line", "a # b", "a # b", "     "},
    {"unfinished_comment", "a /* b", "a     ", "  /* b"},
    {"unfinished_string", "\"ab", "\"  ", "   "},
};

// Runs of blanks become one, and those at the ends go, so that the rows above stay readable.
std::string Squeeze(std::string_view text) {
  std::string squeezed;
  for (const char c : text) {
    if (c != ' ' || (!squeezed.empty() && squeezed.back() != ' ')) {
      squeezed += c;
    }
  }
  while (squeezed.ends_with(' ')) {
    squeezed.pop_back();
  }
  return squeezed;
}

TEST(Split, TakesCodeAndCommentsApart) {
  for (const SplitCase& row : kSplitCases) {
    SCOPED_TRACE(row.name);
    const Views views = Split(row.text);
    EXPECT_EQ(views.code.size(), row.text.size());
    EXPECT_EQ(views.comments.size(), row.text.size());
    EXPECT_EQ(Squeeze(views.code), Squeeze(row.code));
    EXPECT_EQ(Squeeze(views.comments), Squeeze(row.comments));
  }
}

TEST(Lines, HaveNoEndsAndNoEmptyLast) {
  EXPECT_THAT(Lines("a\n\nb\n"), testing::ElementsAre("a", "", "b"));
  EXPECT_THAT(Lines("a"), testing::ElementsAre("a"));
  EXPECT_THAT(Lines(""), testing::IsEmpty());
  EXPECT_EQ(LineAt("a\nb\nc", 0), 1);
  EXPECT_EQ(LineAt("a\nb\nc", 4), 3);
}

TEST(KindOf, FollowsTheName) {
  EXPECT_EQ(KindOf("src/base/result.cc"), Kind::kProduct);
  EXPECT_EQ(KindOf("src/base/result_test.cc"), Kind::kTest);
  EXPECT_EQ(KindOf("src/base/result_bench.cc"), Kind::kBench);
  EXPECT_EQ(KindOf("src/base/result_fuzz.cc"), Kind::kFuzz);
  EXPECT_EQ(KindOf("tests/support/loop.cc"), Kind::kOther);
}

}  // namespace
}  // namespace mainstay::tidy
