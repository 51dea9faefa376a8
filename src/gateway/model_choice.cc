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

// A title or a summary uses the pin of its session and leaves it as it is.
bool IsSideRequest(const Exchange& x) {
  return x.conversation.evidence == Continuity::kAuxiliary;
}

// The decision's name as a pin keeps it: what a client calls its own preferences is not kept.
std::string_view NameToKeep(const Context& context) {
  return context.inline_preferences ? std::string_view() : context.exchange.base.decision;
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
  if (config.options.pins.sessions == session::PinSessions::kOff || wishes.pin_off) {
    x.pin_outcome = PinOutcome::kOff;
  }
  std::vector<decision::PreferenceOptions> own;
  if (const Span span = x.request.facts.preferences; !span.empty()) [[unlikely]] {
    MS_TRY(own, decision::ReadInlinePreferences(x.request.body.substr(span.begin, span.size()),
                                                config.catalog, x.caller));
  }
  MS_TRY(context.requested,
         decision::Resolve(x.request.model, config.catalog, config.options.decision));
  const bool may_choose =
      !wishes.route_off && x.request.operation == Operation::kChat &&
      (config.options.decision.route == decision::RouteMode::kAlways || context.requested.is_auto);
  const Asks asks = own.empty() && config.preferences.empty() ? Asks::kNo : Asks::kYes;
  Result<void> decided;
  if (may_choose && RecallPin(context, wishes, asks)) {
    decided = Judge(context);
  } else if (may_choose && asks == Asks::kYes) {
    if (!own.empty()) {
      context.inline_preferences.emplace(std::move(own), config.catalog);
    }
    return Step::kAskRouter;
  } else {
    decided = decision::ServeRequested(
        context.requested, wishes.route_off ? Reason::kRouteOff : Reason::kRequestedModel, x.base);
    if (decided) {
      decided = Judge(context);
    }
  }
  if (!decided) {
    return std::move(decided).error();
  }
  return Step::kDecided;
}

// True: the session has a pin, and the models are ranked behind it. False: the context has a seat
// among those who are about to make one, if the session may have a pin and somebody could make it.
bool ModelChoice::RecallPin(Context& context, const Wishes& wishes, Asks asks) {
  Exchange& x = context.exchange;
  const session::PinOptions& rules = context.snapshot->shared->options.pins;
  if (!x.known_session.known || x.pin_outcome == PinOutcome::kOff ||
      (!x.known_session.has_id && rules.sessions != session::PinSessions::kAll)) {
    return false;
  }
  const SessionKey& key = x.known_session.key;
  const WallTime now = clock_.Now();
  if (IsSideRequest(x)) {
    x.pin = pins_.Find(key, rules, now);
    return x.pin && RankPinned(*x.pin, context);
  }
  if (wishes.pin_reset) {
    pins_.Erase(key, rules, now);
  }
  // Without preferences a pin is an operator's, or was made by those of an earlier request.
  if (asks == Asks::kNo && !pins_.Find(key, rules, now)) {
    return false;
  }
  session::PinTable::Recalled recalled = pins_.Recall(key, rules, now);
  if (recalled.pin) {
    if (RankPinned(*recalled.pin, context)) {
      x.pin = recalled.pin;
      return true;
    }
    context.pinned_model_removed = true;
    pins_.Erase(key, rules, now);
    recalled = pins_.Recall(key, rules, now);
  }
  context.seat = std::move(recalled.seat);
  return false;
}

// False: the model is not there any more for this caller.
bool ModelChoice::RankPinned(const Pin& pin, Context& context) const {
  Exchange& x = context.exchange;
  const Snapshot& config = *context.snapshot->shared;
  const Model* const model = config.catalog.Find(pin.model);
  if (model == nullptr || !x.caller.Allows(model->name)) {
    return false;
  }
  const decision::Ranking others =
      config.preferences.ranking(config.preferences.Find(pin.decision));
  if (!decision::RankModels(pin.decision, others, model, x.request, Reason::kPinHit, x.base)) {
    // Nobody can take it: the pinned model's provider says so best.
    x.base.candidates.push_back({.model = model, .score = 1.0});
  }
  return true;
}

io::Task<Result<void>> ModelChoice::AskRouter(http::ServerExchange& client, Context& context) {
  if (Result<void> ranked = co_await Rank(client, context); !ranked) {
    co_return ranked;
  }
  co_return Judge(context);
}

io::Task<Result<void>> ModelChoice::Rank(http::ServerExchange& client, Context& context) {
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
  if (routed && base.pins) {
    context.seat.Publish({.model = base.candidates.front().model->name,
                          .decision = NameToKeep(context),
                          .reason = base.reason});
  } else if (routed || routed.error().kind != ErrorKind::kClientLeft) {
    context.seat.Publish({.reason = base.reason});  // the others need not ask the same again
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
  // The leader's configuration may be another one, and so may its own preferences.
  const int route = context.inline_preferences ? preferences.FindServedBy(*model)
                                               : preferences.Find(decided.decision);
  const std::string_view name =
      route < 0 ? decided.decision : std::string_view(preferences.routes()[route].name);
  if (!decision::RankModels(name, preferences.ranking(route), model, x.request, decided.reason,
                            x.base)) {
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
  const MonoTime asked = loop_.Precise();
  const decision::RouterAnswer answer =
      co_await router.Ask(preferences.routes(), context.conversation, clock_.Now(), client.scope());
  x.routed = {.outcome = answer.outcome, .source = answer.source, .time = loop_.Precise() - asked};
  if (client.scope().cancelled()) {
    co_return ClientLeft();
  }
  if (answer.outcome == RouterOutcome::kMatch &&
      decision::RankModels(preferences.routes()[answer.route].name,
                           preferences.ranking(answer.route), nullptr, x.request,
                           Reason::kDecisionMatched, x.base)) {
    x.base.pins = true;
    co_return Result<void>();
  }
  const bool answered =
      answer.outcome == RouterOutcome::kMatch || answer.outcome == RouterOutcome::kNoMatch;
  co_return decision::ServeRequested(
      context.requested, answered ? Reason::kNoMatch : Reason::kRouterUnavailable, x.base);
}

Result<void> ModelChoice::Judge(Context& context) const {
  Exchange& x = context.exchange;
  Result<void> judged = policy::Decide(x.base, x.pin, x.caller, x.verdict);
  if (!judged) {
    return judged;
  }
  if (context.pinned_model_removed) {
    x.verdict.reason = Reason::kPinnedModelRemoved;
  }
  if (x.pin) {
    x.pin_outcome =
        x.verdict.models.front()->name == x.pin->model ? PinOutcome::kHit : PinOutcome::kFailover;
  }
  return {};
}

void ModelChoice::Remember(Context& context, Answer answer) {
  // Who hears of the answer and asks again belongs to no flight of before.
  const session::PinTable::Seat seat = std::move(context.seat);
  Exchange& x = context.exchange;
  if (x.pin_outcome == PinOutcome::kOff || IsSideRequest(x)) {
    return;
  }
  const session::PinOptions& rules = context.snapshot->shared->options.pins;
  if (x.pin) {
    // A request that the pinned model cannot take says nothing about how well it is.
    const bool tried = x.verdict.models.front()->name == x.pin->model;
    const bool same = x.model->name == x.pin->model;
    x.pin_outcome = same ? PinOutcome::kHit : PinOutcome::kFailover;
    if (tried && answer == Answer::kAccepted) {
      x.pin_outcome =
          pins_.Served(x.known_session.key, x.pin->model, x.model->name, rules.repin_after);
    }
    return;
  }
  if (!seat || !x.base.pins || answer != Answer::kAccepted || x.model != x.verdict.models.front()) {
    return;
  }
  x.pin_outcome = pins_.Commit(seat,
                               {.model = x.model->name,
                                .decision = NameToKeep(context),
                                .caller = x.caller.name,
                                .source = x.known_session.source},
                               rules, clock_.Now());
  if (x.pin_outcome == PinOutcome::kSet && x.reason == Reason::kDecisionMatched) {
    x.reason = Reason::kPinSet;
  } else if (x.pin_outcome == PinOutcome::kHit && x.reason == Reason::kDecisionMatched) {
    x.reason = Reason::kPinHit;
  }
}

}  // namespace mainstay::gateway
