#include "fake_provider/incoming.h"

#include <gtest/gtest.h>

#include <string>

#include "fake_provider/padded.h"

namespace mainstay::fake_provider {
namespace {

Result<Incoming> Read(std::string_view body, Operation operation = Operation::kChat) {
  const Padded padded(body);
  return ReadIncoming(operation, padded.view(), 4);
}

struct BadCase {
  const char* name;
  Operation operation;
  std::string_view body;
  ErrorKind kind;
  std::string_view param;
};

TEST(IncomingTest, RefusesWhatOpenAiRefuses) {
  using enum Operation;
  using enum ErrorKind;
  const BadCase cases[] = {
      {"empty", kChat, "", kInvalidJson, ""},
      {"no_json", kChat, "{\"model\":", kInvalidJson, ""},
      {"no_object", kChat, "[]", kInvalidJson, ""},
      {"no_utf8", kChat, "{\"model\":\"\xff\",\"messages\":[]}", kInvalidJson, ""},
      {"no_model", kChat, R"({"messages":[{"role":"user"}]})", kMissingField, "model"},
      {"model_is_a_number", kChat, R"({"model":1})", kInvalidField, "model"},
      {"no_messages", kChat, R"({"model":"m"})", kMissingField, "messages"},
      {"messages_null", kChat, R"({"model":"m","messages":null})", kMissingField, "messages"},
      {"messages_text", kChat, R"({"model":"m","messages":"hi"})", kInvalidField, "messages"},
      {"messages_empty", kChat, R"({"model":"m","messages":[]})", kInvalidField, "messages"},
      {"message_is_no_object", kChat, R"({"model":"m","messages":[1]})", kInvalidField,
       "messages[0]"},
      {"no_role", kChat, R"({"model":"m","messages":[{"role":"user"},{"content":"x"}]})",
       kMissingField, "messages[1].role"},
      {"stream_is_text", kChat, R"({"model":"m","messages":[{"role":"user"}],"stream":"yes"})",
       kInvalidField, "stream"},
      {"stream_options_without_stream", kChat,
       R"({"model":"m","messages":[{"role":"user"}],"stream_options":{"include_usage":true}})",
       kInvalidField, "stream_options"},
      {"max_tokens_0", kChat, R"({"model":"m","messages":[{"role":"user"}],"max_tokens":0})",
       kInvalidField, "max_tokens"},
      {"no_prompt", kCompletions, R"({"model":"m"})", kMissingField, "prompt"},
      {"prompt_object", kCompletions, R"({"model":"m","prompt":{}})", kInvalidField, "prompt"},
      {"no_input", kEmbeddings, R"({"model":"m"})", kMissingField, "input"},
      {"empty_input", kEmbeddings, R"({"model":"m","input":[]})", kInvalidField, "input"},
      {"too_many_dimensions", kEmbeddings, R"({"model":"m","input":"x","dimensions":100000})",
       kInvalidField, "dimensions"},
  };
  for (const BadCase& row : cases) {
    const Result<Incoming> read = Read(row.body, row.operation);
    ASSERT_FALSE(read) << row.name;
    EXPECT_EQ(read.error().kind, row.kind) << row.name;
    EXPECT_EQ(read.error().param, row.param) << row.name;
    EXPECT_FALSE(read.error().message.empty()) << row.name;
  }
}

TEST(IncomingTest, ReadsWhatAnswersDependOn) {
  const Result<Incoming> read = Read(
      R"({"messages":[{"role":"system","content":"be\u0020kind"},{"role":"user","content":[
      {"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:x"}},
      {"type":"text","text":"here"}]},{"content":"42","role":"tool","tool_call_id":"c"}],
      "stream":true,"stream_options":{"include_usage":true},"max_tokens":7,
      "response_format":{"type":"json_object"},"model":"a\/b",
      "tools":[{"type":"function","function":{"name":"look_up"}}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->model, "a/b");
  EXPECT_EQ(read->stream, Streaming::kYes);
  EXPECT_TRUE(read->include_usage);
  EXPECT_TRUE(read->wants_json);
  EXPECT_EQ(read->max_tokens, 7);
  EXPECT_EQ(read->messages, 3);
  EXPECT_EQ(read->last_user, "look here");
  EXPECT_EQ(read->first_tool, "look_up");
  EXPECT_TRUE(read->after_tool_result);
  EXPECT_GT(read->prompt.tokens, kImageTokens);
}

struct SameCase {
  const char* name;
  std::string_view a, b;
  bool same;
};

TEST(IncomingTest, ThePromptIsWhatTheModelWouldSee) {
  const SameCase cases[] = {
      {"order_of_members", R"({"model":"m","messages":[{"role":"user","content":"a long text"}]})",
       R"({ "messages" : [ {"content" : "a long text", "role":"user"} ], "model":"n","user":"u"})",
       true},
      {"escapes", R"({"model":"m","messages":[{"role":"user","content":"a\nlong \u0074ext"}]})",
       R"({"model":"m","messages":[{"role":"user","content":"a\u000along text"}]})", true},
      {"text_parts", R"({"model":"m","messages":[{"role":"user","content":"a long text"}]})",
       R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a long "},)"
       R"({"type":"text","text":"text"}]}]})",
       true},
      {"role", R"({"model":"m","messages":[{"role":"user","content":"a long text"}]})",
       R"({"model":"m","messages":[{"role":"system","content":"a long text"}]})", false},
      {"where_a_message_ends",
       R"({"model":"m","messages":[{"role":"user","content":"ab"},{"role":"user","content":"c"}]})",
       R"({"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":"bc"}]})",
       false},
      {"tools", R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"a":1}]})",
       R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"a":2}]})", false},
      {"no_tools", R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[]})",
       R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":null})", true},
      {"tool_calls", R"({"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]})",
       R"({"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"b"}]}]})", false},
      {"images",
       R"({"model":"m","messages":[{"role":"user","content":[{"image_url":{"url":"a"}}]}]})",
       R"({"model":"m","messages":[{"role":"user","content":[{"image_url":{"url":"b"}}]}]})",
       false},
  };
  for (const SameCase& row : cases) {
    const Result<Incoming> a = Read(row.a);
    const Result<Incoming> b = Read(row.b);
    ASSERT_TRUE(a && b) << row.name;
    EXPECT_EQ(a->prompt.blocks == b->prompt.blocks, row.same) << row.name;
  }
}

struct InputCase {
  const char* name;
  std::string_view input;
  std::vector<std::string> texts;
};

TEST(IncomingTest, ReadsInputsOfEveryKind) {
  const InputCase cases[] = {
      {"text", R"("hello")", {"hello"}},
      {"texts", R"(["a","b"])", {"a", "b"}},
      {"numbers", "[1,2,3]", {"[1,2,3]"}},
      {"lists_of_numbers", "[[1,2],[3]]", {"[1,2]", "[3]"}},
  };
  for (const InputCase& row : cases) {
    const Result<Incoming> read =
        Read(R"({"model":"m","encoding_format":"base64","dimensions":3,"input":)" +
                 std::string(row.input) + "}",
             Operation::kEmbeddings);
    ASSERT_TRUE(read) << row.name;
    EXPECT_EQ(read->inputs, row.texts) << row.name;
    EXPECT_TRUE(read->base64);
    EXPECT_EQ(read->dimensions, 3);
  }
}

}  // namespace
}  // namespace mainstay::fake_provider
