#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/flat_map.h"
#include "base/result.h"
#include "identity/options.h"
#include "model/caller.h"

namespace mainstay::identity {

// What a caller has used of its limits. Shared by all workers and kept over a reload.
struct CallerUse {
  // The minute that is being counted and the requests in it, in one word, so that no thread sees
  // the one without the other; see Window in callers.cc.
  std::atomic<uint64_t> window{0};
  std::atomic<int64_t> running{0};
};

// Somebody who may use the gateway, as configured.
struct Caller {
  std::string name;
  std::vector<std::string> allow_models;  // empty: every model
  int64_t requests_per_minute = 0;
  int64_t max_concurrency = 0;
  std::shared_ptr<CallerUse> use;  // shared with the same caller of an earlier configuration

  CallerView View() const { return {.name = name, .allow_models = allow_models}; }
};

// Holds one place of a caller's concurrency; gives it back when it is destroyed.
class CallerLease final {
 public:
  CallerLease() = default;
  explicit CallerLease(std::shared_ptr<CallerUse> use) : use_(std::move(use)) {}
  CallerLease(CallerLease&&) noexcept = default;
  CallerLease& operator=(CallerLease&& other) noexcept {
    Release();
    use_ = std::move(other.use_);
    return *this;
  }
  ~CallerLease() { Release(); }

 private:
  void Release() {
    if (use_ != nullptr) {
      use_->running.fetch_sub(1, std::memory_order_relaxed);
      use_.reset();
    }
  }

  std::shared_ptr<CallerUse> use_;
};

// The callers of one configuration. Immutable but for the counters; any thread, never blocks.
class Callers final {
 public:
  // `earlier` may be null; callers of the same name keep what they have used.
  Callers(const Options& options, const Callers* earlier);

  // The caller with this credential; `credential` may be empty. With no callers configured
  // everybody is "anonymous".
  //
  // Errors: kInvalidApiKey when callers are configured and the credential is none of theirs.
  Result<const Caller*> Find(std::string_view credential) const;

  // Counts the request against the caller's limits.
  //
  // Errors: kCallerRateLimited with retry_after, when the minute's requests are used up or too
  // many run at once. Refused requests are not counted.
  static Result<CallerLease> Admit(const Caller& caller, WallTime now);

 private:
  struct DigestHash {
    size_t operator()(const Sha256Digest& digest) const;
  };

  std::vector<std::unique_ptr<Caller>> callers_;
  // Keys are kept as SHA-256 digests: what is compared reveals nothing of a key, however long the
  // comparison takes.
  FlatMap<Sha256Digest, const Caller*, DigestHash> by_key_;
  Caller anonymous_;
};

}  // namespace mainstay::identity
