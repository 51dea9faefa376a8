#include "decision/decide.h"

#include <gtest/gtest.h>

#include <string>

namespace mainstay::decision {
namespace {

CatalogOptions TwoModels() {
  return {.providers = {{.name = "p", .base_url = "http://h"}},
          .models = {{.name = "p/large", .provider = "p", .aliases = {"best"}},
                     {.name = "p/small", .provider = "p"}}};
}

constexpr UnknownModel kReject = UnknownModel::kReject;
constexpr UnknownModel kDefault = UnknownModel::kDefault;

struct DecideCase {
  const char* name;
  const char* requested;
  Options options;
  const char* want;  // empty: refused
  Reason reason = Reason::kNone;
};

const DecideCase kDecideCases[] = {
    {"a_configured_name", "p/large", {}, "p/large", Reason::kRequestedModel},
    {"an_alias", "best", {}, "p/large", Reason::kRequestedModel},
    {"a_bare_name", "small", {}, "p/small", Reason::kRequestedModel},
    {"an_unknown_name", "p/medium", {}, ""},
    {"a_name_in_another_case", "P/Large", {}, ""},
    {"no_name", "", {}, ""},
    {"an_unknown_name_with_a_default_that_is_not_for_it", "x", {"p/small", kReject}, ""},
    {"an_unknown_name_with_a_default",
     "x",
     {"p/small", kDefault},
     "p/small",
     Reason::kDefaultModel},
    {"a_default_by_its_alias", "x", {"best", kDefault}, "p/large", Reason::kDefaultModel},
    {"a_default_that_nobody_named", "x", {"", kDefault}, ""},
    {"a_default_that_is_not_configured", "x", {"p/gone", kDefault}, ""},
    {"a_known_name_needs_no_default",
     "p/large",
     {"p/small", kDefault},
     "p/large",
     Reason::kRequestedModel},
};

TEST(Decide, ModelsOfTheTable) {
  const Catalog catalog(TwoModels());
  for (const DecideCase& c : kDecideCases) {
    SCOPED_TRACE(c.name);
    BaseDecision base;
    base.decision = "earlier";
    base.candidates.resize(3);
    base.dropped.resize(2);
    const Result<void> decided = [&]() -> Result<void> {
      MS_TRY(const Requested requested, Resolve(c.requested, catalog, c.options));
      return ServeRequested(requested, Reason::kRequestedModel, base);
    }();
    ASSERT_EQ(decided.has_value(), *c.want != '\0');
    if (!decided) {
      EXPECT_EQ(decided.error().kind, ErrorKind::kModelNotFound);
      EXPECT_EQ(decided.error().side, Side::kClient);
      EXPECT_EQ(decided.error().param, "model");
      EXPECT_NE(decided.error().message.find("'" + std::string(c.requested) + "'"),
                std::string::npos);
      continue;
    }
    ASSERT_EQ(base.candidates.size(), 1u);
    EXPECT_EQ(base.candidates[0].model->name, c.want);
    EXPECT_EQ(base.candidates[0].score, 1.0);
    EXPECT_EQ(base.reason, c.reason);
    EXPECT_EQ(base.decision, "");
    EXPECT_TRUE(base.dropped.empty());
  }
}

}  // namespace
}  // namespace mainstay::decision
