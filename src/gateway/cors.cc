#include "gateway/cors.h"

#include <algorithm>

namespace mainstay::gateway {
namespace {

using http::HeaderId;

// How long a browser may rely on a preflight: two hours, the most that Chromium grants.
constexpr std::string_view kMaxAge = "7200";

// Every header of an answer may be read: x-mainstay-..., retry-after, the provider's rate limits.
constexpr std::string_view kExpose = "access-control-expose-headers: *\r\n";

// The answer differs by origin, so a cache must not give one page what was meant for another.
constexpr std::string_view kVary = "vary: origin\r\n";

std::string AllowLine(std::string_view origin) {
  return "access-control-allow-origin: " + std::string(origin) + "\r\n";
}

}  // namespace

Cors::Cors(const std::vector<std::string>& origins) {
  any_ = std::ranges::find(origins, "*") != origins.end();
  if (any_) {
    other_lines_ = AllowLine("*");
    other_lines_ += kExpose;
    return;
  }
  other_lines_ = kVary;
  for (const std::string& origin : origins) {
    std::string lines = AllowLine(origin);
    lines += kExpose;
    lines += kVary;
    lines_.emplace_back(origin, std::move(lines));
  }
}

std::string_view Cors::Lines(const http::RequestHead* head) const {
  if (!any_ && head != nullptr && head->headers.Has(HeaderId::kOrigin)) {
    const std::string_view origin = head->headers.Value(HeaderId::kOrigin);
    for (const auto& [allowed, lines] : lines_) {
      if (allowed == origin) {
        return lines;
      }
    }
  }
  return other_lines_;
}

bool Cors::Allows(const http::RequestHead& head) const {
  return head.headers.Has(HeaderId::kOrigin) && (any_ || Lines(&head) != other_lines_);
}

void Cors::AppendPreflight(const http::RequestHead& head, std::string_view methods,
                           std::string& out) const {
  if (!head.headers.Has(HeaderId::kAccessControlRequestMethod) || !Allows(head)) {
    return;
  }
  out += "access-control-allow-methods: ";
  out += methods;
  // What the page asks for, and not "*": that would leave out authorization.
  if (head.headers.Has(HeaderId::kAccessControlRequestHeaders)) {
    out += "\r\naccess-control-allow-headers: ";
    out += head.headers.Value(HeaderId::kAccessControlRequestHeaders);
  }
  out += "\r\naccess-control-max-age: ";
  out += kMaxAge;
  out += "\r\n";
}

}  // namespace mainstay::gateway
