#include "admin/query.h"

#include <algorithm>
#include <optional>

#include "base/suggest.h"
#include "http/url.h"

namespace mainstay::admin {
namespace {

std::optional<std::string> Decode(std::string_view text) {
  std::string blanks(text);
  std::ranges::replace(blanks, '+', ' ');
  return http::PercentDecode(blanks);
}

}  // namespace

std::map<std::string_view, std::string> ReadQuery(std::string_view query,
                                                  std::span<const std::string_view> known,
                                                  std::vector<Detail>& details) {
  std::map<std::string_view, std::string> values;
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    if (item.empty()) {
      continue;
    }
    const size_t equals = std::min(item.find('='), item.size());
    const std::string name = Decode(item.substr(0, equals)).value_or(std::string());
    const auto found = std::ranges::find(known, name);
    if (found == known.end()) {
      std::string all;
      for (const std::string_view one : known) {
        all += (all.empty() ? "one of " : ", ") + std::string(one);
      }
      details.push_back({.field = name,
                         .message = "is no parameter of this call" + DidYouMean(name, known),
                         .constraint = all});
      continue;
    }
    std::optional<std::string> value = Decode(item.substr(std::min(equals + 1, item.size())));
    if (!value) {
      details.push_back({.field = name,
                         .message = "has a percent sign without two hexadecimal digits after it",
                         .constraint = "percent-encoded text"});
    } else if (values.contains(*found)) {
      details.push_back({.field = name, .message = "stands twice", .constraint = "once"});
    } else if (!value->empty()) {
      values.emplace(*found, std::move(*value));
    }
  }
  return values;
}

}  // namespace mainstay::admin
