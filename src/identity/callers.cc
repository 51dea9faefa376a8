#include "identity/callers.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace mainstay::identity {
namespace {

constexpr int64_t kMinuteMs = 60'000;

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
    const int64_t now_ms = now.time_since_epoch().count();
    int64_t start = use.window_start_ms.load(std::memory_order_relaxed);
    if (now_ms - start >= kMinuteMs &&
        use.window_start_ms.compare_exchange_strong(start, now_ms, std::memory_order_relaxed)) {
      use.window_requests.store(0, std::memory_order_relaxed);
      start = now_ms;
    }
    if (use.window_requests.fetch_add(1, std::memory_order_relaxed) >=
        caller.requests_per_minute) {
      use.window_requests.fetch_sub(1, std::memory_order_relaxed);
      return RateLimited("this key may send " + std::to_string(caller.requests_per_minute) +
                             " requests a minute; wait until the minute is over",
                         start + kMinuteMs - now_ms);
    }
  }
  return lease;
}

}  // namespace mainstay::identity
