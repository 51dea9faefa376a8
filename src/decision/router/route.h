#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mainstay::decision {

// One way that a conversation may go, described in words for the router.
struct Route {
  std::string name;
  std::string description;
  // Sentences that belong to the route; the local router learns from them.
  std::vector<std::string> examples;
};

// A number for the routes in their order, examples included: equal routes have equal numbers, in
// every process. Not for anything that a stranger may choose freely.
uint64_t HashOf(std::span<const Route> routes);

// Where the route of that name stands: as it is written, else in another case. -1: nowhere.
int FindRoute(std::span<const Route> routes, std::string_view name);

}  // namespace mainstay::decision
