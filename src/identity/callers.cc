#include "identity/callers.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

namespace mainstay::identity {
namespace {

constexpr int64_t kMinuteMs = 60'000;

// CallerUse::window taken apart: the start of the minute in units of 10 ms in the upper 38 bits
// (enough until the year 2057), the requests in the lower 26 (a million a second).
struct Window {
  static constexpr int64_t kUnitMs = 10;
  static constexpr unsigned kCountBits = 26;
  static constexpr uint64_t kCountMax = (uint64_t{1} << kCountBits) - 1;

  int64_t start = 0;
  uint64_t count = 0;

  static Window From(uint64_t word) {
    return {.start = static_cast<int64_t>(word >> kCountBits), .count = word & kCountMax};
  }
  uint64_t Word() const { return static_cast<uint64_t>(start) << kCountBits | count; }
};

// Counts a request; returns 0, or the time until the next one may come when the minute is used up.
int64_t CountRequest(const Caller& caller, WallTime now) {
  constexpr int64_t kMinute = kMinuteMs / Window::kUnitMs;
  const int64_t time = now.time_since_epoch().count() / Window::kUnitMs;
  const uint64_t allowed =
      std::min(static_cast<uint64_t>(caller.requests_per_minute), Window::kCountMax);
  std::atomic<uint64_t>& word = caller.use->window;
  uint64_t before = word.load(std::memory_order_relaxed);
  while (true) {
    Window window = Window::From(before);
    // Also when the clock was set back: a minute in the future would never end. A little backwards
    // is usual, because threads read the clock one after the other.
    if (std::abs(time - window.start) >= kMinute) {
      window = {.start = time, .count = 0};
    }
    if (window.count >= allowed) {
      return (window.start + kMinute - time) * Window::kUnitMs;
    }
    ++window.count;
    if (word.compare_exchange_weak(before, window.Word(), std::memory_order_relaxed)) {
      return 0;
    }
  }
}

Error RateLimited(std::string message, int64_t retry_ms) {
  const int64_t seconds = std::max<int64_t>(1, (retry_ms + 999) / 1000);
  return {.kind = ErrorKind::kCallerRateLimited,
          .side = Side::kClient,
          .retry = Retry::kLater,
          .message = std::move(message),
          .retry_after = std::chrono::seconds(seconds)};
}

}  // namespace

size_t Callers::DigestHash::operator()(const Sha256Digest& digest) const {
  size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

Callers::Callers(const Options& options, const Callers* earlier) {
  anonymous_.name = "anonymous";
  anonymous_.use = std::make_shared<CallerUse>();
  for (const CallerOptions& entry : options.callers) {
    auto caller = std::make_unique<Caller>();
    caller->name = entry.name;
    caller->allow_models = entry.allow_models;
    if (std::ranges::find(entry.allow_models, "*") != entry.allow_models.end()) {
      caller->allow_models.clear();
    }
    caller->requests_per_minute = entry.requests_per_minute;
    caller->max_concurrency = entry.max_concurrency;
    if (earlier != nullptr) {
      for (const auto& before : earlier->callers_) {
        if (before->name == entry.name) {
          caller->use = before->use;
        }
      }
    }
    if (caller->use == nullptr) {
      caller->use = std::make_shared<CallerUse>();
    }
    for (const Secret& key : entry.keys) {
      by_key_.emplace(Sha256(key.Expose()), caller.get());
    }
    callers_.push_back(std::move(caller));
  }
}

Result<const Caller*> Callers::Find(std::string_view credential) const {
  if (callers_.empty()) {
    return &anonymous_;
  }
  if (!credential.empty()) {
    const auto found = by_key_.find(Sha256(credential));
    if (found != by_key_.end()) {
      return found->second;
    }
  }
  return Error{.kind = ErrorKind::kInvalidApiKey,
               .side = Side::kClient,
               .message = credential.empty()
                              ? "no API key was given; send one as 'Authorization: Bearer KEY'"
                              : "this API key is not known here; check the key that you send"};
}

Result<CallerLease> Callers::Admit(const Caller& caller, WallTime now) {
  CallerUse& use = *caller.use;
  CallerLease lease;
  if (caller.max_concurrency > 0) {
    if (use.running.fetch_add(1, std::memory_order_relaxed) >= caller.max_concurrency) {
      use.running.fetch_sub(1, std::memory_order_relaxed);
      return RateLimited("this key may have " + std::to_string(caller.max_concurrency) +
                             " requests running at once; wait for one to end",
                         1000);
    }
    lease = CallerLease(caller.use);
  }
  if (caller.requests_per_minute > 0) {
    if (const int64_t wait_ms = CountRequest(caller, now); wait_ms > 0) {
      return RateLimited("this key may send " + std::to_string(caller.requests_per_minute) +
                             " requests a minute; wait until the minute is over",
                         wait_ms);
    }
  }
  return lease;
}

}  // namespace mainstay::identity
