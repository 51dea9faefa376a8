#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decision/router/route.h"

namespace mainstay::decision {

// Routes in declared order, with what routers want to know of all of them, worked out once.
// Immutable.
class RouteSet final {
 public:
  RouteSet() = default;
  explicit RouteSet(std::vector<Route> routes);

  std::span<const Route> list() const { return routes_; }
  bool empty() const { return routes_.empty(); }
  const Route& operator[](int at) const { return routes_[static_cast<size_t>(at)]; }
  // HashOf the routes.
  uint64_t hash() const { return hash_; }
  // RouterRequestTokens of the routes.
  int64_t request_tokens() const { return request_tokens_; }

 private:
  std::vector<Route> routes_;
  uint64_t hash_ = 0;
  int64_t request_tokens_ = 0;
};

}  // namespace mainstay::decision
