#include "policy/decide.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mainstay::policy {
namespace {

CatalogOptions ThreeModels() {
  return {
      .providers = {{.name = "p", .base_url = "http://h"}, {.name = "q", .base_url = "http://i"}},
      .models = {{.name = "p/a", .provider = "p"},
                 {.name = "p/b", .provider = "p"},
                 {.name = "q/a", .provider = "q"}}};
}

struct PolicyCase {
  const char* name;
  std::vector<const char*> candidates;
  std::vector<std::string> allow_models;
  std::vector<std::string> want;  // empty: refused
};

const PolicyCase kPolicyCases[] = {
    {"everything_is_allowed", {"p/a", "q/a"}, {}, {"p/a", "q/a"}},
    {"the_order_of_the_base_decision_stands", {"q/a", "p/b", "p/a"}, {}, {"q/a", "p/b", "p/a"}},
    {"a_star", {"p/a"}, {"*"}, {"p/a"}},
    {"one_name", {"p/a", "p/b"}, {"p/b"}, {"p/b"}},
    {"a_pattern", {"p/a", "q/a", "p/b"}, {"p/*"}, {"p/a", "p/b"}},
    {"two_patterns", {"p/a", "q/a"}, {"q/*", "p/a"}, {"p/a", "q/a"}},
    {"a_pattern_that_is_a_whole_name", {"p/a"}, {"p/a*"}, {"p/a"}},
    {"the_beginning_of_a_name_is_not_the_name", {"p/a"}, {"p/"}, {}},
    {"a_bare_name_is_not_the_name", {"p/a"}, {"a"}, {}},
    {"nothing_is_left", {"p/a", "p/b"}, {"q/*"}, {}},
};

TEST(Policy, ModelsOfTheTable) {
  const Catalog catalog(ThreeModels());
  for (const PolicyCase& c : kPolicyCases) {
    SCOPED_TRACE(c.name);
    BaseDecision base{.reason = Reason::kDefaultModel};
    for (const char* model : c.candidates) {
      base.candidates.push_back({.model = catalog.Find(model)});
    }
    Verdict verdict{.models = {catalog.Find("q/a")}, .reason = Reason::kNone};  // of before
    const Result<void> decided =
        Decide(base, std::nullopt, {.allow_models = c.allow_models}, verdict);
    std::vector<std::string> got;
    for (const Model* model : verdict.models) {
      got.push_back(model->name);
    }
    EXPECT_EQ(got, c.want);
    EXPECT_EQ(verdict.reason, Reason::kDefaultModel);
    ASSERT_EQ(decided.has_value(), !c.want.empty());
    if (!decided) {
      EXPECT_EQ(decided.error().kind, ErrorKind::kModelNotAllowed);
      EXPECT_EQ(decided.error().side, Side::kClient);
      EXPECT_EQ(decided.error().param, "model");
      EXPECT_NE(decided.error().message.find(c.candidates[0]), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace mainstay::policy
