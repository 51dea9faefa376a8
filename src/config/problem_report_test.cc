#include "config/problem_report.h"

#include <gtest/gtest.h>

namespace mainstay::config {
namespace {

TEST(ProblemReport, OneLineForEachWithWhatIsKnown) {
  Problems problems;
  EXPECT_EQ(ProblemReport("f.yaml", problems), "");
  problems.Add({.path = "server.listen", .message = "is bad", .line = 3, .column = 7});
  EXPECT_EQ(ProblemReport("f.yaml", problems),
            "f.yaml: 1 problem\nf.yaml:3:7: server.listen: is bad\n");
  problems.Add("server", "has no place");
  problems.Add({.path = "", .message = "is all wrong", .line = 1, .column = 1});
  EXPECT_EQ(ProblemReport("f.yaml", problems, "warning"),
            "f.yaml: 3 warnings\n"
            "f.yaml:3:7: server.listen: is bad\n"
            "f.yaml: server: has no place\n"
            "f.yaml:1:1: is all wrong\n");
}

}  // namespace
}  // namespace mainstay::config
