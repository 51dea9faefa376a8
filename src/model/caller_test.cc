#include "model/caller.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mainstay {
namespace {

struct AllowsCase {
  const char* name;
  std::vector<std::string> patterns;
  const char* model;
  bool want;
};

const AllowsCase kAllowsCases[] = {
    {"no_patterns", {}, "p/m", true},
    {"a_star", {"*"}, "p/m", true},
    {"the_name", {"p/m"}, "p/m", true},
    {"another_name", {"p/n"}, "p/m", false},
    {"a_longer_name", {"p/m"}, "p/mm", false},
    {"a_shorter_name", {"p/mm"}, "p/m", false},
    {"a_prefix", {"p/*"}, "p/m", true},
    {"a_prefix_of_another", {"q/*"}, "p/m", false},
    {"a_prefix_as_long_as_the_name", {"p/m*"}, "p/m", true},
    {"a_prefix_longer_than_the_name", {"p/mm*"}, "p/m", false},
    {"the_second_of_two", {"q/*", "p/m"}, "p/m", true},
    {"letter_case_counts", {"P/*"}, "p/m", false},
    {"the_empty_pattern", {""}, "p/m", false},
};

TEST(CallerView, AllowsThoseOfTheTable) {
  for (const AllowsCase& c : kAllowsCases) {
    EXPECT_EQ(CallerView{.allow_models = c.patterns}.Allows(c.model), c.want) << c.name;
  }
}

}  // namespace
}  // namespace mainstay
