#include "http/framing.h"

namespace mainstay::http::framing {
namespace {

// 18 digits always fit, also in the signed arithmetic of those who add to the length.
constexpr size_t kContentLengthDigitsMax = 18;

// ":" and a number up to 65535, up to `end`; nothing at all is fine too.
bool IsPortOrNothing(const char* p, const char* end) {
  if (p == end) {
    return true;
  }
  if (*p != ':' || end - p < 2 || end - p > 6) {
    return false;
  }
  uint32_t port = 0;
  for (++p; p < end; ++p) {
    if (*p < '0' || *p > '9') {
      return false;
    }
    port = port * 10 + static_cast<uint32_t>(*p - '0');
  }
  return port <= 65'535;
}

}  // namespace

std::string_view ReadContentLength(std::string_view value, MessageHead& head) {
  if (head.content_length) {
    return "more than one Content-Length";
  }
  if (value.empty()) {
    return "empty Content-Length";
  }
  if (value.size() > kContentLengthDigitsMax) {
    return "Content-Length is not a number of at most 18 digits";
  }
  uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') {
      return "Content-Length is not a number of at most 18 digits";
    }
    length = length * 10 + static_cast<uint64_t>(c - '0');
  }
  head.content_length = length;
  return {};
}

std::string_view ReadTransferEncoding(std::string_view value, MessageHead& head) {
  if (head.chunked) {
    return "more than one Transfer-Encoding";
  }
  if (value.size() != 7 || !scan::IsWord(value.data(), "chunked")) {
    return "Transfer-Encoding is not exactly chunked";
  }
  head.chunked = true;
  return {};
}

void ReadConnection(std::string_view value, MessageHead& head, ConnectionOptions& options) {
  if (value.size() == 10 && scan::IsWord(value.data(), "keep-alive")) [[likely]] {
    options.keep_alive = true;
    return;
  }
  ForEachItem(value, [&](std::string_view item) {
    if (item.size() == 10 && scan::IsWord(item.data(), "keep-alive")) {
      options.keep_alive = true;
    } else if (item.size() == 5 && scan::IsWord(item.data(), "close")) {
      options.close = true;
    } else if (item.size() == 7 && scan::IsWord(item.data(), "upgrade")) {
      options.upgrade = true;
    } else if (!(item.size() == 2 && scan::IsWord(item.data(), "te"))) {
      head.nominates_headers = true;
    }
    return true;
  });
}

// Percent signs and the sub-delimiters
// of RFC 3986 are not accepted: no host that can be reached has them.
bool IsAuthority(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  if (!text.empty() && *p == '[') {
    const char* const first = ++p;
    while (p < end && (*p == ':' || *p == '.' || (*p >= '0' && *p <= '9') ||
                       ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f'))) {
      ++p;
    }
    return p - first >= 2 && p < end && *p == ']' && IsPortOrNothing(p + 1, end);
  }
  const char* const stop = scan::StopAt<scan::HostStops>(p, end);
  return stop > p && IsPortOrNothing(stop < end ? stop : end, end);
}

}  // namespace mainstay::http::framing
