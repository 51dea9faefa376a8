#include "config/import/plano.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/load.h"
#include "config/problem_report.h"

namespace mainstay::config {
namespace {

using testing::HasSubstr;
using testing::Not;

// Every variable is set, to something that would do for an address as well.
LoadResult Load(const std::string& text) {
  return LoadText(text, {.environment = [](const std::string& name) -> std::optional<std::string> {
                           return "http://variable/" + name;
                         },
                         .read_file = [](const std::string&, size_t) -> Result<std::string> {
                           return Error{.message = "is not read"};
                         },
                         .salt = "salt"});
}

std::string ReportOf(const LoadResult& result) {
  const auto* problems = std::get_if<Problems>(&result);
  return problems == nullptr ? "" : ProblemReport("result", *problems);
}

std::string Differences(const Imported& imported) {
  return ProblemReport("f", imported.differences, "difference");
}

struct GoodCase {
  const char* name;
  std::string text;
  std::vector<std::string> holds;    // of the result
  std::vector<std::string> differs;  // all of the list, LINE:COL: path: what it starts with
};

constexpr char kListen[] = "listeners: [{type: model, name: n, address: 127.0.0.1}]\n";
constexpr char kMini[] = "model_providers:\n  - {model: openai/mini, access_key: $K}\n";

std::string With(std::string_view rest) {
  return std::string(kListen) + std::string(kMini) + std::string(rest);
}

const GoodCase kListenerCases[] = {
    {"a_model_listener",
     "listeners: [{type: model, name: n, address: 127.0.0.1, port: 9}]\n",
     {"listen: \"127.0.0.1:9\"  # n\n"},
     {}},
    {"the_listener_of_0_3",
     "listeners: [{type: model_listener, name: n, address: 127.0.0.1}]\n",
     {"listen: \"127.0.0.1:12000\"  # n\n"},
     {}},
    {"an_open_listener_says_so",
     "listeners:\n- {type: model, name: n}\n",
     {"listen: \"0.0.0.0:12000\"", "allow_anonymous: true"},
     {"2:3: listeners[0]: serves everyone"}},
    {"an_ipv6_address_gets_brackets",
     "listeners: [{type: model, name: n, address: \"::1\", port: 9}]\n",
     {"listen: \"[::1]:9\""},
     {}},
    {"the_operator_port_moves_away",
     "listeners: [{type: model, name: n, address: 127.0.0.1, port: 12001}]\n",
     {"listen: \"127.0.0.1:12001\"", "admin_listen: \"127.0.0.1:12002\""},
     {"1:13: listeners[0]: has the port of the operator API"}},
    {"the_mapping_before_0_3",
     "listeners:\n  ingress_traffic: {port: 10000}\n  egress_traffic: {address: 127.0.0.1, "
     "message_format: openai, timeout: 5s}\n" +
         std::string(kMini),
     {"listen: \"127.0.0.1:12000\"\n", "total_ms: 5000"},
     {"2:3: listeners.ingress_traffic: prompt targets are not served"}},
    {"an_agent_listener",
     "listeners:\n- {type: agent, name: a, port: 8001, agents: [{id: x}]}\n",
     {},
     {"2:3: listeners[0]: a listener for agents"}},
    {"two_times",
     "listeners:\n- {type: model, name: a, address: 127.0.0.1, timeout: 0.5s}\n- {type: model, "
     "name: b, address: 127.0.0.1, port: 9, timeout: 1m}\n" +
         std::string(kMini),
     {"listen: [\"127.0.0.1:12000\", \"127.0.0.1:9\"]  # a, b\n", "total_ms: 500\n"},
     {"3:55: listeners[1].timeout: has no equivalent for one listener"}},
    {"an_address_that_is_none",
     "listeners:\n- {type: model, name: a, address: gateway.internal}\n",
     {},
     {"2:3: listeners[0]: is left out: in the result, server.listen"}},
    {"a_port_that_is_none",
     "listeners:\n- {type: model, name: a, address: 127.0.0.1, port: none}\n",
     {"listen: \"127.0.0.1:12000\""},
     {"2:46: listeners[0].port: must be a whole number from 1 to 65535"}},
};

const GoodCase kModelCases[] = {
    {"a_model",
     With(""),
     {"- name: openai\n    protocol: openai_chat\n    base_url: https://api.openai.com/v1\n    "
      "accounts:\n      - alias: openai\n        api_key: \"${K}\"",
      "- name: openai/mini\n    provider: openai\n"},
     {}},
    {"llm_providers_before_0_3",
     std::string(kListen) + "llm_providers: [{name: m, model: groq/llama, access_key: \"${K}\"}]\n",
     {"https://api.groq.com/openai/v1", "name: groq/llama", "aliases: [m]"},
     {}},
    {"both_lists",
     With("llm_providers: [{model: openai/b}]\n"),
     {"name: openai/mini"},
     {"4:1: llm_providers: must not stand beside"}},
    {"one_key_is_one_provider",
     With("  - {model: openai/big, access_key: $K}\n"),
     {"- name: openai/big\n    provider: openai\n"},
     {}},
    {"two_keys_are_two_providers",
     With("  - {model: openai/big, access_key: $K2}\n"),
     {"- name: openai_2\n", "api_key: \"${K2}\"", "- name: openai/big\n    provider: openai_2\n"},
     {}},
    {"three_keys",
     With("  - {model: openai/b, access_key: $B}\n  - {model: openai/c}\n"),
     {"provider: openai_3\n"},
     {}},
    {"a_name_that_is_taken",
     With("  - {model: openai/b, access_key: $B}\n  - {model: openai_2/c, base_url: http://c, "
          "provider_interface: openai}\n"),
     {"provider: openai_2\n", "provider: openai_2_2\n"},
     {}},
    {"a_base_url_without_a_path",
     With("  - {model: ollama/l, base_url: \"http://h:11434/\"}\n"),
     {"base_url: http://h:11434/v1\n"},
     {}},
    {"a_base_url_with_a_path",
     With("  - {model: moonshotai/k, base_url: \"https://h/coding/v1\"}\n"),
     {"base_url: https://h/coding/v1\n"},
     {}},
    {"a_path_of_groq",
     With("  - {model: groq/k, base_url: \"https://h/proxy\"}\n"),
     {"base_url: https://h/proxy/v1\n"},
     {}},
    {"a_path_of_qwen",
     With("  - {model: qwen/k, base_url: \"https://h\"}\n"),
     {"base_url: https://h/compatible-mode/v1\n"},
     {}},
    {"a_base_url_from_the_environment",
     With("  - {model: ollama/l, base_url: $OLLAMA}\n"),
     {"base_url: \"${OLLAMA}/v1\"\n"},
     {}},
    {"a_port_from_the_environment",
     With("  - {model: ollama/l, base_url: \"http://h:${PORT}/v1\"}\n"),
     {"base_url: \"http://h:${PORT}/v1\"\n"},
     {}},
    {"a_base_url_with_a_password",
     With("  - {model: ollama/l, base_url: \"http://u:hunter22@h?key=hunter33\"}\n"),
     {"base_url: http://h/v1\n"},
     {"4:23: model_providers[1].base_url: its query was left out",
      "4:23: model_providers[1].base_url: the user name and password"}},
    {"an_endpoint_by_name",
     "endpoints:\n  local: {endpoint: \"127.0.0.1:8001\", connect_timeout: 0.005s}\n  other: "
     "{endpoint: x}\n" +
         With("  - {model: mistral/m, base_url: \"http://local\"}\n"),
     {"base_url: http://127.0.0.1:8001/v1\n", "connect_ms: 5\n"},
     {"3:3: endpoints.other: services for agents"}},
    {"a_family_of_ones_own",
     With("  - {model: ours/a/b, base_url: \"http://h\", provider_interface: openai}\n"),
     {"- name: ours\n", "- name: ours/a/b\n    provider: ours\n"},
     {}},
    {"a_family_without_an_address",
     With("  - {model: ours/m, provider_interface: openai}\n"),
     {},
     {"4:5: model_providers[1]: is left out: the file does not say where"}},
    {"a_model_without_a_prefix",
     With("  - {model: m, provider_interface: mistral, access_key: $M}\n"),
     {"- name: mistral/m\n", "https://api.mistral.ai/v1"},
     {}},
    {"an_interface_that_is_not_needed",
     With("  - {model: groq/m, provider_interface: openai}\n"),
     {"https://api.groq.com/openai/v1"},
     {"4:21: model_providers[1].provider_interface: is not needed"}},
    {"anthropic",
     With("  - {model: anthropic/c, access_key: $A}\n"),
     {"base_url: https://api.anthropic.com/v1\n"},
     {"4:5: model_providers[1]: Anthropic is asked through its OpenAI-compatible endpoint"}},
    {"bedrock",
     With("  - {model: amazon_bedrock/n, base_url: \"https://b\"}\n"),
     {},
     {"4:5: model_providers[1]: is left out: Bedrock"}},
    {"a_default",
     With("  - {model: openai/b, default: true}\n"),
     {"default_model: openai/b\n"},
     {}},
    {"two_defaults",
     With("  - {model: openai/b, default: true}\n  - {model: openai/c, default: true}\n"),
     {"default_model: openai/b\n"},
     {"5:23: model_providers[2].default: is a second default model"}},
    {"no_default", With("  - {model: openai/b, default: false}\n"), {"name: openai/b"}, {}},
    {"a_model_twice",
     With("  - {model: openai/mini}\n"),
     {},
     {"4:5: model_providers[1]: is left out: openai/mini is there already"}},
    {"no_model",
     With("  - {access_key: $X, name: n}\n"),
     {},
     {"4:5: model_providers[1]: has no model"}},
    {"an_item_that_is_text", With("  - openai/b\n"), {}, {"4:5: model_providers[1]: has no model"}},
    {"headers",
     With("  - {model: openai/b, headers: {User-Agent: a/1, X-Key: \"Bearer $T\"}}\n"),
     {"headers:\n      User-Agent: \"a/1\"\n      X-Key: \"Bearer ${T}\"\n"},
     {}},
    {"a_header_of_the_gateway",
     With("  - {model: openai/b, headers: {Host: h, X-A: b}}\n"),
     {"X-A: \"b\""},
     {"4:5: model_providers[1]: is left out: in the result, providers[1].headers.Host"}},
    {"the_host_header",
     With("  - {model: ollama/b, base_url: \"http://h:1\", http_host: h}\n"),
     {"http://h:1/v1"},
     {}},
    {"another_host_header",
     With("  - {model: ollama/b, base_url: \"http://h:1\", http_host: other}\n"),
     {"http://h:1/v1"},
     {"4:47: model_providers[1].http_host: has no equivalent"}},
    {"pass_through_everywhere",
     "listeners: [{type: model, name: n}]\nmodel_providers: [{model: openai/b, passthrough_auth: "
     "true, access_key: $K}]\n",
     {"pass_through_auth: true"},
     {"2:61: model_providers[0].access_key: is not used beside passthrough_auth"}},
    {"pass_through_somewhere",
     With("  - {model: openai/b, passthrough_auth: true}\n"),
     {"provider: openai_2\n"},
     {"4:5: model_providers[1]: passthrough_auth has no equivalent for one provider"}},
    {"a_wildcard_with_a_model_named_elsewhere",
     std::string(kListen) + "model_providers: [{model: \"xai/*\", access_key: $K}]\n" +
         "model_aliases: {smart: {target: xai/grok}}\n",
     {"- name: xai/grok\n    provider: xai\n    aliases: [smart]\n"},
     {"2:19: model_providers[0]: a wildcard has no equivalent"}},
    {"a_context_window",
     With("  - {model: openai/b, capabilities: {context_window: 128000}}\n"),
     {"context_window: 128000\n"},
     {}},
    {"a_name_with_a_space",
     With("  - {model: openai/b c}\n"),
     {},
     {
         "4:5: model_providers[1]: is left out: in the result, models[1].name must be of visible",
     }},
    {"connect_timeout",
     With("overrides: {upstream_connect_timeout: 10s}\n"),
     {"connect_ms: 10000\n"},
     {}},
    {"an_alias",
     With("model_aliases: {fast: {target: mini}, same: {target: openai/mini}}\n"),
     {"aliases: [fast, same]\n"},
     {}},
    {"an_alias_of_nothing",
     With("model_aliases: {fast: {target: maxi}}\n"),
     {},
     {"4:17: model_aliases.fast: is left out: its target is none of the models"}},
    {"an_alias_of_an_alias",
     With("model_aliases: {a: {target: mini}, b: {target: a}}\n"),
     {"aliases: [a]\n"},
     {"4:36: model_aliases.b: is left out: its target"}},
    {"an_alias_that_a_model_has_anyway",
     With("model_aliases: {mini: {target: openai/mini}}\n"),
     {},
     {}},
    {"an_alias_called_auto",
     With("model_aliases: {auto: {target: mini}}\n"),
     {"aliases: [auto]\n", "auto_models: [mainstay/auto]\n"},
     {"f: is left out: in the result, routing.auto_models[0] auto is the name"}},
};

const GoodCase kRoutingCases[] = {
    {"preferences_of_0_4",
     With("overrides: {llm_routing_model: plano/r}\nrouting_preferences:\n- {name: code, "
          "description: \"d: e\", models: [mini]}\n"),
     {"type: local", "- name: code\n      description: \"d: e\"\n      models: [openai/mini]\n"},
     {"4:13: overrides.llm_routing_model: Plano's routes are judged by a model at its makers'"}},
    {"a_router_of_ones_own",
     With("  - {model: plano/r, base_url: \"http://r:1\", access_key: $R}\noverrides: "
          "{llm_routing_model: r, orchestrator_model_context_length: 4096}\n"
          "routing_preferences: [{name: a, description: b, models: [mini]}]\n"),
     {"router:\n    type: llm\n    base_url: http://r:1/v1\n    model: r\n    api_key: \"${R}\"\n  "
      "  max_prompt_tokens: 4096\n"},
     {}},
    {"the_router_of_0_2",
     With("  - {name: arch-router, model: arch/hf.co/k/R:Q4, base_url: \"http://r:1\"}\nrouting: "
          "{model: Arch-Router, llm_provider: arch-router}\nrouting_preferences: [{name: a, "
          "description: b, models: [mini]}]\n"),
     {"base_url: http://r:1/v1\n    model: \"hf.co/k/R:Q4\"\n"},
     {"5:11: routing.model: is not used: routing.llm_provider names the router"}},
    {"a_served_model_as_router",
     With("overrides: {llm_routing_model: openai/mini}\nrouting_preferences: [{name: a, "
          "description: b, models: [mini]}]\n"),
     {"model: mini\n", "- name: openai/mini\n"},
     {}},
    {"a_router_of_nothing",
     With("overrides: {llm_routing_model: none/x}\n"),
     {},
     {"4:13: overrides.llm_routing_model: is none of the models, and there is nothing to route"}},
    {"a_route_of_several_lines",
     With("overrides: {llm_routing_model: mini}\nrouting_preferences:\n- name: a\n  description: "
          "|\n    one\n    two\n  models: [mini]\n"),
     {"description: \"one two\"\n"},
     {}},
    {"cheapest",
     With("overrides: {llm_routing_model: mini}\nrouting_preferences:\n- {name: a, description: b, "
          "models: [mini], selection_policy: {prefer: cheapest}}\n"),
     {"selection_policy: {prefer: cheapest}\n"},
     {"6:64: routing_preferences[0].selection_policy.prefer: needs prices"}},
    {"fastest",
     With("overrides: {llm_routing_model: mini}\nrouting_preferences:\n- {name: a, description: b, "
          "models: [mini], selection_policy: {prefer: fastest}}\n"),
     {"selection_policy: {prefer: fastest}\n"},
     {"6:64: routing_preferences[0].selection_policy.prefer: goes by how soon"}},
    {"a_route_to_an_unknown_model",
     With("overrides: {llm_routing_model: mini}\nrouting_preferences:\n- {name: a, description: b, "
          "models: [mini, maxi]}\n"),
     {"models: [openai/mini]\n"},
     {"6:44: routing_preferences[0].models[1]: is none of the models"}},
    {"a_route_to_nothing",
     With("overrides: {llm_routing_model: mini}\nrouting_preferences:\n- {name: a, description: b, "
          "models: [maxi]}\n"),
     {"model: mini"},
     {"6:3: routing_preferences[0]: is left out: in the result, routing.preferences[0].models must "
      "name",
      "6:38: routing_preferences[0].models[0]: is none of the models"}},
    {"inline_routes_of_one_name_are_one_route",
     std::string(kListen) +
         "overrides: {router_model: b}\nmodel_providers:\n- {model: openai/a, "
         "routing_preferences: [{name: r, description: d}]}\n- {model: openai/b, "
         "routing_preferences: [{name: r, description: d}, {name: s, description: e}]}\n",
     {"- name: r\n      description: \"d\"\n      models: [openai/a, openai/b]\n    - name: s\n"},
     {}},
    {"a_route_at_the_top_wins",
     std::string(kListen) +
         "overrides: {router_model: a}\nmodel_providers:\n- {model: openai/a, "
         "routing_preferences: [{name: r, description: d}]}\nrouting_preferences: [{name: r, "
         "description: top, models: [a]}]\n",
     {"description: \"top\"\n"},
     {"4:43: model_providers[0].routing_preferences[0]: is not used"}},
    {"sessions",
     With("routing: {session_ttl_seconds: 5, session_max_entries: 7, session_cache: {type: memory, "
          "tenant_header: X-Org}}\n"),
     {"session_ttl_seconds: 5\n", "session_max_entries: 7\n", "tenant_header: x-org\n",
      "state:\n  engine: memory\n"},
     {}},
    {"shared_sessions",
     With("routing:\n  session_cache:\n    type: redis\n    url: redis://h\n"),
     {},
     {"6:5: routing.session_cache.type: has no equivalent",
      "7:5: routing.session_cache.url: has no equivalent"}},
    {"a_tenant_header_that_is_none",
     With("routing: {session_cache: {tenant_header: \"a b\"}}\n"),
     {},
     {"4:27: routing.session_cache.tenant_header: is left out: in the result, "
      "routing.tenant_header must"}},
    {"0_seconds",
     With("routing: {session_ttl_seconds: 0}\n"),
     {},
     {"4:11: routing.session_ttl_seconds: must be a whole number from 1"}},
};

const GoodCase kRestCases[] = {
    {"sections_without_an_equivalent",
     With("tracing: {random_sampling: 100}\nratelimits: []\nprompt_caching: {enabled: true}\n"),
     {},
     {"4:1: tracing: traces are not exported", "5:1: ratelimits: tokens are not limited",
      "6:1: prompt_caching: requests are not given cache markers"}},
    {"unknown_keys_everywhere",
     "surprise: 1\nlisteners: [{type: model, name: n, address: 127.0.0.1, u1: 1}]\n"
     "model_providers: [{model: openai/mini, u2: 1}]\nmodel_aliases: {a: {target: mini, u3: 1}}\n"
     "routing: {u4: 1, session_cache: {u5: 1}}\noverrides: {router_model: mini, u6: 1}\n"
     "routing_preferences: [{name: a, description: b, models: [mini], u7: 1, selection_policy: "
     "{prefer: none, u8: 1}}]\n",
     {},
     {"1:1: surprise: is not known", "2:56: listeners[0].u1: is not known",
      "3:40: model_providers[0].u2: is not known", "4:35: model_aliases.a.u3: is not known",
      "5:11: routing.u4: is not known", "5:34: routing.session_cache.u5: is not known",
      "6:33: overrides.u6: is not known", "7:65: routing_preferences[0].u7: is not known",
      "7:105: routing_preferences[0].selection_policy.u8: is not known"}},
    {"a_version_to_come",
     "version: v9\n" + With(""),
     {"version: 1\n"},
     {"1:1: version: is a version that is not known"}},
    {"a_key_given_twice",
     With("mode: llm\nmode: prompt\n"),
     {},
     {"4:1: mode: there is one mode", "5:1: mode: this key is given twice"}},
    {"a_list_that_is_text",
     std::string(kListen) + "model_providers: none\n",
     {},
     {"2:1: model_providers: must be a list"}},
    {"text_that_looks_like_a_reference",
     With("overrides: {llm_routing_model: mini}\nrouting_preferences: [{name: \"${a b}\", "
          "description: \"$5, $HOME\", models: [mini]}]\n"),
     {"name: \"{a b}\"", "description: \"$5, ${HOME}\""},
     {"5:24: routing_preferences[0].name: holds a ${"}},
    {"text_for_a_terminal", With("\"a\\e[2J\": 1\n"), {}, {"4:1: a\\x1b[2J: is not known"}},
};

void CheckCase(const GoodCase& c) {
  SCOPED_TRACE(c.name);
  const ImportResult result = ImportPlano(c.text, "f");
  ASSERT_TRUE(std::holds_alternative<Imported>(result))
      << ProblemReport("f", std::get<Problems>(result));
  const Imported& imported = std::get<Imported>(result);
  for (const std::string& part : c.holds) {
    EXPECT_THAT(imported.text, HasSubstr(part));
  }
  const std::string differences = Differences(imported);
  ASSERT_EQ(imported.differences.list().size(), c.differs.size()) << differences;
  size_t at = 0;
  for (const std::string& part : c.differs) {
    const std::string line = "\nf" + (part.starts_with("f:") ? part.substr(1) : ":" + part);
    at = differences.find(line, at);
    ASSERT_NE(at, std::string::npos) << part << "\nis not, in this order, in\n" << differences;
  }
  // Addresses that depend on a variable are judged where it is set.
  if (c.text.find("${PORT}") == std::string::npos) {
    EXPECT_EQ(ReportOf(Load(imported.text)), "") << imported.text;
  }
}

TEST(Plano, TurnsListenersIntoServer) {
  for (const GoodCase& c : kListenerCases) {
    CheckCase(c);
  }
}

TEST(Plano, TurnsModelProvidersIntoProvidersAndModels) {
  for (const GoodCase& c : kModelCases) {
    CheckCase(c);
  }
}

TEST(Plano, TurnsRoutesIntoPreferences) {
  for (const GoodCase& c : kRoutingCases) {
    CheckCase(c);
  }
}

TEST(Plano, ListsWhatHasNoEquivalent) {
  for (const GoodCase& c : kRestCases) {
    CheckCase(c);
  }
}

struct SecretCase {
  const char* name;
  const char* text;      // holds hunter2
  const char* variable;  // that takes its place
};

const SecretCase kSecretCases[] = {
    {"a_key", "{model: openai/a, access_key: hunter2}", "api_key: \"${OPENAI_API_KEY}\""},
    {"a_key_whose_variable_is_taken",
     "{model: openai/a, access_key: hunter2}, {model: openai/b, access_key: $OPENAI_API_KEY}",
     "api_key: \"${OPENAI_API_KEY_2}\""},
    {"two_keys",
     "{model: openai/a, access_key: other-hunter2}, {model: openai/b, access_key: hunter2}",
     "api_key: \"${OPENAI_API_KEY_2}\""},
    {"a_key_beside_a_reference", "{model: openai/a, access_key: \"hunter2$K\"}",
     "api_key: \"${OPENAI_API_KEY}\""},
    {"a_default_of_a_reference", "{model: openai/a, access_key: \"${K:-hunter2}\"}",
     "api_key: \"${OPENAI_API_KEY}\""},
    {"a_header", "{model: openai/a, headers: {X-Api-Key: hunter2}}",
     "X-Api-Key: \"${OPENAI_X_API_KEY}\""},
    {"a_header_with_a_scheme", "{model: openai/a, headers: {authorization: Bearer hunter2}}",
     "authorization: \"${OPENAI_AUTHORIZATION}\""},
    {"an_address", "{model: ollama/a, base_url: \"http://me:hunter2@h:1\"}", "http://h:1/v1"},
    {"a_query", "{model: ollama/a, base_url: \"http://h:1?key=hunter2\"}", "http://h:1/v1"},
    {"an_unknown_key", "{model: openai/a, secret: hunter2}", "openai/a"},
    {"a_value_of_the_wrong_type", "{model: openai/a, default: hunter2}", "openai/a"},
};

TEST(Plano, CopiesNoSecret) {
  for (const SecretCase& c : kSecretCases) {
    SCOPED_TRACE(c.name);
    const std::string text =
        std::string(kListen) + "model_providers: [" + std::string(c.text) + "]\n";
    const ImportResult result = ImportPlano(text, "f");
    ASSERT_TRUE(std::holds_alternative<Imported>(result));
    const Imported& imported = std::get<Imported>(result);
    EXPECT_THAT(imported.text, HasSubstr(c.variable));
    EXPECT_THAT(imported.text, Not(HasSubstr("hunter2")));
    EXPECT_THAT(Differences(imported), Not(HasSubstr("hunter2")));
    EXPECT_EQ(ReportOf(Load(imported.text)), "");
  }
}

struct BadCase {
  const char* name;
  const char* text;
  const char* problem;
};

const BadCase kBadCases[] = {
    {"nothing", "", "f:1:1: the file is empty"},
    {"no_yaml", "a: [", "not valid YAML"},
    {"text", "hello\n", "is no configuration of Plano"},
    {"a_configuration_of_mainstay", "version: 1\nproviders: []\n", "is no configuration of Plano"},
    {"a_list", "- listeners\n", "is no configuration of Plano"},
};

TEST(Plano, RefusesWhatIsNoneOfItsConfigurations) {
  for (const BadCase& c : kBadCases) {
    const ImportResult result = ImportPlano(c.text, "f");
    ASSERT_TRUE(std::holds_alternative<Problems>(result)) << c.name;
    EXPECT_THAT(ProblemReport("f", std::get<Problems>(result)), HasSubstr(c.problem)) << c.name;
  }
}

std::string ReadExample(const std::string& name) {
  std::ifstream in(std::string(MAINSTAY_SOURCE_DIR) + "/examples/plano/" + name);
  EXPECT_TRUE(in) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The README beside the examples says how to write them anew.
TEST(Plano, GivesWhatTheExamplesShow) {
  for (const std::string name : {"pinned_sessions", "team_gateway"}) {
    const std::string file = "examples/plano/" + name + ".yaml";
    const ImportResult result = ImportPlano(ReadExample(name + ".yaml"), file);
    ASSERT_TRUE(std::holds_alternative<Imported>(result)) << name;
    const Imported& imported = std::get<Imported>(result);
    EXPECT_EQ(imported.text, ReadExample(name + ".mainstay.yaml"));
    EXPECT_EQ(ProblemReport(file, imported.differences, "difference"),
              ReadExample(name + ".differences.txt"));
    EXPECT_EQ(ReportOf(Load(imported.text)), "") << name;
  }
}

}  // namespace
}  // namespace mainstay::config
