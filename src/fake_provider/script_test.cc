#include "fake_provider/script.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mainstay::fake_provider {
namespace {

struct FieldCase {
  std::string_view name;
  std::string_view json;
  bool (*holds)(const Action& action);
};

TEST(FieldsTest, EachSetsItsMember) {
  using namespace std::chrono_literals;
  const FieldCase cases[] = {
      {"text", R"("a\nb")", [](const Action& a) { return a.text == "a\nb"; }},
      {"text", "42", [](const Action& a) { return a.text == "42"; }},
      {"text_tokens", "100", [](const Action& a) { return a.text_tokens == 100; }},
      {"tool_calls", R"([{"name":"f","arguments":{"x":1},"id":"c"}])",
       [](const Action& a) {
         return a.tool_calls.size() == 1 && a.tool_calls[0].name == "f" &&
                a.tool_calls[0].arguments == R"({"x":1})" && a.tool_calls[0].id == "c";
       }},
      {"call_tool", R"("first")", [](const Action& a) { return a.call_tool == "first"; }},
      {"finish_reason", R"("length")", [](const Action& a) { return a.finish_reason == "length"; }},
      {"id", R"("x")", [](const Action& a) { return a.id == "x"; }},
      {"extra", R"({"a":1})", [](const Action& a) { return a.extra == R"({"a":1})"; }},
      {"usage", R"({"p":1})", [](const Action& a) { return a.usage == R"({"p":1})"; }},
      {"usage", "null", [](const Action& a) { return a.usage == ""; }},
      {"status", "429", [](const Action& a) { return a.status == 429; }},
      {"error_code", R"("c")", [](const Action& a) { return a.error_code == "c"; }},
      {"body", R"({"x":1})", [](const Action& a) { return a.body == R"({"x":1})"; }},
      {"body", R"("oops")", [](const Action& a) { return a.body == "oops"; }},
      {"headers", R"({"a":"b","c":1})",
       [](const Action& a) { return a.headers == Headers{{"a", "b"}, {"c", "1"}}; }},
      {"retry_after", "30",
       [](const Action& a) { return a.headers == Headers{{"retry-after", "30"}}; }},
      {"overload", "true", [](const Action& a) { return a.overload; }},
      {"raw", R"("x\r\n")", [](const Action& a) { return a.raw == "x\r\n"; }},
      {"delay_ms", "1.5", [](const Action& a) { return a.delay == 1500us; }},
      {"gap_ms", "2", [](const Action& a) { return a.gap == 2000us; }},
      {"write_bytes", "3", [](const Action& a) { return a.write_bytes == 3; }},
      {"content_length", "9", [](const Action& a) { return a.content_length == 9U; }},
      {"head_bytes", "70000", [](const Action& a) { return a.head_bytes == 70'000; }},
      {"gzip", R"("if_asked")", [](const Action& a) { return a.gzip == Gzip::kIfAsked; }},
      {"end", R"("reset")", [](const Action& a) { return a.end == Ending::kReset; }},
      {"end", R"("garbage")", [](const Action& a) { return a.end == Ending::kGarbage; }},
      {"after_bytes", "0", [](const Action& a) { return a.after_bytes == 0U; }},
      {"after_events", "2", [](const Action& a) { return a.after_events == 2U; }},
  };
  for (const FieldCase& row : cases) {
    Action action;
    const Result<void> set = SetField(action, row.name, row.json);
    EXPECT_TRUE(set) << row.name << " " << row.json;
    EXPECT_TRUE(row.holds(action)) << row.name << " " << row.json;
    EXPECT_FALSE(row.holds(Action{})) << row.name << " " << row.json;
  }
}

struct BadFieldCase {
  std::string_view name;
  std::string_view json;
  std::string_view message;
};

TEST(FieldsTest, RefuseWhatMakesNoSense) {
  const BadFieldCase cases[] = {
      {"statsu", "429", "unknown key; did you mean status?"},
      {"status", "\"x\"", "must be a status between 200 and 999"},
      {"status", "99", "must be a status between 200 and 999"},
      {"text_tokens", "-1", "must be a number up to 4194304"},
      {"delay_ms", "-1", "must be milliseconds, at most an hour"},
      {"delay_ms", "1e9", "must be milliseconds, at most an hour"},
      {"end", "\"soon\"", "must be proper, reset, close, hang or garbage"},
      {"gzip", "\"maybe\"", "must be no, if_asked or always"},
      {"overload", "1", "must be true or false"},
      {"headers", "[]", "must be an object of names and values"},
      {"headers", R"({"a":"b\r\nc: d"})", "must be an object of names and values"},
      {"tool_calls", R"([{"arguments":"{}"}])", "must be a list of {name, arguments, id}"},
      {"usage", "7", "must be an object, or null for none"},
      {"extra", "7", "must be an object"},
  };
  for (const BadFieldCase& row : cases) {
    Action action;
    const Result<void> set = SetField(action, row.name, row.json);
    ASSERT_FALSE(set) << row.name << " " << row.json;
    EXPECT_EQ(set.error().message, row.message) << row.name << " " << row.json;
  }
}

struct ProblemCase {
  const char* name;
  std::string_view text;
  std::vector<std::string> problems;  // "path: message"
};

TEST(ScriptFileTest, ReportsAllProblems) {
  const ProblemCase cases[] = {
      {"empty_file", "", {": is not JSON: unexpected end of the text at byte 0"}},
      {"cut_off", R"({"rules":[)", {": is not JSON: unexpected end of the text at byte 10"}},
      {"no_object", "[]", {": must be an object"}},
      {"no_rules", "{}", {}},
      {"unknown_keys",
       R"({"rule":[],"rules":[{"mach":{},"match":{"models":"x"},"actions":[]}]})",
       {"rule: unknown key; did you mean rules?", "rules[0].mach: unknown key; did you mean match?",
        "rules[0].match.models: unknown key; did you mean model?"}},
      {"wrong_types",
       R"({"rules":[{"match":{"nth":0,"model":1},"actions":[{"status":1},7]},3]})",
       {"rules[0].match.nth: must be a number from 1", "rules[0].match.model: must be a text",
        "rules[0].actions[0].status: must be a status between 200 and 999",
        "rules[0].actions[1]: must be an object", "rules[1]: must be an object"}},
      {"twice_the_same",
       R"({"rules":[{"match":{"model":"a"}},{"match":{"model":"a"}}]})",
       {"rules[1]: a rule before has the same match"}},
  };
  for (const ProblemCase& row : cases) {
    Problems problems;
    ReadScript(row.text, problems);
    std::vector<std::string> found;
    for (const Problem& problem : problems.list()) {
      found.push_back(problem.path + ": " + problem.message);
    }
    EXPECT_EQ(found, row.problems) << row.name;
  }
}

// One request after the other to the same script.
struct Choice {
  std::string_view account;
  std::string_view model;
  std::string_view text;
  std::string_view chosen;  // the text of the action; empty: the default answer
  std::string_view path = "/v1/chat/completions";
};
struct ChooseCase {
  const char* name;
  std::string_view script;
  std::vector<Choice> choices;
};

TEST(ScriptTest, ChoosesByConditions) {
  const ChooseCase cases[] = {
      {"nothing_fits",
       R"({"rules":[{"match":{"model":"m"},"actions":[{"text":"1"}]}]})",
       {{"a", "n", "", ""}}},
      {"last_action_stays",
       R"({"rules":[{"actions":[{"text":"1"},{"text":"2"},{"text":"3"}]}]})",
       {{"a", "m", "", "1"}, {"b", "n", "", "2"}, {"a", "m", "", "3"}, {"a", "m", "", "3"}}},
      {"more_conditions_win",
       R"({"rules":[{"actions":[{"text":"any"}]},{"match":{"model":"m"},"actions":[{"text":"m"}]},
       {"match":{"account":"a","model":"m"},"actions":[{"text":"am"}]}]})",
       {{"a", "m", "", "am"}, {"b", "m", "", "m"}, {"b", "n", "", "any"}}},
      {"the_first_of_equals",
       R"({"rules":[{"match":{"account":"a"},"actions":[{"text":"a"}]},
       {"match":{"model":"m"},"actions":[{"text":"m"}]}]})",
       {{"a", "m", "", "a"}, {"b", "m", "", "m"}}},
      {"by_key",
       R"({"rules":[{"match":{"account":"key-of-a"},"actions":[{"text":"1"}]}]})",
       {{"a", "m", "", "1"}, {"b", "m", "", ""}}},
      {"contains",
       R"({"rules":[{"match":{"contains":"weather"},"actions":[{"text":"1"}]}]})",
       {{"a", "m", "the weather?", "1"}, {"a", "m", "the time?", ""}}},
      {"path",
       R"({"rules":[{"match":{"path":"/embeddings"},"actions":[{"text":"1"}]}]})",
       {{"a", "m", "", ""}, {"a", "m", "", "1", "/v1/embeddings"}}},
      {"nth_counts_what_else_fits",
       R"({"rules":[{"match":{"model":"m","nth":2},"actions":[{"text":"second"}]},
       {"match":{"model":"m"},"actions":[{"text":"other"}]}]})",
       {{"a", "m", "", "other"},
        {"a", "n", "", ""},
        {"a", "m", "", "second"},
        {"a", "m", "", "other"}}},
  };
  for (const ChooseCase& row : cases) {
    Problems problems;
    Script script = ReadScript(row.script, problems);
    ASSERT_TRUE(problems.empty()) << row.name;
    for (const Choice& choice : row.choices) {
      Incoming request;
      request.model = choice.model;
      request.last_user = choice.text;
      const std::string key = "key-of-" + std::string(choice.account);
      const Action action = script.Choose({.account = choice.account,
                                           .key = key,
                                           .path = choice.path,
                                           .number = 1,
                                           .request = request});
      EXPECT_EQ(action.text.value_or(""), choice.chosen) << row.name;
    }
  }
}

TEST(ScriptTest, RulesCanBeChangedLater) {
  Script script;
  Incoming request;
  request.model = "m";
  const Question question{.account = "a", .path = "/", .number = 5, .request = request};
  script.On({.model = "m"}).Reply("one");
  EXPECT_EQ(script.Choose(question).text, "one");
  EXPECT_EQ(&script.On({.model = "m"}), &script.On({.model = "m"}));
  script.On({.model = "m"}).Error(503);
  EXPECT_EQ(script.Choose(question).status, 503);
  script.On({.model = "m"}).By([](const Question& asked) {
    return Action{.text = std::to_string(asked.number)};
  });
  EXPECT_EQ(script.Choose(question).text, "5");
  EXPECT_EQ(script.On({.model = "m"}).used(), 3);
  EXPECT_EQ(script.size(), 1U);
}

}  // namespace
}  // namespace mainstay::fake_provider
