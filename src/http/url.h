#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Addresses as configuration and requests write them. Pure; any thread; nothing blocks and no name
// is resolved.
namespace mainstay::http {

// Where a provider is: scheme, host, port and what its paths begin with.
struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address without its brackets
  uint16_t port = 0;
  std::string path_prefix;  // empty, or /... without a slash at its end; bytes as they were given
  bool tls = false;

  // For the Host header: brackets around IPv6, no default port.
  std::string HostHeader() const;
  bool operator==(const Url&) const = default;
};

// http(s)://host[:port][/prefix] where host is a name, an IPv4 address or [IPv6]. The path is not
// normalised.
//
// Errors: kInvalidField, side gateway (it is the operator's text), with a message for
// configuration problems: no scheme or another, user name, query, fragment, bad host, bad port.
// The message does not repeat the text, which might hold a password.
Result<Url> ParseUrl(std::string_view text);

struct TargetParts {
  std::string_view path;   // with its first slash; "*" for the asterisk form
  std::string_view query;  // without the question mark; empty when there is none
};

// Cuts a request target (see RequestHead::target) at its first question mark; scheme and authority
// of the absolute form are left out. Nothing is decoded or normalised. Views into `target`.
TargetParts SplitTarget(std::string_view target);

// Undoes %XX; a plus sign stays. Nothing when a percent sign has no two hexadecimal digits after
// it.
std::optional<std::string> PercentDecode(std::string_view text);

// Everything but unreserved characters (letters, digits, - . _ ~) as %XX, so that the result fits
// into one path segment or query value.
std::string PercentEncode(std::string_view text);

// Where to listen.
struct ListenAddress {
  enum class Kind : uint8_t { kTcp, kUnix };

  Kind kind = Kind::kTcp;
  std::string host;   // kTcp: an IPv4 or IPv6 address (no brackets)
  uint16_t port = 0;  // kTcp: 0 lets the system choose
  std::string path;   // kUnix: absolute
  bool ipv6 = false;
  // Nobody outside this machine can connect.
  bool loopback = false;

  std::string ToString() const;
  bool operator==(const ListenAddress&) const = default;
};

// "127.0.0.1:12000", "[::1]:80", "localhost:80" (127.0.0.1) or "unix:/path". Other names are
// refused because they would have to be resolved, and ":80" because all interfaces should be asked
// for by name.
//
// Errors: kInvalidField, side gateway, with a message that says what is allowed.
Result<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace mainstay::http
