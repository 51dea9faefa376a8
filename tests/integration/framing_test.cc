// What clients may send, and how it is answered: framing, persistence, routes.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Answer;
using support::Answers;
using support::Chat;
using support::Client;
using support::End;
using support::Get;
using support::Post;
using support::PostChunked;
using support::World;
using ::testing::HasSubstr;

// --- one request, one answer ---

struct RequestCase {
  const char* name;
  std::string request;
  int status;
  End end;
  std::string_view methods = {};  // for ReadAnswers
  std::string_view body_has = {};
  int64_t calls = 0;  // that reached the provider
};

void PrintTo(const RequestCase& row, std::ostream* out) {
  *out << row.name;
}

class RequestTest : public ::testing::TestWithParam<RequestCase> {
 protected:
  static void Check(const Answer& answer, const RequestCase& row) {
    EXPECT_EQ(answer.status, row.status);
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.closes(), row.end == End::kEnded);
    EXPECT_EQ(answer.Count("x-request-id"), 1);
    EXPECT_EQ(answer.Count("x-mainstay-request-id"), 1);
    EXPECT_THAT(answer.body, HasSubstr(row.body_has));
  }
};

TEST_P(RequestTest, GetsItsAnswer) {
  const RequestCase& row = GetParam();
  World world;
  Client client = world.Ask(row.request);
  world.Advance(1s);
  Check(client.answer(row.methods), row);
  EXPECT_EQ(client.end(), row.end) << client.received();
  EXPECT_EQ(world.calls(), row.calls);
  client.FinishWriting();
  world.Run();
  EXPECT_EQ(world.client_connections(), 0);
}

TEST_P(RequestTest, IsTheSameByteByByte) {
  const RequestCase& row = GetParam();
  World world;
  world.SetClientLink({.chunk_bytes = 1});
  Client client = world.Ask(row.request);
  world.Advance(1s);
  Check(client.answer(row.methods), row);
  EXPECT_EQ(client.end(), row.end) << client.received();
  EXPECT_EQ(world.calls(), row.calls);
}

std::string Head(std::string_view request_line, std::string_view headers = "host: gateway\r\n") {
  return std::string(request_line) + "\r\n" + std::string(headers) + "\r\n";
}

std::vector<RequestCase> RequestCases() {
  const std::string chat = Chat();
  return {
      {"chat", Post(chat), 200, End::kOpen, "", "chat.completion", 1},
      {"chat_chunked", PostChunked(chat, 7), 200, End::kOpen, "", "chat.completion", 1},
      {"chat_chunked_in_bytes", PostChunked(chat, 1), 200, End::kOpen, "", "chat.completion", 1},
      {"chat_connection_close", Post(chat, "connection: close\r\n"), 200, End::kEnded, "",
       "chat.completion", 1},
      {"chat_http_1_0",
       "POST /v1/chat/completions HTTP/1.0\r\ncontent-length: " + std::to_string(chat.size()) +
           "\r\n\r\n" + chat,
       200, End::kEnded, "", "chat.completion", 1},
      {"chat_http_1_0_keep_alive",
       "POST /v1/chat/completions HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: " +
           std::to_string(chat.size()) + "\r\n\r\n" + chat,
       200, End::kOpen, "", "chat.completion", 1},
      {"chat_absolute_form", Post(chat, "", "http://gateway/v1/chat/completions"), 200, End::kOpen,
       "", "chat.completion", 1},
      {"completions", Post(R"({"model":"demo/small","prompt":"a"})", "", "/v1/completions"), 200,
       End::kOpen, "", "text_completion", 1},
      {"embeddings", Post(R"({"model":"demo/small","input":"a"})", "", "/v1/embeddings"), 200,
       End::kOpen, "", "embedding", 1},
      {"empty_line_before_the_request", "\r\n" + Post(chat), 200, End::kOpen, "", "", 1},
      {"models", Get("/v1/models"), 200, End::kOpen, "", "demo/large"},
      {"model", Get("/v1/models/demo%2Fsmall"), 200, End::kOpen, "", "demo/small"},
      {"model_unknown", Get("/v1/models/none"), 404, End::kOpen, "", "model_not_found"},
      {"model_broken_escape", Get("/v1/models/demo%2"), 404, End::kOpen, "", "model_not_found"},
      {"models_head", Head("HEAD /v1/models HTTP/1.1"), 200, End::kOpen, "H"},
      {"health", Get("/healthz"), 200, End::kOpen, "", "ok"},
      {"health_head", Head("HEAD /healthz HTTP/1.1"), 200, End::kOpen, "H"},
      {"health_with_a_body", "GET /healthz HTTP/1.1\r\nhost: g\r\ncontent-length: 3\r\n\r\nabc",
       200, End::kOpen, "", "ok"},
      {"health_http_1_0", "GET /healthz HTTP/1.0\r\n\r\n", 200, End::kEnded, "", "ok"},
      {"ready", Get("/readyz"), 200, End::kOpen, "", "ready"},
      {"options", Head("OPTIONS /v1/chat/completions HTTP/1.1"), 204, End::kOpen},
      {"not_found", Get("/v1/nothing"), 404, End::kOpen, "", "not_found"},
      {"not_found_head", Head("HEAD /v1/nothing HTTP/1.1"), 404, End::kOpen, "H"},
      {"not_found_prefix", Get("/v1/modelsx"), 404, End::kOpen, "", "not_found"},
      {"not_found_post_with_a_body", Post(chat, "", "/v1/nothing"), 404, End::kOpen, "",
       "not_found"},
      {"get_chat", Get("/v1/chat/completions"), 405, End::kOpen, "", "POST, OPTIONS"},
      {"head_chat", Head("HEAD /v1/chat/completions HTTP/1.1"), 405, End::kOpen, "H"},
      {"post_models", Post("{}", "", "/v1/models"), 405, End::kOpen, "", "GET, HEAD, OPTIONS"},
      {"unknown_method", Head("BREW /v1/chat/completions HTTP/1.1"), 405, End::kOpen, "",
       "method_not_allowed"},
      {"bad_json", Post("{"), 400, End::kOpen, "", "invalid_json"},
      {"no_body", Post(""), 400, End::kOpen, "", "invalid_json"},
      {"no_model", Post(R"({"messages":[{"role":"user","content":"a"}]})"), 400, End::kOpen, "",
       "missing_field"},
      {"unknown_model", Post(Chat("", "a", "nope")), 404, End::kOpen, "", "model_not_found"},
      {"expect_something_else", Post(chat, "expect: coffee\r\n"), 417, End::kEnded, "",
       "expectation_failed"},
      {"unknown_coding", Post(chat, "content-encoding: snappy\r\n"), 415, End::kOpen, "",
       "unsupported_encoding"},
  };
}

INSTANTIATE_TEST_SUITE_P(All, RequestTest, ::testing::ValuesIn(RequestCases()),
                         [](const auto& row) { return row.param.name; });

TEST(RouteTest, SaysWhichMethodsItTakes) {
  struct Row {
    std::string_view path;
    std::string_view allow;
  };
  const Row rows[] = {
      {"/v1/chat/completions", "POST, OPTIONS"},
      {"/v1/completions", "POST, OPTIONS"},
      {"/v1/embeddings", "POST, OPTIONS"},
      {"/v1/models", "GET, HEAD, OPTIONS"},
      {"/v1/models/demo/small", "GET, HEAD, OPTIONS"},
      {"/healthz", "GET, HEAD, OPTIONS"},
      {"/readyz", "GET, HEAD, OPTIONS"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.path);
    World world;
    const std::string rest = " " + std::string(row.path) + " HTTP/1.1\r\nhost: g\r\n\r\n";
    Client client = world.Ask("OPTIONS" + rest + "DELETE" + rest);
    ASSERT_EQ(client.answers().list.size(), 2U);
    EXPECT_EQ(client.answers().list[0].status, 204);
    EXPECT_EQ(client.answers().list[0].Header("allow"), row.allow);
    EXPECT_EQ(client.answers().list[1].status, 405);
    EXPECT_EQ(client.answers().list[1].Header("allow"), row.allow);
  }
}

// A client that ends its direction has left, as far as anybody can tell: nothing is asked of a
// provider for it. What costs nothing is still answered.
TEST(HalfClosedTest, IsTakenForLeaving) {
  for (const bool model : {true, false}) {
    World world;
    Client client = world.Connect();
    client.Send(model ? Post(Chat()) : Get("/healthz"));
    client.FinishWriting();
    world.Run();
    EXPECT_EQ(client.answer().status, model ? 0 : 200);
    EXPECT_EQ(client.end(), model ? End::kReset : End::kEnded);
    EXPECT_EQ(world.calls(), 0);
    EXPECT_EQ(world.client_connections(), 0);
  }
}

// --- bytes that must not be guessed at ---

struct SmugglingCase {
  const char* name;
  std::string request;
  int status = 400;
};

void PrintTo(const SmugglingCase& row, std::ostream* out) {
  *out << row.name;
}

class SmugglingTest : public ::testing::TestWithParam<SmugglingCase> {};

// Whatever stands behind the broken request must not become a request of its own.
TEST_P(SmugglingTest, IsRefusedOnceAndTheConnectionEnds) {
  for (const size_t chunk_bytes : {SIZE_MAX, size_t{1}}) {
    World world;
    world.SetClientLink({.chunk_bytes = chunk_bytes});
    Client client = world.Ask(GetParam().request + Post(Chat()));
    world.Advance(10s);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, GetParam().status) << client.received();
    EXPECT_TRUE(answer.whole);
    EXPECT_TRUE(answer.closes());
    EXPECT_EQ(client.end(), End::kEnded);
    EXPECT_EQ(world.calls(), 0);
    EXPECT_EQ(world.refused().size(), 1U);
    EXPECT_EQ(world.client_connections(), 0);
  }
}

std::string Lines(std::string_view headers, std::string_view body = "") {
  return "POST /v1/chat/completions HTTP/1.1\r\n" + std::string(headers) + "\r\n" +
         std::string(body);
}

std::vector<SmugglingCase> SmugglingCases() {
  const std::string host = "host: g\r\n";
  return {
      {"length_and_chunked",
       Lines(host + "content-length: 5\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n")},
      {"chunked_and_length",
       Lines(host + "transfer-encoding: chunked\r\ncontent-length: 5\r\n", "0\r\n\r\n")},
      {"two_lengths", Lines(host + "content-length: 1\r\ncontent-length: 2\r\n", "ab")},
      {"length_list", Lines(host + "content-length: 1, 2\r\n", "ab")},
      {"length_with_plus", Lines(host + "content-length: +1\r\n", "a")},
      {"length_negative", Lines(host + "content-length: -1\r\n")},
      {"length_hex", Lines(host + "content-length: 0x1\r\n", "a")},
      {"length_too_large_to_count", Lines(host + "content-length: 99999999999999999999\r\n")},
      {"chunked_twice", Lines(host + "transfer-encoding: chunked, chunked\r\n", "0\r\n\r\n")},
      {"chunked_not_last", Lines(host + "transfer-encoding: chunked, gzip\r\n", "0\r\n\r\n")},
      {"unknown_transfer_coding", Lines(host + "transfer-encoding: xchunked\r\n", "0\r\n\r\n")},
      {"chunked_http_1_0",
       "POST /v1/chat/completions HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"folded_header", Lines(host + "x-a: 1\r\n 2\r\n")},
      {"blank_before_colon", Lines(host + "content-length : 1\r\n", "a")},
      {"bare_lf", "POST /v1/chat/completions HTTP/1.1\nhost: g\n\n"},
      {"bare_cr_in_value", Lines(host + "x-a: 1\r2\r\n")},
      {"nul_in_value", Lines(host + std::string("x-a: 1\0002\r\n", 10))},
      {"no_host", Lines("content-length: 0\r\n")},
      {"two_hosts", Lines("host: a\r\nhost: b\r\n")},
      {"no_version", "GET /healthz\r\n\r\n"},
      {"http_2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"tls_hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 13)},
      {"chunk_size_bad", Lines(host + "transfer-encoding: chunked\r\n", "g\r\na\r\n0\r\n\r\n")},
      {"chunk_size_negative",
       Lines(host + "transfer-encoding: chunked\r\n", "-1\r\na\r\n0\r\n\r\n")},
      {"chunk_size_huge",
       Lines(host + "transfer-encoding: chunked\r\n", "fffffffffffffffff\r\na\r\n0\r\n\r\n")},
      {"chunk_without_its_end",
       Lines(host + "transfer-encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n")},
      {"chunk_line_bare_lf", Lines(host + "transfer-encoding: chunked\r\n", "1\na\n0\n\n")},
  };
}

INSTANTIATE_TEST_SUITE_P(All, SmugglingTest, ::testing::ValuesIn(SmugglingCases()),
                         [](const auto& row) { return row.param.name; });

// --- several requests on one connection ---

TEST(PipeliningTest, AnswersComeInTheOrderOfTheRequests) {
  for (const size_t chunk_bytes : {SIZE_MAX, size_t{1}, size_t{100}}) {
    World world;
    world.SetClientLink({.chunk_bytes = chunk_bytes});
    // The first takes longest.
    world.provider().On({.contains = "first"}).Do({.text = "one", .delay = 300ms});
    world.provider().On({.contains = "second"}).Do({.text = "two", .delay = 100ms});
    world.provider().On({.contains = "third"}).Do({.text = "three"});
    Client client =
        world.Ask(Post(Chat("", "first")) + Get("/healthz") + PostChunked(Chat("", "second"), 10) +
                  Head("HEAD /healthz HTTP/1.1") + Post(Chat("", "third")) + Get("/v1/nothing"));
    EXPECT_EQ(client.received(), "");
    world.Advance(1s);
    const Answers answers = client.answers("PGPHPG");
    EXPECT_EQ(answers.rest, "");
    ASSERT_EQ(answers.list.size(), 6U);
    EXPECT_THAT(answers.list[0].body, HasSubstr("\"one\""));
    EXPECT_THAT(answers.list[1].body, HasSubstr("ok"));
    EXPECT_THAT(answers.list[2].body, HasSubstr("\"two\""));
    EXPECT_EQ(answers.list[3].status, 200);
    EXPECT_THAT(answers.list[4].body, HasSubstr("\"three\""));
    EXPECT_EQ(answers.list[5].status, 404);
    EXPECT_EQ(world.calls(), 3);
    EXPECT_EQ(client.end(), End::kOpen);
  }
}

TEST(PipeliningTest, WhatFollowsACloseIsNotServed) {
  for (const size_t chunk_bytes : {SIZE_MAX, size_t{50}, size_t{1}}) {
    SCOPED_TRACE(chunk_bytes);
    World world;
    world.SetClientLink({.chunk_bytes = chunk_bytes});
    Client client = world.Ask(Post(Chat(), "connection: close\r\n") + Post(Chat()));
    world.Advance(5s);
    EXPECT_EQ(client.answer().status, 200);
    EXPECT_TRUE(client.answer().whole);
    EXPECT_EQ(client.end(), End::kEnded) << "not a reset, which could overtake the answer";
    EXPECT_EQ(world.calls(), 1);
  }
}

TEST(PipeliningTest, AThousandRequestsInOnePiece) {
  World world;
  std::string requests;
  for (int i = 0; i < 1000; ++i) {
    requests += Get("/healthz", "x-request-id: n" + std::to_string(i) + "\r\n");
  }
  Client client = world.Ask(requests);
  const Answers answers = client.answers();
  ASSERT_EQ(answers.list.size(), 1000U);
  for (size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(answers.list[i].Header("x-request-id"), "n" + std::to_string(i));
  }
}

// --- Expect: 100-continue ---

TEST(ExpectTest, ContinueIsSentBeforeTheBody) {
  struct Row {
    const char* name;
    std::string head;
    std::string body;
    int interim;
  };
  const std::string chat = Chat();
  const std::string length = "content-length: " + std::to_string(chat.size()) + "\r\n";
  const std::string chunked = PostChunked(chat, 9, "expect: 100-continue\r\n");
  const size_t chunked_head = chunked.find("\r\n\r\n") + 4;
  const std::string sized = Post(chat, "expect: 100-Continue\r\n");
  const size_t sized_head = sized.find("\r\n\r\n") + 4;
  const std::string old =
      "POST /v1/chat/completions HTTP/1.0\r\nexpect: 100-continue\r\n" + length + "\r\n";
  const Row rows[] = {
      {"sized", sized.substr(0, sized_head), sized.substr(sized_head), 1},
      {"chunked", chunked.substr(0, chunked_head), chunked.substr(chunked_head), 1},
      {"a part of the body is here", sized.substr(0, sized_head + 1), sized.substr(sized_head + 1),
       0},
      {"http 1.0 knows no interim answers", old, chat, 0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    Client client = world.Ask(row.head);
    EXPECT_EQ(client.received(), row.interim == 1 ? "HTTP/1.1 100 Continue\r\n\r\n" : "");
    client.Send(row.body);
    world.Run();
    const Answers answers = client.answers();
    ASSERT_EQ(answers.list.size(), static_cast<size_t>(row.interim) + 1);
    EXPECT_EQ(answers.list.back().status, 200);
    EXPECT_TRUE(answers.list.back().whole);
  }
}

TEST(ExpectTest, ARefusedBodyIsNotAskedFor) {
  gateway::Options options = support::Replicas(1);
  options.server.limits.body_bytes = 10;
  World world(options);
  Client client = world.Ask(
      "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nexpect: 100-continue\r\n"
      "content-length: 11\r\n\r\n");
  EXPECT_EQ(client.answer().status, 413);
}

// --- ids ---

TEST(IdsTest, AreContinuedOrMade) {
  struct Row {
    const char* name;
    std::string headers;
    std::string_view request_id;  // empty: the gateway's own
    std::string_view trace;
  };
  constexpr std::string_view kTrace = "0123456789abcdef0123456789abcdef";
  const std::string parent = "traceparent: 00-" + std::string(kTrace) + "-0123456789abcdef-01\r\n";
  const Row rows[] = {
      {"none", "", "", ""},
      {"both", "x-request-id: abc\r\n" + parent, "abc", kTrace},
      {"not printable", "x-request-id: a\xC3\xA4\r\n", "", ""},
      {"256 bytes", "x-request-id: " + std::string(256, 'i') + "\r\n", "i", ""},
      {"257 bytes", "x-request-id: " + std::string(257, 'i') + "\r\n", "", ""},
      {"broken trace", "traceparent: 00-xyz\r\n", "", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    const Answer answer = world.Ask(Post(Chat(), row.headers)).answer();
    const std::string_view own = answer.Header("x-mainstay-request-id");
    EXPECT_EQ(own.size(), 26U);
    const std::string_view id = answer.Header("x-request-id");
    EXPECT_TRUE(row.request_id.empty() ? id == own : id.starts_with(row.request_id)) << id;
    ASSERT_EQ(world.provider().calls().size(), 1U);
    EXPECT_EQ(world.provider().calls()[0].Header("x-request-id"), id);
    const std::string_view trace = world.provider().calls()[0].Header("traceparent");
    EXPECT_EQ(trace.size(), 55U);
    if (!row.trace.empty()) {
      EXPECT_EQ(trace.substr(3, 32), row.trace);
      EXPECT_NE(trace.substr(36, 16), "0123456789abcdef") << "the gateway's span is its own";
    }
  }
}

}  // namespace
}  // namespace mainstay
