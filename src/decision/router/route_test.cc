#include "decision/router/route.h"

#include <gtest/gtest.h>

#include <set>

namespace mainstay::decision {
namespace {

TEST(RouteTest, EveryDifferenceChangesTheHash) {
  const std::vector<std::vector<Route>> all = {
      {},
      {{.name = "a", .description = "b"}},
      {{.name = "ab"}},
      {{.name = "a"}, {.name = "b"}},
      {{.name = "b"}, {.name = "a"}},
      {{.name = "a", .description = "b", .examples = {"c"}}},
      {{.name = "a", .description = "b", .examples = {"c", "d"}}},
      {{.name = "a", .description = "b", .examples = {"cd"}}},
      {{.name = "a", .description = "b", .examples = {}}, {.name = "c"}},
  };
  std::set<uint64_t> hashes;
  for (const std::vector<Route>& routes : all) {
    hashes.insert(HashOf(routes));
    EXPECT_EQ(HashOf(routes), HashOf(std::vector<Route>(routes)));
  }
  EXPECT_EQ(hashes.size(), all.size());
}

TEST(RouteTest, IsFoundByNameAsWrittenFirst) {
  const std::vector<Route> routes = {{.name = "Code"}, {.name = "code"}, {.name = "Über"}};
  EXPECT_EQ(FindRoute(routes, "Code"), 0);
  EXPECT_EQ(FindRoute(routes, "code"), 1);
  EXPECT_EQ(FindRoute(routes, "CODE"), 0);
  EXPECT_EQ(FindRoute(routes, "cod"), -1);
  EXPECT_EQ(FindRoute(routes, "Überx"), -1);
  EXPECT_EQ(FindRoute(routes, "über"), -1) << "only ASCII has cases here";
  EXPECT_EQ(FindRoute({}, "code"), -1);
}

}  // namespace
}  // namespace mainstay::decision
