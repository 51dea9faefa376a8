#include "decision/router/options.h"

#include "http/url.h"

namespace mainstay::decision {
namespace {

void CheckRange(int64_t value, int64_t least, int64_t most, std::string path, Problems& problems) {
  if (value < least || value > most) {
    problems.Add(std::move(path), "must be between " + std::to_string(least) + " and " +
                                      std::to_string(most) + ", is " + std::to_string(value));
  }
}

}  // namespace

void Validate(const RouterOptions& options, std::string_view path, Problems& problems) {
  CheckRange(options.timeout.count(), 1, kRouterTimeoutMax.count(), Under(path, "timeout_ms"),
             problems);
  CheckRange(options.max_turns, 1, kRouterTurnsMax, Under(path, "max_turns"), problems);
  CheckRange(options.max_prompt_tokens, kRouterTokensMin, kRouterTokensMax,
             Under(path, "max_prompt_tokens"), problems);
  if (options.type != RouterType::kLlm) {
    return;
  }
  if (Result<http::Url> url = http::ParseUrl(options.base_url); !url) {
    problems.Add(Under(path, "base_url"), url.error().message);
  }
  if (options.model.empty()) {
    problems.Add(Under(path, "model"), "must not be empty: it names the model that is asked");
  }
  // It becomes a header line.
  if (options.api_key.Expose().find_first_of("\r\n\0", 0, 3) != std::string_view::npos) {
    problems.Add(Under(path, "api_key"), "must not hold line breaks");
  }
}

}  // namespace mainstay::decision
