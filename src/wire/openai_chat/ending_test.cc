#include "wire/openai_chat/ending.h"

#include <gtest/gtest.h>

namespace mainstay::wire::openai_chat {
namespace {

struct EndingCase {
  const char* name;
  std::string_view event;
  EndingFacts want;
};

constexpr EndingFacts kEnds{.ends_answer = true};
constexpr EndingFacts kGoesOn{};

const EndingCase kCases[] = {
    {"done", "data: [DONE]\n\n", kEnds},
    {"done_without_a_blank", "data:[DONE]\r\n\r\n", kEnds},
    {"done_without_an_empty_line", "data: [DONE]\n", kEnds},
    {"done_without_any_line_end", "data: [DONE]", kEnds},
    {"text", R"(data: {"choices":[{"index":0,"delta":{"content":"a"}}]})", kGoesOn},
    {"text_with_a_null_reason",
     R"(data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]})", kGoesOn},
    {"text_with_an_empty_reason",
     R"(data: {"choices":[{"delta":{"content":"a"},"finish_reason":""}]})", kGoesOn},
    {"a_reason", R"(data: {"choices":[{"delta":{},"finish_reason":"stop"}]})", kEnds},
    {"a_reason_of_the_second_choice",
     R"(data: {"choices":[{"finish_reason":null},{"finish_reason":"length"}]})", kEnds},
    {"a_reason_in_two_lines",
     "data: {\"choices\":[{\"delta\":{},\ndata: \"finish_reason\":\"tool_calls\"}]}\n\n", kEnds},
    {"a_reason_within_the_text",
     R"(data: {"choices":[{"delta":{"content":"\"finish_reason\":\"stop\""}}]})", kGoesOn},
    {"a_reason_elsewhere", R"(data: {"finish_reason":"stop","choices":[{"delta":{}}]})", kGoesOn},
    {"usage_alone",
     R"(data: {"choices":[],"usage":{"prompt_tokens":1}})",
     {.ends_answer = true, .has_usage = true}},
    {"usage_without_choices", R"(data: {"usage":{}})", {.ends_answer = true, .has_usage = true}},
    {"usage_with_text",
     R"(data: {"choices":[{"delta":{"content":"a"}}],"usage":{}})",
     {.has_usage = true}},
    {"usage_with_a_reason",
     R"(data: {"choices":[{"finish_reason":"stop"}],"usage":{}})",
     {.ends_answer = true, .has_usage = true}},
    {"no_usage", R"(data: {"choices":[],"usage":null})", kGoesOn},
    {"an_error", R"(data: {"error":{"message":"overloaded"}})", kEnds},
    {"a_named_error", "event: error\ndata: {\"error\":\"overloaded\"}\n\n", kEnds},
    {"no_error", R"(data: {"error":null,"choices":[{"delta":{}}]})", kGoesOn},
    {"half_an_event", R"(data: {"choices":[{"delta":{},"finish_reason":"st)", kGoesOn},
    {"something_behind_the_object", R"(data: {"usage":{}} x)", kGoesOn},
    {"choices_that_are_none", R"(data: {"choices":[1,"a",null]})", kGoesOn},
    {"no_object", "data: [1]", kGoesOn},
    {"no_json", "data: x", kGoesOn},
    {"a_comment", ": [DONE]\n\n", kGoesOn},
    {"no_data", "event: done\n\n", kGoesOn},
    {"an_empty_line", "\n", kGoesOn},
    {"nothing", "", kGoesOn},
};

TEST(Ending, IsReadFromTheLastEvent) {
  for (const EndingCase& row : kCases) {
    const EndingFacts facts = ReadEnding(row.event);
    EXPECT_EQ(facts.ends_answer, row.want.ends_answer) << row.name;
    EXPECT_EQ(facts.has_usage, row.want.has_usage) << row.name;
  }
}

}  // namespace
}  // namespace mainstay::wire::openai_chat
