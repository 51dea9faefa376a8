#pragma once

#include <string_view>

namespace mainstay::wire::openai_chat {

// What an event of a chat stream says about the end of the answer it belongs to.
struct EndingFacts {
  // Nothing has to follow: it is [DONE], gives a reason why a choice ended, carries usage and no
  // choice, or is an error of the provider's own.
  bool ends_answer = false;
  bool has_usage = false;
};

// Reads one event as it came, `data:` and all; the empty line behind it may be missing. What is no
// event, or none of this protocol, says nothing. Copies and parses, so it is for the last event of
// a stream and not for each.
//
// Many providers never send [DONE], so that a stream without it is not yet one that was cut.
EndingFacts ReadEnding(std::string_view event);

}  // namespace mainstay::wire::openai_chat
