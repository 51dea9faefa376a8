#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "http/server_exchange.h"

namespace mainstay::fake_provider {

enum class CallState : uint8_t {
  kOpen,
  kFinished,   // all that the script wanted was sent
  kCancelled,  // the other side left before
};

// One request as the provider saw it, and what became of it.
struct Call {
  int64_t number = 0;  // from 1, of all requests since the start
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // as they came
  std::string body;     // as it came, cut off at record_body_bytes_max
  std::string account;  // its alias; empty when the key is not known
  std::string model;    // empty when the body could not be read
  WallTime at{};        // the provider's clock
  MonoTime received{};  // the loop's clock, at the first byte
  CallState state = CallState::kOpen;
  int status = 0;  // 0: no status line was sent
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;

  // The value of the first header of this name in any case, or empty.
  std::string_view Header(std::string_view name) const;
};

// The newest calls, up to a limit; the oldest go first. One thread.
class CallLog final {
 public:
  CallLog(int64_t calls_max, int64_t body_bytes_max)
      : calls_max_(calls_max), body_bytes_max_(body_bytes_max) {}

  // Records a request, and gives its number. Without a limit it only counts.
  int64_t Begin(const http::ServerExchange& exchange, WallTime now);
  // The record of a number, or nullptr when it is not kept (any more). Valid until the next Begin.
  Call* Find(int64_t number);

  const std::deque<Call>& calls() const { return calls_; }
  int64_t count() const { return count_; }
  // How many were recorded and have been pushed out since.
  int64_t dropped() const { return dropped_; }
  void Clear() { calls_.clear(); }

  // {"calls":[...],"count":n,"dropped":n}; credentials are shown as ***.
  std::string Json() const;

 private:
  const int64_t calls_max_;
  const int64_t body_bytes_max_;
  std::deque<Call> calls_;
  int64_t count_ = 0;
  int64_t dropped_ = 0;
};

}  // namespace mainstay::fake_provider
