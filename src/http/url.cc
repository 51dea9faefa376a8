#include "http/url.h"

#include <arpa/inet.h>

#include <array>

#include "http/header_id.h"
#include "http/scan.h"

namespace mainstay::http {
namespace {

constexpr size_t kUnixPathBytesMax = 107;  // sun_path with its zero

Error Invalid(std::string_view message) {
  return {.kind = ErrorKind::kInvalidField,
          .side = Side::kGateway,
          .retry = Retry::kNever,
          .message = std::string(message),
          .param = {},
          .retry_after = {}};
}

// Nothing unless the text is a number from 0 to 65535 without sign, blanks or a leading zero.
std::optional<uint16_t> ParsePort(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  uint32_t port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    port = port * 10 + static_cast<uint32_t>(c - '0');
  }
  return port <= 65'535 ? std::optional(static_cast<uint16_t>(port)) : std::nullopt;
}

// inet_pton accepts exactly the canonical notations: four decimal parts, RFC 4291.
template <size_t N>
std::optional<std::array<uint8_t, N>> ParseAddress(int family, const std::string& text) {
  std::array<uint8_t, N> bytes;
  if (text.find('\0') != std::string::npos || inet_pton(family, text.c_str(), bytes.data()) != 1) {
    return std::nullopt;
  }
  return bytes;
}
std::optional<std::array<uint8_t, 4>> ParseIpv4(const std::string& text) {
  return ParseAddress<4>(AF_INET, text);
}
std::optional<std::array<uint8_t, 16>> ParseIpv6(const std::string& text) {
  return ParseAddress<16>(AF_INET6, text);
}

bool IsLoopback(const std::array<uint8_t, 4>& address) {
  return address[0] == 127;
}
bool IsLoopback(const std::array<uint8_t, 16>& address) {
  constexpr std::array<uint8_t, 16> kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool is_mapped = std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin());
  return address == kLoopback || (is_mapped && address[12] == 127);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  return lower;
}

// A name or an IPv4 address. Something of digits and dots alone is an address or nothing: resolvers
// read 127.1 and 2130706433 as addresses too, and then nobody sees what is meant.
bool IsHost(const std::string& host) {
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') {
    return false;
  }
  for (size_t i = 0; i < host.size(); ++i) {
    if (!scan::Is(host[i], scan::kHost) || (host[i] == '.' && i > 0 && host[i - 1] == '.')) {
      return false;
    }
  }
  return host.find_first_not_of("0123456789.") != std::string::npos || ParseIpv4(host).has_value();
}

// host, host:port or [v6]:port, cut apart; the parts are not checked.
struct HostAndPort {
  std::string host;
  std::optional<std::string_view> port;
  bool bracketed = false;
};
std::optional<HostAndPort> CutPort(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return std::nullopt;
    }
    HostAndPort parts{.host = Lower(text.substr(1, close - 1)), .port = {}, .bracketed = true};
    const std::string_view rest = text.substr(close + 1);
    if (rest.starts_with(':')) {
      parts.port = rest.substr(1);
    } else if (!rest.empty()) {
      return std::nullopt;
    }
    return parts;
  }
  const size_t colon = text.find(':');
  HostAndPort parts{.host = Lower(text.substr(0, colon)), .port = {}, .bracketed = false};
  if (colon != std::string_view::npos) {
    parts.port = text.substr(colon + 1);
  }
  return parts;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Result<ListenAddress> ParseUnixAddress(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) {
    return Invalid("a Unix socket needs an absolute path: unix:/run/mainstay/mainstay.sock");
  }
  if (path.size() > kUnixPathBytesMax) {
    return Invalid("the path of a Unix socket may have at most 107 bytes");
  }
  return ListenAddress{.kind = ListenAddress::Kind::kUnix,
                       .host = {},
                       .port = 0,
                       .path = std::string(path),
                       .ipv6 = false,
                       .loopback = true};
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  Url url;
  for (const std::string_view scheme : {"http", "https"}) {
    const std::string start = std::string(scheme) + "://";
    if (StartsWithIgnoreCase(text, start)) {
      url.scheme = scheme;
      text.remove_prefix(start.size());
      break;
    }
  }
  if (url.scheme.empty()) {
    return Invalid("must begin with http:// or https://");
  }
  url.tls = url.scheme == "https";
  for (const char c : text) {
    if (c <= ' ' || c == 0x7f) {  // signed: bytes from 0x80 on too
      return Invalid("must not contain blanks, control or non-ASCII characters");
    }
  }
  if (text.find_first_of("?#") != std::string_view::npos) {
    return Invalid("must not have a query or fragment");
  }
  const size_t slash = text.find('/');
  const std::string_view authority = text.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) {
    return Invalid("must not contain a user name or password; credentials belong to the accounts");
  }
  std::optional<HostAndPort> parts = CutPort(authority);
  if (!parts) {
    return Invalid("the brackets around the IPv6 address are not closed or not followed by a port");
  }
  if (parts->host.empty()) {
    return Invalid("has no host");
  }
  if (parts->bracketed ? !ParseIpv6(parts->host).has_value() : !IsHost(parts->host)) {
    return Invalid(parts->bracketed ? "the text in brackets is not an IPv6 address"
                                    : "the host is neither a name nor an address; IPv6 addresses "
                                      "need brackets: http://[::1]:8080");
  }
  url.port = url.tls ? 443 : 80;
  if (parts->port) {
    const std::optional<uint16_t> port = ParsePort(*parts->port);
    if (!port || *port == 0) {
      return Invalid("the port must be a number from 1 to 65535");
    }
    url.port = *port;
  }
  url.host = std::move(parts->host);
  if (slash != std::string_view::npos) {
    const std::string_view path = text.substr(slash);
    url.path_prefix = path.substr(0, path.find_last_not_of('/') + 1);
  }
  return url;
}

std::string Url::HostHeader() const {
  std::string text = host.find(':') != std::string::npos ? "[" + host + "]" : host;
  if (port != (tls ? 443 : 80)) {
    text += ":" + std::to_string(port);
  }
  return text;
}

TargetParts SplitTarget(std::string_view target) {
  if (!target.starts_with('/')) {
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (StartsWithIgnoreCase(target, scheme)) {
        target.remove_prefix(scheme.size());
        const size_t path = target.find_first_of("/?");
        target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
        break;
      }
    }
  }
  const size_t question = target.find('?');
  TargetParts parts{.path = target.substr(0, question), .query = {}};
  if (question != std::string_view::npos) {
    parts.query = target.substr(question + 1);
  }
  if (parts.path.empty()) {
    parts.path = "/";
  }
  return parts;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    decoded.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return decoded;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (scan::Is(c, scan::kHost) || c == '~') {  // kHost is letters, digits, - . _
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<uint8_t>(c);
    encoded.push_back('%');
    encoded.push_back(kHex[byte >> 4]);
    encoded.push_back(kHex[byte & 0xf]);
  }
  return encoded;
}

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  if (text.starts_with("unix:")) {
    return ParseUnixAddress(text.substr(5));
  }
  std::optional<HostAndPort> parts = CutPort(text);
  if (!parts) {
    return Invalid("the brackets around the IPv6 address are not closed or not followed by a port");
  }
  if (!parts->port) {
    return Invalid("has no port; write host:port, for example 127.0.0.1:12000");
  }
  if (parts->host.empty()) {
    return Invalid("has no host; write 0.0.0.0:port or [::]:port to listen on all interfaces");
  }
  if (!parts->bracketed && parts->port->find(':') != std::string_view::npos) {
    return Invalid("an IPv6 address needs brackets, for example [::1]:12000");
  }
  const std::optional<uint16_t> port = ParsePort(*parts->port);
  if (!port) {
    return Invalid("the port must be a number from 0 to 65535");
  }
  ListenAddress address;
  address.port = *port;
  address.host = parts->host == "localhost" && !parts->bracketed ? "127.0.0.1" : parts->host;
  if (parts->bracketed) {
    const auto bytes = ParseIpv6(address.host);
    if (!bytes) {
      return Invalid("the text in brackets is not an IPv6 address");
    }
    address.ipv6 = true;
    address.loopback = IsLoopback(*bytes);
    return address;
  }
  const auto bytes = ParseIpv4(address.host);
  if (!bytes) {
    return Invalid(
        "the host must be an IPv4 address, [IPv6] or localhost; other names are not "
        "resolved");
  }
  address.loopback = IsLoopback(*bytes);
  return address;
}

std::string ListenAddress::ToString() const {
  if (kind == Kind::kUnix) {
    return "unix:" + path;
  }
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace mainstay::http
