#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/clock.h"
#include "base/hash128.h"
#include "base/keyed_hash.h"

namespace mainstay {

// A session, known by a keyed hash of caller, tenant and id: ids themselves are not kept.
struct SessionKey {
  KeyedHash::Digest digest;

  friend bool operator==(const SessionKey&, const SessionKey&) = default;
};

struct SessionKeyHash {
  using is_avalanching = void;
  size_t operator()(const SessionKey& key) const { return static_cast<size_t>(key.digest.low); }
};

// The public form of a key: 32 hexadecimal digits.
using SessionKeyText = std::array<char, 32>;
SessionKeyText TextOf(const SessionKey& key);
// False when the text is not such a form; upper-case digits are none.
bool ParseSessionKey(std::string_view text, SessionKey& out);

// How much an id of a client says. Only explicit ones make a request's continuity explicit (spec
// 11.45).
enum class IdStrength : uint8_t {
  kSoft,      // fields of the body that a client's several conversations may share
  kExplicit,  // session headers, and what a known client calls its session
};

// Something that a request names with an id of its client's.
struct NamedKey {
  bool present = false;
  std::string_view id;
  SessionKey key;
};

// The session that a request says it belongs to, and what else its ids name. Views into its head,
// its body, the configuration and the caller's scratch.
struct SessionId {
  bool present = false;
  bool conflicting = false;  // a header came several times with different values; the first counts
  IdStrength strength = IdStrength::kSoft;
  std::string_view id;
  std::string_view source;  // spec 11.19, such as header:x-session-id
  SessionKey key;           // of `id`; which session that is, session::Aliases knows

  // Keys of the request's other ids in the order of their sources; each differs from `key` and from
  // the rest.
  static constexpr size_t kOthersMax = 4;
  std::array<SessionKey, kOthersMax> others;
  uint8_t others_count = 0;

  // The conversation inside the session. Its key holds for `key`, or without a session for the
  // caller; SessionIds::ConversationKeyOf gives it for another session.
  NamedKey conversation;
  NamedKey parent;  // the session that this one was begun from; never an id of the request

  // Of caller and tenant, whatever the ids: what their histories are kept under.
  Hash128 scope;

  // Sources that brought an id which cannot be one.
  static constexpr size_t kRejectedMax = 8;
  std::array<std::string_view, kRejectedMax> rejected;
  uint8_t rejected_count = 0;
};

// What became of a request for its session's pin (spec 02, x-mainstay-pin).
enum class PinOutcome : uint8_t {
  kNone,      // nothing is pinned
  kSet,       // this request made the pin
  kHit,       // the pinned model serves it
  kFailover,  // another model had to serve it, the pin stays
  kRepinned,  // ... and the pin moved to it
  kOff,       // pinning is off, for all or for this request
};

inline constexpr size_t kPinOutcomeCount = 6;

inline constexpr std::string_view PinOutcomeText(PinOutcome outcome) {
  switch (outcome) {
    case PinOutcome::kNone:
      return "none";
    case PinOutcome::kSet:
      return "set";
    case PinOutcome::kHit:
      return "hit";
    case PinOutcome::kFailover:
      return "failover";
    case PinOutcome::kRepinned:
      return "repinned";
    case PinOutcome::kOff:
      return "off";
  }
  return "";
}

// What a session is pinned to. The texts live as long as the process.
struct Pin {
  std::string_view model;     // configured name
  std::string_view decision;  // that chose it; empty: none
  std::string_view caller;
  std::string_view source;
  WallTime since{};
  WallTime last_used{};
  std::chrono::milliseconds ttl{0};  // its own lifetime; 0: the configured one
  uint32_t hits = 0;
  uint32_t version = 1;    // counts what it was pinned to
  uint32_t failovers = 0;  // requests in a row that another model had to serve
};

}  // namespace mainstay
