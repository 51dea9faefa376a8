#include "wire/openai_chat/request.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "wire/openai_chat/testing.h"

namespace mainstay::wire::openai_chat {
namespace {

// Two bodies that most rows are a variation of.
constexpr std::string_view kModelAndMessages =
    R"("model":"m","messages":[{"role":"user","content":"hi"}])";

std::string With(std::string_view members) {
  return "{" + std::string(members) + "," + std::string(kModelAndMessages) + "}";
}
std::string WithMessages(std::string_view messages) {
  return R"({"model":"m","messages":[)" + std::string(messages) + "]}";
}
std::string WithMessage(std::string_view members) {
  return WithMessages("{" + std::string(members) + "}");
}
std::string WithParts(std::string_view parts) {
  return WithMessage(R"("role":"user","content":[)" + std::string(parts) + "]");
}
std::string Nested(int depth) {  // lists inside one another in a field that nobody reads
  return With("\"x\":" + std::string(static_cast<size_t>(depth), '[') +
              std::string(static_cast<size_t>(depth), ']'));
}

// ---- What a good body says.

struct FactsCase {
  const char* name;
  std::string body;
  // Gives a text that is to be compared with `want`.
  std::string (*of)(const Request&);
  std::string want;
};

std::string Count(int64_t value) {
  return std::to_string(value);
}
std::string Text(const Request& r, const Span& span) {
  return std::string(r.body.substr(span.begin, span.size()));
}
std::string Counts(const Request& r) {
  const RequestFacts& f = r.facts;
  return "messages " + Count(f.messages) + " system " + Count(f.system_messages) + " user " +
         Count(f.user_messages) + " assistant " + Count(f.assistant_messages) + " tool " +
         Count(f.tool_messages);
}
std::string Model(const Request& r) {
  return std::string(r.model);
}
std::string ModelSpan(const Request& r) {
  return Text(r, r.facts.model);
}
std::string Stream(const Request& r) {
  return r.facts.stream == Streaming::kYes ? "yes" : "no";
}
std::string Usage(const Request& r) {
  switch (r.facts.include_usage) {
    case IncludeUsage::kAbsent:
      return "absent";
    case IncludeUsage::kFalse:
      return "false";
    case IncludeUsage::kTrue:
      return "true";
  }
  return "";
}
std::string UsageSpan(const Request& r) {
  return Text(r, r.facts.include_usage_value);
}
std::string Options(const Request& r) {
  return Text(r, r.facts.stream_options);
}
std::string ObjectBegin(const Request& r) {
  return Count(static_cast<int64_t>(r.facts.object_begin));
}
std::string Tools(const Request& r) {
  return Count(r.facts.tools);
}
std::string Images(const Request& r) {
  return Count(r.facts.images);
}
std::string Audio(const Request& r) {
  return Count(r.facts.audio_parts);
}
std::string ToolCalls(const Request& r) {
  return Count(r.facts.tool_calls);
}
std::string Schema(const Request& r) {
  return r.facts.json_schema ? "yes" : "no";
}
std::string TextBytes(const Request& r) {
  return Count(static_cast<int64_t>(r.facts.text_bytes));
}
std::string LastUser(const Request& r) {
  return Text(r, r.facts.last_user);
}
std::string MaxTokens(const Request& r) {
  return r.facts.max_tokens ? Count(*r.facts.max_tokens) : "none";
}

// All that are there, by their place in the list.
std::string Ids(const Request& r) {
  std::string ids;
  for (size_t i = 0; i < kBodyIdCount; ++i) {
    if (!r.facts.body_ids[i].empty()) {
      ids += std::to_string(i) + Text(r, r.facts.body_ids[i]);
    }
  }
  return ids;
}
std::string Agent(const Request& r) {
  return Text(r, r.facts.agent);
}

const FactsCase kFactsCases[] = {
    {"the_model_as_written", With(R"("a":1)"), Model, "m"},
    {"the_models_place_with_its_quotes", With(R"("a":1)"), ModelSpan, "\"m\""},
    {"a_model_with_an_escape", R"({"model":"a\u002fb","messages":[{}]})", Model, "a/b"},
    {"the_place_of_a_model_with_an_escape", R"({"model":"a\u002fb","messages":[{}]})", ModelSpan,
     R"("a\u002fb")"},
    {"a_model_with_a_quote", R"({"model":"a\"b","messages":[{}]})", Model, "a\"b"},
    {"a_model_beyond_ascii", "{\"model\":\"größe\",\"messages\":[{}]}", Model, "größe"},
    {"a_lone_surrogate_becomes_the_replacement_character", R"({"model":"a\ud800","messages":[{}]})",
     Model, "a\xEF\xBF\xBD"},
    {"the_key_model_with_an_escape", R"({"mod\u0065l":"x","messages":[{}]})", Model, "x"},
    {"the_key_messages_with_an_escape", R"({"model":"x","me\u0073sages":[{},{}]})", Counts,
     "messages 2 system 0 user 0 assistant 0 tool 0"},
    {"the_model_behind_the_messages", R"({"messages":[{}],"model":"x"})", Model, "x"},
    {"a_model_inside_another_object_is_not_the_model",
     R"({"metadata":{"model":"no"},"model":"yes","messages":[{}]})", Model, "yes"},
    {"white_space_around_everything",
     " \n{ \"model\" :\t\"x\" , \"messages\" : [ { \"role\" : \"user\" } ] } \r\n", ModelSpan,
     "\"x\""},
    {"where_the_object_begins", "{\"model\":\"x\",\"messages\":[{}]}", ObjectBegin, "0"},
    {"where_the_object_begins_behind_white_space", " \n {\"model\":\"x\",\"messages\":[{}]}",
     ObjectBegin, "3"},

    {"no_stream_is_no", With(R"("a":1)"), Stream, "no"},
    {"stream_true", With(R"("stream":true)"), Stream, "yes"},
    {"stream_false", With(R"("stream":false)"), Stream, "no"},
    {"stream_null", With(R"("stream":null)"), Stream, "no"},
    {"the_key_stream_with_an_escape", With(R"("\u0073tream":true)"), Stream, "yes"},

    {"no_stream_options", With(R"("stream":true)"), Options, ""},
    {"no_stream_options_no_usage", With(R"("stream":true)"), Usage, "absent"},
    {"stream_options_null", With(R"("stream_options":null)"), Options, "null"},
    {"stream_options_null_no_usage", With(R"("stream_options":null)"), Usage, "absent"},
    {"stream_options_empty", With(R"("stream_options":{})"), Options, "{}"},
    {"stream_options_blank", With(R"("stream_options":{ })"), Options, "{ }"},
    {"stream_options_with_something_else", With(R"("stream_options":{"x":[{}]})"), Options,
     R"({"x":[{}]})"},
    {"stream_options_with_something_else_no_usage", With(R"("stream_options":{"x":1})"), Usage,
     "absent"},
    {"stream_options_with_a_brace_in_a_string", With(R"("stream_options":{"x":"}" })"), Options,
     R"({"x":"}" })"},
    {"include_usage_true", With(R"("stream_options":{"include_usage":true})"), Usage, "true"},
    {"include_usage_false", With(R"("stream_options":{"include_usage":false})"), Usage, "false"},
    {"include_usage_null_is_false", With(R"("stream_options":{"include_usage":null})"), Usage,
     "false"},
    {"the_place_of_include_usage", With(R"("stream_options":{"x":1,"include_usage": false })"),
     UsageSpan, "false"},
    {"the_place_of_its_object", With(R"("stream_options":{"x":1,"include_usage": false })"),
     Options, R"({"x":1,"include_usage": false })"},
    {"include_usage_with_an_escape", With(R"("stream_options":{"include\u005fusage":true})"), Usage,
     "true"},
    {"include_usage_elsewhere_does_not_count", With(R"("include_usage":true)"), Usage, "absent"},

    {"no_ids", With(R"("a":1)"), Ids, ""},
    {"a_session_id", With(R"("session_id":"s")"), Ids, R"(0"s")"},
    {"ids_of_the_metadata",
     With(R"("metadata":{"user_id": "u","x":{"user_id":"no"},"conversation_id":"c",)"
          R"("session_id":"s"})"),
     Ids, R"(1"s"2"c"3"u")"},
    {"a_cache_key", With(R"("prompt_cache_key":"a\u0062")"), Ids, R"(4"a\u0062")"},
    {"a_conversation", With(R"("conversation":"c")"), Ids, R"(5"c")"},
    {"a_conversations_id", With(R"("conversation":{"x":1,"id":"c"})"), Ids, R"(5"c")"},
    {"ids_that_are_no_strings",
     With(R"("session_id":1,"metadata":{"user_id":["u"]},"prompt_cache_key":null,)"
          R"("conversation":{"id":{}})"),
     Ids, ""},
    {"a_list_for_the_metadata", With(R"("metadata":["session_id"],"conversation":[1])"), Ids, ""},
    {"ids_of_something_else",
     R"({"x":{"session_id":"no"},"model":"m","messages":[{"session_id":"no"}]})", Ids, ""},
    {"an_empty_id", With(R"("session_id":"")"), Ids, R"(0"")"},
    {"an_agent", With(R"("agent":"cline/3")"), Agent, R"("cline/3")"},
    {"an_agent_that_is_no_string", With(R"("agent":{"name":"x"})"), Agent, ""},

    {"each_role_is_counted",
     WithMessages(R"({"role":"system"},{"role":"developer"},{"role":"user"},{"role":"assistant"},)"
                  R"({"role":"user"},{"role":"tool"},{"role":"function"})"),
     Counts, "messages 7 system 2 user 2 assistant 1 tool 2"},
    {"an_unknown_role_is_a_message", WithMessage(R"("role":"critic")"), Counts,
     "messages 1 system 0 user 0 assistant 0 tool 0"},
    {"a_message_without_a_role_is_a_message", WithMessages("{}"), Counts,
     "messages 1 system 0 user 0 assistant 0 tool 0"},
    {"a_role_with_an_escape", WithMessage(R"("rol\u0065":"us\u0065r")"), Counts,
     "messages 1 system 0 user 1 assistant 0 tool 0"},
    {"a_role_behind_the_content", WithMessage(R"("content":"x","role":"user")"), LastUser, "\"x\""},

    {"text_bytes_without_quotes", WithMessage(R"("role":"user","content":"hello")"), TextBytes,
     "5"},
    {"text_bytes_of_all_messages",
     WithMessages(R"({"role":"system","content":"ab"},{"role":"user","content":"cde"})"), TextBytes,
     "5"},
    {"text_bytes_with_escapes_as_written", WithMessage(R"("role":"user","content":"a\n\u00e9")"),
     TextBytes, "9"},
    {"text_bytes_of_an_empty_text", WithMessage(R"("role":"user","content":"")"), TextBytes, "0"},
    {"text_bytes_of_null", WithMessage(R"("role":"assistant","content":null)"), TextBytes, "0"},
    {"text_bytes_of_parts",
     WithParts(R"({"type":"text","text":"abc"},{"type":"text","text":"de"})"), TextBytes, "5"},
    {"text_bytes_of_a_part_that_is_no_object", WithParts(R"("abc",1,null)"), TextBytes, "0"},
    {"text_bytes_of_a_text_that_is_no_string", WithParts(R"({"type":"text","text":17})"), TextBytes,
     "0"},

    {"the_last_user_message",
     WithMessages(R"({"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
                  R"({"role":"user","content":"c"},{"role":"assistant","content":"d"})"),
     LastUser, "\"c\""},
    {"no_user_message", WithMessage(R"("role":"system","content":"x")"), LastUser, ""},
    {"a_user_message_of_parts", WithParts(R"({"type":"text","text":"]"} )"), LastUser,
     R"([{"type":"text","text":"]"} ])"},
    {"a_user_message_of_no_parts", WithParts(" "), LastUser, "[ ]"},

    {"no_images", WithParts(R"({"type":"text","text":"image_url"})"), Images, "0"},
    {"two_images",
     WithParts(R"({"type":"image_url","image_url":{"url":"data:"}},{"type":"text","text":"x"},)"
               R"({"type":"image_url","image_url":{"url":"http://h"}})"),
     Images, "2"},
    {"an_image_whose_type_comes_last", WithParts(R"({"image_url":{},"type":"image\u005furl"})"),
     Images, "1"},
    {"audio", WithParts(R"({"type":"input_audio","input_audio":{"data":"","format":"wav"}})"),
     Audio, "1"},
    {"an_image_is_no_audio", WithParts(R"({"type":"image_url"})"), Audio, "0"},
    {"a_part_with_a_type_that_is_no_string", WithParts(R"({"type":1,"text":"x"})"), Images, "0"},

    {"no_tools", With(R"("a":1)"), Tools, "0"},
    {"three_tools", With(R"("tools":[{"type":"function"},{},{"x":[1]}])"), Tools, "3"},
    {"tools_null", With(R"("tools":null)"), Tools, "0"},
    {"tools_of_another_type_are_the_providers_business", With(R"("tools":"all")"), Tools, "0"},
    {"tool_calls_of_all_messages",
     WithMessages(R"({"role":"assistant","tool_calls":[{"id":"a"},{"id":"b"}]},)"
                  R"({"role":"assistant","content":null,"tool_calls":[{"id":"c"}]})"),
     ToolCalls, "3"},
    {"tool_calls_null", WithMessage(R"("role":"assistant","tool_calls":null)"), ToolCalls, "0"},

    {"no_response_format", With(R"("a":1)"), Schema, "no"},
    {"response_format_json_schema",
     With(R"("response_format":{"json_schema":{"type":"object"},"type":"json_schema"})"), Schema,
     "yes"},
    {"response_format_json_object", With(R"("response_format":{"type":"json_object"})"), Schema,
     "no"},
    {"response_format_null", With(R"("response_format":null)"), Schema, "no"},
    {"response_format_with_a_type_that_is_no_string", With(R"("response_format":{"type":{}})"),
     Schema, "no"},

    {"no_max_tokens", With(R"("a":1)"), MaxTokens, "none"},
    {"max_tokens", With(R"("max_tokens":1024)"), MaxTokens, "1024"},
    {"max_completion_tokens", With(R"("max_completion_tokens":77)"), MaxTokens, "77"},
    {"max_completion_tokens_before_max_tokens",
     With(R"("max_completion_tokens":77,"max_tokens":5)"), MaxTokens, "77"},
    {"max_completion_tokens_behind_max_tokens",
     With(R"("max_tokens":5,"max_completion_tokens":77)"), MaxTokens, "77"},
    {"a_useless_max_completion_tokens_leaves_max_tokens",
     With(R"("max_completion_tokens":null,"max_tokens":5)"), MaxTokens, "5"},
    {"max_tokens_0", With(R"("max_tokens":0)"), MaxTokens, "0"},
    {"max_tokens_null", With(R"("max_tokens":null)"), MaxTokens, "none"},
    {"max_tokens_negative", With(R"("max_tokens":-1)"), MaxTokens, "none"},
    {"max_tokens_with_a_fraction", With(R"("max_tokens":1.5)"), MaxTokens, "none"},
    {"max_tokens_of_15_digits", With(R"("max_tokens":123456789012345)"), MaxTokens,
     "123456789012345"},
    {"max_tokens_of_16_digits", With(R"("max_tokens":1234567890123456)"), MaxTokens, "none"},
    {"max_tokens_as_text", With(R"("max_tokens":"9")"), MaxTokens, "none"},

    {"a_thousand_levels_of_nesting", Nested(999), Model, "m"},
};

TEST(ChatRequest, FactsOfTheTable) {
  for (const FactsCase& c : kFactsCases) {
    SCOPED_TRACE(c.name);
    const Decoded decoded(Operation::kChat, c.body);
    ASSERT_TRUE(decoded.result.has_value()) << decoded.result.error().message << "\n" << c.body;
    EXPECT_EQ(c.of(decoded.request), c.want);
  }
}

// ---- What is wrong with a bad one.

struct BadCase {
  const char* name;
  std::string body;
  ErrorKind kind;
  const char* param;
  const char* says = "";  // part of the message
};

constexpr ErrorKind kJson = ErrorKind::kInvalidJson;
constexpr ErrorKind kMissing = ErrorKind::kMissingField;
constexpr ErrorKind kField = ErrorKind::kInvalidField;

const BadCase kBadCases[] = {
    {"nothing", "", kJson, "", "at byte 0"},
    {"white_space", "  ", kJson, "", "at byte 2"},
    {"a_word", "hello", kJson, "", "at byte 0"},
    {"an_open_object", R"({"model":"m")", kJson, "", "at byte 12"},
    {"an_open_object_behind_preferences", R"({"routing_preferences":[1])", kJson, "", "at byte 26"},
    {"a_comma_too_many", R"({"model":"m",})", kJson, "", "at byte 13"},
    {"a_missing_colon", R"({"model" "m"})", kJson, "", "at byte 9"},
    {"single_quotes", R"({'model':"m"})", kJson, "", "at byte 1"},
    {"a_comment", "{/**/}", kJson, "", "at byte 1"},
    {"NaN", With("\"x\":NaN"), kJson, "", "at byte 5"},
    {"something_behind_the_object", "{} {}", kJson, "", "at byte 3"},
    {"a_byte_order_mark", "\xEF\xBB\xBF{}", kJson, "", "at byte 0"},
    {"a_control_character_in_a_string", "{\"model\":\"a\nb\"}", kJson, "", "control character"},
    {"an_unknown_escape", R"({"model":"\x"})", kJson, "", "escape"},
    {"invalid_utf8", "{\"model\":\"a\xff\"}", kJson, "", "UTF-8 at byte 11"},
    {"invalid_utf8_in_a_field_that_nobody_reads", With("\"x\":\"\xc3\x28\""), kJson, "", "UTF-8"},
    {"a_number_that_begins_with_0", With("\"x\":01"), kJson, ""},
    {"nested_1001_deep", Nested(1000), kJson, "", "nested too deeply"},
    {"broken_text_wins_over_a_wrong_type", R"({"model":1,)", kJson, ""},
    {"broken_text_wins_over_a_second_key", R"({"model":"a","model":"b")", kJson, "", "not valid"},

    {"a_list", "[]", kField, "", "must be a JSON object"},
    {"a_string", "\"x\"", kField, "", "must be a JSON object"},
    {"null", "null", kField, "", "must be a JSON object"},
    {"a_broken_list", "[", kJson, ""},

    {"no_model", R"({"messages":[{}]})", kMissing, "model", "GET /v1/models"},
    {"an_empty_model", R"({"model":"","messages":[{}]})", kMissing, "model"},
    {"an_empty_object", "{}", kMissing, "model"},
    {"no_messages", R"({"model":"m"})", kMissing, "messages"},
    {"no_message", R"({"model":"m","messages":[]})", kMissing, "messages", "at least one"},
    {"a_model_that_is_a_number", R"({"model":7,"messages":[{}]})", kField, "model", "a string"},
    {"a_model_that_is_null", R"({"model":null,"messages":[{}]})", kField, "model"},
    {"a_model_that_is_an_object", R"({"model":{"a":1},"messages":[{}]})", kField, "model"},
    {"messages_that_are_a_string", R"({"model":"m","messages":"hi"})", kField, "messages",
     "a list"},
    {"messages_that_are_null", R"({"model":"m","messages":null})", kField, "messages"},
    {"messages_that_are_an_object", R"({"model":"m","messages":{}})", kField, "messages"},
    {"a_message_that_is_a_string", WithMessages(R"({},"hi")"), kField, "messages[1]", "an object"},
    {"a_message_that_is_null", WithMessages("null"), kField, "messages[0]"},
    {"a_role_that_is_a_number", WithMessages(R"({},{},{"role":1})"), kField, "messages[2].role"},
    {"a_role_that_is_null", WithMessage(R"("role":null)"), kField, "messages[0].role"},
    {"a_stream_that_is_a_string", With(R"("stream":"true")"), kField, "stream", "true or false"},
    {"a_stream_that_is_a_number", With(R"("stream":1)"), kField, "stream"},
    {"stream_options_that_are_true", With(R"("stream_options":true)"), kField, "stream_options"},
    {"stream_options_that_are_a_list", With(R"("stream_options":[])"), kField, "stream_options"},
    {"an_include_usage_that_is_a_string", With(R"("stream_options":{"include_usage":"yes"})"),
     kField, "stream_options.include_usage"},
    {"an_include_usage_that_is_an_object", With(R"("stream_options":{"include_usage":{}})"), kField,
     "stream_options.include_usage"},

    {"two_models", R"({"model":"a","model":"b","messages":[{}]})", kJson, "model", "stands twice"},
    {"the_same_model_twice", R"({"model":"a","model":"a","messages":[{}]})", kJson, "model"},
    {"a_second_model_with_an_escape", R"({"model":"a","mod\u0065l":"b","messages":[{}]})", kJson,
     "model"},
    {"messages_twice", R"({"model":"a","messages":[{}],"messages":[{}]})", kJson, "messages"},
    {"stream_twice", With(R"("stream":true,"stream":false)"), kJson, "stream"},
    {"stream_options_twice", With(R"("stream_options":{},"stream_options":{})"), kJson,
     "stream_options"},
    {"include_usage_twice",
     With(R"("stream_options":{"include_usage":true,"include_usage":false})"), kJson,
     "stream_options.include_usage"},
    {"tools_twice", With(R"("tools":[],"tools":[])"), kJson, "tools"},
    {"response_format_twice", With(R"("response_format":{},"response_format":{})"), kJson,
     "response_format"},
    {"the_type_of_response_format_twice",
     With(R"("response_format":{"type":"text","type":"json_schema"})"), kJson,
     "response_format.type"},
    {"max_tokens_twice", With(R"("max_tokens":1,"max_tokens":2)"), kJson, "max_tokens"},
    {"max_completion_tokens_twice", With(R"("max_completion_tokens":1,"max_completion_tokens":2)"),
     kJson, "max_completion_tokens"},
    {"a_session_id_twice", With(R"("session_id":"a","session_id":"a")"), kJson, "session_id"},
    {"metadata_twice", With(R"("metadata":{},"metadata":{})"), kJson, "metadata"},
    {"a_session_id_of_the_metadata_twice", With(R"("metadata":{"session_id":"a","session_id":1})"),
     kJson, "metadata.session_id"},
    {"a_conversation_id_of_the_metadata_twice",
     With(R"("metadata":{"conversation_id":"a","conversation_id":1})"), kJson,
     "metadata.conversation_id"},
    {"a_user_id_of_the_metadata_twice", With(R"("metadata":{"user_id":"a","user_id":1})"), kJson,
     "metadata.user_id"},
    {"a_cache_key_twice", With(R"("prompt_cache_key":"a","prompt_cache_key":"a")"), kJson,
     "prompt_cache_key"},
    {"a_conversation_twice", With(R"("conversation":"a","conversation":{"id":"a"})"), kJson,
     "conversation"},
    {"the_id_of_a_conversation_twice", With(R"("conversation":{"id":"a","id":"b"})"), kJson,
     "conversation.id"},
    {"an_agent_twice", With(R"("agent":"a","agent":"b")"), kJson, "agent"},
    {"a_role_twice", WithMessages(R"({},{"role":"user","role":"system"})"), kJson,
     "messages[1].role"},
    {"a_content_twice", WithMessage(R"("content":"a","content":"b")"), kJson,
     "messages[0].content"},
    {"tool_calls_twice", WithMessage(R"("tool_calls":[],"tool_calls":[])"), kJson,
     "messages[0].tool_calls"},
    {"the_text_of_a_part_twice", WithParts(R"({},{"text":"a","text":"b"})"), kJson,
     "messages[0].content[1].text"},
    {"the_type_of_a_part_twice", WithParts(R"({"type":"text","type":"image_url"})"), kJson,
     "messages[0].content[0].type"},

    {"the_first_problem_is_reported", R"({"stream":1,"model":2})", kField, "stream"},
    {"a_wrong_type_wins_over_a_missing_field", R"({"stream":1})", kField, "stream"},
};

TEST(ChatRequest, ErrorsOfTheTable) {
  for (const BadCase& c : kBadCases) {
    SCOPED_TRACE(c.name);
    const Decoded decoded(Operation::kChat, c.body);
    ASSERT_FALSE(decoded.result.has_value());
    const Error& error = decoded.result.error();
    EXPECT_EQ(static_cast<int>(error.kind), static_cast<int>(c.kind)) << error.message;
    EXPECT_EQ(error.side, Side::kClient);
    EXPECT_EQ(error.retry, Retry::kNever);
    EXPECT_EQ(error.param, c.param);
    EXPECT_NE(error.message.find(c.says), std::string::npos) << error.message;
  }
}

TEST(ChatRequest, AKeyThatNobodyReadsMayStandTwice) {
  const Decoded decoded(Operation::kChat, With(R"("user":"a","user":"b")"));
  EXPECT_TRUE(decoded.result.has_value());
}

TEST(ChatRequest, EveryPrefixOfABodyIsRefused) {
  const std::string body = Fixture("groq_tools_request.json");
  for (size_t bytes = 0; bytes < body.size(); ++bytes) {
    const Decoded decoded(Operation::kChat, body.substr(0, bytes));
    ASSERT_FALSE(decoded.result.has_value()) << bytes;
    ASSERT_EQ(decoded.result.error().kind, ErrorKind::kInvalidJson) << bytes;
  }
}

TEST(ChatRequest, CompletionsAndEmbeddingsNeedNoMessages) {
  for (const Operation operation : {Operation::kCompletions, Operation::kEmbeddings}) {
    EXPECT_TRUE(Decoded(operation, R"({"model":"m","input":"x"})").result.has_value());
    const Decoded missing(operation, R"({"input":"x"})");
    ASSERT_FALSE(missing.result.has_value());
    EXPECT_EQ(missing.result.error().param, "model");
    EXPECT_EQ(missing.request.operation, operation);
  }
}

TEST(ChatRequest, NothingOfAnEarlierRequestStays) {
  std::string scratch;
  Request request;
  const PaddedText full(With(R"("stream":true,"tools":[{}],"max_tokens":5)"));
  ASSERT_TRUE(DecodeRequest(Operation::kChat, full.view(), scratch, nullptr, request).has_value());
  const PaddedText poor(R"({"messages":[{}]})");
  ASSERT_FALSE(DecodeRequest(Operation::kChat, poor.view(), scratch, nullptr, request).has_value());
  EXPECT_EQ(request.model, "");
  EXPECT_EQ(request.body, poor.view());
  EXPECT_EQ(request.facts.stream, Streaming::kNo);
  EXPECT_EQ(request.facts.tools, 0);
  EXPECT_EQ(request.facts.max_tokens, std::nullopt);
}

// ---- Real requests; see fixtures/README.md.

struct RealCase {
  const char* file;
  const char* model;
  const char* counts;
  int tools;
  int tool_calls;
  IncludeUsage include_usage;
};

const RealCase kRealCases[] = {
    {"groq_tools_request.json", "openai/gpt-oss-120b",
     "messages 4 system 1 user 1 assistant 1 tool 1", 1, 1, IncludeUsage::kAbsent},
    {"openrouter_request.json", "anthropic/claude-sonnet-4.5",
     "messages 1 system 0 user 1 assistant 0 tool 0", 0, 0, IncludeUsage::kTrue},
};

TEST(ChatRequest, RealRequests) {
  for (const RealCase& c : kRealCases) {
    SCOPED_TRACE(c.file);
    const Decoded decoded(Operation::kChat, Fixture(c.file));
    ASSERT_TRUE(decoded.result.has_value()) << decoded.result.error().message;
    EXPECT_EQ(decoded.request.model, c.model);
    EXPECT_EQ(Counts(decoded.request), c.counts);
    EXPECT_EQ(decoded.request.facts.tools, c.tools);
    EXPECT_EQ(decoded.request.facts.tool_calls, c.tool_calls);
    EXPECT_EQ(decoded.request.facts.stream, Streaming::kYes);
    EXPECT_EQ(decoded.request.facts.include_usage, c.include_usage);
  }
}

}  // namespace
}  // namespace mainstay::wire::openai_chat
