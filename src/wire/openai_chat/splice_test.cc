#include "wire/openai_chat/splice.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "wire/openai_chat/testing.h"

namespace mainstay::wire::openai_chat {
namespace {

std::string Joined(const Request& request, std::string_view model, AskUsage& ask) {
  std::string model_json;
  json::AppendString(model_json, model);
  SplicedBody body;
  ask = SpliceRequest(request, model_json, body);
  std::string joined;
  for (const std::string_view piece : body.Pieces(request.body)) {
    joined += piece;
  }
  EXPECT_EQ(joined.size(), body.bytes());
  EXPECT_EQ(body.changed(), joined != request.body);
  return joined;
}

struct SpliceCase {
  const char* name;
  std::string_view body;
  std::string_view model;  // of the provider
  std::string_view want;
  AskUsage ask;
};

constexpr AskUsage kNo = AskUsage::kNo;
constexpr AskUsage kYes = AskUsage::kYes;

const SpliceCase kSpliceCases[] = {
    {"the_same_model_changes_nothing", R"({"model":"m","messages":[{}]})", "m",
     R"({"model":"m","messages":[{}]})", kNo},
    {"another_model", R"({"model":"o/m","messages":[{}]})", "m", R"({"model":"m","messages":[{}]})",
     kNo},
    {"a_longer_model_behind_the_messages", R"({"messages":[{}],"model":"m"})", "much-longer",
     R"({"messages":[{}],"model":"much-longer"})", kNo},
    {"the_same_model_in_other_writing_is_written_plainly",
     R"({"model":"a\u002fb","messages":[{}]})", "a/b", R"({"model":"a/b","messages":[{}]})", kNo},
    {"a_model_that_needs_escapes", R"({"model":"m","messages":[{}]})", "a\"b\\c\n",
     R"({"model":"a\"b\\c\n","messages":[{}]})", kNo},
    {"odd_spacing_stays", "{ \"model\" :\n\t\"o/m\" ,\r\n \"messages\":[ {} ] , \"x\" : 1.00 } ",
     "m", "{ \"model\" :\n\t\"m\" ,\r\n \"messages\":[ {} ] , \"x\" : 1.00 } ", kNo},
    {"a_model_elsewhere_stays", R"({"metadata":{"model":"o/m"},"model":"o/m","messages":[{}]})",
     "m", R"({"metadata":{"model":"o/m"},"model":"m","messages":[{}]})", kNo},
    {"the_escaped_key_stays", R"({"mod\u0065l":"o/m","messages":[{}]})", "m",
     R"({"mod\u0065l":"m","messages":[{}]})", kNo},

    {"a_stream_without_options", R"({"model":"m","stream":true,"messages":[{}]})", "m",
     R"({"stream_options":{"include_usage":true},"model":"m","stream":true,"messages":[{}]})",
     kYes},
    {"a_stream_without_options_and_another_model",
     R"({"model":"o/m","stream":true,"messages":[{}]})", "m",
     R"({"stream_options":{"include_usage":true},"model":"m","stream":true,"messages":[{}]})",
     kYes},
    {"a_stream_behind_white_space", "\n { \"model\":\"m\",\"stream\":true,\"messages\":[{}]}", "m",
     "\n {\"stream_options\":{\"include_usage\":true}, "
     "\"model\":\"m\",\"stream\":true,\"messages\":[{}]}",
     kYes},
    {"a_stream_with_options_null",
     R"({"model":"m","stream":true,"stream_options":null,"messages":[{}]})", "m",
     R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{}]})",
     kYes},
    {"a_stream_with_empty_options",
     R"({"model":"m","stream":true,"stream_options":{},"messages":[{}]})", "m",
     R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{}]})",
     kYes},
    {"a_stream_with_blank_options",
     R"({"model":"m","stream":true,"stream_options":{ },"messages":[{}]})", "m",
     R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{}]})",
     kYes},
    {"a_stream_with_other_options",
     R"({"model":"m","stream":true,"stream_options":{ "x":"}" },"messages":[{}]})", "m",
     R"({"model":"m","stream":true,"stream_options":{"include_usage":true, "x":"}" },)"
     R"("messages":[{}]})",
     kYes},
    {"a_stream_that_asks",
     R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{}]})", "m",
     R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{}]})", kNo},
    {"a_stream_that_declines",
     R"({"model":"m","stream":true,"stream_options":{"include_usage":false},"messages":[{}]})", "m",
     R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{}]})",
     kYes},
    {"a_stream_that_says_null_among_others",
     R"({"stream_options":{"x":1,"include_usage": null ,"y":2},"model":"m","stream":true,)"
     R"("messages":[{}]})",
     "m",
     R"({"stream_options":{"x":1,"include_usage": true ,"y":2},"model":"m","stream":true,)"
     R"("messages":[{}]})",
     kYes},
    {"options_before_the_model",
     R"({"stream_options":{"x":1},"stream":true,"model":"o/m","messages":[{}]})", "m",
     R"({"stream_options":{"include_usage":true,"x":1},"stream":true,"model":"m","messages":[{}]})",
     kYes},
    {"stream_false_is_no_stream", R"({"model":"m","stream":false,"messages":[{}]})", "m",
     R"({"model":"m","stream":false,"messages":[{}]})", kNo},
    {"options_without_a_stream_stay", R"({"model":"m","stream_options":{},"messages":[{}]})", "m",
     R"({"model":"m","stream_options":{},"messages":[{}]})", kNo},
};

TEST(ChatSplice, BytesOfTheTable) {
  for (const SpliceCase& c : kSpliceCases) {
    SCOPED_TRACE(c.name);
    const Decoded decoded(Operation::kChat, c.body);
    ASSERT_TRUE(decoded.result.has_value()) << decoded.result.error().message;
    AskUsage ask = kNo;
    EXPECT_EQ(Joined(decoded.request, c.model, ask), c.want);
    EXPECT_EQ(ask, c.ask);
  }
}

// What a splice has to come to, said with a library that builds the document.
TEST(ChatSplice, MeansTheSameButForTwoValues) {
  for (const SpliceCase& c : kSpliceCases) {
    SCOPED_TRACE(c.name);
    const Decoded decoded(Operation::kChat, c.body);
    AskUsage ask = kNo;
    const nlohmann::json result = nlohmann::json::parse(Joined(decoded.request, c.model, ask));
    nlohmann::json want = nlohmann::json::parse(c.body);
    want["model"] = c.model;
    if (want.value("stream", false)) {
      if (!want.contains("stream_options") || want["stream_options"].is_null()) {
        want["stream_options"] = nlohmann::json::object();
      }
      want["stream_options"]["include_usage"] = true;
    }
    EXPECT_EQ(result, want);
  }
}

TEST(ChatSplice, OnlyChatStreamsAreAskedForUsage) {
  constexpr std::string_view kBody = R"({"model":"m","stream":true,"prompt":"x"})";
  for (const Operation operation : {Operation::kCompletions, Operation::kEmbeddings}) {
    const Decoded decoded(operation, kBody);
    ASSERT_TRUE(decoded.result.has_value());
    AskUsage ask = kYes;
    EXPECT_EQ(Joined(decoded.request, "m", ask), kBody);
    EXPECT_EQ(ask, kNo);
  }
}

TEST(ChatSplice, ARealRequest) {
  const std::string body = Fixture("groq_tools_request.json");
  const Decoded decoded(Operation::kChat, body);
  AskUsage ask = kNo;
  std::string spliced = Joined(decoded.request, "gpt-oss", ask);
  EXPECT_EQ(ask, kYes);
  // Taking the two changes back gives the bytes that came.
  constexpr std::string_view kInserted = R"("stream_options":{"include_usage":true},)";
  spliced.erase(1, kInserted.size());
  const std::string_view model = "\"gpt-oss\"";
  spliced.replace(spliced.rfind(model), model.size(), "\"openai/gpt-oss-120b\"");
  EXPECT_EQ(spliced, body);
}

TEST(ChatSplice, PathsBehindTheBaseUrl) {
  EXPECT_EQ(UpstreamPath(Operation::kChat), "/chat/completions");
  EXPECT_EQ(UpstreamPath(Operation::kCompletions), "/completions");
  EXPECT_EQ(UpstreamPath(Operation::kEmbeddings), "/embeddings");
}

// ---- The pieces themselves.

struct PiecesCase {
  const char* name;
  std::vector<Edit> edits;
  std::string_view want;
};

const PiecesCase kPiecesCases[] = {
    {"no_edit", {}, "0123456789"},
    {"at_the_front", {{{0, 2}, "ab"}}, "ab23456789"},
    {"at_the_end", {{{8, 10}, "x"}}, "01234567x"},
    {"an_insertion", {{{4, 4}, "--"}}, "0123--456789"},
    {"a_removal", {{{4, 6}, ""}}, "01236789"},
    {"everything", {{{0, 10}, "x"}}, "x"},
    {"behind_the_end", {{{10, 10}, "x"}}, "0123456789x"},
    {"two_in_order", {{{1, 2}, "a"}, {{5, 6}, "b"}}, "0a234b6789"},
    {"two_out_of_order", {{{5, 6}, "b"}, {{1, 2}, "a"}}, "0a234b6789"},
    {"neighbours", {{{3, 4}, "b"}, {{2, 3}, "a"}}, "01ab456789"},
    {"three_in_no_order", {{{5, 6}, "b"}, {{9, 10}, "c"}, {{1, 2}, "a"}}, "0a234b678c"},
};

TEST(SplicedBody, PiecesOfTheTable) {
  for (const PiecesCase& c : kPiecesCases) {
    SplicedBody body;
    for (const Edit& edit : c.edits) {
      body.Add(edit);
    }
    std::string joined;
    for (const std::string_view piece : body.Pieces("0123456789")) {
      joined += piece;
    }
    EXPECT_EQ(joined, c.want) << c.name;
    EXPECT_EQ(body.bytes(), c.want.size()) << c.name;
    EXPECT_EQ(body.changed(), !c.edits.empty()) << c.name;
  }
}

TEST(SplicedBodyDeathTest, AnEditTooMany) {
  SplicedBody body;
  for (size_t i = 0; i < SplicedBody::kEditsMax; ++i) {
    body.Add({{i, i}, "x"});
  }
  EXPECT_DEATH(body.Add({{9, 9}, "x"}), "check failed");
}

}  // namespace
}  // namespace mainstay::wire::openai_chat
