#include "gateway/options.h"

#include <gtest/gtest.h>

#include <functional>

namespace mainstay::gateway {
namespace {

Options Good() {
  Options options;
  options.catalog.providers = {{.name = "openai", .base_url = "https://api.openai.com/v1"}};
  options.catalog.providers[0].accounts = {{.alias = "main", .api_key = Secret("k")}};
  options.catalog.models = {{.name = "openai/gpt-4o", .provider = "openai", .aliases = {"best"}}};
  return options;
}

identity::CallerOptions Caller(std::vector<std::string> allow_models) {
  return {.name = "p", .keys = {Secret("key-p")}, .allow_models = std::move(allow_models)};
}

struct OptionsCase {
  const char* name;
  std::function<void(Options&)> change;
  std::vector<std::string> paths;
  const char* says = "";  // part of the first message
};

void Check(const OptionsCase& c, const Problems& problems) {
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

const OptionsCase kProblemCases[] = {
    {"good", [](auto&) {}, {}},
    {"nothing_to_serve", [](auto& o) { o.catalog = {}; }, {}},
    {"a_router_that_cannot_be_asked",
     [](auto& o) { o.decision.router.base_url = "not a url"; },
     {"routing.router.base_url"}},
    {"a_preference_whose_name_is_no_header_value",
     [](auto& o) {
       o.decision.preferences = {
           {.route = {.name = "a\nb", .description = "d"}, .models = {"best"}}};
     },
     {"routing.preferences[0].name"},
     "control characters"},
    {"data_off_loopback_without_callers",
     [](auto& o) { o.server.listen = {"0.0.0.0:1"}; },
     {"server.listen"},
     "needs callers"},
    {"data_off_loopback_at_the_second_address",
     [](auto& o) { o.server.listen = {"127.0.0.1:1", "[::]:1"}; },
     {"server.listen[1]"}},
    {"data_off_loopback_with_callers",
     [](auto& o) {
       o.server.listen = {"0.0.0.0:1"};
       o.identity.callers = {Caller({"*"})};
     },
     {}},
    {"data_off_loopback_with_anonymous_callers_allowed",
     [](auto& o) {
       o.server.listen = {"0.0.0.0:1"};
       o.allow_anonymous = true;
     },
     {}},
    {"data_off_loopback_with_the_clients_own_keys",
     [](auto& o) {
       o.server.listen = {"0.0.0.0:1"};
       o.identity.pass_through_auth = true;
     },
     {}},
    {"a_unix_socket_is_loopback", [](auto& o) { o.server.listen = {"unix:/run/m.sock"}; }, {}},
    {"a_bad_address_is_reported_once", [](auto& o) { o.server.listen = {"x"}; }, {"server.listen"}},
    {"operators_off_loopback_without_a_token",
     [](auto& o) { o.admin_listen = "0.0.0.0:2"; },
     {"server.admin_listen"},
     "server.admin_token"},
    {"operators_off_loopback_with_a_token",
     [](auto& o) {
       o.admin_listen = "0.0.0.0:2";
       o.admin_token = Secret("token");
     },
     {}},
    {"operators_at_no_address", [](auto& o) { o.admin_listen = "2"; }, {"server.admin_listen"}},
    {"operators_at_the_data_address",
     [](auto& o) { o.admin_listen = "localhost:12000"; },
     {"server.admin_listen"}},
    {"too_many_workers", [](auto& o) { o.workers = 1'025; }, {"server.workers"}},
    {"negative_workers", [](auto& o) { o.workers = -1; }, {"server.workers"}},
    {"a_base_url_that_is_none",
     [](auto& o) { o.catalog.providers[0].base_url = "ftp://x/"; },
     {"providers[0].base_url"}},
    {"a_base_url_with_a_password",
     [](auto& o) { o.catalog.providers[0].base_url = "https://u:p@h/v1"; },
     {"providers[0].base_url"}},
    {"an_endpoint_that_is_none",
     [](auto& o) {
       o.catalog.providers[0].base_url.clear();
       o.catalog.providers[0].endpoints = {"http://a/v1", "b"};
     },
     {"providers[0].endpoints[1]"}},
    {"default_model_by_name", [](auto& o) { o.decision.default_model = "openai/gpt-4o"; }, {}},
    {"default_model_by_alias", [](auto& o) { o.decision.default_model = "best"; }, {}},
    {"default_model_by_bare_name", [](auto& o) { o.decision.default_model = "gpt-4o"; }, {}},
    {"default_model_unknown",
     [](auto& o) { o.decision.default_model = "openai/gpt-4"; },
     {"routing.default_model"},
     "did you mean openai/gpt-4o?"},
    {"default_model_by_a_bare_name_of_two",
     [](auto& o) {
       o.catalog.models.push_back({.name = "azure/gpt-4o", .provider = "openai"});
       o.decision.default_model = "gpt-4o";
     },
     {"routing.default_model"}},
    {"unknown_models_go_to_no_default",
     [](auto& o) { o.decision.unknown_model = decision::UnknownModel::kDefault; },
     {"routing.default_model"}},
    {"a_caller_for_an_unknown_model",
     [](auto& o) { o.identity.callers = {Caller({"openai/*", "openai/gpt-4"})}; },
     {"callers[0].allow_models[1]"},
     "did you mean openai/gpt-4o?"},
    {"a_caller_for_models_to_come",
     [](auto& o) { o.identity.callers = {Caller({"azure/*"})}; },
     {}},
    {"no_attempts",
     [](auto& o) { o.failover.max_attempts = 0; },
     {"routing.failover.max_attempts"}},
    {"a_session_header_that_is_none",
     [](auto& o) { o.session_headers.headers = {"X-Id"}; },
     {"routing.session_headers[0]"}},
    {"an_unknown_source_of_ids",
     [](auto& o) { o.session_headers.sources = {"inferd"}; },
     {"session.identity_sources[0]"},
     "did you mean inferred?"},
    {"a_client_without_a_name",
     [](auto& o) { o.vtc.client_patterns = {""}; },
     {"session.vtc_client_patterns[0]"}},
    {"a_run_as_long_as_what_is_kept",
     [](auto& o) { o.continuity.run_min = o.continuity.fingerprint_message_count; },
     {}},
    {"a_run_longer_than_what_is_kept",
     [](auto& o) { o.continuity.run_min = o.continuity.fingerprint_message_count + 1; },
     {"session.fuzzy.min_run"},
     "which is 5"},
    {"no_state_path", [](auto& o) { o.state.path.clear(); }, {"state.path"}},
};

TEST(GatewayOptions, ProblemsOfTheTable) {
  for (const OptionsCase& c : kProblemCases) {
    Options options = Good();
    c.change(options);
    Problems problems;
    Validate(options, problems);
    Check(c, problems);
  }
}

const OptionsCase kWarningCases[] = {
    {"nothing_to_say", [](auto&) {}, {}},
    {"no_models", [](auto& o) { o.catalog = {}; }, {"models"}, "every request will be refused"},
    {"a_disabled_account",
     [](auto& o) { o.catalog.providers[0].accounts[0].enabled = false; },
     {"models[0]"},
     "no enabled account of openai offers openai/gpt-4o"},
    {"an_account_for_another_model",
     [](auto& o) {
       o.catalog.models.push_back({.name = "openai/mini", .provider = "openai"});
       o.catalog.providers[0].accounts[0].models = {"openai/mini"};
     },
     {"models[0]"}},
    {"a_provider_without_accounts_offers_all",
     [](auto& o) { o.catalog.providers[0].accounts.clear(); },
     {}},
    {"a_provider_that_no_model_uses",
     [](auto& o) { o.catalog.providers.push_back({.name = "idle", .base_url = "http://h/v1"}); },
     {"providers[1]"},
     "no model uses idle"},
    {"a_pattern_that_matches_nothing",
     [](auto& o) { o.identity.callers = {Caller({"*", "azure/*"})}; },
     {"callers[0].allow_models[1]"}},
};

TEST(GatewayOptions, WarningsOfTheTable) {
  for (const OptionsCase& c : kWarningCases) {
    Options options = Good();
    c.change(options);
    Problems problems;
    Validate(options, problems);
    EXPECT_TRUE(problems.empty()) << c.name;
    Problems warnings;
    AddWarnings(options, warnings);
    Check(c, warnings);
  }
}

}  // namespace
}  // namespace mainstay::gateway
