#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "decision/router/route.h"

// The routes and sentences of src/decision/router/fixtures, for tests and benches.
namespace mainstay::decision::testing {

struct HeldOut {
  std::string route;  // the name that it belongs to, or "none"
  std::string text;
  bool demo = false;  // a step of the session pinning demo
};

// `root` is the source tree, here and below.
inline std::string FixturePath(const std::string& root, const std::string& name) {
  return root + "/src/decision/router/fixtures/" + name;
}

// "# name: description", then one example a line. The first line is a comment.
inline std::vector<Route> ReadRoutes(const std::string& root) {
  std::vector<Route> routes;
  std::ifstream in(FixturePath(root, "routes.txt"));
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    if (line.starts_with("# ")) {
      const size_t colon = line.find(": ");
      routes.push_back({.name = line.substr(2, colon - 2), .description = line.substr(colon + 2)});
    } else {
      routes.back().examples.push_back(line);
    }
  }
  return routes;
}

// "route: sentence"; the first group is the demo's.
inline std::vector<HeldOut> ReadHeldOut(const std::string& root) {
  std::vector<HeldOut> rows;
  std::ifstream in(FixturePath(root, "held_out.txt"));
  int groups = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#")) {
      ++groups;
      continue;
    }
    const size_t colon = line.find(": ");
    rows.push_back(
        {.route = line.substr(0, colon), .text = line.substr(colon + 2), .demo = groups == 1});
  }
  return rows;
}

}  // namespace mainstay::decision::testing
