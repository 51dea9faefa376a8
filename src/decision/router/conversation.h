#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/request.h"

// What a router gets to see of a request. Pure functions; any thread.
namespace mainstay::decision {

enum class Role : uint8_t { kUser, kAssistant };

inline constexpr std::string_view RoleName(Role role) {
  return role == Role::kUser ? "user" : "assistant";
}

struct Turn {
  Role role = Role::kUser;
  std::string text;  // never empty; valid UTF-8 when the request was

  friend bool operator==(const Turn&, const Turn&) = default;
};

// The end of a conversation, newest turn last.
struct Conversation {
  std::vector<Turn> turns;
};

struct TrimLimits {
  int64_t turns_max = 16;
  int64_t tokens_max = 8192;  // of all texts together, as EstimateTokens counts
};

// About how many tokens a text has: four letters of ASCII make one, one and a half characters of
// other alphabets do, and each character of a script without spaces counts as one. Within 30 % for
// prose and code of the usual tokenizers, which is what a budget needs.
int64_t EstimateTokens(std::string_view text);

enum class Cut : uint8_t { kNo, kYes };

// Appends the text, or, when it has more tokens than `tokens_max`, three fifths of that many from
// its beginning, an ellipsis, and the rest from its end. Cuts between characters. Looks at no more
// of the text than it may keep.
Cut AppendCutInMiddle(std::string_view text, int64_t tokens_max, std::string& out);

// The turns of a request of the OpenAI chat protocol, or the prompt of a completions call: what
// users and assistants said in words. System and tool texts, images and audio are left out, and so
// are messages in which nothing else is. The newest turn is always there, cut when it must be;
// earlier ones as far as both limits allow, the earliest of them cut.
//
// `request` was decoded, so its body is JSON with json::kPadding behind it. `out` is overwritten.
// No turns: nothing was said in words.
void ConversationOf(const Request& request, const TrimLimits& limits, Conversation& out);

}  // namespace mainstay::decision
