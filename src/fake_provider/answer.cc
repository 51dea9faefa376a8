#include "fake_provider/answer.h"

#include <utility>

#include "base/json_writer.h"
#include "fake_provider/completion.h"
#include "fake_provider/embedding.h"
#include "fake_provider/gzip.h"

namespace mainstay::fake_provider {
namespace {

struct ErrorRow {
  int status;
  std::string_view type;
  std::string_view code;  // empty: null
  std::string_view message;
};
constexpr ErrorRow kErrors[] = {
    {400, "invalid_request_error", "", "The request is not valid."},
    {401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."},
    {402, "invalid_request_error", "billing_hard_limit_reached", "The account has no credit left."},
    {403, "invalid_request_error", "unsupported_country_region_territory",
     "The account may not do this."},
    {404, "invalid_request_error", "model_not_found", "The model does not exist."},
    {408, "timeout", "", "The request timed out."},
    {413, "invalid_request_error", "request_too_large", "The request is too large."},
    {422, "invalid_request_error", "", "The request cannot be processed."},
    {429, "requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."},
    {500, "server_error", "", "The server had an error while processing your request."},
    {502, "server_error", "bad_gateway", "Bad gateway."},
    {503, "server_error", "service_unavailable", "The engine is currently overloaded."},
    {504, "server_error", "gateway_timeout", "Gateway timeout."},
};

const ErrorRow& RowOf(int status) {
  for (const ErrorRow& row : kErrors) {
    if (row.status == status) {
      return row;
    }
  }
  return status < 500 ? kErrors[0] : kErrors[9];
}

void AppendError(std::string& out, std::string_view message, std::string_view type,
                 std::string_view param, std::string_view code) {
  json::Writer writer(out);
  const auto text_or_null = [&](std::string_view text) {
    if (text.empty()) {
      writer.Null();
    } else {
      writer.String(text);
    }
  };
  writer.BeginObject().Key("error").BeginObject();
  writer.Key("message").String(message).Key("type").String(type);
  writer.Key("param");
  text_or_null(param);
  writer.Key("code");
  text_or_null(code);
  writer.EndObject().EndObject();
}

void AppendModel(json::Writer& writer, std::string_view model) {
  // The day on which the first model with this protocol came out: clients want a date.
  constexpr int64_t kCreated = 1'677'610'602;
  writer.BeginObject().Key("id").String(model).Key("object").String("model");
  writer.Key("created").Int(kCreated).Key("owned_by").String("mainstay").EndObject();
}

std::vector<size_t> FindEventEnds(std::string_view body) {
  std::vector<size_t> ends;
  for (size_t at = body.find("\n\n"); at != std::string_view::npos; at = body.find("\n\n", at)) {
    at += 2;
    ends.push_back(at);
  }
  if (ends.empty() || ends.back() != body.size()) {
    ends.push_back(body.size());
  }
  return ends;
}

}  // namespace

Answer MakeAnswer(const Incoming& request, const Action& action, const AnswerFacts& facts) {
  if (request.operation == Operation::kEmbeddings) {
    return MakeEmbeddings(request, action, facts);
  }
  return MakeCompletion(request, action, facts);
}

Answer MakeError(int status, std::string_view code) {
  const ErrorRow& row = RowOf(status);
  Answer answer{.status = status};
  AppendError(answer.body, row.message, row.type, "", code.empty() ? row.code : code);
  return answer;
}

Answer MakeRefusal(const Error& error) {
  Answer answer{.status = 400};
  AppendError(answer.body, error.message, "invalid_request_error", error.param, "");
  return answer;
}

Answer MakeModelNotFound(std::string_view model) {
  Answer answer{.status = 404};
  AppendError(
      answer.body,
      "The model `" + std::string(model) + "` does not exist or you do not have access to it.",
      "invalid_request_error", "", "model_not_found");
  return answer;
}

Answer MakeUnauthorized() {
  return MakeError(401, "");
}

Answer MakeModelList(const std::vector<std::string>& models) {
  Answer answer;
  json::Writer writer(answer.body);
  writer.BeginObject().Key("object").String("list").Key("data").BeginArray();
  for (const std::string& model : models) {
    AppendModel(writer, model);
  }
  writer.EndArray().EndObject();
  return answer;
}

Answer MakeModel(std::string_view model) {
  Answer answer;
  json::Writer writer(answer.body);
  AppendModel(writer, model);
  return answer;
}

Answer MakeVerbatim(const Action& action) {
  if (action.raw) {
    return {.kind = Answer::Kind::kRaw, .body = *action.raw};
  }
  Answer answer{.status = action.status, .content_type = "text/plain", .body = *action.body};
  const std::string_view body = answer.body;
  if (body.starts_with("data:") || body.starts_with("event:") || body.starts_with(":")) {
    answer.kind = Answer::Kind::kStream;
    answer.content_type = "text/event-stream";
    answer.event_ends = FindEventEnds(body);
  } else if (body.starts_with('{') || body.starts_with('[')) {
    answer.content_type = "application/json";
  }
  return answer;
}

Answer MakeOverload(Streaming stream) {
  if (stream == Streaming::kNo) {
    return MakeError(503, "overloaded");
  }
  Answer answer{.kind = Answer::Kind::kStream, .content_type = "text/event-stream"};
  answer.body = "data: ";
  AppendError(answer.body, "The server is overloaded", "server_error", "", "overloaded");
  answer.body += "\n\n";
  answer.event_ends = {answer.body.size()};
  return answer;
}

void EncodeGzip(Answer& answer) {
  std::vector<size_t> ends = answer.event_ends;
  if (ends.empty()) {
    ends.push_back(answer.body.size());
  }
  StoredGzip gzip;
  std::string encoded;
  size_t from = 0;
  for (size_t& end : ends) {
    gzip.Append(std::string_view(answer.body).substr(from, end - from), encoded);
    from = std::exchange(end, encoded.size());
  }
  gzip.Finish(encoded);
  ends.back() = encoded.size();
  answer.body = std::move(encoded);
  if (!answer.event_ends.empty()) {
    answer.event_ends = std::move(ends);
  }
}

std::string FillerText(int64_t tokens) {
  // 16 characters are four tokens.
  constexpr std::string_view kWords = "all work and no ";
  std::string text;
  const auto bytes = static_cast<size_t>(tokens) * 4;
  text.reserve(bytes + kWords.size());
  while (text.size() < bytes) {
    text += kWords;
  }
  text.resize(bytes);
  return text;
}

}  // namespace mainstay::fake_provider
