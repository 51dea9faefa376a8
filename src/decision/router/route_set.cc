#include "decision/router/route_set.h"

#include <utility>

#include "decision/router/prompt.h"

namespace mainstay::decision {

RouteSet::RouteSet(std::vector<Route> routes)
    : routes_(std::move(routes)),
      hash_(HashOf(routes_)),
      request_tokens_(RouterRequestTokens(routes_)) {}

}  // namespace mainstay::decision
