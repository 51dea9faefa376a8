#pragma once

#include <cstdint>
#include <string_view>

namespace mainstay {

// What one attempt at one target came to, as far as the transport and the status tell.
enum class AttemptEvent : uint8_t {
  kAnswered,      // a response head came; `status` says which
  kConnectError,  // refused, unreachable, name or TLS failure, connect time-out
  kReset,         // the connection ended before the first byte of an answer
  kTimeout,       // no first byte in time
  kBadAnswer,     // an answer that is not HTTP
  kClientLeft,
  kBroken,  // the answer broke after its first byte
};

// Failure classes of spec 06 §4.
enum class FailureClass : uint8_t {
  kNone,          // served
  kRequestFault,  // the provider's answer goes to the client unchanged
  kTemporary,     // another target may do better
  kClientLeft,
  kAfterFirstByte,  // too late for another target
};

inline constexpr std::string_view FailureClassName(FailureClass failure) {
  switch (failure) {
    case FailureClass::kNone:
      return "ok";
    case FailureClass::kRequestFault:
      return "request_fault";
    case FailureClass::kTemporary:
      return "temporary";
    case FailureClass::kClientLeft:
      return "client_left";
    case FailureClass::kAfterFirstByte:
      return "after_first_byte";
  }
  return "";
}
inline constexpr int kFailureClassCount = 5;

// Gives the class of an attempt. `status` counts with kAnswered only. account/ has the table.
using ClassifyAttempt = FailureClass (*)(AttemptEvent event, int status);

}  // namespace mainstay
