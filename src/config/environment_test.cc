#include "config/environment.h"

#include <gtest/gtest.h>

namespace mainstay::config {
namespace {

std::optional<std::string> Variables(const std::string& name) {
  const std::map<std::string, std::string> variables = {
      {"NAME", "value"}, {"EMPTY", ""}, {"DOLLAR", "${NAME}"}, {"_a1", "under"}};
  const auto found = variables.find(name);
  return found == variables.end() ? std::nullopt : std::optional(found->second);
}

struct ExpandCase {
  const char* name;
  const char* text;
  const char* want;     // null: a problem
  const char* message;  // part of it
};

const ExpandCase kExpandCases[] = {
    {"a_variable", "${NAME}", "value", ""},
    {"inside_other_text", "a ${NAME} b", "a value b", ""},
    {"twice", "${NAME}${NAME}", "valuevalue", ""},
    {"underscore_and_digit", "${_a1}", "under", ""},
    {"a_default_that_is_not_needed", "${NAME:-other}", "value", ""},
    {"a_default", "${UNSET:-other}", "other", ""},
    {"an_empty_default", "${UNSET:-}", "", ""},
    {"a_default_with_a_colon", "${UNSET:-http://h:1/v1}", "http://h:1/v1", ""},
    {"set_to_nothing_wins_over_the_default", "${EMPTY:-other}", "", ""},
    {"what_comes_out_is_not_expanded_again", "${DOLLAR}", "${NAME}", ""},
    {"a_dollar_alone", "5$ and $NAME and $$", "5$ and $NAME and $$", ""},
    {"a_dollar_before_a_reference", "$${NAME}", "$value", ""},
    {"unset", "${UNSET}", nullptr, "environment variable UNSET is not set"},
    {"unset_among_others", "${NAME}${UNSET}", nullptr, "UNSET"},
    {"without_an_end", "${NAME", nullptr, "without an end"},
    {"without_a_name", "${}", nullptr, "not a reference"},
    {"a_name_with_a_space", "${A B}", nullptr, "not a reference"},
    {"a_name_that_starts_with_a_digit", "${1A}", nullptr, "not a reference"},
    {"a_dash_without_the_colon", "${UNSET-x}", nullptr, "not a reference"},
    {"a_reference_in_a_default", "${UNSET:-${NAME}}", nullptr, "may not hold another reference"},
};

TEST(EnvironmentExpansion, OfTheTable) {
  for (const ExpandCase& c : kExpandCases) {
    Node root{.kind = Node::Kind::kScalar, .position = {.line = 3, .column = 7}, .text = c.text};
    Problems problems;
    ExpandEnvironment(root, Variables, problems);
    if (c.want != nullptr) {
      EXPECT_TRUE(problems.empty()) << c.name;
      EXPECT_EQ(root.text, c.want) << c.name;
      continue;
    }
    ASSERT_EQ(problems.list().size(), 1u) << c.name;
    EXPECT_NE(problems.list()[0].message.find(c.message), std::string::npos) << c.name;
    EXPECT_EQ(problems.list()[0].line, 3) << c.name;
    EXPECT_EQ(problems.list()[0].column, 7) << c.name;
    EXPECT_EQ(root.kind, Node::Kind::kBroken) << c.name;
  }
}

TEST(EnvironmentExpansion, ProblemsHaveThePathOfTheirValue) {
  Problems problems;
  std::optional<Node> root = ParseDocument("a:\n  - {b: '${UNSET}'}\n", problems);
  ExpandEnvironment(*root, Variables, problems);
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].path, "a[0].b");
}

TEST(EnvironmentExpansion, ThereIsABoundOnWhatComesOut) {
  std::string text = "a:\n";
  for (int i = 0; i < 20; ++i) {
    text += "  - ${BIG}\n";
  }
  Problems problems;
  std::optional<Node> root = ParseDocument(text, problems);
  ExpandEnvironment(*root, [](const std::string&) { return std::string(1 << 20, 'x'); }, problems);
  EXPECT_EQ(problems.list().size(), 4u);
}

TEST(HideVariables, ValuesAreReplacedByTheirNames) {
  const UsedVariables variables = {
      {"KEY", "sk-secret"}, {"LONG", "sk-secret-and-more"}, {"SHORT", "info"}};
  EXPECT_EQ(HideVariables("found sk-secret, twice: sk-secret", variables),
            "found ${KEY}, twice: ${KEY}");
  EXPECT_EQ(HideVariables("sk-secret-and-more", variables), "${LONG}");
  EXPECT_EQ(HideVariables("level info", variables), "level info");
}

}  // namespace
}  // namespace mainstay::config
