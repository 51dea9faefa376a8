#include "decision/router/route.h"

#include <algorithm>

#include "base/flat_map.h"
#include "http/header_id.h"

namespace mainstay::decision {
namespace {

// Length first, so that no two lists of texts are written alike.
void Append(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

bool IsControl(char c) {
  return (c >= 0 && c < ' ') || c == '\x7f';
}

}  // namespace

std::string_view ProblemOfName(std::string_view name) {
  if (name.empty()) {
    return "must not be empty";
  }
  if (name.size() > kRouteNameMax) {
    return "must not be longer than 256 bytes";
  }
  if (std::ranges::any_of(name, IsControl) || name.front() == ' ' || name.back() == ' ') {
    return "must not have control characters, nor a blank at its beginning or end";
  }
  return {};
}

uint64_t HashOf(std::span<const Route> routes) {
  std::string all;
  for (const Route& route : routes) {
    Append(all, route.name);
    Append(all, route.description);
    all += std::to_string(route.examples.size()) + ';';
    for (const std::string& example : route.examples) {
      Append(all, example);
    }
  }
  return TextHash{}(all);
}

int FindRoute(std::span<const Route> routes, std::string_view name) {
  int in_another_case = -1;
  for (size_t i = 0; i < routes.size(); ++i) {
    if (routes[i].name == name) {
      return static_cast<int>(i);
    }
    if (in_another_case < 0 && http::EqualsIgnoreCase(routes[i].name, name)) {
      in_another_case = static_cast<int>(i);
    }
  }
  return in_another_case;
}

}  // namespace mainstay::decision
