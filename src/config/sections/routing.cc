#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

constexpr auto kAll = [](auto& options) -> auto& { return options; };

constexpr ChoiceName<decision::UnknownModel> kUnknownModel[] = {
    {"reject", decision::UnknownModel::kReject},
    {"default", decision::UnknownModel::kDefault},
};

constexpr ChoiceName<decision::RouteMode> kRouteModes[] = {
    {"always", decision::RouteMode::kAlways},
    {"auto", decision::RouteMode::kAuto},
};
constexpr ChoiceName<decision::Prefer> kPrefers[] = {
    {"none", decision::Prefer::kNone},
    {"cheapest", decision::Prefer::kCheapest},
    {"fastest", decision::Prefer::kFastest},
};
constexpr ChoiceName<decision::RouterType> kRouterTypes[] = {
    {"llm", decision::RouterType::kLlm},
    {"local", decision::RouterType::kLocal},
};
constexpr ChoiceName<session::TtlMode> kTtlModes[] = {
    {"sliding", session::TtlMode::kSliding},
    {"absolute", session::TtlMode::kAbsolute},
};
// A bare `off` may come as the boolean it is in older YAML (spec 11.5).
constexpr ChoiceName<session::PinSessions> kPinSessions[] = {
    {"explicit", session::PinSessions::kExplicit},
    {"all", session::PinSessions::kAll},
    {"off", session::PinSessions::kOff},
    {"false", session::PinSessions::kOff},
};

const Table<gateway::Options>& FailoverTable() {
  using S = gateway::Options;
  static const Table<S> table =
      Table<S>()
          .Key(
              "enabled", [](auto& o) -> auto& { return o.failover.enabled; }, Boolean(),
              "Whether a request that failed goes on to another target.")
          .Key(
              "max_attempts", [](auto& o) -> auto& { return o.failover.max_attempts; },
              Integer({.min = 1, .max = 100}), "Most targets for one request, the first included.")
          .Key(
              "repin_after", [](auto& o) -> auto& { return o.pins.repin_after; },
              Integer({.min = 0, .max = 1'000'000}),
              "So many requests in a row that another model had to serve move a session's pin to "
              "it. 0: never.");
  return table;
}

const Table<decision::RouterOptions>& RouterTable() {
  using S = decision::RouterOptions;
  static const Table<S> table =
      Table<S>()
          .Key("type", &S::type, Choice(kRouterTypes),
               "`llm` asks a model; `local` learns the descriptions and examples at the start and "
               "asks nobody.")
          .Key("base_url", &S::base_url, Text(Empty::kRefused),
               "Where the model is: an endpoint of the OpenAI chat protocol, with its version.")
          .Key("model", &S::model, Text(Empty::kRefused), "The model's name there.")
          .Key("api_key", &S::api_key, SecretText(), "The credential. Empty: none is sent.",
               {.excludes = "api_key_file"})
          .Key("api_key_file", &S::api_key, SecretFile(), "File that holds `api_key`.",
               {.effective = Effective::kLeftOut, .excludes = "api_key"})
          .Key("timeout_ms", &S::timeout,
               Milliseconds({.min = 1, .max = decision::kRouterTimeoutMax.count()}),
               "For the whole question. After it the request is served as if nothing had matched.")
          .Key("max_turns", &S::max_turns, Integer({.min = 1, .max = decision::kRouterTurnsMax}),
               "Newest turns of the conversation that the router sees.")
          .Key("max_prompt_tokens", &S::max_prompt_tokens,
               Integer({.min = decision::kRouterTokensMin, .max = decision::kRouterTokensMax}),
               "How much of the conversation it sees, about.");
  return table;
}

const Table<decision::PreferenceOptions>& SelectionTable() {
  using S = decision::PreferenceOptions;
  static const Table<S> table = Table<S>().Key("prefer", &S::prefer, Choice(kPrefers),
                                               "Which of the models comes first: the first of the "
                                               "list, the one with the lowest price, or the "
                                               "one whose streams began soonest.");
  return table;
}

const Table<decision::PreferenceOptions>& PreferenceTable() {
  using S = decision::PreferenceOptions;
  static const Table<S> table =
      Table<S>()
          .Key("name", [](auto& o) -> auto& { return o.route.name; }, Text(Empty::kRefused),
               "Name of the route. Each name once.", {.required = Required::kYes})
          .Key("description", [](auto& o) -> auto& { return o.route.description; },
               Text(Empty::kRefused), "What belongs to it, in words, for the router.",
               {.required = Required::kYes})
          .Key(
              "examples", [](auto& o) -> auto& { return o.route.examples; },
              ListOf(Text(Empty::kRefused)), "Sentences that belong to it.")
          .Key("models", &S::models, ListOf(Text(Empty::kRefused)),
               "Names or aliases of the models that serve it, the best first.",
               {.required = Required::kYes})
          .Key("selection_policy", kAll, Section(SelectionTable()), "The order of its models.");
  return table;
}

}  // namespace

const Table<gateway::Options>& RoutingTable() {
  using S = gateway::Options;
  static const Table<S> table =
      Table<S>()
          .Key(
              "default_model", [](auto& o) -> auto& { return o.decision.default_model; },
              Text(Empty::kAllowed),
              "Name or alias of the model that serves requests for unknown models when "
              "`unknown_model` is `default`. Empty: none.")
          .Key(
              "unknown_model", [](auto& o) -> auto& { return o.decision.unknown_model; },
              Choice(kUnknownModel),
              "What happens when a client asks for a model that is not configured: an error, or "
              "the default model.")
          .Key(
              "route", [](auto& o) -> auto& { return o.decision.route; }, Choice(kRouteModes),
              "Whether the preferences judge every request, or only those that ask for one of "
              "`auto_models`.")
          .Key(
              "auto_models", [](auto& o) -> auto& { return o.decision.auto_models; },
              ListOf(Text(Empty::kRefused)),
              "Names that stand for no model: a client that sends one leaves the choice to the "
              "gateway.")
          .Key(
              "preferences", [](auto& o) -> auto& { return o.decision.preferences; },
              SectionList(PreferenceTable()),
              "Routes described in words. The router says which one a conversation belongs to.")
          .Key(
              "router", [](auto& o) -> auto& { return o.decision.router; }, Section(RouterTable()),
              "Who judges `preferences`.")
          .Key(
              "pin_sessions", [](auto& o) -> auto& { return o.pins.sessions; },
              Choice(kPinSessions),
              "Which sessions stay on the model that their first request was routed to: those that "
              "come with an id, or also conversations that are recognised by their messages.")
          .Key(
              "session_ttl_seconds", [](auto& o) -> auto& { return o.pins.ttl; },
              Seconds({.min = 1}), "How long a session stays pinned.")
          .Key(
              "session_ttl_mode", [](auto& o) -> auto& { return o.pins.ttl_mode; },
              Choice(kTtlModes), "Whether that counts from the last request or from the first.")
          .Key(
              "session_max_age_seconds", [](auto& o) -> auto& { return o.pins.age_max; },
              Seconds({.min = 0}), "No pin is older than this, however much it is used. 0: no cap.")
          .Key(
              "session_max_entries", [](auto& o) -> auto& { return o.pins.entries_max; },
              Integer({.min = 1, .max = 1'000'000'000}),
              "Most pinned sessions; the one that was used least recently gives way.")
          .Key(
              "session_headers", [](auto& o) -> auto& { return o.session_headers.headers; },
              ListOf(Text(Empty::kRefused)),
              "Request headers that may bring a session id, in lower case; the first one that does "
              "counts.")
          .Key(
              "tenant_header", [](auto& o) -> auto& { return o.session_headers.tenant_header; },
              Text(Empty::kAllowed),
              "A request header whose value keeps equal session ids of one caller apart. Empty: "
              "none.")
          .Key(
              "forward_session_header",
              [](auto& o) -> auto& { return o.session_headers.forward_header; }, Boolean(),
              "Whether the session headers go on to the provider.")
          .Key("failover", kAll, Section(FailoverTable()), "Trying other targets.");
  return table;
}

}  // namespace mainstay::config
