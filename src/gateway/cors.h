#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/head.h"

namespace mainstay::gateway {

// What browsers are told about pages of other origins (the Fetch standard, section 3.2). Immutable;
// any thread.
//
// Credentials in the standard's sense, which are cookies, are never allowed: the gateway knows
// none. A key in a header that a page sets itself needs no such permission.
class Cors final {
 public:
  // Entries of `server.cors` that have passed Validate; not empty.
  explicit Cors(const std::vector<std::string>& origins);

  // The header lines of any answer, whole and each with its CR LF. `head` is null when the request
  // could not be understood. They hold as long as this object.
  std::string_view Lines(const http::RequestHead* head) const;

  // The further lines of the answer to a preflight, appended to `out`: none when the request is no
  // preflight or comes from a page that is not allowed. `methods`: as Allow lists them.
  void AppendPreflight(const http::RequestHead& head, std::string_view methods,
                       std::string& out) const;

 private:
  bool Allows(const http::RequestHead& head) const;

  bool any_ = false;
  std::string other_lines_;  // for requests of no page, or of one that is not allowed
  std::vector<std::pair<std::string, std::string>> lines_;  // by origin
};

}  // namespace mainstay::gateway
