#pragma once

#include <chrono>
#include <string_view>

#include "fake_provider/action.h"
#include "fake_provider/answer.h"
#include "http/io/task.h"
#include "http/server_exchange.h"

namespace mainstay::fake_provider {

// How sending an answer ended.
enum class Outcome : uint8_t {
  kFinished,   // all that the script wanted was sent
  kCancelled,  // the other side left before
};

// How an answer is sent, beside what the action says.
struct Pace {
  std::chrono::microseconds gap{0};  // between two writes
  std::chrono::milliseconds reset_grace{0};
};

// Waits. kCancelled: the other side left meanwhile.
io::Task<Outcome> Wait(http::ServerExchange& exchange, std::chrono::nanoseconds duration);

// Sends an answer with the shape and the faults of the action. All arguments live until it ends.
io::Task<Outcome> Play(http::ServerExchange& exchange, const Answer& answer, const Action& action,
                       std::string_view request_id, Pace pace);

}  // namespace mainstay::fake_provider
