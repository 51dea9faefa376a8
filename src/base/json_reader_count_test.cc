#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/json_reader.h"

namespace mainstay::json {
namespace {

struct CountCase {
  std::string_view name;
  std::string_view value;
  std::optional<int64_t> want;
};

constexpr CountCase kCases[] = {
    {"zero", "0", 0},
    {"digits", "1024", 1024},
    {"fifteen_digits", "999999999999999", 999'999'999'999'999},
    {"sixteen_digits", "1000000000000000", std::nullopt},
    {"sign", "-1", std::nullopt},
    {"fraction", "1.5", std::nullopt},
    {"exponent", "1e3", std::nullopt},
    {"capital_exponent", "1E3", std::nullopt},
    {"string", R"("1")", std::nullopt},
    {"null", "null", std::nullopt},
    {"object", "{}", std::nullopt},
};

// Followed by all that may follow a value; the padding is digits, which must not count.
TEST(TakeCount, TakesPlainCountsAndLeavesTheRestAlone) {
  for (const CountCase& c : kCases) {
    for (const std::string_view behind : {"", " ", "\n ", "\t"}) {
      for (const bool in_list : {true, false}) {
        SCOPED_TRACE(c.name);
        std::string text(in_list ? "[" : R"({"n": )");
        text.append(c.value).append(behind).append(in_list ? ",7]" : R"(,"m":7})");
        const size_t size = text.size();
        text.append(kPadding, '1');
        Reader reader(std::string_view(text).substr(0, size));
        StringToken key;
        if (in_list) {
          ASSERT_TRUE(reader.EnterArray() && reader.NextElement());
        } else {
          ASSERT_TRUE(reader.EnterObject() && reader.NextMember(key));
        }
        const size_t before = reader.offset();
        int64_t count = -7;
        ASSERT_EQ(reader.TakeCount(count), c.want.has_value());
        EXPECT_FALSE(reader.failed());
        if (c.want) {
          EXPECT_EQ(count, *c.want);
        } else {
          EXPECT_EQ(count, -7);
          EXPECT_EQ(reader.offset(), before);
          ASSERT_TRUE(reader.SkipValue());
        }
        ASSERT_TRUE(in_list ? reader.NextElement() : reader.NextMember(key));
        ASSERT_TRUE(reader.TakeCount(count));
        EXPECT_EQ(count, 7);
        EXPECT_FALSE(in_list ? reader.NextElement() : reader.NextMember(key));
        EXPECT_TRUE(reader.Finish());
      }
    }
  }
}

// What is no number stays an error of whoever reads it next.
TEST(TakeCount, LeavesMistakesToTheOtherReads) {
  for (const std::string_view text : {"[01]", "[00]", "[1x]", "[1", "[12", "[1 2]"}) {
    SCOPED_TRACE(text);
    std::string padded(text);
    padded.append(kPadding, '1');
    Reader reader(std::string_view(padded).substr(0, text.size()));
    ASSERT_TRUE(reader.EnterArray() && reader.NextElement());
    int64_t count = 0;
    if (!reader.TakeCount(count)) {
      reader.SkipValue();
    }
    EXPECT_FALSE(reader.NextElement());
    EXPECT_FALSE(reader.Finish());
  }
}

TEST(TakeCount, WantsAValueToBeDue) {
  std::string text = "[12]";
  text.append(kPadding, '\0');
  Reader reader(std::string_view(text).substr(0, 4));
  int64_t count = 0;
  EXPECT_FALSE(reader.TakeCount(count));
  ASSERT_TRUE(reader.EnterArray());
  EXPECT_FALSE(reader.TakeCount(count)) << "the element was not announced";
  ASSERT_TRUE(reader.NextElement());
  EXPECT_TRUE(reader.TakeCount(count));
  EXPECT_FALSE(reader.TakeCount(count));
}

}  // namespace
}  // namespace mainstay::json
