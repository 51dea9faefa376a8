#pragma once

#include <array>
#include <bit>
#include <string_view>
#include <type_traits>

#include "http/header_id.h"
#include "http/scan.h"

// The table of known header names and its hash. Internal to src/http: inline, because a head has a
// dozen names and the parser looks up each.
namespace mainstay::http::lookup {

inline constexpr size_t kNameBytesMax = 31;
inline constexpr size_t kSlotBits = 7;
// Found by search: with it, no two of the names fall on one slot. MakeSlots does not compile if a
// new name breaks that; then search again (any odd number that passes will do).
inline constexpr uint32_t kMultiplier = 0x825bc4cb;
// Shorter names are too few for a hash, and do not fill the word that it takes.
inline constexpr size_t kHashedBytesMin = 4;

// Two steps of 16 bytes compare a name together with the colon after it, which stands for its
// length. `fold` is 0x20 where the name has a letter, so that `byte | fold == text` holds for both
// cases of that letter and for nothing else: folding the hyphens too would let a CR pass for one.
struct KnownName {
  std::array<char, kNameBytesMax + 1> text{};  // lower case, a colon, zeros
  std::array<char, kNameBytesMax + 1> fold{};
};
static_assert(sizeof(KnownName) == 4 * scan::kStep);

struct Row {
  HeaderId id;
  std::string_view name;
};
inline constexpr Row kRows[] = {
    {HeaderId::kHost, "host"},
    {HeaderId::kConnection, "connection"},
    {HeaderId::kKeepAlive, "keep-alive"},
    {HeaderId::kProxyConnection, "proxy-connection"},
    {HeaderId::kContentLength, "content-length"},
    {HeaderId::kTransferEncoding, "transfer-encoding"},
    {HeaderId::kContentType, "content-type"},
    {HeaderId::kContentEncoding, "content-encoding"},
    {HeaderId::kExpect, "expect"},
    {HeaderId::kUpgrade, "upgrade"},
    {HeaderId::kTe, "te"},
    {HeaderId::kTrailer, "trailer"},
    {HeaderId::kAuthorization, "authorization"},
    {HeaderId::kProxyAuthorization, "proxy-authorization"},
    {HeaderId::kProxyAuthenticate, "proxy-authenticate"},
    {HeaderId::kWwwAuthenticate, "www-authenticate"},
    {HeaderId::kCookie, "cookie"},
    {HeaderId::kSetCookie, "set-cookie"},
    {HeaderId::kAcceptEncoding, "accept-encoding"},
    {HeaderId::kXApiKey, "x-api-key"},
    {HeaderId::kXGoogApiKey, "x-goog-api-key"},
    {HeaderId::kXSessionId, "x-session-id"},
    {HeaderId::kXConversationId, "x-conversation-id"},
    {HeaderId::kXRoutingSessionId, "x-routing-session-id"},
    {HeaderId::kXModelAffinity, "x-model-affinity"},
    {HeaderId::kXRequestId, "x-request-id"},
    {HeaderId::kTraceparent, "traceparent"},
    {HeaderId::kTracestate, "tracestate"},
    {HeaderId::kIdempotencyKey, "idempotency-key"},
    {HeaderId::kUserAgent, "user-agent"},
    {HeaderId::kAnthropicVersion, "anthropic-version"},
    {HeaderId::kRetryAfter, "retry-after"},
    {HeaderId::kXShouldRetry, "x-should-retry"},
    {HeaderId::kDate, "date"},
    {HeaderId::kServer, "server"},
    {HeaderId::kVia, "via"},
    {HeaderId::kOrigin, "origin"},
    {HeaderId::kAccessControlRequestMethod, "access-control-request-method"},
    {HeaderId::kAccessControlRequestHeaders, "access-control-request-headers"},
    {HeaderId::kAccept, "accept"},
    {HeaderId::kXMainstayRoute, "x-mainstay-route"},
    {HeaderId::kXMainstayPin, "x-mainstay-pin"},
    {HeaderId::kXMainstayAccount, "x-mainstay-account"},
    {HeaderId::kXMainstayCsrf, "x-mainstay-csrf"},
    {HeaderId::kXForwardedFor, "x-forwarded-for"},
    {HeaderId::kForwarded, "forwarded"},
    {HeaderId::kXClaudeCodeSessionId, "x-claude-code-session-id"},
    {HeaderId::kXClaudeCodeAgentId, "x-claude-code-agent-id"},
    {HeaderId::kSessionIdDashed, "session-id"},
    {HeaderId::kSessionIdUnderscored, "session_id"},
    {HeaderId::kXSessionAffinity, "x-session-affinity"},
    {HeaderId::kXOpencodeSession, "x-opencode-session"},
    {HeaderId::kConversationId, "conversation_id"},
    {HeaderId::kXAmpThreadId, "x-amp-thread-id"},
    {HeaderId::kThreadId, "thread-id"},
    {HeaderId::kXParentSessionId, "x-parent-session-id"},
    {HeaderId::kXCodexParentThreadId, "x-codex-parent-thread-id"},
    {HeaderId::kXAgent, "x-agent"},
    {HeaderId::kXClientAgent, "x-client-agent"},
};
static_assert(std::size(kRows) + 1 == kHeaderIdCount, "one row per HeaderId");

consteval std::array<std::string_view, kHeaderIdCount> MakeNames() {
  std::array<std::string_view, kHeaderIdCount> names{};
  for (const Row& row : kRows) {
    std::string_view& name = names[static_cast<size_t>(row.id)];
    if (!name.empty() || row.name.size() < 2 || row.name.size() > kNameBytesMax) {
      throw "an id has two rows, or its name is too short or too long";
    }
    name = row.name;
  }
  return names;
}
inline constexpr std::array<std::string_view, kHeaderIdCount> kNames = MakeNames();

consteval std::array<KnownName, kHeaderIdCount> MakeKnownNames() {
  std::array<KnownName, kHeaderIdCount> known{};
  for (size_t id = 1; id < kHeaderIdCount; ++id) {
    const std::string_view name = kNames[id];
    for (size_t i = 0; i < name.size(); ++i) {
      known[id].text[i] = name[i];
      known[id].fold[i] = name[i] >= 'a' && name[i] <= 'z' ? 0x20 : 0;
    }
    known[id].text[name.size()] = ':';
  }
  return known;
}
alignas(64) inline constexpr std::array<KnownName, kHeaderIdCount> kKnownNames = MakeKnownNames();

// The bits of a comparison that have to be set: those of the name and of its colon. For kUnknown
// none can be.
consteval std::array<uint32_t, kHeaderIdCount> MakeWantedBits() {
  std::array<uint32_t, kHeaderIdCount> wanted{};
  for (size_t id = 0; id < kHeaderIdCount; ++id) {
    wanted[id] = static_cast<uint32_t>((uint64_t{1} << (kNames[id].size() + 1)) - 1);
  }
  return wanted;
}
inline constexpr std::array<uint32_t, kHeaderIdCount> kWantedBits = MakeWantedBits();

// The last four bytes and the length tell all names apart. Folding to lower case by a bit is right
// for letters and harmless for the rest. At least kHashedBytesMin bytes.
constexpr size_t SlotOf(std::string_view name) {
  const char* const last = name.data() + name.size() - kHashedBytesMin;
  uint32_t word = 0;
  if (std::endian::native == std::endian::little && !std::is_constant_evaluated()) {
    word = scan::Load32(last);
  } else {
    for (unsigned i = 0; i < kHashedBytesMin; ++i) {
      word |= uint32_t{static_cast<uint8_t>(last[i])} << (8 * i);
    }
  }
  const uint32_t key = (word | 0x20202020u) + 9 * static_cast<uint32_t>(name.size());
  return (key * kMultiplier) >> (32 - kSlotBits);
}

consteval std::array<uint8_t, size_t{1} << kSlotBits> MakeSlots() {
  std::array<uint8_t, size_t{1} << kSlotBits> slots{};
  for (const Row& row : kRows) {
    if (row.name.size() < kHashedBytesMin) {
      continue;
    }
    uint8_t& slot = slots[SlotOf(row.name)];
    if (slot != 0) {
      throw "two header names share a slot: the hash is not perfect, search a new kMultiplier";
    }
    slot = static_cast<uint8_t>(row.id);
  }
  return slots;
}
inline constexpr std::array<uint8_t, size_t{1} << kSlotBits> kSlots = MakeSlots();

// FindHeaderId for the parser: a name of any bytes, right before its colon, of which 32 from the
// start are readable. A name that is found needs no further check: it is exactly one of ours.
inline HeaderId FindHeaderIdBeforeColon(std::string_view name) {
  const size_t size = name.size();
  if (size < kHashedBytesMin) [[unlikely]] {
    return FindHeaderId(name);
  }
  const size_t id = kSlots[SlotOf(name)];
#if defined(__SSE2__)
  const KnownName& known = kKnownNames[id];
  const auto equal_at = [&](size_t at) {
    const __m128i folded =
        _mm_or_si128(scan::Load(name.data() + at), scan::Load(known.fold.data() + at));
    return scan::Mask(_mm_cmpeq_epi8(folded, scan::Load(known.text.data() + at)));
  };
  uint32_t equal = equal_at(0);
  if (size >= scan::kStep) {
    equal |= equal_at(scan::kStep) << scan::kStep;
  }
  const bool same = (~equal & kWantedBits[id]) == 0;
#else
  const bool same = EqualsIgnoreCase(name, kNames[id]);
#endif
  return same ? static_cast<HeaderId>(id) : HeaderId::kUnknown;
}

}  // namespace mainstay::http::lookup
