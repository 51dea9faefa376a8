#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/problem_report.h"
#include "config/testing.h"

namespace mainstay::config {
namespace {

using testing::HasSubstr;

// What each case is added to. The report counts lines from the case's own text, which comes first.
constexpr std::string_view kOpenAi =
    "providers: [{name: openai, protocol: openai_chat, base_url: \"http://127.0.0.1:4/v1\", "
    "accounts: [{alias: A, api_key: k}]}]\n";
constexpr std::string_view kGpt = "models: [{name: openai/gpt-4o, provider: openai}]\n";

// The case's text with version, providers and models where it does not give them itself.
std::string Complete(std::string text) {
  const auto gives = [&text](std::string_view key) {
    return text.starts_with(key) || text.find("\n" + std::string(key)) != std::string::npos;
  };
  std::string rest;
  rest += gives("version:") ? "" : "version: 1\n";
  rest += gives("providers:") ? "" : kOpenAi;
  rest += gives("models:") ? "" : kGpt;
  return text + rest;
}

const Sources& CaseSources() {
  static const Sources sources = FakeSources(
      {{"PORT", "12345"}, {"TOKEN", "sk-from-environment"}, {"WORD", "reject"}, {"EMPTY", ""}},
      {{"/key", "sk-from-file\n"},
       {"/windows-key", "sk-from-file\r\n"},
       {"/keys", "sk-one\n\nsk-two\r\nsk-three"},
       {"/empty", "\n"},
       {"/two-lines", "sk-a\nsk-b\n"},
       {"/pem", "-----BEGIN"}});
  return sources;
}

std::string ReportOf(std::string_view text, const Sources& sources = CaseSources()) {
  const LoadResult result = LoadText(text, sources);
  const Problems* problems = std::get_if<Problems>(&result);
  return problems == nullptr ? "" : ProblemReport("f", *problems);
}

struct GoodCase {
  const char* name;
  std::string text;
  const char* effective;  // a line of the effective configuration
};

const GoodCase kGoodCases[] = {
    {"nothing_but_the_version", "providers: []\nmodels: []\n", "models: []"},
    {"sections_without_keys", "server:\nrouting: {}\n", "workers: 0"},
    {"listen_alone", "server: {listen: \"127.0.0.1:1\"}\n", "listen: [\"127.0.0.1:1\"]"},
    {"listen_as_list", "server: {listen: [\"127.0.0.1:1\", \"unix:/s\"]}\n",
     "listen: [\"127.0.0.1:1\", \"unix:/s\"]"},
    {"the_least_of_a_range", "server: {limits: {header_bytes: 256}}\n", "header_bytes: 256"},
    {"the_most_of_a_range", "server: {workers: 1024}\n", "workers: 1024"},
    {"0_where_it_is_the_least", "server: {drain_timeout_ms: 0}\n", "drain_timeout_ms: 0"},
    {"blanks_around_a_number", "server: {workers:   2   }\n", "workers: 2"},
    {"true", "server: {allow_anonymous: true}\n", "allow_anonymous: true"},
    {"false_is_not_absent", "telemetry: {metrics: false}\n", "metrics: false"},
    {"the_default_is_not_false", "telemetry: {}\n", "metrics: true"},
    {"an_enum", "telemetry: {log_level: warn}\n", "log_level: \"warn\""},
    {"a_quoted_enum", "telemetry: {log_level: \"warn\"}\n", "log_level: \"warn\""},
    {"an_enum_is_trimmed", "telemetry: {log_level: \" warn \"}\n", "log_level: \"warn\""},
    {"off_as_text", "telemetry: {response_headers: off}\n", "response_headers: \"off\""},
    {"off_as_false", "telemetry: {response_headers: false}\n", "response_headers: \"off\""},
    {"memory", "state: {engine: memory}\n", "engine: \"memory\""},
    {"pins_for_all", "routing: {pin_sessions: all}\n", "pin_sessions: \"all\""},
    {"continuity_off", "session: {session_continuity: {enabled: false}}\n", "enabled: false"},
    {"a_short_memory", "session: {session_continuity: {max_session_age_seconds: 1}}\n",
     "max_session_age_seconds: 1"},
    {"the_longest_run",
     "session: {session_continuity: {fingerprint_message_count: 16}, "
     "fuzzy: {min_run: 16}}\n",
     "min_run: 16"},
    {"no_retry_window", "session: {retry_window_ms: 0}\n", "retry_window_ms: 0"},
    {"sources_of_ids",
     "session: {identity_sources: [body:prompt_cache_key, header:x-session-id]}\n",
     "identity_sources: [\"body:prompt_cache_key\", \"header:x-session-id\"]"},
    {"no_clients_with_calls_in_text", "session: {vtc_client_patterns: []}\n",
     "vtc_client_patterns: []"},
    {"calls_in_text_by_default", "session: {}\n",
     "vtc_client_patterns: [\"cline\", \"kilo\", \"kilocode\", \"roo\", \"roo-code\"]"},
    {"calls_in_text_translated", "session: {vtc_translate: true}\n", "vtc_translate: true"},
    {"unknown_models_to_the_default",
     "routing: {unknown_model: default, default_model: openai/gpt-4o}\n",
     "unknown_model: \"default\""},
    {"failover", "routing: {failover: {enabled: false, max_attempts: 1}}\n", "max_attempts: 1"},
    {"a_price_of_0", "models: [{name: m, provider: openai, pricing: {prompt_per_1m: 0}}]\n",
     "prompt_per_1m: 0"},
    {"a_price_of_minus_0", "models: [{name: m, provider: openai, pricing: {prompt_per_1m: -0}}]\n",
     "prompt_per_1m: 0"},
    {"a_price_with_an_exponent",
     "models: [{name: m, provider: openai, pricing: {prompt_per_1m: 2.5e-1}}]\n",
     "prompt_per_1m: 0.25"},
    {"capabilities", "models: [{name: m, provider: openai, capabilities: [json, tools]}]\n",
     "capabilities: [\"json\", \"tools\"]"},
    {"an_upstream_name_with_a_quote",
     "models: [{name: m, provider: openai, upstream_name: 'a\"b'}]\n", "upstream_name: \"a\\\"b\""},
    {"text_that_looks_like_a_number_in_quotes",
     "models: [{name: m, provider: openai, upstream_name: \"4\"}]\n", "upstream_name: \"4\""},
    {"text_that_only_starts_like_a_number",
     "models: [{name: m, provider: openai, upstream_name: 4.1-mini}]\n",
     "upstream_name: \"4.1-mini\""},
    {"a_number_from_the_environment", "server: {listen: \"127.0.0.1:${PORT}\"}\n",
     "listen: [\"127.0.0.1:12345\"]"},
    {"a_quoted_number_from_the_environment", "server: {drain_timeout_ms: \"${PORT}\"}\n",
     "drain_timeout_ms: 12345"},
    {"an_enum_from_the_environment", "routing: {unknown_model: \"${WORD}\"}\n",
     "unknown_model: \"reject\""},
    {"a_default_of_the_environment", "server:\n  workers: ${NO_SUCH:-3}\n", "workers: 3"},
    {"an_empty_token", "server:\n  admin_token: ${EMPTY}\n", "admin_token: \"\""},
    {"endpoints",
     "providers: [{name: openai, protocol: openai_chat, endpoints: [\"http://a/v1\", "
     "\"http://b/v1\"]}]\n",
     "endpoints: [\"http://a/v1\", \"http://b/v1\"]"},
    {"a_provider_without_accounts",
     "providers: [{name: openai, protocol: openai_chat, base_url: \"http://a/v1\"}]\n",
     "accounts: []"},
    {"callers_with_limits", "callers: [{name: p, keys: [k], requests_per_minute: 5}]\n",
     "requests_per_minute: 5"},
    {"pass_through", "pass_through_auth: true\n", "pass_through_auth: true"},
    {"tls", "server: {tls: {cert_file: /pem, key_file: /pem}}\n", "cert_file: \"/pem\""},
    {"cors_alone", "server: {cors: \"*\"}\n", "cors: [\"*\"]"},
    {"cors_as_list", "server: {cors: [\"https://a.example\", \"http://localhost:3000\"]}\n",
     "cors: [\"https://a.example\", \"http://localhost:3000\"]"},
    {"an_anchor", "server: {limits: {body_timeout_ms: &t 5, idle_timeout_ms: *t}}\n",
     "idle_timeout_ms: 5"},
    {"off_loopback_with_callers",
     "server: {listen: \"0.0.0.0:1\"}\ncallers: [{name: p, keys: [key-p]}]\n",
     "listen: [\"0.0.0.0:1\"]"},
    {"off_loopback_with_anonymous_callers",
     "server: {listen: \"0.0.0.0:1\", allow_anonymous: true}\n", "allow_anonymous: true"},
};

TEST(Load, GoodOnesOfTheTable) {
  for (const GoodCase& c : kGoodCases) {
    const std::string text = Complete(c.text);
    const LoadResult result = LoadText(text, CaseSources());
    ASSERT_TRUE(std::holds_alternative<Loaded>(result)) << c.name << "\n" << ReportOf(text);
    EXPECT_THAT(std::get<Loaded>(result).effective, HasSubstr(std::string(c.effective) + "\n"))
        << c.name;
  }
}

struct BadCase {
  const char* name;
  std::string text;
  const char* line;  // one whole line of the report, without the file: LINE:COL: path: message
};

constexpr char kModelM[] = "models: [{name: m, provider: openai, ";

const BadCase kBadCases[] = {
    {"an_unknown_section", "servre: {}\n", "1:1: servre: unknown key; did you mean server?"},
    {"an_unknown_key", "state:\n  paht: x\n", "2:3: state.paht: unknown key; did you mean path?"},
    {"an_unknown_key_in_flow_style", "state: {paht: x}\n",
     "1:9: state.paht: unknown key; did you mean path?"},
    {"a_memory_of_no_time", "session: {session_continuity: {max_session_age_seconds: 0}}\n",
     "1:57: session.session_continuity.max_session_age_seconds: must be a whole number from 1 to "
     "3153600000, found \"0\""},
    {"room_for_no_conversation", "session:\n  session_continuity:\n    max_conversations: 0\n",
     "3:24: session.session_continuity.max_conversations: must be a whole number from 1 to "
     "1000000000, found \"0\""},
    {"too_few_messages", "session:\n  session_continuity:\n    fingerprint_message_count: 1\n",
     "3:32: session.session_continuity.fingerprint_message_count: must be a whole number from 2 "
     "to 64, found \"1\""},
    {"too_many_messages", "session:\n  session_continuity:\n    fingerprint_message_count: 65\n",
     "3:32: session.session_continuity.fingerprint_message_count: must be a whole number from 2 "
     "to 64, found \"65\""},
    {"a_run_of_nothing", "session:\n  fuzzy: {min_run: 0}\n",
     "2:20: session.fuzzy.min_run: must be a whole number from 1 to 16, found \"0\""},
    {"a_run_longer_than_what_is_kept", "session:\n  fuzzy: {min_run: 6}\n",
     "2:20: session.fuzzy.min_run: must be at most "
     "session.session_continuity.fingerprint_message_count, which is 5"},
    {"a_negative_retry_window", "session:\n  retry_window_ms: -1\n",
     "2:20: session.retry_window_ms: must be a whole number from 0 to 2592000000, found \"-1\""},
    {"an_unknown_source_of_ids", "session:\n  identity_sources: [client:codx]\n",
     "2:22: session.identity_sources[0]: is no source of ids; did you mean client:codex?"},
    {"a_source_of_ids_twice", "session:\n  identity_sources: [inferred, inferred]\n",
     "2:32: session.identity_sources[1]: stands twice"},
    {"a_pattern_that_is_no_list", "session:\n  vtc_client_patterns: cline\n",
     "2:24: session.vtc_client_patterns: must be a list, found ***"},
    {"a_pattern_that_is_no_name", "session:\n  vtc_client_patterns: [\"-\"]\n",
     "2:25: session.vtc_client_patterns[0]: must be a name of ASCII letters and digits, such as "
     "roo-code"},
    {"a_key_of_a_later_version", "state:\n  redis: 5\n",
     "2:3: state.redis: unknown key; allowed here: engine, path, flush_interval_ms"},
    {"an_unknown_key_in_a_list", "models:\n  - name: m\n    provider: openai\n    quality: 1\n",
     "4:5: models[0].quality: unknown key; allowed here: name, provider, upstream_name, aliases, "
     "context_window, max_output, capabilities, pricing"},
    {"a_key_with_a_dash", "telemetry: {log-level: info}\n",
     "1:13: telemetry.log-level: unknown key; did you mean log_level?"},
    {"a_key_in_another_case", "Telemetry: {}\n",
     "1:1: Telemetry: unknown key; did you mean telemetry?"},
    {"a_key_for_terminals", "\"a\\e[2J\": 1\n",
     "1:1: a\\x1b[2J: unknown key; allowed here: version, server, callers, pass_through_auth, "
     "providers, models, routing, session, state, telemetry"},
    {"a_key_twice", "state: {}\nstate: {}\n", "2:1: state: this key is given twice"},
    {"no_version", "#version: 1\nserver: {}\nversion_: 1\n",
     "3:1: version_: unknown key; did you mean version?"},
    {"a_version_to_come", "version: 99\n",
     "1:10: version: must be 1, the only version there is, found 99"},
    {"a_version_in_words", "version: one\n",
     "1:10: version: must be a whole number, found \"one\""},
    {"a_section_that_is_text", "server: x\n",
     "1:9: server: must be a mapping of keys to values, found ***"},
    {"a_section_that_is_a_list", "server: []\n",
     "1:9: server: must be a mapping of keys to values, found a list"},
    {"a_list_that_is_a_mapping", "models: {}\n",
     "1:9: models: must be a list of mappings, found a mapping"},
    {"a_list_that_is_text", "models: [{name: m, provider: openai, aliases: best}]\n",
     "1:47: models[0].aliases: must be a list, found ***"},
    {"an_item_that_is_text", "models: [m]\n",
     "1:10: models[0]: must be a mapping of keys to values, found ***"},
    {"a_number_in_words", "server: {workers: two}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found \"two\""},
    {"a_number_that_is_not_whole", "server: {workers: 1.5}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found \"1.5\""},
    {"a_number_with_an_exponent", "server: {workers: 1e1}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found \"1e1\""},
    {"a_number_in_quotes", "server: {workers: \"2\"}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found the text \"2\""},
    {"a_number_with_a_leading_zero", "server: {workers: 010}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found \"010\""},
    {"a_hexadecimal_number", "server: {workers: 0x10}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found \"0x10\""},
    {"a_number_with_a_plus", "server: {workers: +1}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found \"+1\""},
    {"below_the_range", "server: {workers: -1}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found \"-1\""},
    {"above_the_range", "server: {workers: 1025}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found \"1025\""},
    {"beyond_64_bits", "server: {workers: 99999999999999999999}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found \"99999999999999999999\""},
    {"no_value", "server:\n  workers:\n  listen: 127.0.0.1:1\n",
     "2:3: server.workers: must be a whole number from 0 to 1024, found nothing"},
    {"a_list_for_a_number", "server: {workers: [1]}\n",
     "1:19: server.workers: must be a whole number from 0 to 1024, found a list"},
    {"a_negative_duration", "server: {drain_timeout_ms: -1}\n",
     "1:28: server.drain_timeout_ms: must be a whole number from 0 to 2592000000, found \"-1\""},
    {"a_duration_with_a_unit", "server: {drain_timeout_ms: 30s}\n",
     "1:28: server.drain_timeout_ms: must be a whole number from 0 to 2592000000, found \"30s\""},
    {"a_duration_of_years", "server: {drain_timeout_ms: 2592000001}\n",
     "1:28: server.drain_timeout_ms: must be a whole number from 0 to 2592000000, found "
     "\"2592000001\""},
    {"nan", std::string(kModelM) + "pricing: {prompt_per_1m: .nan}}]\n",
     "1:63: models[0].pricing.prompt_per_1m: must be a number from 0 to 1000000, found \".nan\""},
    {"infinity", std::string(kModelM) + "pricing: {prompt_per_1m: .inf}}]\n",
     "1:63: models[0].pricing.prompt_per_1m: must be a number from 0 to 1000000, found \".inf\""},
    {"nan_of_c", std::string(kModelM) + "pricing: {prompt_per_1m: nan}}]\n",
     "1:63: models[0].pricing.prompt_per_1m: must be a number from 0 to 1000000, found \"nan\""},
    {"an_overflow", std::string(kModelM) + "pricing: {prompt_per_1m: 1e999}}]\n",
     "1:63: models[0].pricing.prompt_per_1m: must be a number from 0 to 1000000, found \"1e999\""},
    {"a_negative_price", std::string(kModelM) + "pricing: {prompt_per_1m: -0.01}}]\n",
     "1:63: models[0].pricing.prompt_per_1m: must be a number from 0 to 1000000, found \"-0.01\""},
    {"a_price_with_a_comma", std::string(kModelM) + "pricing: {prompt_per_1m: '1,5'}}]\n",
     "1:63: models[0].pricing.prompt_per_1m: must be a number from 0 to 1000000, found \"1,5\""},
    {"yes_for_true", "telemetry: {metrics: yes}\n",
     "1:22: telemetry.metrics: must be true or false, found \"yes\"; did you mean true?"},
    {"True_for_true", "telemetry: {metrics: False}\n",
     "1:22: telemetry.metrics: must be true or false, found \"False\"; did you mean false?"},
    {"1_for_true", "telemetry: {metrics: 1}\n",
     "1:22: telemetry.metrics: must be true or false, found \"1\""},
    {"true_in_quotes", "telemetry: {metrics: \"true\"}\n",
     "1:22: telemetry.metrics: must be true or false, found \"true\""},
    {"an_enum_that_is_none", "telemetry: {log_format: xml}\n",
     "1:25: telemetry.log_format: must be one of text, json, found \"xml\""},
    {"an_enum_almost", "telemetry: {log_level: wran}\n",
     "1:24: telemetry.log_level: must be one of debug, info, warn, error, found \"wran\"; did you "
     "mean warn?"},
    {"an_enum_in_another_case", "telemetry: {log_level: Warn}\n",
     "1:24: telemetry.log_level: must be one of debug, info, warn, error, found \"Warn\"; did you "
     "mean warn?"},
    {"false_for_an_enum_without_off", "telemetry: {log_level: false}\n",
     "1:24: telemetry.log_level: must be one of debug, info, warn, error, found \"false\""},
    {"quoted_false_is_not_off", "telemetry: {response_headers: \"false\"}\n",
     "1:31: telemetry.response_headers: must be one of full, minimal, off, found \"false\""},
    {"an_unknown_capability", std::string(kModelM) + "capabilities: [tools, telepathy]}]\n",
     "1:60: models[0].capabilities[1]: must be one of tools, vision, audio, json, reasoning, found "
     "\"telepathy\""},
    {"an_unknown_protocol",
     "providers: [{name: openai, protocol: smtp, base_url: \"http://a/v1\"}]\n",
     "1:38: providers[0].protocol: must be openai_chat, found \"smtp\""},
    {"a_number_for_text", "routing: {default_model: 4}\n",
     "1:26: routing.default_model: must be text, found \"4\"; put it in quotes if text is meant"},
    {"a_boolean_for_text", "routing: {default_model: false}\n",
     "1:26: routing.default_model: must be text, found \"false\"; put it in quotes if text is "
     "meant"},
    {"empty_text", "state: {path: \"\"}\n", "1:15: state.path: must not be empty"},
    {"text_of_two_lines", "state:\n  path: |\n    a\n    b\n",
     "2:9: state.path: must be text without line ends and other control characters"},
    {"text_with_an_escaped_nul", "state: {path: \"a\\0\"}\n",
     "1:15: state.path: must be text without line ends and other control characters"},
    {"a_missing_name", "models: [{provider: openai}]\n", "1:10: models[0].name: is missing"},
    {"a_missing_provider", "models:\n  - name: m\n", "2:5: models[0].provider: is missing"},
    {"a_missing_alias",
     "providers: [{name: openai, protocol: openai_chat, base_url: \"http://a/v1\", accounts: "
     "[{api_key: k}]}]\n",
     "1:87: providers[0].accounts[0].alias: is missing"},
    {"an_unknown_provider", "models: [{name: m, provider: opanai}]\n",
     "1:30: models[0].provider: opanai is not the name of a provider; did you mean openai?"},
    {"two_models_of_one_name",
     "models:\n  - {name: m, provider: openai}\n  - {name: m, provider: openai}\n",
     "3:12: models[1].name: m is already the name of a model, at models[0].name"},
    {"an_unknown_default_model", "routing:\n  default_model: openai/none\n",
     "2:18: routing.default_model: openai/none is neither the name nor an alias of a model"},
    {"an_address_without_a_port", "server: {listen: 127.0.0.1}\n", "1:18: server.listen: "},
    {"a_second_address_that_is_none", "server:\n  listen:\n    - 127.0.0.1:1\n    - here\n",
     "4:7: server.listen[1]: "},
    {"no_addresses", "server: {listen: []}\n",
     "1:18: server.listen: must name at least one address"},
    {"a_base_url_that_is_none",
     "providers: [{name: openai, protocol: openai_chat, base_url: \"ftp://x/\"}]\n",
     "1:61: providers[0].base_url: "},
    {"no_address_of_a_provider", "providers:\n  - name: openai\n    protocol: openai_chat\n",
     "2:5: providers[0].base_url: is missing; give base_url, or endpoints for replicas"},
    {"two_callers_with_one_key",
     "callers:\n  - {name: p, keys: [same]}\n  - {name: q, keys: [same]}\n",
     "3:22: callers[1].keys[0]: is the same key as callers[0].keys[0]; a key belongs to one "
     "caller"},
    {"a_caller_without_keys", "callers:\n  - name: p\n",
     "2:5: callers[0].keys: must have at least one key, here or in keys_file"},
    {"off_loopback_without_callers", "server: {listen: \"0.0.0.0:1\"}\n",
     "1:18: server.listen: is not on loopback, which needs callers with keys; configure callers, "
     "or set server.allow_anonymous: true, or listen at 127.0.0.1"},
    {"operators_off_loopback_without_a_token",
     "server: {admin_listen: \"0.0.0.0:2\", admin_token: \"\"}\n",
     "1:24: server.admin_listen: is not on loopback, which needs server.admin_token; set it, or "
     "listen at 127.0.0.1"},
    {"an_origin_with_a_path", "server: {cors: [\"https://a.example\", \"https://b.example/\"]}\n",
     "1:38: server.cors[1]: must end behind the host or port; an origin has no path"},
    {"half_of_tls", "server:\n  tls:\n    cert_file: /pem\n",
     "3:5: server.tls.key_file: is missing; cert_file needs it"},
    {"a_certificate_that_is_not_there", "server: {tls: {cert_file: /none, key_file: /pem}}\n",
     "1:27: server.tls.cert_file: the file \"/none\" does not exist"},
    {"an_unset_variable", "server:\n  admin_token: ${NO_SUCH}\n",
     "2:16: server.admin_token: the environment variable NO_SUCH is not set; set it, or write "
     "${NO_SUCH:-default}"},
    {"a_word_from_the_environment_for_a_number", "server:\n  workers: ${TOKEN}\n",
     "2:12: server.workers: must be a whole number from 0 to 1024, found a value from the "
     "environment"},
    {"a_name_from_the_environment", "routing:\n  default_model: ${TOKEN}\n",
     "2:18: routing.default_model: ${TOKEN} is neither the name nor an alias of a model"},
    {"a_secret_and_its_file", "server: {admin_token: t, admin_token_file: /key}\n",
     "1:10: server.admin_token: must not stand beside admin_token_file"},
    {"a_secret_file_that_is_not_there", "server: {admin_token_file: /none}\n",
     "1:28: server.admin_token_file: the file \"/none\" does not exist"},
    {"a_secret_file_without_a_secret", "server: {admin_token_file: /empty}\n",
     "1:28: server.admin_token_file: the file holds no secret"},
    {"a_secret_file_of_two_lines", "server: {admin_token_file: /two-lines}\n",
     "1:28: server.admin_token_file: this secret cannot be sent in a header: it holds control "
     "characters, or starts or ends with a space"},
    {"a_keys_file_without_keys", "callers: [{name: p, keys_file: /empty}]\n",
     "1:32: callers[0].keys_file: the file holds no key"},
    {"a_secret_that_is_a_list", "server: {admin_token: [a]}\n",
     "1:23: server.admin_token: must be text (a secret), found a list"},
    {"a_secret_that_looks_like_a_number", "server: {admin_token: 1234567}\n",
     "1:23: server.admin_token: must be text (a secret), found ***; put it in quotes if text is "
     "meant"},
    {"a_header_of_the_connection",
     "providers:\n  - name: openai\n    protocol: openai_chat\n    base_url: http://a/v1\n"
     "    headers:\n      Connection: close\n",
     "6:19: providers[0].headers.Connection: this header is set by the gateway itself"},
    {"a_header_that_is_a_number",
     "providers:\n  - {name: openai, protocol: openai_chat, base_url: \"http://a/v1\", headers: "
     "{x: "
     "1}}\n",
     "2:81: providers[0].headers.x: must be text, found ***; put it in quotes if text is meant"},
};

TEST(Load, BadOnesOfTheTable) {
  for (const BadCase& c : kBadCases) {
    const std::string report = ReportOf(Complete(c.text));
    const std::string line = "\nf:" + std::string(c.line);
    // A line that ends in ": " stands for a message that belongs to another module's tests.
    const std::string wanted = line.ends_with(": ") ? line : line + "\n";
    EXPECT_THAT(report, HasSubstr(wanted)) << c.name;
  }
}

TEST(Load, WhatIsNoMappingOfKeysIsRefused) {
  EXPECT_EQ(ReportOf(""), "f: 1 problem\nf:1:1: the file is empty\n");
  EXPECT_EQ(ReportOf("- a\n- b\n"),
            "f: 1 problem\nf:1:1: must be a mapping that starts with version: 1, found a list\n");
  EXPECT_EQ(ReportOf("text"),
            "f: 1 problem\nf:1:1: must be a mapping that starts with version: 1, found ***\n");
  EXPECT_EQ(ReportOf("{}"), "f: 1 problem\nf:1:1: version: is missing\n");
}

TEST(Load, AllProblemsAreReportedAtOnceInTheOrderOfTheFile) {
  const std::string report = ReportOf(
      "serverr: {}\n"
      "version: 1\n"
      "routing: {unknown_model: perhaps, default_model: openai/none}\n"
      "models:\n"
      "  - {name: m, provider: opanai, quality: 7}\n"
      "server: {workers: -5, admin_token: \"${NO_SUCH}\"}\n"
      "state: {engine: tape}\n"
      "state: {}\n");
  EXPECT_EQ(report,
            "f: 9 problems\n"
            "f:1:1: serverr: unknown key; did you mean server?\n"
            "f:3:26: routing.unknown_model: must be one of reject, default, found \"perhaps\"\n"
            "f:3:50: routing.default_model: openai/none is neither the name nor an alias of a model"
            "\n"
            "f:5:25: models[0].provider: opanai is not the name of a provider\n"
            "f:5:33: models[0].quality: unknown key; allowed here: name, provider, upstream_name, "
            "aliases, context_window, max_output, capabilities, pricing\n"
            "f:6:19: server.workers: must be a whole number from 0 to 1024, found \"-5\"\n"
            "f:6:36: server.admin_token: the environment variable NO_SUCH is not set; set it, or "
            "write ${NO_SUCH:-default}\n"
            "f:7:17: state.engine: must be one of sqlite, memory, found \"tape\"\n"
            "f:8:1: state: this key is given twice\n");
}

TEST(Load, AProblemOfReadingIsNotReportedAgainByTheChecks) {
  EXPECT_EQ(ReportOf(Complete("server: {listen: [[]], limits: {body_bytes: none}}\n")),
            "f: 2 problems\n"
            "f:1:19: server.listen[0]: must be text, found a list\n"
            "f:1:45: server.limits.body_bytes: must be a whole number from 1 to 2147483648, found "
            "\"none\"\n");
}

TEST(Load, ListsHaveAMostNumberOfItems) {
  std::string text = "models: [{name: m, provider: openai, aliases: [a";
  for (int i = 0; i < 10'000; ++i) {
    text += ", a";
  }
  EXPECT_THAT(ReportOf(Complete(text + "]}]\n")),
              HasSubstr("models[0].aliases: has 10001 items; at most 10000 are allowed\n"));
}

TEST(Load, OptionsHoldWhatTheFileSays) {
  const LoadResult result = LoadText(R"(version: 1
server:
  listen: ["127.0.0.1:7", "[::1]:7"]
  admin_listen: 127.0.0.1:8
  admin_token_file: /key
  limits: {body_bytes: 1000, idle_timeout_ms: 2000}
callers:
  - {name: p, keys: ["${TOKEN}"], keys_file: /keys, allow_models: ["openai/*"]}
providers:
  - name: openai
    protocol: openai_chat
    base_url: https://api.openai.com/v1
    accounts:
      - {alias: main, api_key_file: /windows-key, models: [openai/gpt-4o], headers: {X-Org: o}}
    timeouts: {first_byte_ms: 300}
models:
  - name: openai/gpt-4o
    provider: openai
    context_window: 128000
    capabilities: [tools, vision]
    pricing: {prompt_per_1m: 2.5, cached_input_per_1m: 0}
routing: {default_model: gpt-4o, unknown_model: default}
telemetry: {log_format: json}
)",
                                     CaseSources());
  ASSERT_TRUE(std::holds_alternative<Loaded>(result));
  const gateway::Options& o = std::get<Loaded>(result).options;
  EXPECT_EQ(o.server.listen, (std::vector<std::string>{"127.0.0.1:7", "[::1]:7"}));
  EXPECT_EQ(o.admin_listen, "127.0.0.1:8");
  EXPECT_EQ(o.admin_token.Expose(), "sk-from-file");
  EXPECT_EQ(o.server.limits.body_bytes, 1000);
  EXPECT_EQ(o.server.limits.idle_timeout.count(), 2000);
  EXPECT_EQ(o.server.limits.connections, 20'000);
  ASSERT_EQ(o.identity.callers.size(), 1u);
  std::vector<std::string> keys;
  for (const Secret& key : o.identity.callers[0].keys) {
    keys.emplace_back(key.Expose());
  }
  EXPECT_EQ(keys,
            (std::vector<std::string>{"sk-from-environment", "sk-one", "sk-two", "sk-three"}));
  EXPECT_EQ(o.identity.callers[0].allow_models, std::vector<std::string>{"openai/*"});
  ASSERT_EQ(o.catalog.providers.size(), 1u);
  const ProviderOptions& provider = o.catalog.providers[0];
  EXPECT_EQ(provider.base_url, "https://api.openai.com/v1");
  EXPECT_EQ(provider.timeouts.first_byte.count(), 300);
  EXPECT_EQ(provider.timeouts.connect.count(), 5'000);
  ASSERT_EQ(provider.accounts.size(), 1u);
  EXPECT_EQ(provider.accounts[0].api_key.Expose(), "sk-from-file");
  EXPECT_EQ(provider.accounts[0].headers, (HeaderOptions{{"X-Org", "o"}}));
  ASSERT_EQ(o.catalog.models.size(), 1u);
  const ModelOptions& model = o.catalog.models[0];
  EXPECT_EQ(model.context_window, 128'000);
  EXPECT_EQ(model.max_output, std::nullopt);
  EXPECT_EQ(model.capabilities, (std::vector{Capability::kTools, Capability::kVision}));
  ASSERT_TRUE(model.pricing.has_value());
  EXPECT_EQ(model.pricing->prompt_per_1m, 2.5);
  EXPECT_EQ(model.pricing->cached_input_per_1m, 0.0);
  EXPECT_EQ(model.pricing->cache_write_per_1m, std::nullopt);
  EXPECT_EQ(o.decision.default_model, "gpt-4o");
  EXPECT_EQ(o.decision.unknown_model, decision::UnknownModel::kDefault);
  EXPECT_EQ(o.telemetry.log_format, LogFormat::kJson);
}

TEST(Load, WarningsDoNotKeepFromStarting) {
  const LoadResult result = LoadText(
      "version: 1\nproviders:\n  - {name: idle, protocol: openai_chat, base_url: http://h/v1}\n",
      CaseSources());
  ASSERT_TRUE(std::holds_alternative<Loaded>(result)) << ReportOf("version: 1\n");
  EXPECT_EQ(ProblemReport("f", std::get<Loaded>(result).warnings, "warning"),
            "f: 2 warnings\n"
            "f:1:1: models: there are none; every request will be refused\n"
            "f:3:5: providers[0]: no model uses idle; its accounts are idle\n");
}

TEST(LoadFile, ReadsThroughTheSources) {
  const Sources sources = FakeSources({}, {{"/good.yaml", Complete("state: {}\n")}});
  EXPECT_TRUE(std::holds_alternative<Loaded>(LoadFile("/good.yaml", sources)));
}

TEST(LoadFile, AFileThatIsNotThereIsAProblemThatNamesIt) {
  const LoadResult result = LoadFile("/there-is-no-such-file.yaml", FakeSources());
  ASSERT_TRUE(std::holds_alternative<Problems>(result));
  EXPECT_EQ(std::get<Problems>(result).list()[0].message,
            "the configuration file /there-is-no-such-file.yaml does not exist");
}

}  // namespace
}  // namespace mainstay::config
