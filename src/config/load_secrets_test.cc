// The effective configuration, its hash, and that neither it nor a report gives a secret away.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config/problem_report.h"
#include "config/testing.h"

namespace mainstay::config {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kBase =
    "version: 1\n"
    "server: {listen: '127.0.0.1:1', admin_token: token-a}\n"
    "providers: [{name: p, protocol: openai_chat, base_url: 'http://h/v1', headers: {a: x, b: "
    "y}}]\n"
    "models: [{name: m, provider: p, pricing: {prompt_per_1m: 2.50}}]\n";

Loaded Load(std::string_view text, const Sources& sources = FakeSources()) {
  LoadResult result = LoadText(text, sources);
  if (const Problems* problems = std::get_if<Problems>(&result)) {
    ADD_FAILURE() << ProblemReport("f", *problems);
    return {};
  }
  return std::get<Loaded>(std::move(result));
}

struct HashCase {
  const char* name;
  std::string text;
  enum { kSame, kOther } want;
};

const HashCase kHashCases[] = {
    {"the_same_text", std::string(kBase), HashCase::kSame},
    {"comments_and_order_and_style",
     "# a comment\n"
     "models:\n  - pricing:\n      prompt_per_1m: 25e-1\n    provider: \"p\"\n    name: m # here\n"
     "server:\n  admin_token: \"token-a\"\n  listen:\n    - 127.0.0.1:1\n"
     "providers:\n- base_url: http://h/v1\n  headers: {b: y, a: x}\n  name: p\n"
     "  protocol: openai_chat\n"
     "version: 1\n",
     HashCase::kSame},
    {"defaults_written_out",
     std::string(kBase) + "telemetry: {metrics: true, log_level: info}\nrouting: {}\ncallers: []\n",
     HashCase::kSame},
    {"the_secret_from_a_file",
     "version: 1\n"
     "server: {listen: '127.0.0.1:1', admin_token_file: /token}\n" +
         std::string(kBase.substr(kBase.find("providers"))),
     HashCase::kSame},
    {"the_secret_from_the_environment",
     "version: 1\n"
     "server: {listen: '127.0.0.1:1', admin_token: '${TOKEN}'}\n" +
         std::string(kBase.substr(kBase.find("providers"))),
     HashCase::kSame},
    {"another_secret",
     "version: 1\n"
     "server: {listen: '127.0.0.1:1', admin_token: token-b}\n" +
         std::string(kBase.substr(kBase.find("providers"))),
     HashCase::kOther},
    {"another_header_value",
     "version: 1\n"
     "server: {listen: '127.0.0.1:1', admin_token: token-a}\n"
     "providers: [{name: p, protocol: openai_chat, base_url: 'http://h/v1', headers: {a: x, b: z}}]"
     "\nmodels: [{name: m, provider: p, pricing: {prompt_per_1m: 2.50}}]\n",
     HashCase::kOther},
    {"one_value_changed", std::string(kBase) + "telemetry: {log_level: debug}\n", HashCase::kOther},
    {"false_instead_of_the_default", std::string(kBase) + "telemetry: {metrics: false}\n",
     HashCase::kOther},
};

TEST(EffectiveConfig, EqualConfigurationsHaveEqualHashes) {
  const Sources sources = FakeSources({{"TOKEN", "token-a"}}, {{"/token", "token-a\n"}});
  const Loaded base = Load(kBase, sources);
  EXPECT_EQ(base.hash.size(), 16u);
  for (const HashCase& c : kHashCases) {
    const Loaded loaded = Load(c.text, sources);
    EXPECT_EQ(loaded.effective == base.effective, c.want == HashCase::kSame) << c.name;
    EXPECT_EQ(loaded.hash == base.hash, c.want == HashCase::kSame) << c.name;
  }
}

TEST(EffectiveConfig, TheSaltIsPartOfTheHash) {
  Sources other = FakeSources();
  other.salt = "other";
  EXPECT_NE(Load(kBase).hash, Load(kBase, other).hash);
}

TEST(EffectiveConfig, ReadsBackAsItself) {
  // Without secrets: a fingerprint is no secret.
  const std::string text = R"(version: 1
server: {listen: ["127.0.0.1:1", "unix:/s"], limits: {body_bytes: 12}}
providers:
  - {name: p, protocol: openai_chat, endpoints: ["http://h/v1", "http://i/v1"]}
  - name: q
    protocol: openai_chat
    base_url: http://j/v1
    accounts: [{alias: a, enabled: false}]
models:
  - {name: p/m, provider: p, upstream_name: 'odd "name" \ here', aliases: [x, y], max_output: 7}
  - {name: p/n, provider: q, pricing: {prompt_per_1m: 0.000000125, completion_per_1m: 1000000}}
routing: {default_model: m, unknown_model: default, failover: {enabled: false}}
state: {engine: memory}
telemetry: {response_headers: off}
)";
  const Loaded first = Load(text);
  const Loaded second = Load(first.effective);
  EXPECT_EQ(second.effective, first.effective);
  EXPECT_EQ(second.hash, first.hash);
}

constexpr std::string_view kPlanted[] = {"sk-planted-a", "sk-planted-b", "sk-planted-c",
                                         "sk-planted-d", "sk-planted-e", "sk-planted-f"};

void ExpectNoSecret(const std::string& text) {
  for (const std::string_view secret : kPlanted) {
    EXPECT_THAT(text, Not(HasSubstr(std::string(secret)))) << secret;
  }
  EXPECT_THAT(text, Not(HasSubstr("planted")));
}

TEST(Secrets, AreNotInTheEffectiveConfiguration) {
  const Sources sources =
      FakeSources({{"PLANTED", "sk-planted-e"}},
                  {{"/f", "sk-planted-f\n"}, {"/keys", "sk-planted-b\nsk-planted-c\n"}});
  const Loaded loaded = Load(R"(version: 1
server: {admin_token: sk-planted-a}
callers: [{name: c, keys: ["${PLANTED}"], keys_file: /keys}]
providers:
  - name: p
    protocol: openai_chat
    base_url: http://h/v1
    headers: {authorization: Bearer sk-planted-d}
    accounts: [{alias: a, api_key_file: /f, headers: {x-key: sk-planted-a}}]
models: [{name: m, provider: p}]
)",
                             sources);
  ExpectNoSecret(loaded.effective);
  EXPECT_THAT(loaded.effective, HasSubstr("admin_token: \"*** "));
}

struct LeakCase {
  const char* name;
  std::string text;
};

const LeakCase kLeakCases[] = {
    {"the_value_of_an_unknown_key", "version: 1\nserver: {api_key: sk-planted-a}\n"},
    {"an_unknown_section_with_secrets", "version: 1\naccount: {alias: a, api_key: sk-planted-a}\n"},
    {"a_secret_where_a_section_belongs", "version: 1\nproviders: sk-planted-a\n"},
    {"a_secret_where_an_account_belongs",
     "version: 1\nproviders: [{name: p, protocol: openai_chat, accounts: [sk-planted-a]}]\n"},
    {"a_secret_in_a_list_of_a_secret", "version: 1\nserver: {admin_token: [sk-planted-a]}\n"},
    {"a_secret_with_a_line_end", "version: 1\nserver: {admin_token: \"sk-planted-a\\n\"}\n"},
    {"a_key_that_two_callers_have",
     "version: 1\ncallers: [{name: p, keys: [sk-planted-a]}, {name: q, keys: [sk-planted-a]}]\n"},
    {"keys_that_are_no_list", "version: 1\ncallers: [{name: p, keys: sk-planted-a}]\n"},
    {"a_header_that_is_refused",
     "version: 1\nproviders: [{name: p, protocol: openai_chat, base_url: 'http://h/v1', headers: "
     "{host: sk-planted-a}}]\n"},
    {"a_password_in_an_address",
     "version: 1\nproviders: [{name: p, protocol: openai_chat, base_url: "
     "'http://u:sk-planted-a@h/v1'}]\n"},
    {"a_secret_beside_another_problem",
     "version: 1\nserver: {admin_token: sk-planted-a}\nrouting: {bogus: 1}\n"},
    {"yaml_that_breaks_after_a_secret", "version: 1\nserver: {admin_token: sk-planted-a\n"},
    {"an_alias_that_was_meant_as_text", "version: 1\nserver: {admin_token: *sk-planted-a }\n"},
    {"a_variable_in_the_wrong_place", "version: 1\nserver:\n  workers: ${PLANTED}\n"},
    {"a_variable_in_an_enum", "version: 1\ntelemetry:\n  log_level: ${PLANTED}\n"},
    {"a_variable_as_a_name",
     "version: 1\nmodels: [{name: '${PLANTED}', provider: p}, {name: '${PLANTED}', provider: "
     "'x${PLANTED}'}]\n"},
    {"a_variable_as_an_address", "version: 1\nserver: {listen: '${PLANTED}'}\n"},
    {"a_variable_as_a_file", "version: 1\nserver: {admin_token_file: '/${PLANTED}'}\n"},
    {"a_default_of_a_variable", "version: 1\nserver:\n  workers: ${NO_SUCH:-sk-planted-a}\n"},
    {"a_secret_file_of_two_lines", "version: 1\nserver: {admin_token_file: /two}\n"},
    {"keys_of_a_file_that_are_given_twice",
     "version: 1\ncallers: [{name: p, keys_file: /two}, {name: q, keys_file: /two}]\n"},
};

TEST(Secrets, AreNotInReports) {
  const Sources sources =
      FakeSources({{"PLANTED", "sk-planted-e"}}, {{"/two", "sk-planted-b\nsk-planted-c\n"}});
  for (const LeakCase& c : kLeakCases) {
    SCOPED_TRACE(c.name);
    const LoadResult result = LoadText(c.text, sources);
    ASSERT_TRUE(std::holds_alternative<Problems>(result));
    ExpectNoSecret(ProblemReport("f", std::get<Problems>(result)));
  }
}

}  // namespace
}  // namespace mainstay::config
