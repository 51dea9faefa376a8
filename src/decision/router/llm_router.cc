#include "decision/router/llm_router.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/json_reader.h"
#include "decision/router/answer.h"
#include "decision/router/prompt.h"

namespace mainstay::decision {
namespace {

using http::AnswerOutcome;

// Whatever the routes take, the router sees this much of the conversation.
constexpr int64_t kConversationTokensMin = 128;

Secret FixedHead(const RouterOptions& options, const http::Url& url) {
  std::string head = "POST " + url.path_prefix +
                     "/chat/completions HTTP/1.1\r\nhost: " + url.HostHeader() + "\r\n";
  if (!options.api_key.empty()) {
    head += "authorization: Bearer ";
    head += options.api_key.Expose();
    head += "\r\n";
  }
  head +=
      "user-agent: mainstay\r\naccept: application/json\r\naccept-encoding: identity\r\n"
      "content-type: application/json\r\ncontent-length: ";
  return Secret(std::move(head));
}

RouterAnswer Answered(int route, AnswerSource source) {
  if (route < 0) {
    return {.outcome = RouterOutcome::kNoMatch, .source = source};
  }
  return {.outcome = RouterOutcome::kMatch, .route = route, .confidence = 1, .source = source};
}

}  // namespace

LlmRouter::LlmRouter(io::Loop& loop, const io::TlsClientContext* tls, const RouterOptions& options,
                     AnswerCache& cache)
    : Timer(loop.timers()),
      loop_(loop),
      options_(options),
      cache_(cache),
      url_(http::ParseUrl(options.base_url).value()),  // the configuration was checked
      peer_{.host = url_.host, .port = url_.port, .tls = url_.tls ? tls : nullptr},
      name_(options.base_url + " " + options.model),
      fixed_head_(FixedHead(options, url_)) {
  MS_CHECK(!url_.tls || tls != nullptr);
}

LlmRouter::~LlmRouter() = default;

TrimLimits LlmRouter::Limits(const RouteSet& routes) const {
  return {.turns_max = options_.max_turns,
          .tokens_max = std::max(kConversationTokensMin,
                                 options_.max_prompt_tokens - routes.request_tokens())};
}

io::Task<RouterAnswer> LlmRouter::Ask(const RouteSet& routes, const Conversation& conversation,
                                      WallTime now, io::CancelScope& scope) {
  if (routes.empty() || conversation.turns.empty()) {
    co_return RouterAnswer{.outcome = RouterOutcome::kNoMatch};
  }
  const AnswerCache::Key key = cache_.KeyOf(name_, routes.list(), conversation);
  if (const std::optional<int> known = cache_.Find(key, now)) {
    co_return Answered(*known, AnswerSource::kCached);
  }
  const RouterAnswer answer = co_await AskModel(routes.list(), conversation, scope);
  if (answer.outcome == RouterOutcome::kMatch || answer.outcome == RouterOutcome::kNoMatch) {
    cache_.Put(key, answer.route, now);
  }
  co_return answer;
}

io::Task<RouterAnswer> LlmRouter::AskModel(std::span<const Route> routes,
                                           const Conversation& conversation,
                                           io::CancelScope& scope) {
  const MonoTime deadline = loop_.now() + options_.timeout;
  std::string body;
  AppendRouterRequest(options_.model, routes, conversation, body);
  const Reply reply = co_await Send(body, deadline, scope);
  switch (reply.outcome) {
    case AnswerOutcome::kOk:
      break;
    case AnswerOutcome::kTimeout:
      co_return RouterAnswer{.outcome = RouterOutcome::kTimeout};
    case AnswerOutcome::kCancelled:
      co_return RouterAnswer{.outcome = RouterOutcome::kCancelled};
    case AnswerOutcome::kClosed:
      co_return RouterAnswer{.outcome = RouterOutcome::kUnreachable};
    case AnswerOutcome::kBroken:
    case AnswerOutcome::kTooLarge:
      co_return RouterAnswer{.outcome = RouterOutcome::kGarbage};
  }
  if (reply.status < 200 || reply.status > 299) {
    co_return RouterAnswer{.outcome = RouterOutcome::kBadStatus};
  }
  const ParsedAnswer parsed =
      ParseCompletion(std::string_view(reply.body).substr(0, reply.body_bytes), routes);
  if (parsed.kind == ParsedAnswer::Kind::kGarbage) {
    co_return RouterAnswer{.outcome = RouterOutcome::kGarbage};
  }
  co_return Answered(parsed.route, AnswerSource::kAsked);
}

io::Task<LlmRouter::Reply> LlmRouter::Send(std::string_view body, MonoTime deadline,
                                           io::CancelScope& scope) {
  if (std::unique_ptr<http::ClientConnection> idle = TakeIdle()) {
    Reply reply = co_await SendOver(std::move(idle), body, deadline, scope);
    if (reply.outcome != AnswerOutcome::kClosed) {
      co_return reply;
    }
  }
  io::DialResult dialed = co_await loop_.Dial(peer_, deadline, scope);
  if (dialed.stream == nullptr) {
    const AnswerOutcome outcome = scope.cancelled() ? AnswerOutcome::kCancelled
                                  : dialed.error == io::DialError::kTimeout
                                      ? AnswerOutcome::kTimeout
                                      : AnswerOutcome::kClosed;
    co_return Reply{.outcome = outcome};
  }
  auto fresh = std::make_unique<http::ClientConnection>(loop_, std::move(dialed.stream));
  co_return co_await SendOver(std::move(fresh), body, deadline, scope);
}

io::Task<LlmRouter::Reply> LlmRouter::SendOver(std::unique_ptr<http::ClientConnection> connection,
                                               std::string_view body, MonoTime deadline,
                                               io::CancelScope& scope) {
  Reply reply;
  {
    const io::Attached attached(scope, connection->stream());
    const std::string length = std::to_string(body.size()) + "\r\n\r\n";
    const std::array<std::string_view, 3> pieces = {fixed_head_.Expose(), length, body};
    reply.outcome =
        co_await http::SendAndReadHead(*connection, http::Method::kPost, pieces, deadline);
    if (reply.outcome == AnswerOutcome::kOk) {
      reply.status = connection->head().status;
      reply.outcome =
          co_await http::ReadWholeBody(*connection, kAnswerBytesMax, deadline, reply.body);
      reply.body_bytes = reply.body.size();
      reply.body.append(json::kPadding, '\0');
    }
  }
  if (reply.outcome == AnswerOutcome::kCancelled) {
    connection->stream().ResetOnClose();
  } else {
    Give(std::move(connection));
  }
  co_return reply;
}

std::unique_ptr<http::ClientConnection> LlmRouter::TakeIdle() {
  while (!idle_.empty()) {
    std::unique_ptr<http::ClientConnection> connection = std::move(idle_.back().connection);
    idle_.pop_back();
    if (connection->WakeUp() == http::ClientConnection::Fitness::kFit) {
      return connection;
    }
  }
  return nullptr;
}

void LlmRouter::Give(std::unique_ptr<http::ClientConnection> connection) {
  if (idle_.size() >= kIdleMax || !connection->Reusable()) {
    return;
  }
  connection->Rest(*this);
  idle_.push_back({.connection = std::move(connection), .since = loop_.now()});
  if (idle_.size() == 1) {
    Timer::Set(loop_.now() + kIdleTime);
  }
}

void LlmRouter::OnClosedAtRest(http::ClientConnection& connection) {
  const auto at =
      std::ranges::find(idle_, &connection, [](const Idle& idle) { return idle.connection.get(); });
  MS_CHECK(at != idle_.end());
  idle_.erase(at);
}

void LlmRouter::OnDeadline() {
  const MonoTime expired = loop_.now() - kIdleTime;
  std::erase_if(idle_, [&](const Idle& idle) { return idle.since <= expired; });
  if (!idle_.empty()) {
    Timer::Set(idle_.front().since + kIdleTime);
  }
}

}  // namespace mainstay::decision
