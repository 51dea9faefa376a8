#include "cli/admin_client.h"

#include <fstream>

#include "cli/testing.h"

namespace mainstay::cli {
namespace {

using ::testing::HasSubstr;

// --- values ---

TEST(JsonValue, ReadsWhatIsThere) {
  const std::optional<JsonDocument> document = JsonDocument::Parse(
      R"( {"a":"x\ny","b":[1,{"c":null}],"d":-7,"e":1.5,"f":true,"g":{"h":"i"}} )");
  ASSERT_TRUE(document);
  const JsonValue root = document->root();
  EXPECT_TRUE(root.is_object());
  EXPECT_EQ(root["a"].text(), "x\ny");
  EXPECT_EQ(root["b"].elements().size(), 2U);
  EXPECT_TRUE(root["b"].elements()[1]["c"].is_null());
  EXPECT_EQ(root["d"].number(), -7);
  EXPECT_EQ(root["e"].number(3), 3);
  EXPECT_EQ(root["e"].text(), "1.5");
  EXPECT_TRUE(root["f"].is_true());
  EXPECT_EQ(root["g"]["h"].text(), "i");
  EXPECT_EQ(root.members().size(), 6U);
  // What is not there, or of another kind, is as null.
  EXPECT_TRUE(root["z"]["y"].is_null());
  EXPECT_EQ(root["z"].text(), "");
  EXPECT_TRUE(root["a"].elements().empty());
  EXPECT_TRUE(root["a"].members().empty());
}

TEST(JsonValue, TakesNothingButJson) {
  for (const char* const text : {"", "{", "{\"a\":}", "[1,]", "{} x", "\"\xff\""}) {
    EXPECT_FALSE(JsonDocument::Parse(text)) << text;
  }
}

// --- calls ---

struct RefusalCase {
  const char* name;
  CannedHandler::Canned answer;
  ErrorKind kind;
  const char* message;
};

const RefusalCase kRefusalCases[] = {
    {"a message",
     {.status = 404,
      .body = R"({"error":{"code":"SESSION_NOT_FOUND","message":"no such session"}})"},
     ErrorKind::kNotFound,
     "no such session"},
    {"fields",
     {.status = 400, .body = R"({"error":{"code":"VALIDATION_ERROR","message":"m","details":[
        {"field":"model","message":"is not configured","constraint":"one of a, b"},
        {"field":"limit","message":"must be 1 to 5","constraint":"1 to 5"}]}})"},
     ErrorKind::kInvalidField,
     "model is not configured (one of a, b)\nlimit must be 1 to 5"},
    {"no token",
     {.status = 401, .body = R"({"error":{"message":"m"}})"},
     ErrorKind::kInvalidApiKey,
     "the gateway wants its server.admin_token: set MAINSTAY_ADMIN_TOKEN or give --token-file"},
    {"a page of something else",
     {.status = 502, .body = "<html>"},
     ErrorKind::kInternal,
     "the gateway answered with status 502"},
};

TEST(AdminClient, SaysWhyItWasRefused) {
  for (const RefusalCase& row : kRefusalCases) {
    SCOPED_TRACE(row.name);
    CannedHandler handler(row.answer);
    const TestServer server(handler);
    const auto answer =
        AdminClient({.address = {.url = server.url()}}).Call(http::Method::kGet, "/api/state");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, row.kind);
    EXPECT_EQ(answer.error().message, row.message);
  }
}

TEST(AdminClient, SendsWhatTheAdminListenerAsksFor) {
  const std::string file = testing::TempDir() + "/mainstay-token-" + std::to_string(::getpid());
  std::ofstream(file) << "from-a-file\n";
  CannedHandler handler({.body = R"({"ok":true})"});
  const TestServer server(handler);
  const auto answer = AdminClient({.address = {.url = server.url()}, .token_file = file})
                          .Call(http::Method::kDelete, "/api/sessions/ff", "{}");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->root()["ok"].is_true());
  EXPECT_THAT(handler.seen(), HasSubstr("DELETE /api/sessions/ff\n"));
  EXPECT_THAT(handler.seen(), HasSubstr("host: localhost\n"));
  EXPECT_THAT(handler.seen(), HasSubstr("authorization: Bearer from-a-file\n"));
  EXPECT_THAT(handler.seen(), HasSubstr("content-type: application/json\n"));
  EXPECT_TRUE(handler.seen().ends_with("{}"));
  EXPECT_EQ(std::remove(file.c_str()), 0);
  const auto without = AdminClient({.address = {.url = server.url()}, .token_file = file})
                           .Call(http::Method::kGet, "/api/state");
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().message, file + ": does not exist");
}

TEST(AdminClient, ReadsLargeAnswers) {
  CannedHandler handler({.body = "\"" + std::string(3 << 20, 'x') + "\""});
  const TestServer server(handler);
  const auto answer =
      AdminClient({.address = {.url = server.url()}}).Call(http::Method::kGet, "/api/sessions");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->root().text().size(), size_t{3} << 20);
}

struct AddressCase {
  const char* url;
  ErrorKind kind;
  const char* message;
};

constexpr AddressCase kAddressCases[] = {
    {"localhost:1", ErrorKind::kInvalidField, "the gateway's address must begin with http://"},
    {"http://127.0.0.1:1", ErrorKind::kUpstreamUnreachable, "Connection refused"},
    {"unix:/nowhere/at/all", ErrorKind::kUpstreamUnreachable, "No such file"},
    {"unix:", ErrorKind::kUpstreamUnreachable, "cannot reach a gateway at unix:"},
};

TEST(AdminClient, SaysThatNobodyIsThere) {
  for (const AddressCase& row : kAddressCases) {
    const auto answer = AskGateway({.url = row.url}, {.target = "/"});
    ASSERT_FALSE(answer) << row.url;
    EXPECT_EQ(answer.error().kind, row.kind) << row.url;
    EXPECT_THAT(answer.error().message, HasSubstr(row.message));
  }
}

// --- explain ---

constexpr std::string_view kDecision = R"({"models":["acme/coder","openai/big"],"route":"code",
  "trace_id":"0","session_id":"s1","pinned":true,"switched":false,"reason":"pin_hit",
  "candidates":[{"model":"acme/coder","score":1,"terms":{"rank":1}},
                {"model":"openai/big","score":0.5,"terms":{"rank":0.5}}],
  "requested_model":"auto","pin":"hit",
  "dropped":[{"model":"local/llama","reason":"context_window"}],
  "signals":{"preference":{"outcome":"match","ms":2}}})";

TEST(Explain, SaysItInWords) {
  CannedHandler handler({.body = std::string(kDecision),
                         .header_name = "x-mainstay-session",
                         .header_value = "00ff"});
  const TestServer server(handler);
  const Outcome outcome = RunCommand({"explain", "--url", server.url(), "-H", "x-session-id: s1",
                                      "-H", "authorization: Bearer k", "say \"hi\""});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out, R"(model      acme/coder
reason     pin_hit: the session is pinned to this model
decision   code
requested  auto
session    s1
           00ff from 
pin        hit: pinned before
then       openai/big
candidates
  acme/coder  score 1    rank 1
  openai/big  score 0.5  rank 0.5
dropped
  local/llama  context_window
signals
  preference  outcome match  ms 2
)");
  EXPECT_THAT(handler.seen(), HasSubstr("POST /routing/v1/chat/completions?explain=1\n"));
  EXPECT_THAT(handler.seen(), HasSubstr("x-session-id: s1\n"));
  EXPECT_THAT(handler.seen(), HasSubstr("authorization: Bearer k\n"));
  EXPECT_TRUE(handler.seen().ends_with(
      R"({"model":"auto","messages":[{"role":"user","content":"say \"hi\""}]})"));
}

TEST(Explain, SaysHowTheRequestGoesOn) {
  CannedHandler handler({.body = std::string(kDecision),
                         .header_name = "x-mainstay-continuity",
                         .header_value = "extend"});
  const TestServer server(handler);
  EXPECT_THAT(RunCommand({"explain", "--url", server.url(), "hi"}).out,
              HasSubstr("continuity  extend: it goes on with a known conversation\n"));
}

TEST(Explain, PrintsAndSendsJsonAsItIs) {
  const std::string file = testing::TempDir() + "/mainstay-request-" + std::to_string(::getpid());
  std::ofstream(file) << R"({"model":"m","messages":[]})";
  CannedHandler handler({.body = std::string(kDecision)});
  const TestServer server(handler);
  const Outcome outcome = RunCommand({"explain", "--url", server.url(), "--json", "-f", file});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, std::string(kDecision) + "\n");
  EXPECT_TRUE(handler.seen().ends_with(R"({"model":"m","messages":[]})"));
  EXPECT_EQ(std::remove(file.c_str()), 0);
}

struct LineCase {
  const char* name;
  std::vector<std::string> words;
  int code;
  const char* err;
};

TEST(Explain, RefusesWhatItCannotAsk) {
  CannedHandler handler(
      {.status = 404, .body = R"({"error":{"code":"model_not_found","message":"no m\u001b"}})"});
  const TestServer server(handler);
  const LineCase cases[] = {
      {"nothing", {}, 2, "TEXT or --file is required"},
      {"both", {"hi", "-f", "x"}, 2, "excludes"},
      {"no header", {"hi", "-H", "x-session-id"}, 1, "-H wants 'name: value'"},
      {"a line break", {"hi", "-H", "a: b\nc: d"}, 1, "-H wants 'name: value'"},
      {"framing", {"hi", "-H", "Content-Length: 3"}, 1, "-H cannot set Content-Length"},
      {"no file", {"-f", "/nowhere/it.json"}, 1, "/nowhere/it.json: does not exist"},
      {"a refusal", {"hi"}, 1, "the gateway answers 404 model_not_found: no m?"},
  };
  for (const LineCase& row : cases) {
    SCOPED_TRACE(row.name);
    std::vector<std::string> words = {"explain", "--url", server.url()};
    words.insert(words.end(), row.words.begin(), row.words.end());
    const Outcome outcome = RunCommand(words);
    EXPECT_EQ(outcome.code, row.code);
    EXPECT_THAT(outcome.err, HasSubstr(row.err));
    EXPECT_EQ(outcome.out, "");
  }
}

}  // namespace
}  // namespace mainstay::cli
