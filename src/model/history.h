#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/hash128.h"

namespace mainstay {

enum class LinkRole : uint8_t { kUser, kAssistant, kTool };

// One step of a conversation: neighbouring messages of one role, in the form that is the same for
// all protocols and that a client does not change when it sends its history again (spec 03 §2).
struct Link {
  Hash128 digest;
  // Of its canonical text and of the arguments of its calls: how much it says. Media count as 64.
  uint32_t text_bytes = 0;
  // Of the request, up to the end of this link. System messages are not counted.
  uint32_t messages = 0;
  LinkRole role = LinkRole::kUser;
};

// Whether a request ends in an assistant's message, which the reply then goes on from without a
// blank between: the reply's link is the whole of both, and takes the place of the last one.
enum class Prefill : uint8_t {
  kNone,
  kText,
  kUnknown,  // with calls or media, or too long to be kept: the reply has no link
};

// The messages of a request, as far as it takes to recognise them again. System messages are no
// links: those before the first other message are in `system`, later ones nowhere.
struct History {
  std::vector<Link> links;
  uint64_t system = 0;  // digest of the leading system text; 0: there is none
  bool has_tools = false;
  Prefill ends_in = Prefill::kNone;
  std::string prefill;  // with kText: its canonical text, a blank at its end included

  // Empties it for the next request; the memory stays.
  void Clear() {
    links.clear();
    system = 0;
    has_tools = false;
    ends_in = Prefill::kNone;
    prefill.clear();
  }
};

}  // namespace mainstay
