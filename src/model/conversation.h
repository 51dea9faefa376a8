#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/session.h"

namespace mainstay {

// How a request goes with what is known of its conversation: x-mainstay-continuity (spec 03 §2).
enum class Continuity : uint8_t {
  kOff,        // nobody looked
  kExplicit,   // an id said so
  kNew,        // begins one
  kExtend,     // the whole of a branch, and more
  kRetry,      // what was asked just before
  kBranch,     // goes on from an earlier point, or differently
  kCompact,    // the end of a branch behind another beginning
  kAuxiliary,  // about a conversation, not part of it: a title, a summary
  kAmbiguous,  // several go equally well, so it begins a new one
};
inline constexpr std::array<std::string_view, 9> kContinuityTexts = {
    "off", "explicit", "new", "extend", "retry", "branch", "compact", "auxiliary", "ambiguous",
};
static_assert(static_cast<size_t>(Continuity::kAmbiguous) + 1 == kContinuityTexts.size());

inline constexpr std::string_view ContinuityText(Continuity continuity) {
  return kContinuityTexts[static_cast<size_t>(continuity)];
}

// The session that a request belongs to: by an id of its own, or by its messages.
struct KnownSession {
  bool known = false;
  bool has_id = false;  // it is one that an id named, now or earlier; else a conversation alone
  SessionKey key;
  std::string_view source;  // spec 11.19
};

// The conversation that a request belongs to.
struct ConversationView {
  bool known = false;
  SessionKey key;  // of the conversation; its session's too, when it belongs to no explicit one
  Continuity evidence = Continuity::kNew;  // what the messages said, whatever ids said
  uint16_t branch = 0;
  uint16_t parent_branch = 0;  // of a branch that begins here; else the same as `branch`
  uint32_t matched_messages = 0;
  uint32_t turn_index = 0;  // accepted exchanges of it before this one
  uint32_t candidates = 0;  // conversations that were considered
  // What told it from the others that matched as well: only_match, system, client, run,
  // idempotency_key. Empty: it goes on with none.
  std::string_view chosen_by;
  bool vtc = false;  // its client has its tools called in text (spec 03 §5)
};

}  // namespace mainstay
