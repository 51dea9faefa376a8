#include "identity/vtc.h"

#include <algorithm>

#include "base/json_reader.h"
#include "base/text.h"

namespace mainstay::identity {
namespace {

// No client has a longer name; more is not looked at.
constexpr size_t kAgentBytesMax = 4096;

bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsWord(char c) {
  return IsUpper(c) || IsLower(c) || IsDigit(c);
}
char Lower(char c) {
  return IsUpper(c) ? static_cast<char>(c | 0x20) : c;
}

enum class Grain { kWords, kParts };

size_t CountWhile(std::string_view text, bool (*is)(char)) {
  return static_cast<size_t>(std::ranges::find_if_not(text, is) - text.begin());
}

// The length of the first part of a text that begins with a letter or a digit: digits, capitals
// that no small letter follows, or small letters with at most one capital before them.
size_t PartBytes(std::string_view text) {
  if (IsDigit(text[0])) {
    return CountWhile(text, IsDigit);
  }
  const size_t capitals = CountWhile(text, IsUpper);
  const size_t small = CountWhile(text.substr(capitals), IsLower);
  if (capitals <= 1) {
    return capitals + small;
  }
  return small == 0 ? capitals : capitals - 1;
}

// Takes the next word or part off the front of the text; empty at its end.
std::string_view TakeToken(std::string_view& text, Grain grain) {
  text.remove_prefix(static_cast<size_t>(std::ranges::find_if(text, IsWord) - text.begin()));
  if (text.empty()) {
    return {};
  }
  const std::string_view token =
      text.substr(0, grain == Grain::kWords ? CountWhile(text, IsWord) : PartBytes(text));
  text.remove_prefix(token.size());
  return token;
}

bool EqualsLower(std::string_view token, std::string_view lower) {
  return std::ranges::equal(token, lower, {}, Lower);
}

bool BeginsWith(std::string_view text, const std::vector<std::string>& words, Grain grain) {
  return std::ranges::all_of(
      words, [&](const std::string& word) { return EqualsLower(TakeToken(text, grain), word); });
}

std::vector<std::string> WordsOf(std::string_view pattern) {
  std::vector<std::string> words;
  for (std::string_view word = TakeToken(pattern, Grain::kWords); !word.empty();
       word = TakeToken(pattern, Grain::kWords)) {
    std::ranges::transform(word, std::back_inserter(words.emplace_back()), Lower);
  }
  return words;
}

}  // namespace

void Validate(const VtcOptions& options, Problems& problems) {
  for (size_t i = 0; i < options.client_patterns.size(); ++i) {
    const std::string& pattern = options.client_patterns[i];
    const bool ascii = std::ranges::all_of(pattern, [](char c) { return c > 0; });
    if (!ascii || std::ranges::none_of(pattern, IsWord)) {
      problems.Add(At("session.vtc_client_patterns", i),
                   "must be a name of ASCII letters and digits, such as roo-code");
    }
  }
}

std::string_view AgentOf(const http::HeaderList& headers, const Request& request,
                         std::string& scratch) {
  const Span span = request.facts.agent;
  if (span.size() > 2) {
    std::string_view agent =
        request.body.substr(span.begin + 1, std::min(span.size() - 2, kAgentBytesMax));
    if (agent.find('\\') != std::string_view::npos) {
      // One that was cut off within an escape keeps what came before it.
      scratch.clear();
      json::Unescape(agent, scratch);
      agent = scratch;
    }
    if (agent = Trim(agent); !agent.empty()) {
      return agent;
    }
  }
  for (const http::HeaderId id :
       {http::HeaderId::kXAgent, http::HeaderId::kXClientAgent, http::HeaderId::kUserAgent}) {
    if (const std::string_view agent = headers.Value(id); !agent.empty()) {
      return agent;
    }
  }
  return {};
}

VtcClients::VtcClients(const VtcOptions& options) {
  for (const std::string& pattern : options.client_patterns) {
    patterns_.push_back(WordsOf(pattern));
  }
}

bool VtcClients::Contain(std::string_view agent) const {
  agent = agent.substr(0, kAgentBytesMax);
  for (const Grain grain : {Grain::kWords, Grain::kParts}) {
    for (std::string_view rest = agent; !rest.empty(); TakeToken(rest, grain)) {
      if (std::ranges::any_of(patterns_, [&](const std::vector<std::string>& words) {
            return !words.empty() && BeginsWith(rest, words, grain);
          })) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace mainstay::identity
