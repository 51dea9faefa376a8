#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "session/conversations.h"
#include "session/testing.h"

namespace mainstay::session {

// What the tests of conversations share.

inline Link LinkOf(std::string_view text, LinkRole role, size_t messages) {
  return {.digest = HashOf(text, 7),
          .text_bytes = static_cast<uint32_t>(text.size()),
          .messages = static_cast<uint32_t>(messages),
          .role = role};
}

inline SessionKey KeyOf(std::string_view text) {
  const Hash128 hash = HashOf(text, 3);
  return {.digest = {.low = hash.low, .high = hash.high}};
}

// Somebody who talks to a model: keeps the history of a conversation and sends all of it each time.
class Client final {
 public:
  // `seed`: of the keys of the conversations that it begins.
  Client(Conversations& table, const ContinuityOptions& rules, uint64_t seed,
         std::string caller = "team")
      : table_(table), rules_(rules), caller_(std::move(caller)), random_(seed) {
    question_ = {.scope = HashOf(caller_, 5),
                 .history = &history_,
                 .caller = caller_,
                 .session = {},
                 .source = "header:x-session-id",
                 .named = {}};
  }

  Conversations::Question& question() { return question_; }
  History& history() { return history_; }
  const ConversationView& view() const { return view_; }
  const Conversations::Place& place() const { return place_; }
  int turns() const { return turns_; }
  WallTime now = kNow;

  void Begin(std::string_view opening) {
    history_.Clear();
    turns_ = 0;
    Say(opening);
  }
  void Say(std::string_view text) {
    history_.links.push_back(LinkOf(text, LinkRole::kUser, history_.links.size() + 1));
  }
  // Takes back what came last.
  void Forget(size_t links) { history_.links.resize(history_.links.size() - links); }

  const ConversationView& Find() {
    table_.Find(question_, rules_, now, random_, place_);
    view_ = place_.view();
    return view_;
  }
  void Answer(std::string_view text) {
    const Link reply = LinkOf(text, LinkRole::kAssistant, history_.links.size() + 1);
    table_.Commit(place_, question_,
                  {.reply = &reply,
                   .model = "p/m",
                   .prompt_tokens = 100,
                   .completion_tokens = 10,
                   .cost_nano = 5},
                  rules_, now);
    view_ = place_.view();
    history_.links.push_back(reply);
    ++turns_;
  }
  void Fail() { table_.Fail(place_, question_, rules_, now); }
  void Leave() { place_.Clear(); }

  const ConversationView& Turn(std::string_view text, std::string_view answer) {
    Say(text);
    Find();
    Answer(answer);
    return view_;
  }

 private:
  Conversations& table_;
  const ContinuityOptions& rules_;
  const std::string caller_;
  Random random_;
  History history_;
  Conversations::Question question_;
  Conversations::Place place_;
  ConversationView view_;
  int turns_ = 0;
};

}  // namespace mainstay::session
