#include "decision/router/route.h"

#include "base/flat_map.h"

namespace mainstay::decision {
namespace {

// Length first, so that no two lists of texts are written alike.
void Append(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool EqualInAnyCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace

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
    if (in_another_case < 0 && EqualInAnyCase(routes[i].name, name)) {
      in_another_case = static_cast<int>(i);
    }
  }
  return in_another_case;
}

}  // namespace mainstay::decision
