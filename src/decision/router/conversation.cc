#include "decision/router/conversation.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "base/json_reader.h"
#include "base/utf8.h"
#include "decision/router/content.h"

namespace mainstay::decision {
namespace {

using json::KeyEquals;
using json::Reader;
using json::StringToken;
using json::Type;

// Twelfths of a token, so that the shares of all characters are whole numbers.
constexpr int64_t kTokenShares = 12;
constexpr int64_t kAsciiShares = 3;
constexpr int64_t kAlphabetShares = 8;
constexpr int64_t kIdeographShares = 12;

constexpr std::string_view kEllipsis = "\n…\n";
// A smaller piece of an earlier turn tells the router nothing.
constexpr int64_t kCutTokensMin = 32;

struct Character {
  size_t bytes = 1;
  int64_t shares = kAsciiShares;
};

// The character that begins at `at`. A byte that is no valid UTF-8 counts as a character.
Character CharacterAt(std::string_view text, size_t at) {
  if (static_cast<unsigned char>(text[at]) < 0x80) {
    return {};
  }
  const int length = Utf8Length(text.data() + at, text.data() + text.size());
  switch (length) {
    case 3:
      // From U+2E80 on: ideographs, kana, Hangul.
      return {.bytes = 3,
              .shares = static_cast<unsigned char>(text[at]) >= 0xE3 ? kIdeographShares
                                                                     : kAlphabetShares};
    case 4:
      return {.bytes = 4, .shares = kIdeographShares};
    default:
      return {.bytes = static_cast<size_t>(std::max(length, 1)), .shares = kAlphabetShares};
  }
}

int64_t SharesOf(std::string_view text) {
  int64_t shares = 0;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    shares += character.shares;
    at += character.bytes;
  }
  return shares;
}

// Where a beginning of the text of at most so many shares ends. Looks at no more than that.
size_t EndOfHead(std::string_view text, int64_t shares) {
  size_t at = 0;
  while (at < text.size()) {
    const Character character = CharacterAt(text, at);
    shares -= character.shares;
    if (shares < 0) {
      break;
    }
    at += character.bytes;
  }
  return at;
}

// Where the character begins that ends before `end`, which is not 0.
size_t CharacterBefore(std::string_view text, size_t end) {
  for (size_t bytes = 2; bytes <= std::min<size_t>(4, end); ++bytes) {
    const char* const begin = text.data() + end - bytes;
    if (static_cast<size_t>(Utf8Length(begin, text.data() + end)) == bytes) {
      return end - bytes;
    }
  }
  return end - 1;
}

// Where an end of the text of at most so many shares begins. Looks at no more than that.
size_t BeginOfTail(std::string_view text, int64_t shares) {
  size_t at = text.size();
  while (at > 0) {
    const size_t begin = CharacterBefore(text, at);
    shares -= CharacterAt(text.substr(0, at), begin).shares;
    if (shares < 0) {
      break;
    }
    at = begin;
  }
  return at;
}

// A message that may become a turn: its content as it stands in the body.
struct Message {
  Role role = Role::kUser;
  std::string_view content;  // a string or a list of parts, JSON
};

std::optional<Message> ReadMessage(Reader& reader) {
  if (reader.Peek() != Type::kObject) {
    reader.SkipValue();
    return std::nullopt;
  }
  reader.EnterObject();
  StringToken key;
  StringToken role;
  std::string_view content;
  while (reader.NextMember(key)) {
    if (KeyEquals(key, "role") && reader.Peek() == Type::kString) {
      reader.ReadString(role);
    } else if (KeyEquals(key, "content") && reader.Peek() != Type::kNull) {
      reader.SkipValue(&content);
    } else {
      reader.SkipValue();
    }
  }
  const bool is_user = KeyEquals(role, "user");
  if (content.empty() || !(is_user || KeyEquals(role, "assistant"))) {
    return std::nullopt;
  }
  return Message{.role = is_user ? Role::kUser : Role::kAssistant, .content = content};
}

// The messages that may become turns, oldest first. All of them: which ones hold text is known only
// when they are read, and that begins with the newest.
std::vector<Message> FindMessages(const Request& request) {
  std::vector<Message> messages;
  Reader reader(request.body);
  if (reader.Peek() != Type::kObject || request.operation == Operation::kEmbeddings) {
    return messages;
  }
  const std::string_view field =
      request.operation == Operation::kCompletions ? "prompt" : "messages";
  reader.EnterObject();
  StringToken key;
  while (reader.NextMember(key)) {
    if (!KeyEquals(key, field)) {
      reader.SkipValue();
    } else if (request.operation == Operation::kCompletions) {
      Message& prompt = messages.emplace_back();
      reader.SkipValue(&prompt.content);
    } else if (reader.Peek() != Type::kArray) {
      reader.SkipValue();
    } else {
      reader.EnterArray();
      while (reader.NextElement()) {
        if (const std::optional<Message> message = ReadMessage(reader)) {
          messages.push_back(*message);
        }
      }
    }
  }
  if (!reader.Finish()) {
    messages.clear();
  }
  return messages;
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

int64_t EstimateTokens(std::string_view text) {
  return (SharesOf(text) + kTokenShares - 1) / kTokenShares;
}

Cut AppendCutInMiddle(std::string_view text, int64_t tokens_max, std::string& out) {
  const int64_t shares_max = std::max<int64_t>(0, tokens_max) * kTokenShares;
  if (EndOfHead(text, shares_max) == text.size()) {
    out += text;
    return Cut::kNo;
  }
  const int64_t room = std::max<int64_t>(0, shares_max - SharesOf(kEllipsis));
  const int64_t head = room * 3 / 5;
  out += text.substr(0, EndOfHead(text, head));
  out += kEllipsis;
  out += text.substr(BeginOfTail(text, room - head));
  return Cut::kYes;
}

void ConversationOf(const Request& request, const TrimLimits& limits, Conversation& out) {
  out.turns.clear();
  const std::vector<Message> messages = FindMessages(request);
  int64_t room = std::max<int64_t>(1, limits.tokens_max);
  const auto turns_max = static_cast<size_t>(std::max<int64_t>(1, limits.turns_max));
  for (size_t i = messages.size(); i > 0 && out.turns.size() < turns_max; --i) {
    // A span of a text that a reader has passed.
    Reader reader(messages[i - 1].content);
    std::string text;
    AppendContent(reader, "\n", text);
    if (IsBlank(text)) {
      continue;
    }
    Turn turn{.role = messages[i - 1].role, .text = {}};
    const Cut cut = AppendCutInMiddle(text, room, turn.text);
    if (cut == Cut::kYes && room < kCutTokensMin && !out.turns.empty()) {
      break;
    }
    room -= EstimateTokens(turn.text);
    out.turns.push_back(std::move(turn));
    if (cut == Cut::kYes || room <= 0) {
      break;
    }
  }
  std::ranges::reverse(out.turns);
}

}  // namespace mainstay::decision
