#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/clock.h"
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

// The session that a request says it belongs to. Views into its head and the configuration.
struct SessionId {
  bool present = false;
  bool conflicting = false;  // a header came several times with different values; the first counts
  std::string_view id;
  std::string_view source;  // spec 11.19, such as header:x-session-id
  SessionKey key;

  // Sources that brought an id which cannot be one.
  static constexpr size_t kRejectedMax = 4;
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
