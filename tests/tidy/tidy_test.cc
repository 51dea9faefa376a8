// The tree itself against the house rules. A failure prints each finding as path:line: message.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tidy/rules.h"
#include "tidy/source.h"

namespace mainstay::tidy {
namespace {

TEST(Tidy, TheTreeKeepsTheHouseRules) {
  const std::vector<SourceFile> tree =
      ReadTree(MAINSTAY_SOURCE_DIR, {"src", "tests", "bench", "fuzz"});
  ASSERT_GT(tree.size(), 10u) << "the tree was not found at " << MAINSTAY_SOURCE_DIR;

  std::string report;
  for (const Finding& finding : CheckTree(tree)) {
    report += finding.path + ":" + std::to_string(finding.line) + ": " + finding.message + "\n";
  }
  EXPECT_TRUE(report.empty()) << "\n" << report;
}

}  // namespace
}  // namespace mainstay::tidy
