#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

constexpr int64_t kVersion = 1;

// The version of the file's format. It fills no field: there is one, and it has to be named so that
// a later format can be told from this one.
Kind<gateway::Options> Version() {
  return {.type = "`1`",
          .read =
              [](Reader& reader, const Place& place, gateway::Options&) {
                const auto version = reader.Integer(place, std::numeric_limits<int64_t>::min(),
                                                    std::numeric_limits<int64_t>::max());
                if (version && *version != kVersion) {
                  reader.Add(place, "must be 1, the only version there is, found " +
                                        std::to_string(*version));
                }
              },
          .text = [](const gateway::Options&, std::string_view) -> std::optional<std::string> {
            return std::to_string(kVersion);
          }};
}

}  // namespace

const Table<gateway::Options>& RootTable() {
  using S = gateway::Options;
  constexpr auto kAll = [](auto& o) -> auto& { return o; };
  static const Table<S> table =
      Table<S>()
          .Key("version", kAll, Version(), "Version of the file's format.",
               {.required = Required::kYes})
          .Key("server", kAll, Section(ServerTable()),
               "Listeners, TLS, limits and the end of the process.")
          .Key(
              "callers", [](auto& o) -> auto& { return o.identity.callers; },
              SectionList(CallerTable()),
              "Who may use the gateway. Empty: one caller called anonymous, which needs the data "
              "listener on loopback or `server.allow_anonymous`.")
          .Key(
              "pass_through_auth", [](auto& o) -> auto& { return o.identity.pass_through_auth; },
              Boolean(),
              "Send the client's own key to the provider instead of an account's; hashed, that key "
              "is the caller.")
          .Key(
              "providers", [](auto& o) -> auto& { return o.catalog.providers; },
              SectionList(ProviderTable()), "Where requests are sent to.")
          .Key(
              "models", [](auto& o) -> auto& { return o.catalog.models; },
              SectionList(ModelTable()), "What clients may ask for.")
          .Key("routing", kAll, Section(RoutingTable()), "Which model serves a request.")
          .Key("session", kAll, Section(SessionTable()),
               "Which session and conversation a request belongs to.")
          .Key("state", &S::state, Section(StateTable()), "What survives a restart.")
          .Key("telemetry", &S::telemetry, Section(TelemetryTable()),
               "Metrics, log and response headers.");
  return table;
}

}  // namespace mainstay::config
