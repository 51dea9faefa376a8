#include "wire/openai_chat/errors.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "wire/protocol.h"

namespace mainstay::wire::openai_chat {
namespace {

struct ShapeCase {
  ErrorKind kind;
  int status;
  const char* type;
  const char* code;
};

// Spec 02, the table of errors. Written out a second time, because clients rely on each of them.
const ShapeCase kShapeCases[] = {
    {ErrorKind::kInvalidJson, 400, "invalid_request_error", "invalid_json"},
    {ErrorKind::kMissingField, 400, "invalid_request_error", "missing_field"},
    {ErrorKind::kInvalidField, 400, "invalid_request_error", "invalid_field"},
    {ErrorKind::kUnsupportedEncoding, 415, "invalid_request_error", "unsupported_encoding"},
    {ErrorKind::kInvalidApiKey, 401, "authentication_error", "invalid_api_key"},
    {ErrorKind::kModelNotAllowed, 403, "permission_error", "model_not_allowed"},
    {ErrorKind::kModelNotFound, 404, "invalid_request_error", "model_not_found"},
    {ErrorKind::kNotFound, 404, "invalid_request_error", "not_found"},
    {ErrorKind::kMethodNotAllowed, 405, "invalid_request_error", "method_not_allowed"},
    {ErrorKind::kRequestTooLarge, 413, "invalid_request_error", "request_too_large"},
    {ErrorKind::kHeadTooLarge, 431, "invalid_request_error", "request_too_large"},
    {ErrorKind::kBadFraming, 400, "invalid_request_error", "bad_request"},
    {ErrorKind::kRequestTimeout, 408, "invalid_request_error", "request_timeout"},
    {ErrorKind::kExpectationFailed, 417, "invalid_request_error", "expectation_failed"},
    {ErrorKind::kCallerRateLimited, 429, "rate_limit_error", "caller_rate_limited"},
    {ErrorKind::kUpstreamUnreachable, 502, "api_error", "upstream_unreachable"},
    {ErrorKind::kUpstreamTimeout, 504, "api_error", "upstream_timeout"},
    {ErrorKind::kUpstreamBroken, 502, "api_error", "upstream_broken"},
    {ErrorKind::kNoAccountForModel, 503, "api_error", "no_account_for_model"},
    {ErrorKind::kShuttingDown, 503, "api_error", "shutting_down"},
    {ErrorKind::kClientLeft, 499, "invalid_request_error", "client_left"},
    {ErrorKind::kInternal, 500, "api_error", "internal_error"},
};

TEST(ChatErrors, EveryKindHasARowHere) {
  // kInternal is the last kind; a kind added behind it makes the switch in errors.cc fail to
  // compile.
  std::set<ErrorKind> kinds;
  for (const ShapeCase& c : kShapeCases) {
    kinds.insert(c.kind);
  }
  EXPECT_EQ(kinds.size(), static_cast<size_t>(ErrorKind::kInternal) + 1);
}

TEST(ChatErrors, ShapesOfTheTable) {
  for (const ShapeCase& c : kShapeCases) {
    SCOPED_TRACE(c.code);
    const ErrorShape shape = ShapeOf(c.kind);
    EXPECT_EQ(shape.status, c.status);
    EXPECT_EQ(shape.type, c.type);
    EXPECT_EQ(shape.code, c.code);
    EXPECT_EQ(RowOf(Protocol::kOpenAiChat).error_status(c.kind), c.status);
  }
}

TEST(ChatErrors, BodiesOfTheTable) {
  for (const ShapeCase& c : kShapeCases) {
    SCOPED_TRACE(c.code);
    std::string body = "before";
    AppendErrorBody({.kind = c.kind, .message = "say \"hi\"\n", .param = "a.b"}, body);
    ASSERT_TRUE(body.starts_with("before"));
    const nlohmann::json want = {
        {"error",
         {{"message", "say \"hi\"\n"}, {"type", c.type}, {"param", "a.b"}, {"code", c.code}}}};
    EXPECT_EQ(nlohmann::json::parse(body.substr(6)), want);
  }
}

TEST(ChatErrors, TheBytesOfABody) {
  std::string body;
  AppendErrorBody({.kind = ErrorKind::kModelNotFound, .message = "no m", .param = "model"}, body);
  EXPECT_EQ(body, R"({"error":{"message":"no m","type":"invalid_request_error","param":"model",)"
                  R"("code":"model_not_found"}})");
  body.clear();
  AppendErrorBody({.kind = ErrorKind::kInternal, .message = "x"}, body);
  EXPECT_EQ(body, R"({"error":{"message":"x","type":"api_error","param":null,)"
                  R"("code":"internal_error"}})");
}

TEST(ChatErrors, AMessageThatIsNoUtf8IsStillJson) {
  std::string body;
  AppendErrorBody({.kind = ErrorKind::kModelNotFound, .message = "the model '\xff\x01'"}, body);
  EXPECT_TRUE(nlohmann::json::accept(body)) << body;
}

TEST(ChatErrors, TheEventIsOneEvent) {
  const Error error{.kind = ErrorKind::kUpstreamBroken, .message = "broke\n\noff"};
  std::string body;
  AppendErrorBody(error, body);
  std::string event;
  AppendErrorEvent(error, event);
  EXPECT_EQ(event, "data: " + body + "\n\n");
  EXPECT_EQ(event.find("\n\n"), event.size() - 2);
}

TEST(Protocols, TheRowOfTheProtocolIsItsOwn) {
  const ProtocolRow& row = RowOf(Protocol::kOpenAiChat);
  EXPECT_EQ(row.protocol, Protocol::kOpenAiChat);
  EXPECT_EQ(row.credential_header, "authorization");
  EXPECT_EQ(row.credential_prefix, "Bearer ");
  std::string body;
  std::string event;
  row.append_error_body({.message = "x"}, "id", body);
  row.append_error_event({.message = "x"}, "id", event);
  EXPECT_EQ(event, "data: " + body + "\n\n");
}

}  // namespace
}  // namespace mainstay::wire::openai_chat
