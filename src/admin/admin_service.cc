#include "admin/admin_service.h"

#include <array>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/request_id.h"
#include "http/url.h"

namespace mainstay::admin {
namespace {

// A clock that a test moves by more than this was meant to be moved by less.
constexpr int64_t kAdvanceMsMax = int64_t{100} * 365 * 24 * 3600 * 1000;

std::string ErrorBody(std::string_view code, std::string_view message,
                      const Problems* problems = nullptr) {
  std::string body;
  json::Writer writer(body);
  writer.BeginObject().Key("error").BeginObject();
  writer.Key("code").String(code).Key("message").String(message);
  writer.Key("details").BeginArray();
  if (problems != nullptr) {
    for (const Problem& problem : problems->list()) {
      writer.BeginObject().Key("field").String(problem.path).Key("message").String(problem.message);
      writer.Key("line").Int(problem.line).Key("column").Int(problem.column).EndObject();
    }
  }
  writer.EndArray().EndObject().EndObject();
  return body;
}

// The host of "host:port" or "[v6]:port".
std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('[')) {
    return authority.substr(1, authority.find(']') - 1);
  }
  return authority.substr(0, authority.rfind(':'));
}

bool IsLoopbackName(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

bool IsMutation(http::Method method) {
  return method != http::Method::kGet && method != http::Method::kHead;
}

}  // namespace

// THE table of admin calls.
const AdminService::Route AdminService::kRoutes[] = {
    {"/metrics", http::Method::kGet, "GET, HEAD", true, &AdminService::Metrics},
    {"/healthz", http::Method::kGet, "GET, HEAD", true, &AdminService::Health},
    {"/api/state", http::Method::kGet, "GET, HEAD", false, &AdminService::State},
    {"/api/config", http::Method::kGet, "GET, HEAD", false, &AdminService::Config},
    {"/api/config/reload", http::Method::kPost, "POST", false, &AdminService::Reload},
    {"/debug/clock", http::Method::kPost, "POST", false, &AdminService::Clock},
};

io::Task<void> AdminService::Handle(http::ServerExchange& client) {
  const Answer answer = Serve(client);
  co_await Send(client, answer);
}

io::Task<void> AdminService::Refuse(const Error& error, http::ServerExchange& client) {
  Answer answer;
  answer.status = error.kind == ErrorKind::kRequestTooLarge     ? 413
                  : error.kind == ErrorKind::kHeadTooLarge      ? 431
                  : error.kind == ErrorKind::kRequestTimeout    ? 408
                  : error.kind == ErrorKind::kExpectationFailed ? 417
                                                                : 400;
  answer.body = ErrorBody("BAD_REQUEST", error.message);
  co_await Send(client, answer);
}

AdminService::Objection AdminService::Check(const Route& route,
                                            const http::RequestHead& head) const {
  // A page on another site can make a browser send requests here. It cannot choose Host, Origin, or
  // these content types, so checking them keeps it out.
  const std::string_view host = HostOf(head.host);
  if (options_.loopback && !IsLoopbackName(host)) {
    return {403, "FORBIDDEN_HOST", "this listener answers to localhost and loopback addresses"};
  }
  const std::string_view origin = head.headers.Value(http::HeaderId::kOrigin);
  if (!origin.empty()) {
    const size_t scheme = origin.find("://");
    const std::string_view authority =
        scheme == std::string_view::npos ? origin : origin.substr(scheme + 3);
    if (authority != head.host) {
      return {403, "FORBIDDEN_ORIGIN", "requests from pages of other sites are not taken"};
    }
  }
  if (IsMutation(head.method)) {
    const std::string_view type = head.headers.Value(http::HeaderId::kContentType);
    const std::string_view csrf = head.headers.Value(http::HeaderId::kXMainstayCsrf);
    if (!http::StartsWithIgnoreCase(type, "application/json") && csrf != "1") {
      return {403, "CSRF", "send content-type: application/json or x-mainstay-csrf: 1"};
    }
  }
  if (!route.open && !options_.token.empty()) {
    std::string_view given = head.headers.Value(http::HeaderId::kAuthorization);
    constexpr std::string_view kBearer = "bearer ";
    given = http::StartsWithIgnoreCase(given, kBearer) ? given.substr(kBearer.size())
                                                       : std::string_view{};
    if (!options_.token.Equals(given)) {
      return {401, "UNAUTHORIZED", "send 'Authorization: Bearer' with server.admin_token"};
    }
  }
  return {};
}

AdminService::Answer AdminService::Serve(http::ServerExchange& client) {
  const http::RequestHead& head = *client.head();
  const std::string_view path = http::SplitTarget(head.target).path;
  for (const Route& route : kRoutes) {
    const bool hidden = route.path == "/debug/clock" && !operations_.advance_clock;
    if (route.path != path || hidden) {
      continue;
    }
    const bool fits = head.method == route.method ||
                      (head.method == http::Method::kHead && route.method == http::Method::kGet);
    if (!fits) {
      return {
          .status = 405,
          .body = ErrorBody("METHOD_NOT_ALLOWED", "this path takes " + std::string(route.allow)),
          .allow = route.allow};
    }
    if (const Objection objection = Check(route, head); !objection.code.empty()) {
      return {.status = objection.status, .body = ErrorBody(objection.code, objection.message)};
    }
    return (this->*route.serve)(client);
  }
  return {.status = 404, .body = ErrorBody("NOT_FOUND", "there is nothing at this path")};
}

AdminService::Answer AdminService::Metrics(http::ServerExchange&) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = operations_.metrics()};
}

AdminService::Answer AdminService::Health(http::ServerExchange&) {
  return {.body = R"({"status":"ok"})"};
}

AdminService::Answer AdminService::State(http::ServerExchange&) {
  return {.body = operations_.state_json()};
}

AdminService::Answer AdminService::Config(http::ServerExchange&) {
  return {.content_type = "application/yaml; charset=utf-8", .body = operations_.config_text()};
}

AdminService::Answer AdminService::Reload(http::ServerExchange&) {
  const ReloadOutcome outcome = operations_.reload();
  if (!outcome.problems.empty()) {
    return {.status = 400,
            .body = ErrorBody("VALIDATION_ERROR",
                              "the file has problems; the configuration before stays in force",
                              &outcome.problems)};
  }
  Answer answer;
  json::Writer(answer.body)
      .BeginObject()
      .Key("ok")
      .Bool(true)
      .Key("configHash")
      .String(outcome.hash)
      .EndObject();
  return answer;
}

AdminService::Answer AdminService::Clock(http::ServerExchange& client) {
  json::Reader reader(client.body());
  int64_t advance_ms = -1;
  if (reader.Peek() == json::Type::kObject && reader.EnterObject()) {
    json::StringToken key;
    while (reader.NextMember(key)) {
      if (json::KeyEquals(key, "advance_ms")) {
        reader.ReadInt64(advance_ms);
      } else {
        reader.SkipValue();
      }
    }
  }
  if (!reader.Finish() || advance_ms < 0 || advance_ms > kAdvanceMsMax) {
    Problems problems;
    problems.Add("advance_ms", "must be a whole number of milliseconds, 0 or more");
    return {.status = 400,
            .body = ErrorBody("VALIDATION_ERROR", "send {\"advance_ms\": N}", &problems)};
  }
  operations_.advance_clock(std::chrono::milliseconds(advance_ms));
  return {.body = R"({"ok":true})"};
}

io::Task<void> AdminService::Send(http::ServerExchange& client, const Answer& answer) {
  client.BeginHead(answer.status);
  client.AddHeader("content-type", answer.content_type);
  client.AddHeader("cache-control", "no-store");
  const auto now =
      std::chrono::floor<std::chrono::milliseconds>(client.received().time_since_epoch());
  const std::array<char, 26> id = MakeRequestId(WallTime(now), random_);
  client.AddHeader("x-mainstay-request-id", {id.data(), id.size()});
  const std::string_view asked =
      client.head() == nullptr ? "" : client.head()->headers.Value(http::HeaderId::kXRequestId);
  client.AddHeader("x-request-id", asked.empty() ? std::string_view(id.data(), id.size()) : asked);
  if (!answer.allow.empty()) {
    client.AddHeader("allow", answer.allow);
  }
  if (answer.status == 401) {
    client.AddHeader("www-authenticate", "Bearer");
  }
  co_await client.SendWhole(answer.body, http::Persistence::kKeepAlive);
}

}  // namespace mainstay::admin
