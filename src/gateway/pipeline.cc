#include "gateway/pipeline.h"

#include <algorithm>
#include <utility>

#include "account/failure_classes.h"
#include "http/content_coding.h"
#include "http/url.h"
#include "wire/protocol.h"

namespace mainstay::gateway {
namespace {

// Makes the request of an exchange for one destination after the other.
class ExchangeRequest final : public upstream::RequestMaker {
 public:
  ExchangeRequest(http::ServerExchange& client, Context& context)
      : client_(client), context_(context), row_(wire::RowOf(context.exchange.request.protocol)) {
    const identity::SessionOptions& options = context.snapshot->shared->options.session_headers;
    if (!options.forward_header) {
      withheld_ = options.headers;
    }
  }

  std::span<const std::string_view> Make(const upstream::Destination& destination,
                                         io::Buffer& head) override {
    const Request& request = context_.exchange.request;
    body_ = {};
    const wire::AskUsage ask =
        row_.splice_request(request, destination.model->upstream_json, body_);
    asked_usage_ = ask == wire::AskUsage::kYes;
    // A compressed body goes on as it came when nothing in it changes, else decoded (11.15).
    const bool as_sent = !body_.changed();
    const std::span<const std::string_view> pieces =
        body_.Pieces(as_sent ? request.raw_body : request.body);
    const http::TargetParts target = http::SplitTarget(client_.head()->target);
    upstream::WriteRequestHead(
        {.path = row_.upstream_path(request.operation),
         .query = target.query,
         .client = client_.head(),
         .target = destination.target,
         .url = &destination.pool->url(),
         .fixed_lines = destination.fixed_lines,
         .request_id = context_.exchange.client_request_id,
         .traceparent = context_.exchange.traceparent,
         .answer_encoding = asked_usage_ ? upstream::AnswerEncoding::kIdentity
                                         : upstream::AnswerEncoding::kAsClientAsked,
         .body_encoding =
             as_sent ? upstream::BodyEncoding::kAsSent : upstream::BodyEncoding::kDecoded,
         .credential = context_.snapshot->shared->options.identity.pass_through_auth
                           ? upstream::Credential::kClient
                           : upstream::Credential::kAccount,
         .body_bytes = body_.bytes(),
         .withheld = withheld_},
        head);
    return pieces;
  }

  bool asked_usage() const { return asked_usage_; }

 private:
  http::ServerExchange& client_;
  Context& context_;
  const wire::ProtocolRow& row_;
  wire::SplicedBody body_;
  std::span<const std::string> withheld_;
  bool asked_usage_ = false;
};

// Undoes a content-encoding; `out` holds the result, with padding behind it.
//
// Errors: kUnsupportedEncoding, kRequestTooLarge, kInvalidJson.
Result<std::string_view> DecodeWhole(std::string_view encoding, std::string_view body,
                                     size_t bytes_max, std::string& out) {
  MS_TRY(const std::unique_ptr<http::ContentDecoder> decoder,
         http::ContentDecoder::Create(http::ParseCoding(encoding)));
  out.clear();
  http::DecodeStatus status = decoder->Feed(body, out, bytes_max);
  if (status == http::DecodeStatus::kOk) {
    status = decoder->Finish();
  }
  if (status != http::DecodeStatus::kOk) {
    const bool too_large = status == http::DecodeStatus::kTooLarge;
    return Error{.kind = too_large ? ErrorKind::kRequestTooLarge : ErrorKind::kInvalidJson,
                 .side = Side::kClient,
                 .message = "the body cannot be decoded as its content-encoding says: " +
                            std::string(http::Describe(status))};
  }
  const size_t bytes = out.size();
  out.append(io::kBufferPadding, '\0');
  return std::string_view(out).substr(0, bytes);
}

// The value of `key` in a query; empty when there is none.
std::string_view QueryKey(std::string_view query, std::string& scratch) {
  constexpr std::string_view kName = "key=";
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    if (item.starts_with(kName)) {
      scratch = http::PercentDecode(item.substr(kName.size())).value_or("");
      return scratch;
    }
  }
  return {};
}

// What happened decides the reason only when it changed the model (11.6).
Reason ServedReason(const Exchange& exchange) {
  if (exchange.model == exchange.verdict.models.front()) {
    return exchange.verdict.reason;
  }
  const bool timeout = exchange.attempts.front().event == AttemptEvent::kTimeout;
  return timeout ? Reason::kFailoverTimeout : Reason::kFailoverUpstreamError;
}

}  // namespace

std::string_view ClientCredential(const http::RequestHead& head, std::string& scratch) {
  const std::string_view authorization = head.headers.Value(http::HeaderId::kAuthorization);
  constexpr std::string_view kBearer = "Bearer ";
  if (http::StartsWithIgnoreCase(authorization, "bearer ")) {
    return authorization.substr(kBearer.size());
  }
  const std::string_view api_key = head.headers.Value(http::HeaderId::kXApiKey);
  if (!api_key.empty()) {
    return api_key;
  }
  const std::string_view google = head.headers.Value(http::HeaderId::kXGoogApiKey);
  return google.empty() ? QueryKey(http::SplitTarget(head.target).query, scratch) : google;
}

io::Task<Result<PipelineReply>> Pipeline::Handle(http::ServerExchange& client, Context& context) {
  Exchange& x = context.exchange;
  const Snapshot& config = *context.snapshot->shared;

  const Result<ModelChoice::Step> step = Prepare(client, context);
  if (!step) {
    co_return step.error();
  }
  if (*step == ModelChoice::Step::kAskRouter) {  // decision/, policy/
    if (Result<void> asked = co_await model_choice_.AskRouter(client, context); !asked) {
      co_return std::move(asked).error();
    }
  }
  // Beyond this point the models and their order are fixed; only accounts and endpoints differ.
  x.model = x.verdict.models.front();
  x.reason = x.verdict.reason;
  if (Result<void> chosen = Choose(context); !chosen) {  // account/
    co_return std::move(chosen).error();
  }
  x.decided = loop_.Precise();

  ExchangeRequest maker(client, context);
  upstream::Sender sender(loop_, &account::Classify, config.options.failover);
  Result<upstream::Reply> reply =
      co_await sender.Send(context.destinations, maker, client.scope(), x);  // upstream/
  if (!reply) {
    if (!x.attempts.empty()) {
      x.target = x.attempts.back().target;
      x.model = x.attempts.back().model;
    }
    co_return std::move(reply).error();
  }
  x.target = reply->destination().target;
  x.model = reply->destination().model;
  x.reason = ServedReason(x);
  model_choice_.Remember(context, reply->head().status < 400 ? ModelChoice::Answer::kAccepted
                                                             : ModelChoice::Answer::kRefused);
  co_return PipelineReply{.reply = std::move(*reply), .hide_usage = maker.asked_usage()};
}

io::Task<Result<void>> Pipeline::DecideOnly(http::ServerExchange& client, Context& context) {
  Exchange& x = context.exchange;
  const Result<ModelChoice::Step> step = Prepare(client, context);
  if (!step) {
    co_return step.error();
  }
  if (*step == ModelChoice::Step::kAskRouter) {
    if (Result<void> asked = co_await model_choice_.AskRouter(client, context); !asked) {
      co_return asked;
    }
  }
  x.model = x.verdict.models.front();
  x.reason = x.verdict.reason;
  x.decided = loop_.Precise();
  model_choice_.Remember(context, ModelChoice::Answer::kAccepted);
  co_return Result<void>();
}

// What comes before anything that may have to wait.
Result<ModelChoice::Step> Pipeline::Prepare(http::ServerExchange& client, Context& context) {
  if (Result<void> identified = Identify(client, context); !identified) {  // identity/
    return std::move(identified).error();
  }
  if (Result<void> decoded = Decode(client, context); !decoded) {  // wire/
    return std::move(decoded).error();
  }
  conversations_.Find(client, context);         // identity/, session/
  return model_choice_.Begin(client, context);  // decision/, policy/
}

Result<void> Pipeline::Identify(http::ServerExchange& client, Context& context) const {
  MS_TRY(const identity::Caller* caller, context.snapshot->shared->callers.Find(ClientCredential(
                                             *client.head(), context.credential_scratch)));
  context.exchange.caller = caller->View();
  MS_TRY(context.lease, identity::Callers::Admit(*caller, clock_.Now()));
  return {};
}

Result<void> Pipeline::Decode(http::ServerExchange& client, Context& context) {
  Request& request = context.exchange.request;
  const http::Limits& limits = context.snapshot->shared->options.server.limits;
  std::string_view body = client.body();
  request.raw_body = body;
  const std::string_view encoding = client.head()->headers.Value(http::HeaderId::kContentEncoding);
  if (!encoding.empty()) {
    MS_TRY(body, DecodeWhole(encoding, body, static_cast<size_t>(limits.body_bytes),
                             context.decoded_body));
  }
  wire::HistoryBuilder* history = nullptr;
  const wire::HistoryRules* const rules = context.snapshot->shared->history_rules.get();
  if (rules != nullptr && request.operation == Operation::kChat) {
    history = &history_builder_;
    history->Start(*rules, context.exchange.history);
  }
  return wire::RowOf(request.protocol)
      .decode_request(request.operation, body, context.model_scratch, history, request);
}

Result<void> Pipeline::Choose(Context& context) {
  Result<void> chosen = account::Choose(context.exchange.verdict, turn_++, context.choices);
  if (!chosen) {
    return chosen;
  }
  for (const account::Choice& choice : context.choices) {
    const Target& target = *choice.target;
    context.destinations.push_back(
        {.model = choice.model,
         .target = &target,
         .pool = context.snapshot->endpoints[static_cast<size_t>(target.endpoint_index)].get(),
         .fixed_lines = context.snapshot->fixed_lines[static_cast<size_t>(target.index)]});
  }
  return {};
}

}  // namespace mainstay::gateway
