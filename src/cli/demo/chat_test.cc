#include "cli/demo/chat.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json_reader.h"

namespace mainstay::cli::demo {
namespace {

Result<ChatAnswer> Read(const std::string& body) {
  const std::string padded = body + std::string(json::kPadding, '"');
  return ReadChatAnswer(std::string_view(padded).substr(0, body.size()));
}

TEST(DemoChat, AsksWithAllMessages) {
  EXPECT_EQ(ChatBody("auto", {{.role = "system", .content = "be \"brief\""},
                              {.role = "user", .content = "hi"}}),
            R"({"model":"auto","messages":[{"role":"system","content":"be \"brief\""},)"
            R"({"role":"user","content":"hi"}]})");
}

TEST(DemoChat, ReadsAnAnswer) {
  const Result<ChatAnswer> answer =
      Read(R"({"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant",)"
           R"("content":"a\nb","refusal":null},"finish_reason":"stop"}],"usage":{)"
           R"("prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{)"
           R"("cached_tokens":4}}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->model, "m");
  EXPECT_EQ(answer->text, "a\nb");
  EXPECT_EQ(answer->usage, (Usage{.prompt = 9, .cached = 4, .completion = 2}));
}

TEST(DemoChat, RefusesWhatIsNoWholeAnswer) {
  struct Row {
    std::string name;
    std::string body;
  };
  const Row rows[] = {
      {"empty", ""},
      {"no_json", "<html>"},
      {"another_type", "[]"},
      {"no_model", R"({"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":1}})"},
      {"no_usage", R"({"model":"m","choices":[{"message":{"content":"a"}}]})"},
      {"no_text",
       R"({"model":"m","choices":[{"message":{"content":null}}],"usage":{"prompt_tokens":1}})"},
      {"no_choice", R"({"model":"m","choices":[],"usage":{"prompt_tokens":1}})"},
      {"cut_off", R"({"model":"m","choices":[{"message":{"content":"a"}}],"usage":{"prompt_to)"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_FALSE(Read(row.body));
  }
}

}  // namespace
}  // namespace mainstay::cli::demo
