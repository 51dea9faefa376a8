#include "upstream/options.h"

#include <gtest/gtest.h>

namespace mainstay::upstream {
namespace {

struct AttemptsCase {
  const char* name;
  int64_t attempts;
  size_t problems;
};

const AttemptsCase kAttemptsCases[] = {
    {"none_is_refused", 0, 1},
    {"one_is_the_least", 1, 0},
    {"a_hundred_is_the_most", 100, 0},
    {"more_is_refused", 101, 1},
};

TEST(FailoverOptions, AttemptsHaveBounds) {
  for (const AttemptsCase& c : kAttemptsCases) {
    Problems problems;
    Validate(FailoverOptions{.max_attempts = c.attempts}, "routing.failover", problems);
    ASSERT_EQ(problems.list().size(), c.problems) << c.name;
    if (c.problems > 0) {
      EXPECT_EQ(problems.list()[0].path, "routing.failover.max_attempts") << c.name;
    }
  }
}

}  // namespace
}  // namespace mainstay::upstream
