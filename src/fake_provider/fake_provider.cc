#include "fake_provider/fake_provider.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/request_id.h"
#include "fake_provider/padded.h"
#include "http/content_coding.h"
#include "http/url.h"
#include "wire/openai_chat/errors.h"

namespace mainstay::fake_provider {
namespace {

// What a compressed request may decode to.
constexpr size_t kDecodedBytesMax = 64 << 20;

constexpr std::string_view kMagicModel = "fake/";
constexpr std::string_view kMagicHeader = "x-fake-";
constexpr std::string_view kControlPath = "/fake/";

struct Route {
  std::string_view path_end;
  Operation operation;
};
// The longer ends first, because one is the end of another.
constexpr Route kRoutes[] = {
    {"/chat/completions", Operation::kChat},
    {"/completions", Operation::kCompletions},
    {"/embeddings", Operation::kEmbeddings},
};

std::optional<Operation> OperationOf(std::string_view path) {
  for (const Route& route : kRoutes) {
    if (path.ends_with(route.path_end)) {
      return route.operation;
    }
  }
  return std::nullopt;
}

Error ClientError(ErrorKind kind, std::string message, std::string param) {
  return {.kind = kind,
          .side = Side::kClient,
          .message = std::move(message),
          .param = std::move(param)};
}

// fake/status=429,retry_after=30: fields of an action instead of a model.
Result<void> ApplyMagicModel(std::string_view model, Action& action) {
  if (!model.starts_with(kMagicModel)) {
    return {};
  }
  model.remove_prefix(kMagicModel.size());
  while (!model.empty()) {
    const std::string_view field = model.substr(0, model.find(','));
    model.remove_prefix(std::min(model.size(), field.size() + 1));
    const size_t equals = std::min(field.find('='), field.size());
    const std::string_view name = field.substr(0, equals);
    Result<void> set =
        SetFieldFromText(action, name, field.substr(std::min(field.size(), equals + 1)));
    if (!set) {
      return ClientError(ErrorKind::kInvalidField,
                         "'" + std::string(name) + "' in the model's name: " + set.error().message,
                         "model");
    }
  }
  return {};
}

// x-fake-retry-after: 30
Result<void> ApplyMagicHeaders(const http::HeaderList& headers, Action& action) {
  for (const http::Header& header : headers) {
    if (header.id != http::HeaderId::kUnknown ||
        !http::StartsWithIgnoreCase(header.name, kMagicHeader)) {
      continue;
    }
    std::string name;
    for (const char c : header.name.substr(kMagicHeader.size())) {
      name += c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    Result<void> set = SetFieldFromText(action, name, header.value);
    if (!set) {
      return ClientError(ErrorKind::kInvalidField,
                         "the header " + std::string(header.name) + ": " + set.error().message, "");
    }
  }
  return {};
}

bool AcceptsGzip(const http::RequestHead& head) {
  return head.headers.Value(http::HeaderId::kAcceptEncoding).find("gzip") != std::string_view::npos;
}

std::string Join(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    text += text.empty() ? "" : "; ";
    text += (problem.path.empty() ? "the script" : problem.path) + ": " + problem.message;
  }
  return text;
}

Answer WholeJson(std::string body) {
  return {.body = std::move(body)};
}

}  // namespace

FakeProvider::FakeProvider(Options options, std::function<WallTime()> now, uint64_t seed)
    : options_(std::move(options)),
      now_(std::move(now)),
      random_(seed),
      accounts_(options_.accounts),
      cache_(options_.cache),
      log_(options_.record_calls, options_.record_body_bytes_max) {}

io::Task<void> FakeProvider::Handle(http::ServerExchange& exchange) {
  const http::RequestHead& head = *exchange.head();
  const std::string_view path = http::SplitTarget(head.target).path;
  if (path.starts_with(kControlPath)) {
    co_await Control(exchange, path);
    co_return;
  }
  Turn turn;
  turn.number = log_.Begin(exchange, now_());
  turn.path = path;
  turn.request_id = NewId();
  turn.customer = accounts_.Find(head);
  if (Call* call = log_.Find(turn.number)) {
    call->account = turn.customer.alias;
  }
  const std::optional<Operation> operation = OperationOf(path);
  if (turn.customer.known && operation && head.method == http::Method::kPost) {
    co_await Serve(*operation, exchange, turn);
    co_return;
  }
  const Answer answer = AnswerDirectly(turn.customer, head.method, path);
  co_await Send(exchange, answer, turn);
}

io::Task<void> FakeProvider::Refuse(const Error& error, http::ServerExchange& exchange) {
  std::string body;
  wire::openai_chat::AppendErrorBody(error, body);
  exchange.BeginHead(wire::openai_chat::ShapeOf(error.kind).status);
  exchange.AddHeader("content-type", "application/json");
  co_await exchange.SendWhole(body, http::Persistence::kClose);
}

io::Task<void> FakeProvider::Serve(Operation operation, http::ServerExchange& exchange,
                                   Turn& turn) {
  std::optional<Answer> answer = Prepare(operation, exchange, turn);
  const bool thinks = !answer && turn.action.status == 200 && !turn.action.raw;
  const uint64_t scope = PrefixCache::ScopeOf(turn.customer.id, turn.request.model);
  std::chrono::nanoseconds delay = turn.action.delay;
  if (thinks) {
    turn.cached_tokens = cache_.Find(scope, turn.request.prompt, now_());
    delay += options_.latency.first_token + options_.latency.per_uncached_token *
                                                (turn.request.prompt.tokens - turn.cached_tokens);
  }
  if (delay.count() > 0 && co_await Wait(exchange, delay) != Outcome::kFinished) {
    if (Call* call = log_.Find(turn.number)) {
      call->state = CallState::kCancelled;
    }
    co_return;
  }
  if (thinks && !turn.action.overload && turn.request.operation != Operation::kEmbeddings) {
    // Now, because a prompt can be of use to others only once it has been processed.
    cache_.Store(scope, turn.request.prompt, now_());
  }
  if (Call* call = log_.Find(turn.number)) {
    call->model = turn.request.model;
    call->prompt_tokens = turn.request.prompt.tokens;
    call->cached_tokens = turn.cached_tokens;
  }
  if (!answer) {
    answer = MakeTurnAnswer(turn);
  }
  if (turn.action.gzip == Gzip::kIfAsked) {
    turn.action.gzip = AcceptsGzip(*exchange.head()) ? Gzip::kAlways : Gzip::kNo;
  }
  if (turn.action.gzip == Gzip::kAlways && answer->kind != Answer::Kind::kRaw) {
    EncodeGzip(*answer);
  }
  co_await Send(exchange, *answer, turn);
}

std::optional<Answer> FakeProvider::Prepare(Operation operation, http::ServerExchange& exchange,
                                            Turn& turn) {
  Result<Incoming> decoded = Decode(operation, exchange);
  if (!decoded) {
    return MakeRefusal(decoded.error());
  }
  turn.request = std::move(decoded).value();
  turn.action = script_.Choose({.account = turn.customer.alias,
                                .key = turn.customer.key,
                                .path = turn.path,
                                .number = turn.number,
                                .request = turn.request});
  Result<void> applied = ApplyMagicModel(turn.request.model, turn.action);
  if (applied) {
    applied = ApplyMagicHeaders(exchange.head()->headers, turn.action);
  }
  if (!applied) {
    turn.action = {};
    return MakeRefusal(applied.error());
  }
  if (!Serves(turn.request.model)) {
    return MakeModelNotFound(turn.request.model);
  }
  return std::nullopt;
}

Result<Incoming> FakeProvider::Decode(Operation operation,
                                      const http::ServerExchange& exchange) const {
  const http::Coding coding =
      http::ParseCoding(exchange.head()->headers.Value(http::HeaderId::kContentEncoding));
  if (coding == http::Coding::kIdentity) {
    return ReadIncoming(operation, exchange.body(), options_.cache.block_tokens);
  }
  MS_TRY(const std::unique_ptr<http::ContentDecoder> decoder, http::ContentDecoder::Create(coding));
  std::string body;
  http::DecodeStatus status = decoder->Feed(exchange.body(), body, kDecodedBytesMax);
  if (status == http::DecodeStatus::kOk) {
    status = decoder->Finish();
  }
  if (status != http::DecodeStatus::kOk) {
    return ClientError(ErrorKind::kUnsupportedEncoding,
                       "The body cannot be decoded: " + std::string(http::Describe(status)), "");
  }
  return ReadIncoming(operation, Padded(body).view(), options_.cache.block_tokens);
}

Answer FakeProvider::MakeTurnAnswer(Turn& turn) {
  const Action& action = turn.action;
  if (action.raw || action.body) {
    return MakeVerbatim(action);
  }
  if (action.overload) {
    return MakeOverload(turn.request.stream);
  }
  if (action.status != 200) {
    return MakeError(action.status, action.error_code);
  }
  const auto created = std::chrono::duration_cast<std::chrono::seconds>(now_().time_since_epoch());
  return MakeAnswer(turn.request, action,
                    {.id = turn.request_id,
                     .created = created.count(),
                     .cached_tokens = turn.cached_tokens,
                     .embedding_dimensions = options_.embedding_dimensions});
}

Answer FakeProvider::AnswerDirectly(const Customer& customer, http::Method method,
                                    std::string_view path) const {
  if (!customer.known) {
    return MakeUnauthorized();
  }
  constexpr std::string_view kModels = "/models";
  const size_t models = path.find(kModels);
  if (models == std::string_view::npos && !OperationOf(path)) {
    return MakeError(404, "unknown_url");
  }
  const bool reads = method == http::Method::kGet || method == http::Method::kHead;
  if (models == std::string_view::npos || !reads) {
    return MakeError(405, "method_not_allowed");
  }
  const std::string_view name = path.substr(models + kModels.size());
  if (name.empty()) {
    return MakeModelList(options_.models);
  }
  const std::optional<std::string> model =
      name.starts_with('/') ? http::PercentDecode(name.substr(1)) : std::nullopt;
  const bool listed = model && std::find(options_.models.begin(), options_.models.end(), *model) !=
                                   options_.models.end();
  return listed ? MakeModel(*model) : MakeModelNotFound(model.value_or(std::string(name)));
}

bool FakeProvider::Serves(std::string_view model) const {
  return options_.unknown_model == UnknownModel::kAnswer || model.starts_with(kMagicModel) ||
         std::find(options_.models.begin(), options_.models.end(), model) != options_.models.end();
}

std::string FakeProvider::NewId() {
  std::string id(24, '0');
  FillRandomHex(id, random_);
  return id;
}

io::Task<void> FakeProvider::Send(http::ServerExchange& exchange, const Answer& answer,
                                  const Turn& turn) {
  const Pace pace{.gap = options_.latency.gap, .reset_grace = options_.reset_grace};
  const Outcome outcome = co_await Play(exchange, answer, turn.action, turn.request_id, pace);
  if (Call* call = log_.Find(turn.number)) {
    call->state = outcome == Outcome::kFinished ? CallState::kFinished : CallState::kCancelled;
    call->status = exchange.status();
  }
}

Result<std::string> FakeProvider::RunControl(const http::RequestHead& head, std::string_view path,
                                             std::string_view body) {
  const std::string_view name = path.substr(kControlPath.size());
  if (name == "calls" && head.method == http::Method::kGet) {
    return log_.Json();
  }
  if (name == "calls" && head.method == http::Method::kDelete) {
    log_.Clear();
    return std::string("{}");
  }
  if (name == "cache" && head.method == http::Method::kDelete) {
    cache_.Clear();
    return std::string("{}");
  }
  if (name == "script" && head.method == http::Method::kPost) {
    Problems problems;
    Script script = ReadScript(body, problems);
    if (!problems.empty()) {
      return ClientError(ErrorKind::kInvalidField, Join(problems.list()), "");
    }
    SetScript(std::move(script));
    return std::string("{}");
  }
  return ClientError(ErrorKind::kNotFound,
                     "there are GET and DELETE /fake/calls, DELETE /fake/cache and POST "
                     "/fake/script",
                     "");
}

io::Task<void> FakeProvider::Control(http::ServerExchange& exchange, std::string_view path) {
  Result<std::string> result = RunControl(*exchange.head(), path, exchange.body());
  const Answer answer = result ? WholeJson(std::move(result).value()) : MakeRefusal(result.error());
  const Turn nobody;
  const std::string request_id = NewId();
  co_await Play(exchange, answer, nobody.action, request_id, Pace{});
}

}  // namespace mainstay::fake_provider
