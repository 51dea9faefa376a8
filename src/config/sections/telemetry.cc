#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

constexpr ChoiceName<LogLevel> kLogLevels[] = {
    {"debug", LogLevel::kDebug},
    {"info", LogLevel::kInfo},
    {"warn", LogLevel::kWarn},
    {"error", LogLevel::kError},
};
constexpr ChoiceName<LogFormat> kLogFormats[] = {
    {"text", LogFormat::kText},
    {"json", LogFormat::kJson},
};
constexpr ChoiceName<observe::ResponseHeaders> kResponseHeaders[] = {
    {"full", observe::ResponseHeaders::kFull},
    {"minimal", observe::ResponseHeaders::kMinimal},
    {"off", observe::ResponseHeaders::kOff},
};

}  // namespace

const Table<observe::TelemetryOptions>& TelemetryTable() {
  using S = observe::TelemetryOptions;
  static const Table<S> table =
      Table<S>()
          .Key("metrics", &S::metrics, Boolean(), "Whether `/metrics` is served.")
          .Key("log_level", &S::log_level, Choice(kLogLevels), "The least that is logged.")
          .Key("log_format", &S::log_format, Choice(kLogFormats),
               "One line of either for each event.")
          .Key("response_headers", &S::response_headers, Choice(kResponseHeaders),
               "Which `x-mainstay-` headers answers carry. The request ids always stay.");
  return table;
}

}  // namespace mainstay::config
