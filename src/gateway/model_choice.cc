#include "gateway/model_choice.h"

#include <utility>

#include "decision/decide.h"
#include "decision/inline_preferences.h"
#include "gateway/flight_wait.h"
#include "policy/decide.h"

namespace mainstay::gateway {
namespace {

Error ClientLeft() {
  return {.kind = ErrorKind::kClientLeft,
          .side = Side::kClient,
          .message = "the client left before a model was chosen"};
}

bool Says(const http::HeaderList& headers, http::HeaderId id, std::string_view word) {
  return headers.Has(id) && http::EqualsIgnoreCase(headers.Value(id), word);
}

const decision::Preferences& PreferencesOf(const Context& context) {
  return context.inline_preferences ? *context.inline_preferences
                                    : context.snapshot->shared->preferences;
}

}  // namespace

// What the request's switches ask for.
struct ModelChoice::Wishes {
  explicit Wishes(const http::HeaderList& headers)
      : route_off(Says(headers, http::HeaderId::kXMainstayRoute, "off")),
        pin_off(Says(headers, http::HeaderId::kXMainstayPin, "off")),
        pin_reset(Says(headers, http::HeaderId::kXMainstayPin, "reset")) {}

  bool route_off;
  bool pin_off;
  bool pin_reset;
};

Result<ModelChoice::Step> ModelChoice::Begin(http::ServerExchange& client, Context& context) {
  Exchange& x = context.exchange;
  const Snapshot& config = *context.snapshot->shared;
  const http::HeaderList& headers = client.head()->headers;
  const Wishes wishes(headers);
  x.session = config.session_ids.Find(headers, x.caller.name);
  if (config.options.pins.sessions == session::PinSessions::kOff || wishes.pin_off) {
    x.pin_outcome = PinOutcome::kOff;
  }
  if (Result<void> read = ReadInline(context); !read) {
    return std::move(read).error();
  }
  MS_TRY(context.requested,
         decision::Resolve(x.request.model, config.catalog, config.options.decision));
  const bool judged =
      !wishes.route_off && x.request.operation == Operation::kChat &&
      !PreferencesOf(context).empty() &&
      (config.options.decision.route == decision::RouteMode::kAlways || context.requested.is_auto);
  if (judged) {
    return RecallPin(context, wishes) ? Step::kRanked : Step::kAskRouter;
  }
  const Reason reason = wishes.route_off ? Reason::kRouteOff : Reason::kRequestedModel;
  if (Result<void> served = decision::ServeRequested(context.requested, reason, x.base); !served) {
    return std::move(served).error();
  }
  return Step::kRanked;
}

Result<void> ModelChoice::ReadInline(Context& context) const {
  const Exchange& x = context.exchange;
  const Span span = x.request.facts.preferences;
  if (span.empty()) {
    return {};
  }
  const Catalog& catalog = context.snapshot->shared->catalog;
  MS_TRY(const std::vector<decision::PreferenceOptions> options,
         decision::ReadInlinePreferences(x.request.body.substr(span.begin, span.size()), catalog,
                                         x.caller));
  context.inline_preferences.emplace(options, catalog);
  return {};
}

// True: the session has a pin, and the models are ranked behind it. False: the context has a seat
// among those who are about to make one, if the session may have a pin at all.
bool ModelChoice::RecallPin(Context& context, const Wishes& wishes) {
  Exchange& x = context.exchange;
  if (!x.session.present || x.pin_outcome == PinOutcome::kOff) {
    return false;
  }
  const Snapshot& config = *context.snapshot->shared;
  const session::PinOptions& rules = config.options.pins;
  const WallTime now = clock_.Now();
  if (wishes.pin_reset) {
    pins_.Erase(x.session.key, rules, now);
  }
  session::PinTable::Recalled recalled = pins_.Recall(x.session.key, rules, now);
  if (recalled.pin) {
    const Model* const model = config.catalog.Find(recalled.pin->model);
    if (model != nullptr && x.caller.Allows(model->name)) {
      x.pin = recalled.pin;
      const decision::Preferences& preferences = config.preferences;
      const int route = preferences.Find(x.pin->decision);
      const auto others = route < 0 ? std::span<const Model* const>() : preferences.models(route);
      if (!decision::RankModels(x.pin->decision, others, model, x.request, Reason::kPinHit,
                                x.base)) {
        // Nobody can take it: the pinned model's provider says so best.
        x.base.candidates.push_back({.model = model, .score = 1.0});
      }
      return true;
    }
    context.pinned_model_removed = true;
    pins_.Erase(x.session.key, rules, now);
    recalled = pins_.Recall(x.session.key, rules, now);
  }
  context.seat = std::move(recalled.seat);
  return false;
}

io::Task<Result<void>> ModelChoice::AskRouter(http::ServerExchange& client, Context& context) {
  if (!context.seat) {
    co_return co_await Route(client, context);
  }
  {
    FlightWait wait(loop_, context.seat.flight(), client.scope());
    session::Flight::Role role = wait.Join();
    while (role == session::Flight::Role::kWaits) {
      if (co_await wait != io::IoStatus::kOk) {
        co_return ClientLeft();
      }
      role = wait.Join();
    }
    if (role == session::Flight::Role::kFollows) {
      co_return Follow(context, context.seat.flight().decided());
    }
  }
  context.seat.Lead();
  Result<void> routed = co_await Route(client, context);
  const BaseDecision& base = context.exchange.base;
  if (routed) {
    context.seat.Publish(base.pins ? session::Decided{.model = base.candidates.front().model->name,
                                                      .decision = base.decision,
                                                      .reason = base.reason}
                                   : session::Decided{.reason = base.reason});
  }
  co_return routed;
}

// What the leader decided holds for this request too.
Result<void> ModelChoice::Follow(Context& context, const session::Decided& decided) {
  Exchange& x = context.exchange;
  const decision::Preferences& preferences = PreferencesOf(context);
  const Model* const model = context.snapshot->shared->catalog.Find(decided.model);
  if (model == nullptr) {
    return decision::ServeRequested(context.requested, decided.reason, x.base);
  }
  const int route = preferences.Find(decided.decision);
  const auto others = route < 0 ? std::span<const Model* const>() : preferences.models(route);
  // The name lives as long as the process; the leader's configuration may be another one.
  if (!decision::RankModels(decided.decision, others, model, x.request, decided.reason, x.base)) {
    return decision::ServeRequested(context.requested, Reason::kNoMatch, x.base);
  }
  x.base.pins = true;
  return {};
}

io::Task<Result<void>> ModelChoice::Route(http::ServerExchange& client, Context& context) {
  Exchange& x = context.exchange;
  const decision::Preferences& preferences = PreferencesOf(context);
  decision::Router& router = *context.snapshot->router;
  decision::ConversationOf(x.request, router.Limits(preferences.routes()), context.conversation);
  const decision::RouterAnswer answer =
      co_await router.Ask(preferences.routes(), context.conversation, clock_.Now(), client.scope());
  if (client.scope().cancelled()) {
    co_return ClientLeft();
  }
  if (answer.kind == decision::RouterAnswer::Kind::kMatch) {
    const std::string_view name = preferences.routes()[static_cast<size_t>(answer.route)].name;
    if (decision::RankModels(name, preferences.models(answer.route), nullptr, x.request,
                             Reason::kDecisionMatched, x.base)) {
      x.base.pins = true;
      co_return Result<void>();
    }
  }
  co_return decision::ServeRequested(context.requested,
                                     answer.kind == decision::RouterAnswer::Kind::kFailed
                                         ? Reason::kRouterUnavailable
                                         : Reason::kNoMatch,
                                     x.base);
}

Result<void> ModelChoice::Judge(Context& context) const {
  Exchange& x = context.exchange;
  Result<void> judged = policy::Decide(x.base, x.pin, x.caller, x.verdict);
  if (judged && context.pinned_model_removed) {
    x.verdict.reason = Reason::kPinnedModelRemoved;
  }
  return judged;
}

void ModelChoice::Remember(Context& context, Answer answer) {
  // Who hears of the answer and asks again belongs to no flight of before.
  const session::PinTable::Seat seat = std::move(context.seat);
  Exchange& x = context.exchange;
  if (x.pin_outcome == PinOutcome::kOff) {
    return;
  }
  const session::PinOptions& rules = context.snapshot->shared->options.pins;
  if (x.pin) {
    // A request that the pinned model cannot take says nothing about how well it is.
    const bool tried = x.verdict.models.front()->name == x.pin->model;
    const bool same = x.model->name == x.pin->model;
    x.pin_outcome = same ? PinOutcome::kHit : PinOutcome::kFailover;
    if (tried && answer == Answer::kAccepted) {
      x.pin_outcome = pins_.Served(x.session.key, x.pin->model, x.model->name, rules.repin_after);
    }
    return;
  }
  if (!seat || !x.base.pins || answer != Answer::kAccepted || x.model != x.verdict.models.front()) {
    return;
  }
  x.pin_outcome = pins_.Commit(seat,
                               {.model = x.model->name,
                                .decision = x.base.decision,
                                .caller = x.caller.name,
                                .source = x.session.source},
                               rules, clock_.Now());
  if (x.pin_outcome == PinOutcome::kSet && x.reason == Reason::kDecisionMatched) {
    x.reason = Reason::kPinSet;
  } else if (x.pin_outcome == PinOutcome::kHit && x.reason == Reason::kDecisionMatched) {
    x.reason = Reason::kPinHit;
  }
}

}  // namespace mainstay::gateway
