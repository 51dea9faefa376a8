#include "model/catalog_options.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace mainstay {
namespace {

// Two providers with an account each, two models: nothing is wrong with them.
CatalogOptions Good() {
  ProviderOptions openai{.name = "openai", .base_url = "https://api.openai.com/v1"};
  openai.accounts = {{.alias = "main", .api_key = Secret("k")}};
  ProviderOptions local{.name = "local", .endpoints = {"http://127.0.0.1:1/v1"}};
  return {.providers = {openai, local},
          .models = {{.name = "openai/gpt-4o", .provider = "openai"},
                     {.name = "local/llama", .provider = "local"}}};
}

struct CatalogCase {
  const char* name;
  std::function<void(CatalogOptions&)> change;
  std::vector<std::string> paths;  // of the problems
  const char* says = "";           // part of the first message
};

PricingOptions Priced(double prompt) {
  PricingOptions pricing;
  pricing.prompt_per_1m = prompt;
  return pricing;
}

const CatalogCase kCatalogCases[] = {
    {"good", [](auto&) {}, {}},
    {"nothing_at_all", [](auto& c) { c = {}; }, {}},
    {"a_provider_without_a_name",
     [](auto& c) { c.providers[0].name.clear(); },
     {"providers[0].name", "models[0].provider"}},
    {"two_providers_of_one_name",
     [](auto& c) {
       c.providers.push_back(c.providers[0]);
       c.providers[2].accounts[0].alias = "other";
     },
     {"providers[2].name"},
     "openai is already the name of a provider, at providers[0].name"},
    {"a_name_with_a_space",
     [](auto& c) { c.providers[1].name = "lo cal"; },
     {"providers[1].name", "models[1].provider"}},
    {"a_name_of_256_bytes", [](auto& c) { c.models[0].name = std::string(256, 'n'); }, {}},
    {"a_name_of_257_bytes",
     [](auto& c) { c.models[0].name = std::string(257, 'n'); },
     {"models[0].name"}},
    {"base_url_and_endpoints",
     [](auto& c) { c.providers[0].endpoints = {"http://h/v1"}; },
     {"providers[0].endpoints"}},
    {"neither_base_url_nor_endpoints",
     [](auto& c) { c.providers[0].base_url.clear(); },
     {"providers[0].base_url"}},
    {"two_accounts",
     [](auto& c) { c.providers[0].accounts.push_back({.alias = "second"}); },
     {"providers[0].accounts"},
     "one account per provider"},
    {"an_account_without_an_alias",
     [](auto& c) { c.providers[0].accounts[0].alias.clear(); },
     {"providers[0].accounts[0].alias"}},
    {"an_alias_that_another_provider_has",
     [](auto& c) { c.providers[1].accounts = {{.alias = "main"}}; },
     {"providers[1].accounts[0].alias"},
     "main is already the name of an account, at providers[0].accounts[0].alias"},
    {"an_alias_that_is_a_provider_without_accounts",
     [](auto& c) {
       std::swap(c.providers[0], c.providers[1]);
       c.providers[1].accounts[0].alias = "local";
     },
     {"providers[1].accounts[0].alias"}},
    {"an_account_for_a_model",
     [](auto& c) { c.providers[0].accounts[0].models = {"openai/gpt-4o"}; },
     {}},
    {"an_account_for_an_unknown_model",
     [](auto& c) { c.providers[0].accounts[0].models = {"openai/gpt-4"}; },
     {"providers[0].accounts[0].models[0]"},
     "did you mean openai/gpt-4o?"},
    {"an_account_for_a_model_of_another_provider",
     [](auto& c) { c.providers[0].accounts[0].models = {"local/llama"}; },
     {"providers[0].accounts[0].models[0]"},
     "of another provider, local"},
    {"a_header", [](auto& c) { c.providers[0].headers = {{"X-Org", "mine"}}; }, {}},
    {"a_header_of_the_connection",
     [](auto& c) { c.providers[0].headers = {{"Host", "h"}}; },
     {"providers[0].headers.Host"}},
    {"a_header_of_the_framing",
     [](auto& c) { c.providers[0].accounts[0].headers = {{"transfer-ENCODING", "chunked"}}; },
     {"providers[0].accounts[0].headers.transfer-ENCODING"}},
    {"a_header_of_the_gateway",
     [](auto& c) { c.providers[0].headers = {{"x-mainstay-account", "a"}}; },
     {"providers[0].headers.x-mainstay-account"}},
    {"a_header_twice",
     [](auto& c) { c.providers[0].headers = {{"X-A", "1"}, {"x-a", "2"}}; },
     {"providers[0].headers.x-a"}},
    {"a_header_name_that_is_none",
     [](auto& c) { c.providers[0].headers = {{"a b", "1"}, {"", "2"}}; },
     {"providers[0].headers", "providers[0].headers"}},
    {"a_header_value_that_ends_the_line",
     [](auto& c) { c.providers[0].headers = {{"X-A", "1\r\nX-B: 2"}}; },
     {"providers[0].headers.X-A"}},
    {"a_model_without_a_provider",
     [](auto& c) { c.models[0].provider.clear(); },
     {"models[0].provider"}},
    {"a_model_of_an_unknown_provider",
     [](auto& c) { c.models[0].provider = "opanai"; },
     {"models[0].provider"},
     "opanai is not the name of a provider; did you mean openai?"},
    {"two_models_of_one_name",
     [](auto& c) { c.models[1] = c.models[0]; },
     {"models[1].name"},
     "openai/gpt-4o is already the name of a model, at models[0].name"},
    {"a_model_name_with_a_star",
     [](auto& c) { c.models[0].name = "openai/*"; },
     {"models[0].name"}},
    {"an_alias_that_is_a_name",
     [](auto& c) { c.models[0].aliases = {"local/llama"}; },
     {"models[0].aliases[0]"},
     "at models[1].name"},
    {"an_alias_of_two_models",
     [](auto& c) {
       c.models[0].aliases = {"best"};
       c.models[1].aliases = {"good", "best"};
     },
     {"models[1].aliases[1]"},
     "at models[0].aliases[0]"},
    {"an_alias_that_is_the_bare_name", [](auto& c) { c.models[0].aliases = {"gpt-4o"}; }, {}},
    {"a_capability_twice",
     [](auto& c) { c.models[0].capabilities = {Capability::kTools, Capability::kTools}; },
     {"models[0].capabilities[1]"}},
    {"a_free_model", [](auto& c) { c.models[0].pricing = Priced(0); }, {}},
    {"a_negative_price",
     [](auto& c) { c.models[0].pricing = Priced(-0.01); },
     {"models[0].pricing.prompt_per_1m"}},
    {"a_price_that_is_no_number",
     [](auto& c) { c.models[0].pricing = Priced(std::numeric_limits<double>::quiet_NaN()); },
     {"models[0].pricing.prompt_per_1m"}},
    {"an_infinite_price",
     [](auto& c) { c.models[0].pricing = Priced(std::numeric_limits<double>::infinity()); },
     {"models[0].pricing.prompt_per_1m"}},
    {"a_currency_in_words",
     [](auto& c) { c.models[0].pricing = PricingOptions{.currency = "usd"}; },
     {"models[0].pricing.currency"}},
    {"a_context_window_of_nothing",
     [](auto& c) { c.models[0].context_window = 0; },
     {"models[0].context_window"}},
    {"an_answer_of_nothing", [](auto& c) { c.models[0].max_output = 0; }, {"models[0].max_output"}},
    {"a_connect_timeout_of_0",
     [](auto& c) { c.providers[0].timeouts.connect = std::chrono::milliseconds(0); },
     {"providers[0].timeouts.connect_ms"}},
    {"a_total_timeout_of_0_is_none",
     [](auto& c) { c.providers[0].timeouts.total = std::chrono::milliseconds(0); },
     {}},
    {"a_negative_pool",
     [](auto& c) { c.providers[0].keep_alive.connections_per_worker = -1; },
     {"providers[0].keep_alive.connections_per_worker"}},
};

TEST(CatalogOptions, ProblemsOfTheTable) {
  for (const CatalogCase& c : kCatalogCases) {
    CatalogOptions options = Good();
    c.change(options);
    Problems problems;
    Validate(options, problems);
    std::vector<std::string> paths;
    for (const Problem& problem : problems.list()) {
      paths.push_back(problem.path);
    }
    EXPECT_EQ(paths, c.paths) << c.name;
    if (!problems.empty()) {
      EXPECT_NE(problems.list()[0].message.find(c.says), std::string::npos)
          << c.name << ": " << problems.list()[0].message;
    }
  }
}

}  // namespace
}  // namespace mainstay
