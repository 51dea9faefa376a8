#include "decision/router/conversation.h"

#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "base/utf8.h"

namespace mainstay::decision {
namespace {

Conversation Extract(std::string body, const TrimLimits& limits = {},
                     Operation operation = Operation::kChat) {
  const size_t size = body.size();
  body.append(json::kPadding, 'x');
  Request request;
  request.operation = operation;
  request.body = std::string_view(body).substr(0, size);
  Conversation conversation;
  conversation.turns.push_back({Role::kUser, "what was there before"});
  ConversationOf(request, limits, conversation);
  return conversation;
}

std::string Show(const Conversation& conversation) {
  std::string all;
  for (const Turn& turn : conversation.turns) {
    all += std::string(turn.role == Role::kUser ? "U:" : "A:") + turn.text + "|";
  }
  return all;
}

struct ExtractCase {
  const char* name;
  const char* body;
  const char* want;
};

const ExtractCase kExtractCases[] = {
    {"one user message", R"({"messages":[{"role":"user","content":"hi"}]})", "U:hi|"},
    {"turns keep their order",
     R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},
         {"role":"user","content":"c"}],"model":"m"})",
     "U:a|A:b|U:c|"},
    {"system, developer, tool and unknown roles are left out",
     R"({"messages":[{"role":"system","content":"s"},{"role":"developer","content":"d"},
         {"role":"user","content":"a"},{"role":"tool","content":"t"},
         {"role":"function","content":"f"},{"role":"critic","content":"c"},{"content":"n"}]})",
     "U:a|"},
    {"parts of text are joined, others left out",
     R"({"messages":[{"role":"user","content":[{"type":"text","text":"one"},
         {"type":"image_url","image_url":{"url":"data:"}},{"text":"two","type":"text"}]}]})",
     "U:one\ntwo|"},
    {"strings as parts", R"({"messages":[{"role":"user","content":["one","two"]}]})",
     "U:one\ntwo|"},
    {"a message with nothing but an image is none",
     R"({"messages":[{"role":"user","content":"a"},
         {"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}]}]})",
     "U:a|"},
    {"an assistant that only calls tools said nothing",
     R"({"messages":[{"role":"user","content":"a"},
         {"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},
         {"role":"tool","content":"r"}]})",
     "U:a|"},
    {"blank texts are none", R"({"messages":[{"role":"user","content":" \n\t"}]})", ""},
    {"content before role, with escapes",
     R"({"messages":[{"content":"\u00e4 \"q\"\n","rol\u0065":"us\u0065r"}]})", "U:ä \"q\"\n|"},
    {"no messages", R"({"model":"m"})", ""},
    {"messages of a wrong type", R"({"messages":{"role":"user"}})", ""},
    {"a message of a wrong type", R"({"messages":["hi",{"role":"user","content":"a"},7]})", "U:a|"},
    {"content of a wrong type", R"({"messages":[{"role":"user","content":7}]})", ""},
    {"no object", R"([1,2])", ""},
    {"no JSON", R"({"messages":[{"role":"user","content":"a"}])", ""},
};

TEST(ConversationTest, Extraction) {
  for (const ExtractCase& c : kExtractCases) {
    EXPECT_EQ(Show(Extract(c.body)), c.want) << c.name;
  }
}

TEST(ConversationTest, OtherOperations) {
  EXPECT_EQ(Show(Extract(R"({"prompt":"go on"})", {}, Operation::kCompletions)), "U:go on|");
  EXPECT_EQ(Show(Extract(R"({"prompt":["a","b"]})", {}, Operation::kCompletions)), "U:a\nb|");
  EXPECT_EQ(Show(Extract(R"({"prompt":[1,2]})", {}, Operation::kCompletions)), "");
  EXPECT_EQ(Show(Extract(R"({"input":"x","messages":[{"role":"user","content":"a"}]})", {},
                         Operation::kEmbeddings)),
            "");
}

TEST(ConversationTest, KeepsTheLastTurns) {
  constexpr char kBody[] =
      R"({"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"2"},
          {"role":"system","content":"s"},{"role":"user","content":"3"}]})";
  EXPECT_EQ(Show(Extract(kBody, {.turns_max = 4})), "U:1|A:2|U:3|");
  EXPECT_EQ(Show(Extract(kBody, {.turns_max = 2})), "A:2|U:3|");
  EXPECT_EQ(Show(Extract(kBody, {.turns_max = 1})), "U:3|");
  EXPECT_EQ(Show(Extract(kBody, {.turns_max = 0})), "U:3|") << "the newest is always there";
}

std::string Messages(int64_t tokens_of_each, int count) {
  std::string body = R"({"messages":[)";
  for (int i = 0; i < count; ++i) {
    body += i == 0 ? "" : ",";
    body += R"({"role":"user","content":")" +
            std::string(static_cast<size_t>(4 * tokens_of_each), static_cast<char>('a' + i)) +
            R"("})";
  }
  return body + "]}";
}

TEST(ConversationTest, KeepsToTheBudget) {
  // Exactly enough for two; a little more cuts the third one; too little more leaves it out.
  EXPECT_EQ(Extract(Messages(100, 3), {.tokens_max = 200}).turns.size(), 2U);
  EXPECT_EQ(Extract(Messages(100, 3), {.tokens_max = 231}).turns.size(), 2U);
  const Conversation cut = Extract(Messages(100, 3), {.tokens_max = 232});
  ASSERT_EQ(cut.turns.size(), 3U);
  EXPECT_LE(EstimateTokens(cut.turns[0].text), 32);
  EXPECT_NE(cut.turns[0].text.find("…"), std::string::npos);
  EXPECT_EQ(cut.turns[2].text, std::string(400, 'c'));
  // What stands before a cut turn is left out.
  EXPECT_EQ(Extract(Messages(100, 4), {.tokens_max = 250}).turns.size(), 3U);
}

TEST(ConversationTest, CutsTheNewestWhenItIsTooLong) {
  const Conversation cut = Extract(Messages(1000, 2), {.tokens_max = 10});
  ASSERT_EQ(cut.turns.size(), 1U);
  EXPECT_EQ(cut.turns[0].text.front(), 'b');
  EXPECT_EQ(cut.turns[0].text.back(), 'b');
  EXPECT_LE(EstimateTokens(cut.turns[0].text), 10);
}

TEST(ConversationTest, EstimatesTokens) {
  EXPECT_EQ(EstimateTokens(""), 0);
  EXPECT_EQ(EstimateTokens("a"), 1);
  EXPECT_EQ(EstimateTokens("abcd"), 1);
  EXPECT_EQ(EstimateTokens("abcde"), 2);
  EXPECT_EQ(EstimateTokens("äöü"), 2);
  EXPECT_EQ(EstimateTokens("漢字"), 2);
  EXPECT_EQ(EstimateTokens("😀"), 1);
  EXPECT_EQ(EstimateTokens("\xff\xff\xff"), 2) << "bytes that are no text count too";
}

TEST(ConversationTest, CutsBetweenCharacters) {
  const std::string texts[] = {std::string(200, 'a'), [] {
                                 std::string all;
                                 for (int i = 0; i < 60; ++i) {
                                   all += "aä漢😀";
                                 }
                                 return all;
                               }()};
  for (const std::string& text : texts) {
    for (int64_t tokens = 0; tokens <= EstimateTokens(text) + 1; ++tokens) {
      std::string cut = "before ";
      const bool fits = tokens >= EstimateTokens(text);
      EXPECT_EQ(AppendCutInMiddle(text, tokens, cut), fits ? Cut::kNo : Cut::kYes);
      ASSERT_TRUE(cut.starts_with("before "));
      cut.erase(0, 7);
      EXPECT_TRUE(IsValidUtf8(cut)) << tokens;
      if (fits) {
        EXPECT_EQ(cut, text);
        continue;
      }
      EXPECT_LE(EstimateTokens(cut), std::max<int64_t>(tokens, 2)) << tokens;
      const size_t ellipsis = cut.find("\n…\n");
      ASSERT_NE(ellipsis, std::string::npos);
      EXPECT_TRUE(text.starts_with(cut.substr(0, ellipsis)));
      EXPECT_TRUE(text.ends_with(cut.substr(ellipsis + 5)));
    }
  }
}

TEST(ConversationTest, CutsWhatIsNoTextToo) {
  std::string cut;
  EXPECT_EQ(AppendCutInMiddle(std::string(100, '\xff'), 12, cut), Cut::kYes);
  EXPECT_EQ(EstimateTokens(cut), 12);
}

}  // namespace
}  // namespace mainstay::decision
