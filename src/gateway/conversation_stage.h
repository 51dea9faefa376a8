#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "gateway/context.h"
#include "http/server_exchange.h"
#include "session/aliases.h"
#include "session/conversations.h"

namespace mainstay::gateway {

// The stage that knows which session and which conversation a request belongs to, and that
// remembers what became of it (spec 03). One per worker.
class ConversationStage final {
 public:
  ConversationStage(const PolicyClock& clock, Random random, session::Conversations& conversations,
                    session::Aliases& aliases)
      : clock_(clock), random_(random), conversations_(conversations), aliases_(aliases) {}

  // After identity and decoding. Fills session, known_session, conversation and continuity of the
  // exchange, and the context's place in the conversation.
  void Find(http::ServerExchange& client, Context& context);

  // The provider's answer is complete, or as complete as it will be: the conversation has grown.
  // Before the client gets the end of it. `reply` may be null: it is not known. Once per request;
  // later calls do nothing.
  void Commit(Context& context, const Link* reply);

  // At the end of an answer: what it cost, as far as Commit did not know it yet.
  void AddUsage(Context& context);

  // The request failed. Does nothing after Commit.
  void Fail(Context& context);

 private:
  // What a client calls itself, digested. Few clients use a gateway, so that each is looked at
  // once; two that meet in a place take turns.
  struct Agent {
    uint64_t hash = 0;
    uint64_t family = 0;  // of its name without versions
    bool vtc = false;
  };
  static constexpr size_t kAgents = 64;

  const Agent& AgentOf(std::string_view agent, const Snapshot& config);
  uint64_t ClientOf(const Agent& agent, http::ServerExchange& client, const Snapshot& config) const;

  const PolicyClock& clock_;
  Random random_;
  session::Conversations& conversations_;
  session::Aliases& aliases_;
  const Snapshot* agents_of_ = nullptr;  // whose patterns they were looked at with
  std::array<Agent, kAgents> agents_;
};

}  // namespace mainstay::gateway
