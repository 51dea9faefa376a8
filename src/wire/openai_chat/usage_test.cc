#include "wire/openai_chat/usage.h"

#include <gtest/gtest.h>

#include <string_view>

#include "wire/openai_chat/testing.h"

namespace mainstay::wire::openai_chat {
namespace {

struct UsageCase {
  const char* name;
  std::string_view json;
  Usage want;
};

const UsageCase kUsageCases[] = {
    {"nothing", "{}", {}},
    {"openai",
     R"({"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,
         "prompt_tokens_details":{"cached_tokens":5,"audio_tokens":0},
         "completion_tokens_details":{"reasoning_tokens":2,"accepted_prediction_tokens":0}})",
     {.prompt = 9, .cached = 5, .completion = 4, .reasoning = 2}},
    {"openai_with_written_tokens",
     R"({"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":7}})",
     {.prompt = 9, .cached = 0, .cache_write = 7}},
    {"openai_embeddings", R"({"prompt_tokens":8,"total_tokens":8})", {.prompt = 8}},
    {"openai_details_null",
     R"({"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":null,
         "completion_tokens_details":null})",
     {.prompt = 9, .completion = 4}},
    {"deepseek",
     R"({"prompt_tokens":100,"completion_tokens":4,"prompt_cache_hit_tokens":64,
         "prompt_cache_miss_tokens":36})",
     {.prompt = 100, .cached = 64, .completion = 4}},
    {"top_level_cached_tokens",
     R"({"prompt_tokens":100,"cached_tokens":32})",
     {.prompt = 100, .cached = 32}},
    {"a_proxy_of_anthropic",
     R"({"prompt_tokens":100,"completion_tokens":1,"cache_creation_input_tokens":20,
         "cache_read_input_tokens":70})",
     {.prompt = 100, .cached = 70, .cache_write = 20, .completion = 1}},
    {"two_dialects_that_agree",
     R"({"prompt_cache_hit_tokens":64,"prompt_tokens_details":{"cached_tokens":64}})",
     {.cached = 64}},
    {"two_dialects_of_which_the_first_is_a_default",
     R"({"prompt_tokens_details":{"cached_tokens":0},"cache_read_input_tokens":70})",
     {.cached = 70}},
    {"two_dialects_of_which_the_second_is_a_default",
     R"({"cache_read_input_tokens":70,"prompt_tokens_details":{"cached_tokens":0}})",
     {.cached = 70}},
    {"zeros_are_counts",
     R"({"prompt_tokens":0,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":0}})",
     {.prompt = 0, .cached = 0, .completion = 0}},
    {"null_is_no_count", R"({"prompt_tokens":null,"completion_tokens":4})", {.completion = 4}},
    {"text_is_no_count", R"({"prompt_tokens":"9","completion_tokens":4})", {.completion = 4}},
    {"a_negative_number_is_no_count", R"({"prompt_tokens":-9})", {}},
    {"a_fraction_is_no_count", R"({"prompt_tokens":9.5})", {}},
    {"an_exponent_is_no_count", R"({"prompt_tokens":9e2})", {}},
    {"an_object_is_no_count",
     R"({"prompt_tokens":{"x":9},"completion_tokens":4})",
     {.completion = 4}},
    {"15_digits_are_a_count", R"({"prompt_tokens":123456789012345})", {.prompt = 123456789012345}},
    {"16_digits_are_no_count", R"({"prompt_tokens":1234567890123456})", {}},
    {"details_that_are_a_list",
     R"({"prompt_tokens":1,"prompt_tokens_details":[{"cached_tokens":5}]})",
     {.prompt = 1}},
    {"a_key_with_an_escape", R"({"prompt\u005ftokens":9})", {.prompt = 9}},
    {"counts_that_lie_deeper_are_not_ours", R"({"x":{"prompt_tokens":9}})", {}},
    {"what_nobody_knows_is_passed_over",
     R"({"cost":0.000669,"is_byok":false,"cost_details":{"a":null},"prompt_tokens":43})",
     {.prompt = 43}},
};

TEST(ChatUsage, DialectsOfTheTable) {
  for (const UsageCase& c : kUsageCases) {
    SCOPED_TRACE(c.name);
    const PaddedText text(c.json);
    json::Reader reader(text.view());
    Usage usage{.prompt = 1, .cached = 1, .cache_write = 1, .completion = 1, .reasoning = 1};
    ASSERT_TRUE(ReadUsage(reader, usage));
    EXPECT_TRUE(reader.Finish());
    EXPECT_EQ(usage.prompt, c.want.prompt);
    EXPECT_EQ(usage.cached, c.want.cached);
    EXPECT_EQ(usage.cache_write, c.want.cache_write);
    EXPECT_EQ(usage.completion, c.want.completion);
    EXPECT_EQ(usage.reasoning, c.want.reasoning);
  }
}

TEST(ChatUsage, WhatIsNoObjectFails) {
  for (const std::string_view json :
       {"null", "[]", "7", "\"x\"", "", "{\"prompt_tokens\":", "{\"a\"}", "{\"prompt_tokens\":1",
        "{\"prompt_tokens\":1,}"}) {
    const PaddedText text(json);
    json::Reader reader(text.view());
    Usage usage;
    EXPECT_FALSE(ReadUsage(reader, usage)) << json;
    EXPECT_TRUE(reader.failed()) << json;
  }
}

TEST(ChatUsage, TheReaderGoesOnBehindTheObject) {
  const PaddedText text(R"({"usage":{"prompt_tokens":3} ,"x":1})");
  json::Reader reader(text.view());
  json::StringToken key;
  Usage usage;
  ASSERT_TRUE(reader.EnterObject());
  ASSERT_TRUE(reader.NextMember(key));
  ASSERT_TRUE(ReadUsage(reader, usage));
  ASSERT_TRUE(reader.NextMember(key));
  EXPECT_EQ(key.raw, "x");
}

}  // namespace
}  // namespace mainstay::wire::openai_chat
