#include "wire/openai_chat/errors.h"

#include "base/json_writer.h"

namespace mainstay::wire::openai_chat {
namespace {

constexpr std::string_view kRequest = "invalid_request_error";
constexpr std::string_view kApi = "api_error";

// The whole mapping. There is no default case, so a new kind does not compile without a row here.
constexpr ErrorShape Shape(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidJson:
      return {400, kRequest, "invalid_json"};
    case ErrorKind::kMissingField:
      return {400, kRequest, "missing_field"};
    case ErrorKind::kInvalidField:
      return {400, kRequest, "invalid_field"};
    case ErrorKind::kUnsupportedEncoding:
      return {415, kRequest, "unsupported_encoding"};
    case ErrorKind::kInvalidApiKey:
      return {401, "authentication_error", "invalid_api_key"};
    case ErrorKind::kModelNotAllowed:
      return {403, "permission_error", "model_not_allowed"};
    case ErrorKind::kModelNotFound:
      return {404, kRequest, "model_not_found"};
    case ErrorKind::kNotFound:
      return {404, kRequest, "not_found"};
    case ErrorKind::kMethodNotAllowed:
      return {405, kRequest, "method_not_allowed"};
    case ErrorKind::kRequestTooLarge:
      return {413, kRequest, "request_too_large"};
    case ErrorKind::kHeadTooLarge:
      return {431, kRequest, "request_too_large"};
    case ErrorKind::kBadFraming:
      return {400, kRequest, "bad_request"};
    case ErrorKind::kRequestTimeout:
      return {408, kRequest, "request_timeout"};
    case ErrorKind::kExpectationFailed:
      return {417, kRequest, "expectation_failed"};
    case ErrorKind::kCallerRateLimited:
      return {429, "rate_limit_error", "caller_rate_limited"};
    case ErrorKind::kUpstreamUnreachable:
      return {502, kApi, "upstream_unreachable"};
    case ErrorKind::kUpstreamTimeout:
      return {504, kApi, "upstream_timeout"};
    case ErrorKind::kUpstreamBroken:
      return {502, kApi, "upstream_broken"};
    case ErrorKind::kNoAccountForModel:
      return {503, kApi, "no_account_for_model"};
    case ErrorKind::kShuttingDown:
      return {503, kApi, "shutting_down"};
    case ErrorKind::kClientLeft:
      return {499, kRequest, "client_left"};
    case ErrorKind::kInternal:
      return {500, kApi, "internal_error"};
  }
  return {500, kApi, "internal_error"};
}
static_assert(Shape(ErrorKind::kCallerRateLimited).status == 429);

}  // namespace

ErrorShape ShapeOf(ErrorKind kind) {
  return Shape(kind);
}

void AppendErrorBody(const Error& error, std::string& out) {
  const ErrorShape shape = Shape(error.kind);
  out += R"({"error":{"message":)";
  json::AppendString(out, error.message);
  out += R"(,"type":)";
  json::AppendString(out, shape.type);
  out += R"(,"param":)";
  if (error.param.empty()) {
    out += "null";
  } else {
    json::AppendString(out, error.param);
  }
  out += R"(,"code":)";
  json::AppendString(out, shape.code);
  out += "}}";
}

void AppendErrorEvent(const Error& error, std::string& out) {
  out += "data: ";
  AppendErrorBody(error, out);
  out += "\n\n";
}

}  // namespace mainstay::wire::openai_chat
