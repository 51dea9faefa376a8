#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

constexpr ChoiceName<Protocol> kProtocols[] = {
    {ProtocolName(Protocol::kOpenAiChat), Protocol::kOpenAiChat},
};

const Table<AccountOptions>& AccountTable() {
  using S = AccountOptions;
  static const Table<S> table =
      Table<S>()
          .Key("alias", &S::alias, Text(Empty::kRefused),
               "Name of the account. Each alias once over all providers.",
               {.required = Required::kYes})
          .Key("api_key", &S::api_key, SecretText(), "The credential. Empty: requests carry none.",
               {.excludes = "api_key_file"})
          .Key("api_key_file", &S::api_key, SecretFile(), "File that holds `api_key`.",
               {.effective = Effective::kLeftOut, .excludes = "api_key"})
          .Key("enabled", &S::enabled, Boolean(), "Whether the account is used.")
          .Key("models", &S::models, ListOf(Text(Empty::kRefused)),
               "Names of the models that the account may be used for. Empty: all of the provider.")
          .Key("headers", &S::headers, Headers(),
               "Headers added to every request of this account.");
  return table;
}

const Table<UpstreamTimeouts>& TimeoutsTable() {
  using S = UpstreamTimeouts;
  static const Table<S> table =
      Table<S>()
          .Key("connect_ms", &S::connect, Milliseconds({.min = 1}),
               "Name look-up, TCP and TLS together.")
          .Key("first_byte_ms", &S::first_byte, Milliseconds({.min = 1}),
               "From the end of the request to the first byte of the answer.")
          .Key("idle_ms", &S::idle, Milliseconds({.min = 1}), "Between two pieces of the answer.")
          .Key("total_ms", &S::total, Milliseconds({.min = 0}), "A whole attempt. 0: no limit.");
  return table;
}

const Table<KeepAliveOptions>& KeepAliveTable() {
  using S = KeepAliveOptions;
  static const Table<S> table =
      Table<S>()
          .Key("connections_per_worker", &S::connections_per_worker,
               Integer({.min = 0, .max = 100'000}),
               "Idle connections kept for each endpoint and worker. 0: none is used twice.")
          .Key("idle_ms", &S::idle, Milliseconds({.min = 1}),
               "How long an idle connection is kept.");
  return table;
}

}  // namespace

const Table<ProviderOptions>& ProviderTable() {
  using S = ProviderOptions;
  static const Table<S> table =
      Table<S>()
          .Key("name", &S::name, Text(Empty::kRefused), "Name of the provider. Each name once.",
               {.required = Required::kYes})
          .Key("protocol", &S::protocol, Choice(kProtocols), "What the provider speaks.",
               {.required = Required::kYes})
          .Key("base_url", &S::base_url, Text(Empty::kRefused),
               "Where the provider is, with its version: `https://api.openai.com/v1`. Over https "
               "its certificate is verified.")
          .Key("endpoints", &S::endpoints, ListOf(Text(Empty::kRefused)),
               "Instead of `base_url`: the addresses of equal replicas.")
          .Key("accounts", &S::accounts, SectionList(AccountTable()),
               "Credentials at the provider. Empty: requests carry none.")
          .Key("headers", &S::headers, Headers(), "Headers added to every request.")
          .Key("timeouts", &S::timeouts, Section(TimeoutsTable()), "How long one attempt may take.")
          .Key("keep_alive", &S::keep_alive, Section(KeepAliveTable()),
               "Connections kept for the next request.");
  return table;
}

}  // namespace mainstay::config
