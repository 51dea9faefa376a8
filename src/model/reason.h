#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mainstay {

// The one reason that decided the model: x-mainstay-reason and the replay record (spec 11.6). The
// list grows with the stages that can give a reason.
enum class Reason : uint8_t {
  kNone,  // nothing was decided: the request failed before
  kRequestedModel,
  kDefaultModel,
  kRouteOff,
  kDecisionMatched,
  kNoMatch,
  kRouterUnavailable,
  kPinSet,
  kPinHit,
  kPinnedModelRemoved,
  // What kept the model that was chosen first from serving.
  kFailoverUpstreamError,
  kFailoverTimeout,
  kFailoverDisabled,
  kFailoverContextWindow,
  kFailoverCapabilityTools,
  kFailoverCapabilityVision,
  kFailoverCapabilityAudio,
  kFailoverCapabilityJson,
};

inline constexpr std::array<std::string_view, 18> kReasonTexts = {
    "",
    "requested_model",
    "default_model",
    "route_off",
    "decision_matched",
    "no_match",
    "router_unavailable",
    "pin_set",
    "pin_hit",
    "pinned_model_removed",
    "failover:upstream_error",
    "failover:timeout",
    "failover:disabled",
    "failover:context_window",
    "failover:capability_tools",
    "failover:capability_vision",
    "failover:capability_audio",
    "failover:capability_json",
};
static_assert(static_cast<size_t>(Reason::kFailoverCapabilityJson) + 1 == kReasonTexts.size());

// Empty for kNone, and for numbers that are no reason.
inline constexpr std::string_view ReasonText(Reason reason) {
  const auto at = static_cast<size_t>(reason);
  return at < kReasonTexts.size() ? kReasonTexts[at] : std::string_view();
}

}  // namespace mainstay
