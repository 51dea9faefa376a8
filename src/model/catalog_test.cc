#include "model/catalog.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace mainstay {
namespace {

// ---- Names.

CatalogOptions WithModels(std::vector<ModelOptions> models) {
  for (ModelOptions& model : models) {
    model.provider = "p";
  }
  return {.providers = {{.name = "p", .base_url = "http://h"}}, .models = std::move(models)};
}

struct NameCase {
  const char* name;
  std::vector<ModelOptions> models;
  const char* find;
  const char* want;  // the model's name; empty: none
};

const NameCase kNameCases[] = {
    {"the_name", {{.name = "p/m"}}, "p/m", "p/m"},
    {"the_bare_name", {{.name = "p/m"}}, "m", "p/m"},
    {"an_alias", {{.name = "p/m", .aliases = {"x", "y"}}}, "y", "p/m"},
    {"a_name_without_a_slash", {{.name = "m"}}, "m", "m"},
    {"the_bare_name_begins_at_the_first_slash", {{.name = "p/org/m"}}, "org/m", "p/org/m"},
    {"and_not_at_the_last", {{.name = "p/org/m"}}, "m", ""},
    {"nothing", {{.name = "p/m"}}, "", ""},
    {"something_unknown", {{.name = "p/m"}}, "p/n", ""},
    {"letter_case_counts", {{.name = "p/m"}}, "p/M", ""},
    {"a_bare_name_of_two_models", {{.name = "p/m"}, {.name = "q/m"}}, "m", ""},
    {"their_names_are_still_theirs", {{.name = "p/m"}, {.name = "q/m"}}, "q/m", "q/m"},
    {"a_bare_name_that_is_a_models_name", {{.name = "p/m"}, {.name = "m"}}, "m", "m"},
    {"a_bare_name_that_is_the_name_of_an_earlier_model",
     {{.name = "m"}, {.name = "p/m"}},
     "m",
     "m"},
    {"a_bare_name_that_is_somebodys_alias",
     {{.name = "p/m"}, {.name = "p/n", .aliases = {"m"}}},
     "m",
     "p/n"},
    {"a_bare_name_that_is_the_models_own_alias", {{.name = "p/m", .aliases = {"m"}}}, "m", "p/m"},
    {"an_alias_makes_two_bare_names_plain",
     {{.name = "p/m"}, {.name = "q/m", .aliases = {"m"}}},
     "m",
     "q/m"},
    {"an_empty_bare_name_is_none", {{.name = "p/", .upstream_name = "m"}}, "", ""},
};

TEST(Catalog, FindsThoseOfTheTable) {
  for (const NameCase& c : kNameCases) {
    const Catalog catalog(WithModels(c.models));
    const Model* found = catalog.Find(c.find);
    EXPECT_EQ(found == nullptr ? "" : found->name, c.want) << c.name;
  }
}

TEST(Catalog, ListsNamesAndAliasesInConfiguredOrder) {
  const Catalog catalog(
      WithModels({{.name = "p/b", .aliases = {"z", "y"}}, {.name = "p/a", .aliases = {"x"}}}));
  std::string listed;
  for (const Catalog::Name& name : catalog.listed()) {
    listed += name.text + "=" + name.model->name + " ";
  }
  EXPECT_EQ(listed, "p/b=p/b z=p/b y=p/b p/a=p/a x=p/a ");
}

struct UpstreamNameCase {
  const char* name;
  ModelOptions model;
  const char* upstream_name;
  const char* upstream_json;
};

const UpstreamNameCase kUpstreamNameCases[] = {
    {"behind_the_first_slash", {.name = "p/org/m"}, "org/m", "\"org/m\""},
    {"without_a_slash", {.name = "m"}, "m", "\"m\""},
    {"as_configured", {.name = "p/m", .upstream_name = "m-2024"}, "m-2024", "\"m-2024\""},
    {"with_escapes", {.name = "p/m", .upstream_name = "a\"b\\"}, "a\"b\\", R"("a\"b\\")"},
};

TEST(Catalog, UpstreamNamesOfTheTable) {
  for (const UpstreamNameCase& c : kUpstreamNameCases) {
    const Catalog catalog(WithModels({c.model}));
    EXPECT_EQ(catalog.models()[0]->upstream_name, c.upstream_name) << c.name;
    EXPECT_EQ(catalog.models()[0]->upstream_json, c.upstream_json) << c.name;
  }
}

// ---- Targets.

TEST(Catalog, TargetsAreAccountsTimesEndpoints) {
  CatalogOptions options;
  ProviderOptions local{.name = "local", .endpoints = {"http://a", "http://b"}};
  local.headers = {{"X-P", "1"}};
  local.accounts = {{.alias = "one", .api_key = Secret("k1"), .models = {"local/m"}},
                    {.alias = "two", .enabled = false, .headers = {{"X-A", "2"}}}};
  local.timeouts.connect = std::chrono::milliseconds(7);
  options.providers = {{.name = "first", .base_url = "http://f"}, local};
  options.models = {{.name = "first/m", .provider = "first"},
                    {.name = "local/m", .provider = "local"}};
  const Catalog catalog(options);

  ASSERT_EQ(catalog.target_count(), 5);
  ASSERT_EQ(catalog.endpoints().size(), 3u);
  EXPECT_EQ(catalog.endpoints()[0].base_url, "http://f");
  EXPECT_EQ(catalog.endpoints()[2].base_url, "http://b");
  EXPECT_EQ(catalog.endpoints()[2].timeouts.connect, std::chrono::milliseconds(7));

  // A provider without accounts serves as an account of its own name, without a credential.
  const Target& first = catalog.providers()[0]->targets.at(0);
  EXPECT_EQ(first.account, "first");
  EXPECT_TRUE(first.api_key.empty());
  EXPECT_TRUE(first.enabled);

  std::string seen;
  for (const Target& target : catalog.providers()[1]->targets) {
    seen += std::to_string(target.index) + " " + target.account + " " + target.endpoint + " " +
            std::to_string(target.endpoint_index) + (target.enabled ? "" : " off") + "\n";
    EXPECT_EQ(target.provider, catalog.providers()[1].get());
    EXPECT_EQ(catalog.endpoints()[static_cast<size_t>(target.endpoint_index)].base_url,
              target.endpoint);
  }
  EXPECT_EQ(seen,
            "1 one http://a 1\n"
            "2 one http://b 2\n"
            "3 two http://a 1 off\n"
            "4 two http://b 2 off\n");
  const std::vector<Target>& targets = catalog.providers()[1]->targets;
  EXPECT_TRUE(targets[0].Serves("local/m"));
  EXPECT_FALSE(targets[0].Serves("local/other"));
  EXPECT_TRUE(targets[2].Serves("local/other"));
  EXPECT_EQ(targets[0].headers, (HeaderOptions{{"X-P", "1"}}));
  EXPECT_EQ(targets[2].headers, (HeaderOptions{{"X-P", "1"}, {"X-A", "2"}}));
  EXPECT_EQ(targets[0].api_key.Expose(), "k1");
  EXPECT_EQ(catalog.Find("local/m")->provider, catalog.providers()[1].get());
  EXPECT_EQ(catalog.Find("local/m")->index, 1);
}

// ---- Costs.

constexpr std::nullopt_t kUnknown = std::nullopt;

struct CostCase {
  const char* name;
  PricingOptions price;
  Usage usage;
  std::optional<int64_t> want;  // 1e-9 units
};

const PricingOptions kFull{.prompt_per_1m = 2.5,
                           .completion_per_1m = 10,
                           .cached_input_per_1m = 1.25,
                           .cache_write_per_1m = 3.75};
const PricingOptions kPlain{.prompt_per_1m = 2.5, .completion_per_1m = 10};
PricingOptions Prompt(double price) {
  return {.prompt_per_1m = price, .completion_per_1m = 0};
}

const CostCase kCostCases[] = {
    {"nothing_used", kFull, {.prompt = 0, .completion = 0}, 0},
    {"one_token_each", kPlain, {.prompt = 1, .completion = 1}, 2'500 + 10'000},
    {"a_million_tokens_cost_the_price",
     kPlain,
     {.prompt = 1'000'000, .completion = 0},
     2'500'000'000},
    {"cached_tokens_have_their_price",
     kFull,
     {.prompt = 100, .cached = 40, .completion = 0},
     60 * 2'500 + 40 * 1'250},
    {"cached_tokens_without_a_price_cost_the_prompts",
     kPlain,
     {.prompt = 100, .cached = 40, .completion = 0},
     100 * 2'500},
    {"written_tokens_are_not_charged_twice",
     kFull,
     {.prompt = 100, .cached = 40, .cache_write = 50, .completion = 0},
     10 * 2'500 + 40 * 1'250 + 50 * 3'750},
    {"written_tokens_without_a_price_are_uncached",
     kPlain,
     {.prompt = 100, .cache_write = 50, .completion = 0},
     100 * 2'500},
    {"more_cached_than_prompt_tokens",
     kFull,
     {.prompt = 10, .cached = 40, .completion = 0},
     40 * 1'250},
    {"more_written_than_uncached_tokens",
     kFull,
     {.prompt = 10, .cached = 4, .cache_write = 9, .completion = 0},
     4 * 1'250 + 9 * 3'750},
    {"reasoning_is_a_part_of_the_completion",
     kPlain,
     {.prompt = 0, .completion = 10, .reasoning = 9},
     100'000},
    {"a_price_of_0_is_a_price",
     {.prompt_per_1m = 0, .completion_per_1m = 0},
     {.prompt = 5, .completion = 5},
     0},

    {"below_a_half_is_rounded_down", Prompt(0.000499), {.prompt = 1, .completion = 0}, 0},
    {"a_half_is_rounded_up", Prompt(0.0005), {.prompt = 1, .completion = 0}, 1},
    {"above_a_half_is_rounded_up", Prompt(0.000501), {.prompt = 1, .completion = 0}, 1},
    {"each_term_is_rounded_by_itself",
     {.prompt_per_1m = 0.0005, .completion_per_1m = 0.0005},
     {.prompt = 1, .completion = 1},
     2},

    {"no_prompt_count", kFull, {.completion = 1}, kUnknown},
    {"no_completion_count", kFull, {.prompt = 1}, kUnknown},
    {"no_prompt_price", {.completion_per_1m = 1}, {.prompt = 1, .completion = 1}, kUnknown},
    {"no_completion_price", {.prompt_per_1m = 1}, {.prompt = 1, .completion = 1}, kUnknown},

    {"absurd_counts_stay_in_range",
     Prompt(1'000),
     {.prompt = 999'999'999'999'999, .completion = 999'999'999'999'999},
     1'000'000'000'000'000'000},
    {"absurd_prices_stay_in_range",
     {.prompt_per_1m = 1e300,
      .completion_per_1m = 1e300,
      .cached_input_per_1m = 1e300,
      .cache_write_per_1m = 1e300},
     {.prompt = 1'000, .cached = 10, .cache_write = 10, .completion = 10},
     4'000'000'000'000'000'000},
};

TEST(Model, CostsOfTheTable) {
  for (const CostCase& c : kCostCases) {
    Model model;
    model.options.pricing = c.price;
    const std::optional<NanoMoney> cost = model.Cost(c.usage);
    ASSERT_EQ(cost.has_value(), c.want.has_value()) << c.name;
    if (cost) {
      EXPECT_EQ(cost->value, *c.want) << c.name;
    }
  }
}

TEST(Model, WithoutPricingNoCost) {
  EXPECT_FALSE(Model{}.Cost({.prompt = 1, .completion = 1}).has_value());
}

}  // namespace
}  // namespace mainstay
