#pragma once

#include <string_view>

#include "http/head.h"
#include "http/scan.h"

// What single header values say about framing and persistence. Internal to the head parser: values
// are views into its input, have kPadding behind them and hold no control characters but TAB.
namespace mainstay::http::framing {

// What the Connection headers said; they add up.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
};

// Each returns what is wrong as static text, or empty.
std::string_view ReadContentLength(std::string_view value, MessageHead& head);
std::string_view ReadTransferEncoding(std::string_view value, MessageHead& head);

void ReadConnection(std::string_view value, MessageHead& head, ConnectionOptions& options);

// Whether the text is a name, an IPv4 address or [IPv6], with a port or without.
bool IsAuthority(std::string_view text);

// Calls `visit` with each item of a comma-separated list, blanks around it removed, until it
// returns false. Empty items are skipped.
template <typename Visit>
void ForEachItem(std::string_view list, Visit visit) {
  const char* p = list.data();
  const char* const end = p + list.size();
  while (p < end) {
    while (p < end && (scan::IsBlank(*p) || *p == ',')) {
      ++p;
    }
    const char* const first = p;
    while (p < end && *p != ',') {
      ++p;
    }
    const char* last = p;
    while (last > first && scan::IsBlank(last[-1])) {
      --last;
    }
    if (last > first && !visit(scan::Between(first, last))) {
      return;
    }
  }
}

}  // namespace mainstay::http::framing
