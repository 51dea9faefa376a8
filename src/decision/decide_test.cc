#include "decision/decide.h"

#include <gtest/gtest.h>

#include <chrono>
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

// --- the models of a decision

CatalogOptions FourModels() {
  const auto priced = [](double price) {
    return PricingOptions{.prompt_per_1m = price, .completion_per_1m = price};
  };
  return {.providers = {{.name = "p", .base_url = "http://h"},
                        {.name = "off",
                         .base_url = "http://h",
                         .accounts = {{.alias = "a", .enabled = false}}}},
          .models = {{.name = "p/dear", .provider = "p", .pricing = priced(10)},
                     {.name = "p/cheap",
                      .provider = "p",
                      .context_window = 100,
                      .capabilities = {Capability::kJson},
                      .pricing = priced(1)},
                     {.name = "p/unknown", .provider = "p"},
                     {.name = "off/x", .provider = "off", .pricing = priced(0.5)}}};
}

struct RankCase {
  const char* name;
  Prefer prefer = Prefer::kNone;
  const char* first = "";
  RequestFacts facts = {};
  const char* want;  // candidates in their order, then those dropped and why
};

const RankCase kRankCases[] = {
    {.name = "as_written", .want = "p/dear p/cheap p/unknown | off/x:disabled"},
    {.name = "cheapest",
     .prefer = Prefer::kCheapest,
     .want = "p/cheap p/dear p/unknown | off/x:disabled"},
    {.name = "fastest",
     .prefer = Prefer::kFastest,
     .want = "p/unknown p/dear p/cheap | off/x:disabled"},
    {.name = "another_one_first",
     .prefer = Prefer::kFastest,
     .first = "p/cheap",
     .want = "p/cheap p/unknown p/dear | off/x:disabled"},
    {.name = "the_first_one_cannot",
     .first = "off/x",
     .want = "p/dear p/cheap p/unknown | off/x:disabled"},
    {.name = "images",
     .facts = {.images = 1},
     .want = "p/dear p/unknown | p/cheap:capability_vision off/x:disabled"},
    {.name = "audio",
     .facts = {.audio_parts = 1},
     .want = "p/dear p/unknown | p/cheap:capability_audio off/x:disabled"},
    {.name = "tools",
     .facts = {.tools = 1},
     .want = "p/dear p/unknown | p/cheap:capability_tools off/x:disabled"},
    {.name = "a_schema",
     .facts = {.json_schema = true},
     .want = "p/dear p/cheap p/unknown | off/x:disabled"},
    {.name = "the_window_is_full",
     .facts = {.text_bytes = 200, .max_tokens = 50},
     .want = "p/dear p/cheap p/unknown | off/x:disabled"},
    {.name = "the_window_is_too_small",
     .facts = {.text_bytes = 200, .max_tokens = 51},
     .want = "p/dear p/unknown | p/cheap:context_window off/x:disabled"},
};

TEST(RankModels, Table) {
  const Catalog catalog(FourModels());
  catalog.Find("p/dear")->first_token->Add(std::chrono::milliseconds(300));
  catalog.Find("p/unknown")->first_token->Add(std::chrono::milliseconds(200));
  for (const RankCase& c : kRankCases) {
    SCOPED_TRACE(c.name);
    const Preferences preferences({{.route = {.name = "d"},
                                    .models = {"p/dear", "p/cheap", "gone", "p/unknown", "off/x"},
                                    .prefer = c.prefer}},
                                  catalog);
    Request request;
    request.facts = c.facts;
    BaseDecision out;
    EXPECT_TRUE(RankModels("d", preferences.ranking(0), catalog.Find(c.first), request,
                           Reason::kDecisionMatched, out));
    std::string got;
    double score = 1.0;
    for (const Candidate& candidate : out.candidates) {
      got += candidate.model->name + " ";
      EXPECT_LE(candidate.score, score);
      EXPECT_GT(candidate.score, 0);
      score = candidate.score;
    }
    EXPECT_EQ(out.candidates.front().score, 1.0);
    got += "|";
    for (const Dropped& dropped : out.dropped) {
      got += " " + dropped.model->name + ":" + std::string(dropped.reason);
    }
    EXPECT_EQ(got, c.want);
  }
}

TEST(RankModels, SaysWhenNobodyIsLeft) {
  const Catalog catalog(FourModels());
  const Preferences preferences({{.route = {.name = "d"}, .models = {"off/x"}}}, catalog);
  BaseDecision out;
  EXPECT_FALSE(RankModels("d", preferences.ranking(0), nullptr, {}, Reason::kDecisionMatched, out));
  EXPECT_TRUE(
      RankModels("d", preferences.ranking(-1), catalog.Find("p/dear"), {}, Reason::kPinHit, out));
}

// Four fifths of the older, one of the newest.
TEST(FirstTokenTime, IsAWeightedMean) {
  using std::chrono::milliseconds;
  FirstTokenTime time;
  EXPECT_EQ(time.mean(), std::chrono::nanoseconds::max());
  time.Add(milliseconds(100));
  EXPECT_EQ(time.mean(), milliseconds(100));
  time.Add(milliseconds(200));
  EXPECT_EQ(time.mean(), milliseconds(120));
}

}  // namespace
}  // namespace mainstay::decision
