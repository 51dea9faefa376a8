#pragma once

#include <cstdint>

#include "base/log.h"

namespace mainstay::observe {

// Which of the x-mainstay- and x-vsr- headers a response carries. The request ids always stay.
enum class ResponseHeaders : uint8_t { kFull, kMinimal, kOff };

struct TelemetryOptions {
  bool metrics = true;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  ResponseHeaders response_headers = ResponseHeaders::kFull;
};

}  // namespace mainstay::observe
