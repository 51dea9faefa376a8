#include "fake_provider/fake_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "fake_provider/testing/provider_world.h"
#include "fake_provider/tokens.h"
#include "http/content_coding.h"

namespace mainstay::fake_provider {
namespace {

using namespace std::chrono_literals;
using testing::Chat;
using testing::Got;
using ::testing::HasSubstr;
using testing::World;
using Json = nlohmann::json;

// The data of each event; [DONE] as a string.
std::vector<Json> Events(std::string_view body) {
  std::vector<Json> events;
  while (!body.empty()) {
    const size_t end = body.find("\n\n");
    EXPECT_NE(end, std::string_view::npos) << body;
    EXPECT_TRUE(body.starts_with("data: ")) << body;
    const std::string_view data = body.substr(6, end - 6);
    events.push_back(data == "[DONE]" ? Json("[DONE]") : Json::parse(data));
    body.remove_prefix(end + 2);
  }
  return events;
}

// The message that a stream builds up.
Json Assemble(const std::vector<Json>& events) {
  Json message = {{"content", ""}, {"finish", nullptr}, {"tool_calls", Json::array()}};
  for (const Json& event : events) {
    if (event.is_string() || event["choices"].empty()) {
      continue;
    }
    const Json& choice = event["choices"][0];
    if (choice.contains("text")) {
      message["content"] =
          message["content"].get<std::string>() + choice["text"].get<std::string>();
    } else if (choice["delta"].contains("content")) {
      message["content"] =
          message["content"].get<std::string>() + choice["delta"]["content"].get<std::string>();
    } else if (choice["delta"].contains("tool_calls")) {
      for (const Json& part : choice["delta"]["tool_calls"]) {
        const size_t index = part["index"];
        if (index == message["tool_calls"].size()) {
          message["tool_calls"].push_back(part);
        } else {
          Json& function = message["tool_calls"][index]["function"];
          function["arguments"] = function["arguments"].get<std::string>() +
                                  part["function"]["arguments"].get<std::string>();
        }
      }
    }
    if (!choice["finish_reason"].is_null()) {
      message["finish"] = choice["finish_reason"];
    }
  }
  return message;
}

TEST(FakeProviderTest, AnswersAChat) {
  World world;
  const Got got = world.Chat(Chat("hello"));
  ASSERT_TRUE(got.whole());
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.Header("content-type"), "application/json");
  const Json body = Json::parse(got.body);
  EXPECT_EQ(body["object"], "chat.completion");
  EXPECT_THAT(body["id"].get<std::string>(), ::testing::StartsWith("chatcmpl-"));
  EXPECT_EQ(body["model"], "demo/small");
  const std::string text = body["choices"][0]["message"]["content"];
  // <|user|>\nhello<|end|>\n is 23 characters.
  EXPECT_EQ(text,
            "This is demo/small, a scripted model. I read 1 message of 6 tokens, 0 of them from my "
            "cache. You said: \"hello\"");
  EXPECT_EQ(body["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(body["usage"]["prompt_tokens"], 6);
  EXPECT_EQ(body["usage"]["completion_tokens"], TokensOf(text));
  EXPECT_EQ(body["usage"]["total_tokens"], 6 + TokensOf(text));
  EXPECT_EQ(body["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
}

TEST(FakeProviderTest, EqualSeedsGiveEqualAnswers) {
  World a;
  World b;
  EXPECT_EQ(a.Chat(Chat("hello")).body, b.Chat(Chat("hello")).body);
  EXPECT_NE(a.Chat(Chat("hello")).body, a.Chat(Chat("hello")).body) << "ids differ";
}

TEST(FakeProviderTest, AStreamSaysTheSame) {
  struct Case {
    const char* name;
    const char* target;
    std::string body;
  };
  const Case cases[] = {
      {"chat", "/v1/chat/completions", R"("messages":[{"role":"user","content":"hi  there ä"}])"},
      {"completion", "/v1/completions", R"("prompt":"once upon a time")"},
      {"tools", "/v1/chat/completions",
       R"("messages":[{"role":"user","content":"hi"}],"tools":[{"function":{"name":"f"}}])"},
  };
  for (const Case& row : cases) {
    World world;
    world.provider().On({}).Do(
        {.tool_calls = {{.name = "f", .arguments = R"({"x":"äöü"})", .id = "c"},
                        {.name = "g", .id = "d"}}});
    const Got whole =
        world.Send({.target = row.target, .body = R"({"model":"m",)" + row.body + "}"});
    const Got stream = world.Send(
        {.target = row.target, .body = R"({"model":"m","stream":true,)" + row.body + "}"});
    ASSERT_TRUE(whole.whole() && stream.whole()) << row.name;
    EXPECT_EQ(stream.Header("content-type"), "text/event-stream; charset=utf-8");
    const std::vector<Json> events = Events(stream.body);
    const Json message = Assemble(events);
    const Json choice = Json::parse(whole.body)["choices"][0];
    if (choice.contains("text")) {
      EXPECT_EQ(choice["text"], message["content"]) << row.name;
    } else if (choice["message"]["content"].is_null()) {
      EXPECT_EQ(message["content"], "") << row.name;
    } else {
      EXPECT_EQ(choice["message"]["content"], message["content"]) << row.name;
    }
    EXPECT_EQ(choice["finish_reason"], message["finish"]) << row.name;
    EXPECT_EQ(events.back(), "[DONE]") << row.name;
    if (std::string_view(row.name) == "tools") {
      EXPECT_EQ(message["finish"], "tool_calls");
      ASSERT_EQ(message["tool_calls"].size(), 2U);
      for (size_t i = 0; i < 2; ++i) {
        message["tool_calls"][i]["function"];
        const Json& call = choice["message"]["tool_calls"][i];
        EXPECT_EQ(call["id"], message["tool_calls"][i]["id"]);
        EXPECT_EQ(call["function"], message["tool_calls"][i]["function"]);
      }
    }
  }
}

TEST(FakeProviderTest, IncludeUsageAsOpenAiDoes) {
  struct Case {
    const char* name;
    std::string members;
    bool asked;
  };
  const Case cases[] = {
      {"not_asked", R"(,"stream":true)", false},
      {"asked", R"(,"stream":true,"stream_options":{"include_usage":true})", true},
      {"declined", R"(,"stream":true,"stream_options":{"include_usage":false})", false},
      {"null", R"(,"stream":true,"stream_options":null)", false},
  };
  for (const Case& row : cases) {
    World world;
    const std::vector<Json> events = Events(world.Chat(Chat("hello", row.members)).body);
    ASSERT_GT(events.size(), 5U) << row.name;
    for (size_t i = 0; i + 2 < events.size(); ++i) {
      EXPECT_EQ(events[i].contains("usage"), row.asked) << row.name << " event " << i;
      if (row.asked) {
        EXPECT_TRUE(events[i]["usage"].is_null());
      }
    }
    const Json& last = events[events.size() - 2];
    EXPECT_EQ(last["choices"].empty(), row.asked) << row.name;
    EXPECT_EQ(last.contains("usage"), row.asked) << row.name;
    if (row.asked) {
      EXPECT_EQ(last["usage"]["prompt_tokens"], 6);
    }
  }
}

TEST(FakeProviderTest, AConversationGrowsInTheCache) {
  World world;
  std::string messages = R"({"role":"system","content":")" + std::string(5000, 's') + R"("})";
  int64_t before = 0;
  for (int turn = 0; turn < 4; ++turn) {
    messages += R"(,{"role":"user","content":")" +
                std::string(1000, static_cast<char>('a' + turn)) + R"("})";
    const Json body =
        Json::parse(world.Chat(R"({"model":"m","messages":[)" + messages + "]}").body);
    const int64_t prompt = body["usage"]["prompt_tokens"];
    EXPECT_EQ(body["usage"]["prompt_tokens_details"]["cached_tokens"], before / 128 * 128);
    messages +=
        "," +
        Json({{"role", "assistant"}, {"content", body["choices"][0]["message"]["content"]}}).dump();
    before = prompt;
  }
  EXPECT_EQ(world.provider().calls().back().prompt_tokens, before);
  // Another account starts anew, and so does everybody after the TTL.
  const std::string request = R"({"model":"m","messages":[)" + messages + "]}";
  const auto cached = [](const Got& got) -> int64_t {
    return Json::parse(got.body)["usage"]["prompt_tokens_details"]["cached_tokens"];
  };
  EXPECT_EQ(cached(world.Send({.key = "key-b", .body = request})), 0);
  EXPECT_GT(cached(world.Send({.key = "key-b", .body = request})), before - 128);
  world.loop().Advance(601s);
  EXPECT_EQ(cached(world.Send({.key = "key-b", .body = request})), 0);
}

TEST(FakeProviderTest, LatencyFollowsTheCache) {
  Options options;
  options.latency = {.first_token = 100ms, .per_uncached_token = 100us, .gap = 10ms};
  World world(options);
  const std::string request = Chat(std::string(8192 - 18, 'x'), R"(,"stream":true)");
  const Got cold = world.Chat(request);
  EXPECT_EQ(cold.head_after, 100ms + 2048 * 100us);
  const Got warm = world.Chat(request);
  EXPECT_EQ(warm.head_after, 100ms + 128 * 100us);
  const size_t events = Events(warm.body).size();
  EXPECT_EQ(warm.reads.size(), events) << "each event comes by itself";
  EXPECT_EQ(warm.after - warm.head_after, (events - 1) * 10ms);
}

TEST(FakeProviderTest, APromptThatWasNotProcessedIsNotCached) {
  Options options;
  options.latency.first_token = 1s;
  World world(options);
  const std::string request = Chat(std::string(8000, 'x'));
  world.SendAndLeave({.body = request}, 500ms);
  EXPECT_EQ(world.provider().calls().back().state, CallState::kCancelled);
  EXPECT_EQ(world.provider().cache().blocks(), 0U);
  world.provider().On({.nth = 1}).Error(500);
  EXPECT_EQ(world.Chat(request).status, 500);
  EXPECT_EQ(world.provider().cache().blocks(), 0U);
  EXPECT_EQ(world.Chat(request).status, 200);
  EXPECT_GT(world.provider().cache().blocks(), 0U);
}

TEST(FakeProviderTest, ToolsAreCalledOnlyWhenTheRequestHasThem) {
  const std::string tools = R"(,"tools":[{"type":"function","function":{"name":"look_up"}}])";
  World world;
  world.provider().On({}).Do({.call_tool = "first"});
  const auto finish = [&](const std::string& body) -> std::string {
    return Json::parse(world.Chat(body).body)["choices"][0]["finish_reason"];
  };
  EXPECT_EQ(finish(Chat("hi", tools)), "tool_calls");
  EXPECT_EQ(finish(Chat("hi")), "stop");
  EXPECT_EQ(finish(R"({"model":"m","messages":[{"role":"user","content":"hi"},
                      {"role":"tool","content":"42","tool_call_id":"c"}])" +
                   tools + "}"),
            "stop")
      << "a loop of calls must end";
}

TEST(FakeProviderTest, StopsAtMaxTokens) {
  World world;
  world.provider().On({}).Do({.text_tokens = 1000});
  const Json body = Json::parse(world.Chat(Chat("hi", R"(,"max_completion_tokens":7)")).body);
  EXPECT_EQ(body["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(body["usage"]["completion_tokens"], 7);
  const Json all = Json::parse(world.Chat(Chat("hi")).body);
  EXPECT_EQ(all["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(all["usage"]["completion_tokens"], 1000);
}

TEST(FakeProviderTest, UsageIsWhatTheScriptSays) {
  World world;
  world.provider().On({}).Sequence(
      {{.usage = R"({"prompt_cache_hit_tokens":5})"},
       {.usage = UsageJson({.prompt = 10, .cached = 4, .completion = 2})},
       {.id = "chat-1", .extra = R"({"service_tier":"flex"})", .usage = ""}});
  EXPECT_EQ(Json::parse(world.Chat(Chat("x")).body)["usage"],
            Json({{"prompt_cache_hit_tokens", 5}}));
  EXPECT_EQ(Json::parse(world.Chat(Chat("x")).body)["usage"]["total_tokens"], 12);
  const Json last = Json::parse(world.Chat(Chat("x")).body);
  EXPECT_FALSE(last.contains("usage"));
  EXPECT_EQ(last["id"], "chat-1");
  EXPECT_EQ(last["service_tier"], "flex");
  const std::vector<Json> events = Events(
      world.Chat(Chat("x", R"(,"stream":true,"stream_options":{"include_usage":true})")).body);
  EXPECT_EQ(events[0]["service_tier"], "flex");
  for (const Json& event : events) {
    EXPECT_FALSE(event.is_object() && event.contains("usage"));
  }
}

TEST(FakeProviderTest, AnswersJsonWhenAsked) {
  World world;
  const Json body = Json::parse(
      world.Chat(Chat("say \\\"x\\\"", R"(,"response_format":{"type":"json_object"})")).body);
  const Json inside = Json::parse(body["choices"][0]["message"]["content"].get<std::string>());
  EXPECT_THAT(inside["answer"].get<std::string>(), HasSubstr("say \"x\""));
}

TEST(FakeProviderTest, Embeddings) {
  World world;
  const auto embed = [&](const std::string& members) {
    return Json::parse(
        world.Send({.target = "/v1/embeddings", .body = R"({"model":"e",)" + members + "}"}).body);
  };
  const Json two = embed(R"("input":["a","b"])");
  ASSERT_EQ(two["data"].size(), 2U);
  EXPECT_EQ(two["usage"]["total_tokens"], 2);
  EXPECT_EQ(two["data"][1]["index"], 1);
  EXPECT_EQ(two["data"][0]["embedding"].size(), 64U);
  EXPECT_NE(two["data"][0]["embedding"], two["data"][1]["embedding"]);
  double length2 = 0;
  for (const double value : two["data"][0]["embedding"].get<std::vector<double>>()) {
    length2 += value * value;
  }
  EXPECT_NEAR(length2, 1.0, 1e-3);
  EXPECT_EQ(embed(R"("input":"a")")["data"][0]["embedding"], two["data"][0]["embedding"]);
  const Json base64 = embed(R"("input":"a","encoding_format":"base64","dimensions":4)");
  // 16 bytes.
  EXPECT_THAT(base64["data"][0]["embedding"].get<std::string>(), ::testing::EndsWith("=="));
  EXPECT_EQ(base64["data"][0]["embedding"].get<std::string>().size(), 24U);
}

TEST(FakeProviderTest, Models) {
  World world;
  const Json list = Json::parse(world.Send({.method = "GET", .target = "/v1/models"}).body);
  ASSERT_EQ(list["data"].size(), 2U);
  EXPECT_EQ(list["data"][0]["id"], "demo/small");
  for (const char* target : {"/v1/models/demo/large", "/v1/models/demo%2Flarge"}) {
    EXPECT_EQ(Json::parse(world.Send({.method = "GET", .target = target}).body)["id"],
              "demo/large");
  }
}

struct RefusalCase {
  const char* name;
  testing::Ask ask;
  int status;
  std::string code;  // null when empty
};

TEST(FakeProviderTest, RefusesAsOpenAiDoes) {
  Options options;
  options.accounts = {{.alias = "a", .api_key = Secret("key-a")}};
  options.unknown_model = UnknownModel::kRefuse;
  World world(options);
  const RefusalCase cases[] = {
      {"good", {.body = Chat("x")}, 200, ""},
      {"no_json", {.body = "{"}, 400, ""},
      {"no_messages", {.body = R"({"model":"m"})"}, 400, ""},
      {"unknown_key", {.key = "other", .body = Chat("x")}, 401, "invalid_api_key"},
      {"no_key", {.key = "", .body = Chat("x")}, 401, "invalid_api_key"},
      {"unknown_model", {.body = Chat("x", "", "none")}, 404, "model_not_found"},
      {"unknown_model_by_name",
       {.method = "GET", .target = "/v1/models/none"},
       404,
       "model_not_found"},
      {"unknown_path", {.target = "/v1/nothing"}, 404, "unknown_url"},
      {"wrong_method", {.method = "GET"}, 405, "method_not_allowed"},
      {"models_are_read_only", {.target = "/v1/models"}, 405, "method_not_allowed"},
      {"unknown_coding", {.headers = {{"content-encoding", "lzw"}}, .body = Chat("x")}, 400, ""},
      {"broken_gzip", {.headers = {{"content-encoding", "gzip"}}, .body = Chat("x")}, 400, ""},
      {"bad_header_field", {.headers = {{"x-fake-statsu", "1"}}, .body = Chat("x")}, 400, ""},
      {"bad_model_field", {.body = Chat("x", "", "fake/status=x")}, 400, ""},
  };
  for (const RefusalCase& row : cases) {
    const Got got = world.Send(row.ask);
    ASSERT_TRUE(got.whole()) << row.name;
    EXPECT_EQ(got.status, row.status) << row.name;
    if (row.status != 200) {
      const Json error = Json::parse(got.body)["error"];
      EXPECT_FALSE(error["message"].get<std::string>().empty()) << row.name;
      EXPECT_EQ(error["code"], row.code.empty() ? Json(nullptr) : Json(row.code)) << row.name;
      EXPECT_TRUE(error.contains("type") && error.contains("param")) << row.name;
    }
  }
}

TEST(FakeProviderTest, HeadersAndModelNamesSteer) {
  World world;
  world.provider().On({}).Reply("scripted");
  struct Case {
    const char* name;
    testing::Ask ask;
    int status;
    std::string part;
  };
  const Case cases[] = {
      {"script", {.body = Chat("x")}, 200, "scripted"},
      {"header", {.headers = {{"X-Fake-Text", "by header"}}, .body = Chat("x")}, 200, "by header"},
      {"number_as_text", {.headers = {{"x-fake-text", "42"}}, .body = Chat("x")}, 200, "\"42\""},
      {"model", {.body = Chat("x", "", "fake/status=429,retry_after=30")}, 429, "rate_limit"},
      {"flag", {.body = Chat("x", "", "fake/overload")}, 503, "overloaded"},
      {"header_over_model",
       {.headers = {{"x-fake-status", "503"}, {"x-fake-error-code", "busy"}},
        .body = Chat("x", "", "fake/status=429")},
       503,
       "busy"},
  };
  for (const Case& row : cases) {
    const Got got = world.Send(row.ask);
    EXPECT_EQ(got.status, row.status) << row.name;
    EXPECT_THAT(got.body, HasSubstr(row.part)) << row.name;
    EXPECT_EQ(got.Header("retry-after"), std::string_view(row.name) == "model" ? "30" : "");
  }
}

TEST(FakeProviderTest, RecordsCalls) {
  Options options;
  options.accounts = {{.alias = "a", .api_key = Secret("key-a")},
                      {.alias = "b", .api_key = Secret("key-b")}};
  options.record_calls = 3;
  options.record_body_bytes_max = 40;
  World world(options);
  world.Chat(Chat("hello"));
  world.Send({.target = "/v1/chat/completions?x=1",
              .key = "key-b",
              .headers = {{"x-test", "7"}},
              .body = Chat("hello", "", "m")});
  const Call& call = world.provider().calls().back();
  EXPECT_EQ(call.number, 2);
  EXPECT_EQ(call.method, "POST");
  EXPECT_EQ(call.target, "/v1/chat/completions?x=1");
  EXPECT_EQ(call.Header("X-Test"), "7");
  EXPECT_EQ(call.body, Chat("hello", "", "m").substr(0, 40));
  EXPECT_EQ(call.account, "b");
  EXPECT_EQ(call.model, "m");
  EXPECT_EQ(call.at, world.Now());
  EXPECT_EQ(call.state, CallState::kFinished);
  EXPECT_EQ(call.status, 200);
  EXPECT_EQ(world.connections(), 1) << "kept alive";
  for (int i = 0; i < 5; ++i) {
    world.Chat(Chat("hello"));
  }
  EXPECT_EQ(world.provider().calls().size(), 3U);
  EXPECT_EQ(world.provider().calls().front().number, 5);
  EXPECT_EQ(world.provider().call_count(), 7);
}

TEST(FakeProviderTest, ControlPaths) {
  World world;
  world.Send({.headers = {{"X-Api-Key", "no-one-reads-this"}}, .body = Chat("hello")});
  const Got calls = world.Send({.method = "GET", .target = "/fake/calls"});
  EXPECT_EQ(calls.body.find("key-a"), std::string::npos);
  EXPECT_EQ(calls.body.find("no-one-reads-this"), std::string::npos);
  const Json listed = Json::parse(calls.body);
  ASSERT_EQ(listed["calls"].size(), 1U);
  EXPECT_EQ(listed["calls"][0]["account"], "key1");
  EXPECT_EQ(listed["calls"][0]["state"], "finished");
  EXPECT_EQ(world.Send({.method = "DELETE", .target = "/fake/calls"}).status, 200);
  EXPECT_TRUE(world.provider().calls().empty());
  EXPECT_EQ(
      world.Send({.target = "/fake/script", .body = R"({"rules":[{"actions":[{"text":"!"}]}]})"})
          .status,
      200);
  EXPECT_THAT(world.Chat(Chat("x")).body, HasSubstr("\"content\":\"!\""));
  const Got bad = world.Send({.target = "/fake/script", .body = R"({"rulez":[]})"});
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.body, HasSubstr("did you mean rules?"));
  world.Chat(Chat(std::string(8000, 'x')));
  EXPECT_GT(world.provider().cache().blocks(), 0U);
  world.Send({.method = "DELETE", .target = "/fake/cache"});
  EXPECT_EQ(world.provider().cache().blocks(), 0U);
}

TEST(FakeProviderTest, GzipBothWays) {
  World world;
  const std::string plain = world.Chat(Chat("hello", R"(,"stream":true)")).body;
  world.provider().On({}).Do({.gap = 1ms, .gzip = Gzip::kIfAsked});
  EXPECT_EQ(world.Chat(Chat("hello")).Header("content-encoding"), "");
  const Got got = world.Send(
      {.headers = {{"accept-encoding", "br, gzip"}}, .body = Chat("hello", R"(,"stream":true)")});
  EXPECT_EQ(got.Header("content-encoding"), "gzip");
  const std::unique_ptr<http::ContentDecoder> decoder =
      http::ContentDecoder::Create(http::Coding::kGzip).value();
  std::string decoded;
  for (const std::string& read : got.reads) {
    const size_t before = decoded.size();
    ASSERT_EQ(decoder->Feed(read, decoded, 1 << 20), http::DecodeStatus::kOk);
    EXPECT_GT(decoded.size(), before) << "each event can be read when it comes";
    EXPECT_TRUE(decoded.ends_with("\n\n"));
  }
  EXPECT_EQ(decoder->Finish(), http::DecodeStatus::kOk);
  EXPECT_EQ(Assemble(Events(decoded)), Assemble(Events(plain)));
  // The encoded bytes as a request: whoever sent them gets the same answer as for the plain ones.
  Answer request{.body = Chat("hello")};
  EncodeGzip(request);
  const Got answer = world.Send({.headers = {{"content-encoding", "gzip"}}, .body = request.body});
  EXPECT_THAT(answer.body, HasSubstr("You said: \\\"hello\\\""));
}

}  // namespace
}  // namespace mainstay::fake_provider
