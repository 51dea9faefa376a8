#include "admin/admin_service.h"

#include <array>
#include <utility>
#include <vector>

#include "admin/fields.h"
#include "base/json_writer.h"
#include "base/request_id.h"
#include "http/url.h"

namespace mainstay::admin {
namespace {

// A clock that a test moves by more than this was meant to be moved by less.
constexpr int64_t kAdvanceMsMax = int64_t{100} * 365 * 24 * 3600 * 1000;

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

// Whether the path is one of the pattern; `id` becomes what stands for {id}, as it was sent.
bool Matches(std::string_view pattern, std::string_view path, std::string_view& id) {
  constexpr std::string_view kPlace = "{id}";
  const size_t place = pattern.find(kPlace);
  if (place == std::string_view::npos) {
    return pattern == path;
  }
  const std::string_view before = pattern.substr(0, place);
  const std::string_view after = pattern.substr(place + kPlace.size());
  if (path.size() < before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after)) {
    return false;
  }
  id = path.substr(before.size(), path.size() - before.size() - after.size());
  return id.find('/') == std::string_view::npos;
}

// The id of a path, or the refusal of one that is none.
struct PathId {
  std::string id;
  std::optional<Answer> refusal;
};
PathId DecodeId(std::string_view raw) {
  std::optional<std::string> id = http::PercentDecode(raw);
  if (id && !id->empty()) {
    return {.id = *std::move(id), .refusal = {}};
  }
  const Detail detail{
      .field = "id",
      .message = id ? "is empty" : "has a percent sign without two hexadecimal digits",
      .constraint = "one segment of the path, percent-encoded"};
  return {.id = {}, .refusal = ValidationError({&detail, 1})};
}

}  // namespace

// THE table of admin calls.
const AdminService::Route AdminService::kRoutes[] = {
    {"/metrics", http::Method::kGet, true,
     [](AdminService& s, const Call&) {
       return Answer{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                     .body = s.operations_.metrics()};
     }},
    {"/healthz", http::Method::kGet, true,
     [](AdminService&, const Call&) { return Answer{.body = R"({"status":"ok"})"}; }},
    {"/api/state", http::Method::kGet, false,
     [](AdminService& s, const Call&) { return Answer{.body = s.operations_.state_json()}; }},
    {"/api/config", http::Method::kGet, false,
     [](AdminService& s, const Call&) {
       return Answer{.content_type = "application/yaml; charset=utf-8",
                     .body = s.operations_.config_text()};
     }},
    {"/api/config/reload", http::Method::kPost, false,
     [](AdminService& s, const Call&) { return s.Reload(); }},
    {"/api/sessions", http::Method::kGet, false,
     [](AdminService& s, const Call& c) { return s.sessions_.List(c); }},
    {"/api/sessions", http::Method::kDelete, false,
     [](AdminService& s, const Call& c) { return s.sessions_.DeleteMany(c); }},
    {"/api/sessions/lookup", http::Method::kPost, false,
     [](AdminService& s, const Call& c) { return s.sessions_.Lookup(c); }},
    {"/api/sessions/{id}", http::Method::kGet, false,
     [](AdminService& s, const Call& c) { return s.sessions_.Show(c); }},
    {"/api/sessions/{id}", http::Method::kDelete, false,
     [](AdminService& s, const Call& c) { return s.sessions_.Delete(c); }},
    {"/api/sessions/{id}/pin", http::Method::kPost, false,
     [](AdminService& s, const Call& c) { return s.sessions_.Pin(c); }},
    {"/api/sessions/{id}/unpin", http::Method::kPost, false,
     [](AdminService& s, const Call& c) { return s.sessions_.Unpin(c); }},
    {"/api/sessions/{id}/vtc", http::Method::kPost, false,
     [](AdminService& s, const Call& c) { return s.sessions_.SetVtc(c); }},
    {"/debug/clock", http::Method::kPost, false,
     [](AdminService& s, const Call& c) { return s.Clock(c); }},
};

io::Task<void> AdminService::Handle(http::ServerExchange& client) {
  const Answer answer = Serve(client);
  co_await Send(client, answer);
}

io::Task<void> AdminService::Refuse(const Error& error, http::ServerExchange& client) {
  const int status = error.kind == ErrorKind::kRequestTooLarge     ? 413
                     : error.kind == ErrorKind::kHeadTooLarge      ? 431
                     : error.kind == ErrorKind::kRequestTimeout    ? 408
                     : error.kind == ErrorKind::kExpectationFailed ? 417
                                                                   : 400;
  const Answer answer = ErrorAnswer(status, "BAD_REQUEST", error.message);
  co_await Send(client, answer);
}

std::optional<Answer> AdminService::Check(const Route& route, const http::RequestHead& head) const {
  // A page on another site can make a browser send requests here. It cannot choose Host, Origin, or
  // these content types, so checking them keeps it out.
  const std::string_view host = HostOf(head.host);
  if (options_.loopback && !IsLoopbackName(host)) {
    return ErrorAnswer(403, "FORBIDDEN_HOST",
                       "this listener answers to localhost and loopback addresses");
  }
  const std::string_view origin = head.headers.Value(http::HeaderId::kOrigin);
  if (!origin.empty()) {
    const size_t scheme = origin.find("://");
    const std::string_view authority =
        scheme == std::string_view::npos ? origin : origin.substr(scheme + 3);
    if (authority != head.host) {
      return ErrorAnswer(403, "FORBIDDEN_ORIGIN",
                         "requests from pages of other sites are not taken");
    }
  }
  if (IsMutation(head.method)) {
    const std::string_view type = head.headers.Value(http::HeaderId::kContentType);
    const std::string_view csrf = head.headers.Value(http::HeaderId::kXMainstayCsrf);
    if (!http::StartsWithIgnoreCase(type, "application/json") && csrf != "1") {
      return ErrorAnswer(403, "CSRF", "send content-type: application/json or x-mainstay-csrf: 1");
    }
  }
  if (!route.open && !options_.token.empty()) {
    std::string_view given = head.headers.Value(http::HeaderId::kAuthorization);
    constexpr std::string_view kBearer = "bearer ";
    given = http::StartsWithIgnoreCase(given, kBearer) ? given.substr(kBearer.size())
                                                       : std::string_view{};
    if (!options_.token.Equals(given)) {
      return ErrorAnswer(401, "UNAUTHORIZED",
                         "send 'Authorization: Bearer' with server.admin_token");
    }
  }
  return std::nullopt;
}

Answer AdminService::Serve(http::ServerExchange& client) {
  const http::RequestHead& head = *client.head();
  const http::TargetParts target = http::SplitTarget(head.target);
  const http::Method method = head.method == http::Method::kHead ? http::Method::kGet : head.method;
  std::string allow;
  for (const Route& route : kRoutes) {
    std::string_view raw_id;
    const bool hidden = route.path == "/debug/clock" && !operations_.advance_clock;
    if (hidden || !Matches(route.path, target.path, raw_id)) {
      continue;
    }
    if (method != route.method) {
      allow += (allow.empty() ? "" : ", ") + std::string(http::MethodName(route.method)) +
               (route.method == http::Method::kGet ? ", HEAD" : "");
      continue;
    }
    if (std::optional<Answer> refusal = Check(route, head)) {
      return *std::move(refusal);
    }
    PathId id;
    if (route.path.find("{id}") != std::string_view::npos) {
      id = DecodeId(raw_id);
    }
    return id.refusal
               ? *std::move(id.refusal)
               : route.serve(*this, {.query = target.query, .body = client.body(), .id = id.id});
  }
  if (allow.empty()) {
    return ErrorAnswer(404, "NOT_FOUND", "there is nothing at this path");
  }
  Answer answer = ErrorAnswer(405, "METHOD_NOT_ALLOWED", "this path takes " + allow);
  answer.allow = std::move(allow);
  return answer;
}

Answer AdminService::Reload() {
  const ReloadOutcome outcome = operations_.reload();
  if (!outcome.problems.empty()) {
    return ErrorAnswer(400, "VALIDATION_ERROR",
                       "the file has problems; the configuration before stays in force",
                       DetailsOf(outcome.problems));
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

Answer AdminService::Clock(const Call& call) {
  static constexpr std::string_view kKnown[] = {"advanceMs"};
  std::vector<Detail> details;
  const std::optional<Fields> fields = Fields::Read(call.body, kKnown, details);
  if (!fields) {
    return InvalidJson(R"({"advance_ms":1000})");
  }
  const std::optional<int64_t> advance = fields->Number("advanceMs", 0, kAdvanceMsMax, details);
  if (!fields->Has("advanceMs")) {
    details.push_back({.field = "advance_ms", .message = "must be given", .constraint = "number"});
  }
  if (!details.empty()) {
    return ValidationError(details);
  }
  operations_.advance_clock(std::chrono::milliseconds(*advance));
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
