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

// What is wrong with the name of a route; empty when nothing is. Names stand in header lines and in
// logs: at most kRouteNameMax bytes, without control characters, no blank at either end.
inline constexpr size_t kRouteNameMax = 256;
std::string_view ProblemOfName(std::string_view name);

// A number for the routes in their order, examples included: equal routes have equal numbers, in
// every process. Not for anything that a stranger may choose freely.
uint64_t HashOf(std::span<const Route> routes);

// Where the route of that name stands: as it is written, else in another case. -1: nowhere.
int FindRoute(std::span<const Route> routes, std::string_view name);

}  // namespace mainstay::decision
