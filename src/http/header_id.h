#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mainstay::http {

// The header names that the gateway reads, drops or writes. Every other name is kUnknown.
// The order has no meaning and is not stored.
enum class HeaderId : uint8_t {
  kUnknown,
  kHost,
  kConnection,
  kKeepAlive,
  kProxyConnection,
  kContentLength,
  kTransferEncoding,
  kContentType,
  kContentEncoding,
  kExpect,
  kUpgrade,
  kTe,
  kTrailer,
  kAuthorization,
  kProxyAuthorization,
  kProxyAuthenticate,
  kWwwAuthenticate,
  kCookie,
  kSetCookie,
  kAcceptEncoding,
  kXApiKey,
  kXGoogApiKey,
  kXSessionId,
  kXConversationId,
  kXRoutingSessionId,
  kXModelAffinity,
  kXRequestId,
  kTraceparent,
  kTracestate,
  kIdempotencyKey,
  kUserAgent,
  kAnthropicVersion,
  kRetryAfter,
  kXShouldRetry,
  kDate,
  kServer,
  kVia,
  kOrigin,
  kAccessControlRequestMethod,
  kAccessControlRequestHeaders,
  kAccept,
  kXMainstayRoute,
  kXMainstayPin,
  kXMainstayAccount,
  kXMainstayCsrf,
  kXForwardedFor,
  kForwarded,
  kXClaudeCodeSessionId,
  kXClaudeCodeAgentId,
  kSessionIdDashed,
  kSessionIdUnderscored,
  kXSessionAffinity,
  kXOpencodeSession,
  kConversationId,
  kXAmpThreadId,
  kThreadId,
  kXParentSessionId,
  kXCodexParentThreadId,
  kXAgent,
  kXClientAgent,
};
inline constexpr size_t kHeaderIdCount = static_cast<size_t>(HeaderId::kXClientAgent) + 1;
static_assert(kHeaderIdCount <= 64, "HeaderList keeps one bit per id in a 64-bit word");

// Any bytes, any case; kUnknown when the name is none of ours.
HeaderId FindHeaderId(std::string_view name);

// The name in lower case; empty for kUnknown.
std::string_view HeaderName(HeaderId id);

// Whether the header speaks about one connection, not about the message (RFC 9110 7.6.1), so that
// it is never passed on. Content-Length is not among them, yet whoever sends a message frames it
// anew. Names that a Connection header lists are hop-by-hop too: IsNominated in head.h.
constexpr bool IsHopByHop(HeaderId id) {
  switch (id) {
    case HeaderId::kConnection:
    case HeaderId::kKeepAlive:
    case HeaderId::kProxyConnection:
    case HeaderId::kTransferEncoding:
    case HeaderId::kTe:
    case HeaderId::kTrailer:
    case HeaderId::kUpgrade:
    case HeaderId::kProxyAuthorization:
    case HeaderId::kProxyAuthenticate:
      return true;
    default:
      return false;
  }
}

// ASCII alone; the bytes from 0x80 on must be equal.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
// `prefix` is in lower case and not empty. Inline for its first byte, which nearly always decides.
inline bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && (text[0] == prefix[0] || (text[0] | ' ') == prefix[0]) &&
         EqualsIgnoreCase(text.substr(0, prefix.size()), prefix);
}

// Whether the name lies in the gateway's own space, x-mainstay-... or x-vsr-...: such headers steer
// or describe the gateway, so neither side's are passed through.
inline bool IsGatewayHeader(std::string_view name) {
  // Most names that begin with x- are a client's own; the third letter tells without a call.
  if (name.size() < 7 || (name[0] | ' ') != 'x' ||
      ((name[2] | ' ') != 'm' && (name[2] | ' ') != 'v')) {
    return false;
  }
  return StartsWithIgnoreCase(name, "x-mainstay-") || StartsWithIgnoreCase(name, "x-vsr-");
}

}  // namespace mainstay::http
