#pragma once

#include <cstdint>
#include <string_view>

namespace mainstay {

// The one reason that decided the model: x-mainstay-reason and the replay record (spec 11.6). The
// list grows with the stages that can give a reason.
enum class Reason : uint8_t {
  kNone,  // nothing was decided: the request failed before
  kRequestedModel,
  kDefaultModel,
  kFailoverUpstreamError,
  kFailoverTimeout,
};

inline constexpr std::string_view ReasonText(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "";
    case Reason::kRequestedModel:
      return "requested_model";
    case Reason::kDefaultModel:
      return "default_model";
    case Reason::kFailoverUpstreamError:
      return "failover:upstream_error";
    case Reason::kFailoverTimeout:
      return "failover:timeout";
  }
  return "";
}

}  // namespace mainstay
