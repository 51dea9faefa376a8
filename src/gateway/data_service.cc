#include "gateway/data_service.h"

#include <algorithm>
#include <utility>

#include "base/request_id.h"
#include "gateway/decision_answer.h"
#include "http/pen.h"
#include "http/url.h"
#include "wire/openai_chat/models.h"
#include "wire/protocol.h"

namespace mainstay::gateway {
namespace {

// Contexts kept for the next requests of a worker.
constexpr size_t kIdleContextsMax = 256;
constexpr size_t kRequestIdBytesMax = 256;
// Room for all header lines of fixed length.
constexpr size_t kOwnLinesMax = 768;

Error ClientError(ErrorKind kind, std::string message) {
  return {.kind = kind, .side = Side::kClient, .message = std::move(message)};
}

bool IsPrintable(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') {
      return false;
    }
  }
  return true;
}

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The trace id of a W3C traceparent, or empty: 00-<32 hex>-<16 hex>-<2 hex>.
bool IsTraceparent(std::string_view value) {
  return value.size() >= 55 && value.starts_with("00-") && value[35] == '-' && value[52] == '-' &&
         IsHex(value.substr(3, 32)) && IsHex(value.substr(36, 16)) && IsHex(value.substr(53, 2)) &&
         value.substr(3, 32).find_first_not_of('0') != std::string_view::npos;
}

bool HasQueryItem(std::string_view query, std::string_view wanted) {
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    if (item == wanted) {
      return true;
    }
    query.remove_prefix(std::min(item.size() + 1, query.size()));
  }
  return false;
}

// What the session, its pin and the decisions had to do with it.
void WriteSessionLines(const Exchange& x, http::Pen& out) {
  if (!x.base.decision.empty()) {
    out.Literal("x-mainstay-decision: ");
    out.Text(x.base.decision);
    out.Literal("\r\nx-vsr-selected-decision: ");
    out.Text(x.base.decision);
    out.Literal("\r\n");
  }
  if (x.known_session.known) {
    const SessionKeyText key = TextOf(x.known_session.key);
    out.Literal("x-mainstay-session: ");
    out.Text({key.data(), key.size()});
    out.Literal("\r\nx-mainstay-session-source: ");
    out.Text(x.known_session.source);
    out.Literal("\r\n");
  }
  if (x.conversation.known) {
    const SessionKeyText key = TextOf(x.conversation.key);
    out.Literal("x-mainstay-conversation: ");
    out.Text({key.data(), key.size()});
    out.Literal("\r\n");
  }
  out.Literal("x-mainstay-continuity: ");
  out.Text(ContinuityText(x.continuity));
  out.Literal("\r\n");
  if (x.session.conflicting) {
    out.Literal("x-mainstay-warning: conflicting_session_headers\r\n");
  }
  out.Literal("x-mainstay-pin: ");
  out.Text(PinOutcomeText(x.pin_outcome));
  out.Literal("\r\n");
}

}  // namespace

// THE table of routes (spec 02). Paths that end in a slash stand for everything below them.
const DataService::Route DataService::kRoutes[] = {
    {"/v1/chat/completions", false, "POST, OPTIONS", Action::kModelRequest, Operation::kChat},
    {"/v1/completions", false, "POST, OPTIONS", Action::kModelRequest, Operation::kCompletions},
    {"/v1/embeddings", false, "POST, OPTIONS", Action::kModelRequest, Operation::kEmbeddings},
    {"/routing/v1/chat/completions", false, "POST, OPTIONS", Action::kDecide, Operation::kChat},
    {"/v1/models", false, "GET, HEAD, OPTIONS", Action::kListModels, Operation::kChat},
    {"/v1/models/", true, "GET, HEAD, OPTIONS", Action::kGetModel, Operation::kChat},
    {"/healthz", false, "GET, HEAD, OPTIONS", Action::kHealth, Operation::kChat},
    {"/readyz", false, "GET, HEAD, OPTIONS", Action::kReady, Operation::kChat},
};

DataService::DataService(io::Loop& loop, const PolicyClock& clock, Random random,
                         const ServingState& serving, ExchangeObserver& observer,
                         session::PinTable& pins, session::Conversations& conversations,
                         session::Aliases& aliases)
    : loop_(loop),
      clock_(clock),
      random_(random),
      serving_(serving),
      observer_(observer),
      conversations_(clock, Random(random_.Next()), conversations, aliases),
      pipeline_(loop, clock, pins, conversations_) {}

const DataService::Route* DataService::FindRoute(std::string_view path) {
  for (const Route& route : kRoutes) {
    const bool matches = route.is_prefix
                             ? path.size() > route.path.size() && path.starts_with(route.path)
                             : path == route.path;
    if (matches) {
      return &route;
    }
  }
  return nullptr;
}

bool DataService::Allows(const Route& route, http::Method method) {
  switch (method) {
    case http::Method::kPost:
      return TakesBody(route.action);
    case http::Method::kGet:
    case http::Method::kHead:
      return !TakesBody(route.action);
    default:
      return false;
  }
}

std::unique_ptr<Context> DataService::TakeContext(http::ServerExchange& client) {
  std::unique_ptr<Context> context;
  if (contexts_.empty()) {
    context = std::make_unique<Context>();
  } else {
    context = std::move(contexts_.back());
    contexts_.pop_back();
  }
  context->snapshot = snapshot_;
  SetIds(client, *context);
  return context;
}

void DataService::GiveContext(std::unique_ptr<Context> context) {
  if (contexts_.size() < kIdleContextsMax) {
    context->Clear();
    contexts_.push_back(std::move(context));
  }
}

void DataService::SetIds(http::ServerExchange& client, Context& context) {
  Exchange& x = context.exchange;
  x.received = clock_.Now();
  x.started = client.received();
  x.request_id = MakeRequestId(x.received, random_);
  x.client_request_id = x.id();
  std::string_view trace;
  if (client.head() != nullptr) {
    const http::HeaderList& headers = client.head()->headers;
    const std::string_view id = headers.Value(http::HeaderId::kXRequestId);
    if (!id.empty() && id.size() <= kRequestIdBytesMax && IsPrintable(id)) {
      x.client_request_id = id;
    }
    trace = headers.Value(http::HeaderId::kTraceparent);
  }
  // 00-<trace id>-<our span>-<flags>: the client's trace goes on, else one begins here, unsampled.
  std::array<char, 55>& out = context.traceparent;
  constexpr std::string_view kEmpty = "00-00000000000000000000000000000000-0000000000000000-00";
  const bool continued = IsTraceparent(trace);
  std::string_view(continued ? trace : kEmpty).copy(out.data(), out.size());
  if (!continued) {
    FillRandomHex({out.data() + 3, 32}, random_);
  }
  FillRandomHex({out.data() + 36, 16}, random_);
  x.traceparent = {out.data(), out.size()};
}

io::Task<void> DataService::Handle(http::ServerExchange& client) {
  std::unique_ptr<Context> context = TakeContext(client);
  const Route* route = FindRoute(http::SplitTarget(client.head()->target).path);
  if (route != nullptr && TakesBody(route->action) &&
      client.head()->method == http::Method::kPost) {
    context->exchange.request.operation = route->operation;
    return ServeExchange(route->action, client, std::move(context));
  }
  return ServeOther(route, client, std::move(context));
}

io::Task<void> DataService::ServeOther(const Route* route, http::ServerExchange& client,
                                       std::unique_ptr<Context> context) {
  if (route == nullptr) {
    observer_.OnRefused(ErrorKind::kNotFound);
    co_await SendError(ClientError(ErrorKind::kNotFound,
                                   "there is nothing at this path; see GET /v1/models and POST "
                                   "/v1/chat/completions"),
                       client, *context);
  } else if (client.head()->method == http::Method::kOptions) {
    co_await SendAllow(*route, 204, client, *context);
  } else if (!Allows(*route, client.head()->method)) {
    observer_.OnRefused(ErrorKind::kMethodNotAllowed);
    co_await SendError(
        ClientError(ErrorKind::kMethodNotAllowed, "this path takes " + std::string(route->methods)),
        client, *context, route->methods);
  } else {
    co_await Dispatch(*route, client, *context);
  }
  GiveContext(std::move(context));
}

io::Task<void> DataService::Refuse(const Error& error, http::ServerExchange& client) {
  std::unique_ptr<Context> context = TakeContext(client);
  observer_.OnRefused(error.kind);
  co_await SendError(error, client, *context);
  GiveContext(std::move(context));
}

io::Task<void> DataService::Dispatch(const Route& route, http::ServerExchange& client,
                                     Context& context) {
  switch (route.action) {
    case Action::kModelRequest:
    case Action::kDecide:
      break;  // have been served by ServeExchange
    case Action::kListModels:
      co_await ListModels(client, context);
      break;
    case Action::kGetModel:
      co_await GetModel(http::SplitTarget(client.head()->target).path.substr(route.path.size()),
                        client, context);
      break;
    case Action::kHealth:
      context.text = R"({"status":"ok"})";
      co_await SendJson(200, client, context);
      break;
    case Action::kReady: {
      const bool ready = serving_.ready.load(std::memory_order_relaxed) &&
                         !serving_.draining.load(std::memory_order_relaxed);
      context.text = ready ? R"({"status":"ready"})" : R"({"status":"not ready"})";
      co_await SendJson(ready ? 200 : 503, client, context);
      break;
    }
  }
}

io::Task<void> DataService::ServeExchange(Action action, http::ServerExchange& client,
                                          std::unique_ptr<Context> context) {
  Exchange& x = context->exchange;
  Result<void> outcome;
  if (serving_.draining.load(std::memory_order_relaxed)) {
    outcome = Error{.kind = ErrorKind::kShuttingDown,
                    .side = Side::kGateway,
                    .retry = Retry::kLater,
                    .message = "the gateway is shutting down; try again at another instance",
                    .retry_after = std::chrono::seconds(5)};
  } else if (action == Action::kDecide) {
    outcome = co_await ServeDecision(client, *context);
  } else {
    Result<PipelineReply> reply = co_await pipeline_.Handle(client, *context);
    NoteRejectedIds(x);
    if (reply) {
      Relay relay(loop_, client, std::move(*reply), *this, conversations_, *context);
      outcome = co_await relay.Run();
    } else {
      outcome = std::move(reply).error();
    }
  }
  if (!outcome) {
    conversations_.Fail(*context);
    const Error& error = outcome.error();
    x.error = error.kind;
    if (error.kind == ErrorKind::kClientLeft) {
      x.lifecycle = Lifecycle::kAborted;
      client.Abort();
    } else {
      x.lifecycle = Lifecycle::kFailed;
      co_await SendError(error, client, *context);
    }
  }
  x.ended = loop_.Precise();
  x.reply_bytes = client.sent_bytes();
  if (x.model != nullptr) {
    if (x.request.operation == Operation::kEmbeddings && x.usage.prompt) {
      x.usage.completion = x.usage.completion.value_or(0);  // there is nothing to complete
    }
    x.cost = x.model->Cost(x.usage);
  }
  observer_.OnExchange(x);
  GiveContext(std::move(context));
}

// The decision alone: no provider is called (spec 02).
io::Task<Result<void>> DataService::ServeDecision(http::ServerExchange& client, Context& context) {
  Exchange& x = context.exchange;
  Result<void> decided = co_await pipeline_.DecideOnly(client, context);
  NoteRejectedIds(x);
  if (!decided) {
    co_return decided;
  }
  const bool explain = HasQueryItem(http::SplitTarget(client.head()->target).query, "explain=1");
  AppendDecision(x, explain ? Explain::kYes : Explain::kNo, context.text);
  x.status = 200;
  x.lifecycle = Lifecycle::kCompleted;
  co_await SendJson(x.status, client, context);
  co_return Result<void>();
}

io::Task<void> DataService::ListModels(http::ServerExchange& client, Context& context) {
  const Snapshot& config = *context.snapshot->shared;
  Result<const identity::Caller*> caller =
      config.callers.Find(ClientCredential(*client.head(), context.credential_scratch));
  if (!caller) {
    co_await SendError(caller.error(), client, context);
    co_return;
  }
  wire::openai_chat::AppendModelList(config.catalog, (*caller)->View(), context.text);
  co_await SendJson(200, client, context);
}

io::Task<void> DataService::GetModel(std::string_view name, http::ServerExchange& client,
                                     Context& context) {
  const Snapshot& config = *context.snapshot->shared;
  Result<const identity::Caller*> caller =
      config.callers.Find(ClientCredential(*client.head(), context.credential_scratch));
  if (!caller) {
    co_await SendError(caller.error(), client, context);
    co_return;
  }
  const std::optional<std::string> decoded = http::PercentDecode(name);
  const Model* model = decoded ? config.catalog.Find(*decoded) : nullptr;
  if (model == nullptr || !(*caller)->View().Allows(model->name)) {
    Error error = ClientError(ErrorKind::kModelNotFound,
                              "this model is not configured here; GET /v1/models lists those that "
                              "are");
    error.param = "model";
    co_await SendError(error, client, context);
    co_return;
  }
  wire::openai_chat::AppendModel(*model, *decoded, context.text);
  co_await SendJson(200, client, context);
}

io::Task<void> DataService::SendJson(int status, http::ServerExchange& client, Context& context) {
  client.BeginHead(status);
  client.AddHeader("content-type", "application/json");
  WriteGatewayHeaders(client, context);
  co_await client.SendWhole(context.text, http::Persistence::kKeepAlive);
}

io::Task<void> DataService::SendAllow(const Route& route, int status, http::ServerExchange& client,
                                      Context& context) {
  client.BeginHead(status);
  client.AddHeader("allow", route.methods);
  if (const std::optional<Cors>& cors = context.snapshot->shared->cors) {
    cors->AppendPreflight(*client.head(), route.methods, context.text);
    client.out().Append(context.text);
  }
  WriteGatewayHeaders(client, context);
  co_await client.SendWhole({}, http::Persistence::kKeepAlive);
}

io::Task<void> DataService::SendError(const Error& error, http::ServerExchange& client,
                                      Context& context, std::string_view allow) {
  // A client that hears of the failure and asks again belongs to no flight of before.
  context.seat.Leave();
  const wire::ProtocolRow& row = wire::RowOf(context.exchange.request.protocol);
  Exchange& x = context.exchange;
  x.status = row.error_status(error.kind);
  context.text.clear();
  row.append_error_body(error, x.client_request_id, context.text);
  client.BeginHead(x.status);
  client.AddHeader("content-type", "application/json");
  if (!allow.empty()) {
    client.AddHeader("allow", allow);
  }
  if (error.retry_after) {
    client.AddHeader("retry-after", std::to_string(error.retry_after->count()));
  }
  WriteGatewayHeaders(client, context);
  co_await client.SendWhole(context.text, http::Persistence::kKeepAlive);
}

void DataService::WriteGatewayHeaders(http::ServerExchange& client, const Context& context) {
  if (const std::optional<Cors>& cors = context.snapshot->shared->cors) [[unlikely]] {
    client.out().Append(cors->Lines(client.head()));
  }
  const Exchange& x = context.exchange;
  const std::string_view id = x.client_request_id;
  const observe::ResponseHeaders detail =
      context.snapshot->shared->options.telemetry.response_headers;
  const bool full = detail == observe::ResponseHeaders::kFull && x.model != nullptr;
  std::string_view model_lines;
  if (detail != observe::ResponseHeaders::kOff && x.model != nullptr) {
    model_lines = context.snapshot->ModelLines(*x.model, detail);
  }
  std::string_view account_line;
  if (full && x.target != nullptr) {
    account_line = context.snapshot->AccountLine(*x.target);
  }
  http::Pen out(client.out(), id.size() + model_lines.size() + account_line.size() +
                                  2 * x.base.decision.size() + x.session.source.size() +
                                  kOwnLinesMax);
  out.Literal("x-request-id: ");
  out.Text(id);
  out.Literal("\r\nx-mainstay-request-id: ");
  out.Text(x.id());
  out.Literal("\r\n");
  if (detail == observe::ResponseHeaders::kFull && (x.model != nullptr || x.session.present)) {
    WriteSessionLines(x, out);
  }
  if (model_lines.empty()) {
    return;
  }
  out.Text(model_lines);
  out.Literal("x-mainstay-reason: ");
  out.Text(ReasonText(x.reason));
  out.Literal("\r\n");
  if (full) {
    out.Text(account_line);
    out.Literal("x-mainstay-attempts: ");
    out.Number(x.attempts.size());
    out.Literal("\r\n");
  }
}

}  // namespace mainstay::gateway
