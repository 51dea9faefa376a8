#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace mainstay {
namespace {

Error Missing() {
  return {.kind = ErrorKind::kMissingField, .side = Side::kClient, .message = "m", .param = "p"};
}
Result<int> Half(int number) {
  if (number % 2 != 0) {
    return Error{.kind = ErrorKind::kInvalidField, .message = std::to_string(number) + " is odd"};
  }
  return number / 2;
}
Result<int> Quarter(int number) {
  MS_TRY(const int half, Half(number));
  MS_TRY(const int quarter, Half(half));
  return quarter;
}

struct TryCase {
  const char* name;
  int number;
  int want;  // -1: an error
  const char* says = "";
};

const TryCase kTryCases[] = {
    {"both_steps_work", 8, 2},
    {"the_first_step_fails", 7, -1, "7 is odd"},
    {"the_second_step_fails", 6, -1, "3 is odd"},
};

TEST(Result, TryAsInTheTable) {
  for (const TryCase& c : kTryCases) {
    const Result<int> quarter = Quarter(c.number);
    ASSERT_EQ(quarter.has_value(), c.want >= 0) << c.name;
    if (quarter) {
      EXPECT_EQ(*quarter, c.want) << c.name;
    } else {
      EXPECT_EQ(quarter.error().message, c.says) << c.name;
    }
  }
}

TEST(Result, HoldsAValue) {
  Result<std::string> text = std::string("abc");
  ASSERT_TRUE(text.has_value());
  EXPECT_TRUE(static_cast<bool>(text));
  EXPECT_EQ(text->size(), 3u);
  text->push_back('d');
  EXPECT_EQ(text.value(), "abcd");
}

TEST(Result, HoldsAnError) {
  const Result<std::string> text = Missing();
  ASSERT_FALSE(text.has_value());
  EXPECT_FALSE(static_cast<bool>(text));
  EXPECT_EQ(text.error().kind, ErrorKind::kMissingField);
  EXPECT_EQ(text.error().param, "p");
}

TEST(Result, ValuesAndErrorsMoveOut) {
  Result<std::unique_ptr<int>> pointer = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(pointer);
  EXPECT_EQ(*taken, 7);
  Result<int> failed = Missing();
  const Error error = std::move(failed).error();
  EXPECT_EQ(error.message, "m");
}

TEST(Result, OfVoid) {
  const Result<void> good;
  EXPECT_TRUE(good.has_value());
  good.value();
  const Result<void> bad = Missing();
  EXPECT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().param, "p");
}

TEST(Result, AnErrorIsTheGatewaysUntilSomebodySaysOtherwise) {
  const Error error;
  EXPECT_EQ(error.kind, ErrorKind::kInternal);
  EXPECT_EQ(error.side, Side::kGateway);
  EXPECT_EQ(error.retry, Retry::kNever);
  EXPECT_FALSE(error.retry_after.has_value());
}

TEST(ResultDeathTest, TheOtherSideEndsTheProcess) {
  const Result<int> value = 7;
  const Result<int> error = Missing();
  const Result<void> done;
  const Result<void> undone = Missing();
  EXPECT_DEATH(value.error(), "check failed");
  EXPECT_DEATH(error.value(), "check failed");
  EXPECT_DEATH(done.error(), "check failed");
  EXPECT_DEATH(undone.value(), "check failed");
}

}  // namespace
}  // namespace mainstay
