#include "decision/router/answer.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json_reader.h"
#include "base/json_writer.h"

namespace mainstay::decision {
namespace {

const std::vector<Route> kRoutes = {
    {.name = "code_generation"}, {.name = "complex reasoning"}, {.name = "it's"}};

constexpr int kNone = -1;
constexpr int kGarbage = -2;

int Meaning(const ParsedAnswer& answer) {
  switch (answer.kind) {
    case ParsedAnswer::Kind::kMatch:
      return answer.route;
    case ParsedAnswer::Kind::kNoMatch:
      return kNone;
    case ParsedAnswer::Kind::kGarbage:
      return kGarbage;
  }
  return kGarbage;
}

struct AnswerCase {
  const char* name;
  const char* text;
  int want;
};

const AnswerCase kAnswerCases[] = {
    {"an object", R"({"route": "code_generation"})", 0},
    {"an object without blanks", R"({"route":"complex reasoning"})", 1},
    {"white space around", "\n\t {\"route\" : \"code_generation\" } \r\n", 0},
    {"a list", R"({"route": ["code_generation"]})", 0},
    {"a list of two: the first counts", R"({"route": ["complex reasoning", "code_generation"]})",
     1},
    {"a list whose first is unknown", R"({"route": ["made_up", "code_generation"]})", 0},
    {"a list with a comma too many", R"({"route": ["code_generation",],})", 0},
    {"an empty list", R"({"route": []})", kNone},
    {"null", R"({"route": null})", kNone},
    {"None, as Python writes it", R"({'route': None})", kNone},
    {"an empty name", R"({"route": ""})", kNone},
    {"other", R"({"route": "other"})", kNone},
    {"an unknown name", R"({"route": "made_up_route"})", kNone},
    {"blanks around the name", R"({"route": " code_generation "})", 0},
    {"another case", R"({"route": "Code_Generation"})", 0},
    {"escapes", R"({"ro\u0075te": "code\u005fgeneration"})", 0},
    {"other members", R"({"why": {"a": [1, "}", {}]}, "route": "code_generation", "p": 0.9})", 0},
    {"two routes: the first counts", R"({"route": "code_generation", "route": "other"})", 0},
    {"single quotes", "{'route': 'code_generation'}", 0},
    {"single quotes and a list", "{'route': ['complex reasoning']}", 1},
    {"an escaped quote between single ones", R"({'route': 'it\'s'})", 2},
    {"a quote between the others", R"({"route": "it's"})", 2},
    {"fenced with a language", "```json\n{\"route\": \"code_generation\"}\n```", 0},
    {"fenced without", "```\n{\"route\": \"code_generation\"}\n```", 0},
    {"fenced on one line", "```{\"route\": \"code_generation\"}```", 0},
    {"fenced bare name", "```\ncode_generation\n```", 0},
    {"fenced and prose", "Here:\n```json\n{\"route\": \"code_generation\"}\n```\nBye.", 0},
    {"within a sentence", R"(The best route is {"route": "code_generation"}, I think.)", 0},
    {"the last of several", R"(Not {"route": "other"} but {"route": "code_generation"})", 0},
    {"nested", R"({"answer": {"route": "code_generation"}})", 0},
    {"thoughts before it", "<think>{\"route\": \"other\"}? no</think>\n\ncode_generation", 0},
    {"the bare name", "code_generation", 0},
    {"a bare name with a blank", " complex reasoning\n", 1},
    {"a bare name in quotes", "\"code_generation\"", 0},
    {"a bare name in backticks, with a stop", "`code_generation`.", 0},
    {"a bare other", "other", kNone},
    {"a bare unknown name", "made-up_route.v2", kNone},
    {"nothing", "", kGarbage},
    {"blanks", " \n", kGarbage},
    {"prose", "I would use code_generation here", kGarbage},
    {"prose without a route", "I cannot help with that.", kGarbage},
    {"HTML", "<html>hello</html>", kGarbage},
    {"an object without a route", R"({"model": "code_generation"})", kGarbage},
    {"a number as route", R"({"route": 1})", kGarbage},
    {"an object as route", R"({"route": {"name": "code_generation"}})", kGarbage},
    {"numbers in the list", R"({"route": [1]})", kGarbage},
    {"cut off", R"({"route": "code_gen)", kGarbage},
    {"cut off behind the name", R"({"route": "code_generation")", kGarbage},
    {"quotes that do not pair", R"({"route": "code_generation'})", kGarbage},
    {"a bad escape", R"({"route": "\x"})", kGarbage},
    {"a backslash at the end", "{\"route\": \"\\", kGarbage},
    {"an array", R"(["code_generation"])", kGarbage},
    {"marks alone", "\"\"", kGarbage},
};

TEST(AnswerTest, Texts) {
  for (const AnswerCase& c : kAnswerCases) {
    EXPECT_EQ(Meaning(ParseAnswer(c.text, kRoutes)), c.want) << c.name << ": " << c.text;
  }
}

TEST(AnswerTest, ARouteMayBeCalledOther) {
  const std::vector<Route> routes = {{.name = "a"}, {.name = "other"}};
  EXPECT_EQ(Meaning(ParseAnswer(R"({"route":"other"})", routes)), 1);
  EXPECT_EQ(Meaning(ParseAnswer("other", routes)), 1);
}

TEST(AnswerTest, LongTextsAreReadFromTheirEnd) {
  const std::string thoughts(1 << 20, '{');
  EXPECT_EQ(Meaning(ParseAnswer(thoughts + R"({"route":"code_generation"})", kRoutes)), 0);
  EXPECT_EQ(Meaning(ParseAnswer(thoughts, kRoutes)), kGarbage);
  EXPECT_EQ(Meaning(ParseAnswer(std::string(10'000, 'a'), kRoutes)), kGarbage);
}

TEST(AnswerTest, DeepObjectsAreGarbage) {
  const std::string deep = R"({"a":)" + std::string(1000, '[') + std::string(1000, ']') +
                           R"(,"route":"code_generation"})";
  EXPECT_EQ(Meaning(ParseAnswer(deep, kRoutes)), kGarbage);
}

int Completion(std::string body) {
  const size_t size = body.size();
  body.append(json::kPadding, 'x');
  return Meaning(ParseCompletion(std::string_view(body).substr(0, size), kRoutes));
}

const AnswerCase kCompletionCases[] = {
    {"as providers send it",
     R"({"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":
         "{\"route\": \"code_generation\"}"},"finish_reason":"stop"}],"usage":{}})",
     0},
    {"content in parts",
     R"({"choices":[{"message":{"content":[{"type":"text","text":"code_gen"},
         {"type":"text","text":"eration"}]}}]})",
     0},
    {"the first choice counts",
     R"({"choices":[{"message":{"content":"other"}},{"message":{"content":"code_generation"}}]})",
     kNone},
    {"no choices", R"({"choices":[]})", kGarbage},
    {"choices of a wrong type", R"({"choices":{"message":{"content":"other"}}})", kGarbage},
    {"no message", R"({"choices":[{"text":"code_generation"}]})", kGarbage},
    {"content null", R"({"choices":[{"message":{"content":null}}]})", kGarbage},
    {"content missing", R"({"choices":[{"message":{"role":"assistant"}}],"x":1})", kGarbage},
    {"choices twice", R"({"choices":[],"choices":[{"message":{"content":"other"}}]})", kGarbage},
    {"an error", R"({"error":{"message":"no"}})", kGarbage},
    {"not an object", R"([])", kGarbage},
    {"not JSON", "<html>hello</html>", kGarbage},
    {"JSON that is cut off", R"({"choices":[{"message":{"content":"code_generation"}}])", kGarbage},
    {"nothing", "", kGarbage},
};

TEST(AnswerTest, Completions) {
  for (const AnswerCase& c : kCompletionCases) {
    EXPECT_EQ(Completion(c.text), c.want) << c.name;
  }
}

TEST(AnswerTest, EveryTextComesThroughACompletion) {
  for (const AnswerCase& c : kAnswerCases) {
    std::string body;
    json::Writer(body)
        .BeginObject()
        .Key("choices")
        .BeginArray()
        .BeginObject()
        .Key("message")
        .BeginObject()
        .Key("content")
        .String(c.text)
        .EndObject()
        .EndObject()
        .EndArray()
        .EndObject();
    EXPECT_EQ(Completion(body), c.want) << c.name;
  }
}

}  // namespace
}  // namespace mainstay::decision
