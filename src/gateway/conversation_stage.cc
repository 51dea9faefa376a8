#include "gateway/conversation_stage.h"

#include <string>

#include "base/hash128.h"
#include "identity/vtc.h"

namespace mainstay::gateway {
namespace {

constexpr std::string_view kInferred = "inferred";

// Letters alone: "cline/3.1" and "cline/3.2" are one family.
uint64_t FamilyOf(std::string_view agent) {
  std::string family;
  for (const char c : agent) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      family += c;
    }
  }
  return HashOf(family, 0).low;
}

uint64_t IdempotencyOf(const http::HeaderList& headers) {
  if (!headers.Has(http::HeaderId::kIdempotencyKey)) {
    return 0;
  }
  const std::string_view key = headers.Value(http::HeaderId::kIdempotencyKey);
  return key.empty() ? 0 : HashOf(key, 0).low | 1;
}

session::Conversations::Spent SpentOf(const Model& model, const Usage& usage) {
  return {.prompt_tokens = static_cast<uint64_t>(usage.prompt.value_or(0)),
          .completion_tokens = static_cast<uint64_t>(usage.completion.value_or(0)),
          .cost_nano = model.Cost(usage).value_or(NanoMoney()).value};
}

}  // namespace

const ConversationStage::Agent& ConversationStage::AgentOf(std::string_view agent,
                                                           const Snapshot& config) {
  if (agents_of_ != &config) {
    agents_of_ = &config;
    agents_ = {};
  }
  const uint64_t hash = HashOf(agent, 0).low | 1;
  Agent& known = agents_[(hash >> 1) % kAgents];
  if (known.hash != hash) {
    known = {.hash = hash, .family = FamilyOf(agent), .vtc = config.vtc.Contain(agent)};
  }
  return known;
}

uint64_t ConversationStage::ClientOf(const Agent& agent, http::ServerExchange& client,
                                     const Snapshot& config) const {
  const bool with_address = config.options.continuity.client_key_includes_ip;
  return with_address ? agent.family ^ client.PeerDigest() : agent.family;
}

void ConversationStage::Find(http::ServerExchange& client, Context& context) {
  Exchange& x = context.exchange;
  const Snapshot& config = *context.snapshot->shared;
  const http::HeaderList& headers = client.head()->headers;
  const session::ContinuityOptions& rules = config.options.continuity;
  const WallTime now = clock_.Now();
  x.session = config.session_ids.Find(headers, x.request, x.caller.name, context.id_scratch);
  const SessionKey named_key = x.session.key;
  if (x.session.present) {
    // An explicit id says all there is to say: what stands beside it may be anybody's.
    if (x.session.strength == IdStrength::kSoft) {
      x.session.key = aliases_.Resolve(x.session, rules, now);
    }
    x.known_session = {
        .known = true, .has_id = true, .key = x.session.key, .source = x.session.source};
    if (x.session.strength == IdStrength::kExplicit) {
      x.continuity = Continuity::kExplicit;
    }
  }
  if (!rules.enabled || x.request.operation != Operation::kChat) {
    return;
  }
  if (!x.session.present && !x.session.conversation.present && !config.infers_conversations) {
    return;
  }
  const Agent& agent =
      AgentOf(identity::AgentOf(headers, x.request, context.agent_scratch), config);
  session::Conversations::Question& question = context.question;
  question = {.scope = x.session.scope,
              .history = &x.history,
              .caller = x.caller.name,
              .session = {},
              .source = x.session.source,
              .named = {},
              .client = ClientOf(agent, client, config),
              .idempotency = IdempotencyOf(headers),
              .vtc = agent.vtc};
  if (x.session.present) {
    question.session = x.session.key;
  }
  if (x.session.conversation.present) {
    const bool moved = x.session.present && x.session.key != named_key;
    question.named =
        moved ? config.session_ids.ConversationKeyOf(x.session.key, x.session.conversation.id)
              : x.session.conversation.key;
    x.continuity = Continuity::kExplicit;
  }
  session::Conversations::Place& place = context.place;
  conversations_.Find(question, rules, now, random_, place);
  x.conversation = place.view();
  if (x.continuity != Continuity::kExplicit) {
    x.continuity = x.conversation.evidence;
  }
  if (!x.session.present) {
    x.known_session = {.known = true,
                       .has_id = place.session() != x.conversation.key,
                       .key = place.session(),
                       .source = kInferred};
  }
}

void ConversationStage::Commit(Context& context, const Link* reply) {
  Exchange& x = context.exchange;
  session::Conversations::Place& place = context.place;
  if (!place.found() || context.conversation_noted) {
    return;
  }
  context.conversation_noted = true;
  context.noted_usage = x.usage;
  const session::Conversations::Spent spent = SpentOf(*x.model, x.usage);
  conversations_.Commit(place, context.question,
                        {.reply = reply,
                         .model = x.model->name,
                         .prompt_tokens = spent.prompt_tokens,
                         .completion_tokens = spent.completion_tokens,
                         .cost_nano = spent.cost_nano},
                        context.snapshot->shared->options.continuity, clock_.Now());
  x.conversation = place.view();
}

void ConversationStage::AddUsage(Context& context) {
  const Exchange& x = context.exchange;
  if (!context.place.found() || !context.conversation_noted || x.usage == context.noted_usage) {
    return;
  }
  const session::Conversations::Spent noted = SpentOf(*x.model, context.noted_usage);
  session::Conversations::Spent more = SpentOf(*x.model, x.usage);
  more.prompt_tokens -= noted.prompt_tokens;
  more.completion_tokens -= noted.completion_tokens;
  more.cost_nano -= noted.cost_nano;
  context.noted_usage = x.usage;
  conversations_.AddSpent(context.place, more);
}

void ConversationStage::Fail(Context& context) {
  if (!context.place.found() || context.conversation_noted) {
    return;
  }
  context.conversation_noted = true;
  conversations_.Fail(context.place, context.question, context.snapshot->shared->options.continuity,
                      clock_.Now());
}

}  // namespace mainstay::gateway
