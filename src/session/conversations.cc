#include "session/conversations.h"

#include <algorithm>
#include <utility>

#include "session/conversation_record.h"
#include "session/conversation_search.h"
#include "session/record_fields.h"

namespace mainstay::session {
namespace {

constexpr size_t kShards = 64;
constexpr size_t kAnchorShares = 64;
// Between two searches for failed openings that are too old, while there are too many of them.
constexpr int64_t kSweepEveryMs = 1'000;

int64_t Millis(WallTime time) {
  return time.time_since_epoch().count();
}

// The history up to each link, its owner included.
void AddPrefixes(const Hash128& scope, const std::vector<Link>& links, std::vector<Hash128>& out) {
  Hash128 prefix = scope;
  for (const Link& link : links) {
    prefix = Chained(prefix, link.digest);
    out.push_back(prefix);
  }
}

Hash128 HashOf(const std::optional<SessionKey>& key) {
  return key ? Hash128{.low = key->digest.low, .high = key->digest.high} : Hash128{};
}

// A history that nothing is known of, where it stands by its ids: equal ones of two sessions are
// two.
Hash128 OpeningOf(const Hash128& prefix, const Conversations::Question& question) {
  return Chained(Chained(prefix, HashOf(question.session)), HashOf(question.named));
}

}  // namespace

void Conversations::Place::Clear() {
  if (Conversations* const table = std::exchange(table_, nullptr)) {
    table->Unclaim(claim_);
  }
  view_ = {};
  session_ = {};
  source_ = {};
  node_ = Node::kNone;
  node_hash_ = {};
  answers_again_ = false;
  auxiliary_ = false;
  prefixes_.clear();
}

Conversations::Conversations(StateStore& store, const Rules& rules, WallTime now)
    : store_(store),
      is_stored_(store.KeepsRecords()),
      shards_(rules.conversations_max > kOneShardMax ? kShards : 1),
      anchors_(kAnchorShares) {
  Load(rules, Millis(now));
}

Conversations::~Conversations() = default;

size_t Conversations::ShardEntriesMax(const Rules& rules) const {
  const auto all = static_cast<size_t>(rules.conversations_max);
  return std::max<size_t>(1, (all + shards_.size() - 1) / shards_.size());
}

// --- what a hash leads to ------------------------------------------------------------------------

uint16_t Conversations::ParentBranch(const Conversation& conversation, uint16_t node) {
  const uint16_t branch = conversation.nodes[node].branch;
  if (branch == 0) {
    return 0;  // which spares the way to the beginning of a long conversation
  }
  while (node != Node::kNone && conversation.nodes[node].branch == branch) {
    node = conversation.nodes[node].parent;
  }
  return node == Node::kNone ? branch : conversation.nodes[node].branch;
}

// False: the index entry stands for something else of the conversation, or of another one.
bool Conversations::Inspect(What what, const Hash128& hash, const Conversation& conversation,
                            Candidate& out) {
  const std::vector<Node>& nodes = conversation.nodes;
  uint16_t reply = Node::kNone;
  if (what == What::kNode) {
    const auto found = std::find_if(nodes.rbegin(), nodes.rend(),
                                    [&](const Node& node) { return node.hash == hash; });
    if (found == nodes.rend()) {
      return false;
    }
    reply = static_cast<uint16_t>(nodes.rend() - found - 1);
    out.node = reply;
  } else if (what == What::kRun) {
    const auto found = std::ranges::find(conversation.runs, hash, &Run::hash);
    if (found == conversation.runs.end()) {
      return false;
    }
    reply = found->node;
    out.node = reply;
  } else {
    const auto found = std::ranges::find(conversation.asked, hash, &Asked::hash);
    if (found == conversation.asked.end()) {
      return false;
    }
    out.asked_ms = found->at_ms;
    out.idempotency = found->idempotency;
    out.failed = found->failed;
    out.answered = found->result != Node::kNone;
    out.node = found->parent;
    reply = found->result == Node::kNone ? found->parent : found->result;
  }
  if (out.node != Node::kNone) {
    out.node_hash = nodes[out.node].hash;
  }
  if (reply != Node::kNone) {
    out.branch = nodes[reply].branch;
    out.parent_branch = ParentBranch(conversation, reply);
    out.is_head = !nodes[reply].has_child;
  }
  return true;
}

Conversations::Candidates Conversations::Look(What what, const Hash128& hash,
                                              const Question& question, const Rules& rules,
                                              int64_t now_ms) const {
  Candidates out;
  const AnchorTable::Found found = anchors_.Find(hash);
  out.crowded = found.crowded;
  for (const uint32_t slot : found.view()) {
    const Shard& shard = shards_[slot & (shards_.size() - 1)];
    const auto at = static_cast<uint32_t>(slot / shards_.size());
    const std::lock_guard lock(shard.mutex);
    if (at >= shard.size) {
      continue;
    }
    const Conversation& one = shard.At(at).conversation;
    if (one.caller == nullptr || now_ms - one.last_used_ms >= rules.age_max.count() ||
        (question.session && one.session != *question.session) ||
        (question.named && one.key != *question.named)) {
      continue;
    }
    Candidate candidate;
    if (!Inspect(what, hash, one, candidate)) {
      collisions_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    candidate.key = one.key;
    candidate.session = one.session;
    candidate.source = one.source;
    candidate.system = one.system;
    candidate.client = one.client;
    candidate.turns = one.turns;
    candidate.branches = one.branches;
    candidate.has_tools = one.has_tools;
    candidate.vtc = one.vtc;
    out.list[out.count++] = candidate;
  }
  return out;
}

// --- finding -------------------------------------------------------------------------------------

void Conversations::Find(const Question& question, const Rules& rules, WallTime now, Random& random,
                         Place& place) {
  const int64_t now_ms = Millis(now);
  place.Clear();
  place.erasures_ = erasures_.load(std::memory_order_relaxed);
  AddPrefixes(question.scope, question.history->links, place.prefixes_);
  SessionKey key{{.low = random.Next(), .high = random.Next()}};
  if (question.named) {
    key = *question.named;
  }
  // Before the search: whoever held the key until now has noted the outcome by then.
  const std::optional<SessionKey> joined = Claim(question, key, place);
  Search search(*this, question, rules, now_ms, place.prefixes_);
  const Search::Match match = search.Run();
  place.view_.candidates = match.considered;
  if (match.conversation && match.evidence != Continuity::kAuxiliary) {
    place.view_.matched_messages = match.messages;
    place.view_.chosen_by = match.chosen_by;
    GoOn(*match.conversation, match.evidence, place);
    return;
  }
  place.auxiliary_ = match.evidence == Continuity::kAuxiliary;
  if (joined) {
    place.answers_again_ = true;
    Begin(question, *joined, Continuity::kRetry, place);
    return;
  }
  if (const auto failed = TakeFailedOpening(question, rules, now_ms, place)) {
    Begin(question, *failed, Continuity::kRetry, place);
    return;
  }
  Begin(question, key, match.evidence, place);
}

void Conversations::GoOn(const Candidate& found, Continuity evidence, Place& place) const {
  ConversationView& view = place.view_;
  view.known = true;
  view.key = found.key;
  view.evidence = evidence;
  view.turn_index = found.turns;
  view.vtc = found.vtc;
  const bool begins_branch = evidence == Continuity::kBranch;
  view.branch = begins_branch ? found.branches : found.branch;
  view.parent_branch = begins_branch ? found.branch : found.parent_branch;
  place.session_ = found.session;
  place.source_ = found.source == nullptr ? std::string_view() : *found.source;
  place.node_ = found.node;
  place.node_hash_ = found.node_hash;
  place.answers_again_ = evidence == Continuity::kRetry && found.answered;
}

// A conversation that nothing is known of, but that an id may name: that one may be there.
void Conversations::Begin(const Question& question, const SessionKey& key, Continuity evidence,
                          Place& place) const {
  ConversationView& view = place.view_;
  view.known = true;
  view.key = key;
  view.evidence = evidence;
  view.vtc = question.vtc;
  place.session_ = question.session.value_or(key);
  place.source_ = question.source;
  Recall(place);
}

// What is known of the session, and of the conversation if it is there already.
void Conversations::Recall(Place& place) const {
  const Shard& shard = ShardOf(place.session_);
  const std::lock_guard lock(shard.mutex);
  if (const auto session = shard.sessions.find(place.session_); session != shard.sessions.end()) {
    place.view_.vtc = session->second.vtc;
  }
  if (const auto found = shard.by_key.find(place.view_.key); found != shard.by_key.end()) {
    const Conversation& one = shard.At(found->second).conversation;
    place.view_.vtc = one.vtc;
    place.view_.turn_index = one.turns;
    place.view_.branch = one.branches;
    place.view_.parent_branch = one.branches;
  }
}

// The key of the conversation that such an opening was to begin when it failed. It is nobody
// else's from then on.
std::optional<SessionKey> Conversations::TakeFailedOpening(const Question& question,
                                                           const Rules& rules, int64_t now_ms,
                                                           Place& place) {
  if (place.prefixes_.empty() || !any_failed_.load(std::memory_order_relaxed)) {
    return std::nullopt;
  }
  const Hash128 opening = OpeningOf(place.prefixes_.back(), question);
  const std::optional<FailedOpening> failed =
      failed_.With([&](FailedOpenings& openings) -> std::optional<FailedOpening> {
        const auto found = openings.all.find(opening);
        if (found == openings.all.end() ||
            now_ms - found->second.at_ms >= rules.retry_window.count() ||
            !MayBeSameKey(found->second.idempotency, question.idempotency)) {
          return std::nullopt;
        }
        const FailedOpening taken = found->second;
        openings.all.erase(found);
        any_failed_.store(!openings.all.empty(), std::memory_order_relaxed);
        return taken;
      });
  if (!failed) {
    return std::nullopt;
  }
  place.auxiliary_ = failed->auxiliary;
  if (place.table_ != nullptr) {
    claims_.With([&](auto& claims) { claims[place.claim_].key = failed->key; });
  }
  return failed->key;
}

// The key of the conversation that the same request with the same idempotency-key begins, if one is
// under way. Else whoever comes next begins the one with this key.
std::optional<SessionKey> Conversations::Claim(const Question& question, const SessionKey& key,
                                               Place& place) {
  if (question.idempotency == 0 || place.prefixes_.empty()) {
    return std::nullopt;
  }
  place.claim_ = Chained(OpeningOf(place.prefixes_.back(), question),
                         {.low = question.idempotency, .high = 1});
  place.table_ = this;
  return claims_.With([&](auto& claims) -> std::optional<SessionKey> {
    Claimed& claimed = claims[place.claim_];
    if (claimed.holders++ == 0) {
      claimed.key = key;
      return std::nullopt;
    }
    return claimed.key;
  });
}

void Conversations::Unclaim(const Hash128& claim) {
  claims_.With([&](auto& claims) {
    const auto found = claims.find(claim);
    if (found != claims.end() && --found->second.holders == 0) {
      claims.erase(found);
    }
  });
}

// --- remembering ---------------------------------------------------------------------------------

void Conversations::Commit(Place& place, const Question& question, const Outcome& outcome,
                           const Rules& rules, WallTime now) {
  if (!place.view_.known) {
    return;
  }
  const int64_t now_ms = Millis(now);
  const size_t shard_at = ShardAt(place.session_);
  Shard& shard = shards_[shard_at];
  {
    const std::lock_guard lock(shard.mutex);
    if (ErasedSince(place, question.caller)) {
      return;
    }
    const auto found = shard.by_key.find(place.view_.key);
    const uint32_t at =
        found != shard.by_key.end() ? found->second : Make(shard, place, question, rules, now_ms);
    Conversation& one = shard.At(at).conversation;
    ++one.turns;
    if (const auto session = shard.sessions.find(one.session); session != shard.sessions.end()) {
      ++session->second.turns;
    }
    one.system = question.history->system;
    one.client = question.client;
    one.has_tools |= question.history->has_tools;
    if (one.model == nullptr || *one.model != outcome.model) {
      one.model = names_.Intern(outcome.model);
    }
    one.prompt_tokens += outcome.prompt_tokens;
    one.completion_tokens += outcome.completion_tokens;
    one.cost_nano += outcome.cost_nano;
    Touch(shard, at, now_ms);
    if (!place.prefixes_.empty()) {
      NoteReply(SlotOf(shard_at, at), one, place, question, outcome.reply, rules, now_ms);
    }
    Store(shard, one);
  }
  // Whoever hears of the answer and asks again finds it in the table.
  if (Conversations* const table = std::exchange(place.table_, nullptr)) {
    table->Unclaim(place.claim_);
  }
}

// Where the request stands in the conversation as it is now: others may have changed it meanwhile.
void Conversations::NoteReply(uint32_t slot, Conversation& conversation, Place& place,
                              const Question& question, const Link* reply, const Rules& rules,
                              int64_t now_ms) {
  if (conversation.nodes.size() == Conversation::kNodesMax) {
    ThinOut(slot, conversation);
  }
  std::vector<Node>& nodes = conversation.nodes;
  uint16_t parent = place.node_;
  if (parent != Node::kNone && (parent >= nodes.size() || nodes[parent].hash != place.node_hash_)) {
    const auto moved = std::ranges::find(nodes, place.node_hash_, &Node::hash);
    parent = moved == nodes.end() ? Node::kNone : static_cast<uint16_t>(moved - nodes.begin());
  }
  uint16_t result = Node::kNone;
  if (reply != nullptr) {
    // A reply that goes on with the last message stands in its place.
    const std::vector<Link>& links = question.history->links;
    const bool goes_on = question.history->ends_in == Prefill::kText;
    const Hash128 before = !goes_on           ? place.prefixes_.back()
                           : links.size() > 1 ? place.prefixes_[links.size() - 2]
                                              : question.scope;
    const Hash128 hash = Chained(before, reply->digest);
    const auto known = std::ranges::find(nodes, hash, &Node::hash);
    result = known != nodes.end()
                 ? static_cast<uint16_t>(known - nodes.begin())
                 : AddNode(slot, conversation,
                           {.hash = hash,
                            .messages = (links.back().messages + (goes_on ? 0 : 1)) & INT32_MAX,
                            .parent = parent},
                           place);
    place.view_.branch = nodes[result].branch;
    place.view_.parent_branch = ParentBranch(conversation, result);
    const auto before_reply = std::span(links).first(links.size() - (goes_on ? 1 : 0));
    size_t run_links = 0;
    const std::optional<Hash128> run = RunHash(question.scope, before_reply, reply,
                                               static_cast<size_t>(rules.run_min), &run_links);
    const uint16_t branch = nodes[result].branch;
    if (run && rules.fuzzy_matching) {
      AddRun(slot, conversation, {.hash = *run, .node = result, .branch = branch}, rules);
    }
    const std::optional<TurnRun> turn = TurnOf(question.scope, before_reply, reply);
    if (turn && !turn->is_first && rules.fuzzy_matching && (!run || turn->links != run_links)) {
      AddRun(slot, conversation,
             {.hash = turn->hash, .node = result, .branch = branch, .of_turn = true}, rules);
    }
  }
  NoteAsked(slot, conversation,
            {.hash = AskedHash(place.prefixes_.back()),
             .at_ms = now_ms,
             .idempotency = question.idempotency,
             .parent = parent,
             .result = result});
}

uint16_t Conversations::AddNode(uint32_t slot, Conversation& conversation, const Node& node,
                                Place& place) {
  std::vector<Node>& nodes = conversation.nodes;
  uint16_t branch = 0;
  const bool grows = node.parent == Node::kNone ? nodes.empty() : !nodes[node.parent].has_child;
  if (grows) {
    branch = node.parent == Node::kNone ? uint16_t{0} : nodes[node.parent].branch;
  } else if (place.answers_again_) {
    branch = place.view_.branch;  // in the place of the first answer
  } else if (conversation.branches < UINT16_MAX) {
    branch = conversation.branches++;
  }
  if (node.parent != Node::kNone) {
    nodes[node.parent].has_child = true;
  }
  if (nodes.size() == nodes.capacity()) {
    nodes.reserve(nodes.size() + 1 + nodes.size() / 16);  // doubling would leave much unused
  }
  nodes.push_back(node);
  nodes.back().branch =
      std::min<uint16_t>(branch, static_cast<uint16_t>(conversation.branches - 1));
  anchors_.Add(node.hash, slot);
  return static_cast<uint16_t>(nodes.size() - 1);
}

// Gives up the older half. What came after one of them begins the conversation then.
void Conversations::ThinOut(uint32_t slot, Conversation& conversation) {
  RemoveAnchors(slot, conversation);
  std::vector<Node>& nodes = conversation.nodes;
  const auto gone = static_cast<uint16_t>(nodes.size() / 2);
  const auto moved = [&](uint16_t node) {
    return node == Node::kNone || node < gone ? Node::kNone : static_cast<uint16_t>(node - gone);
  };
  nodes.erase(nodes.begin(), nodes.begin() + gone);
  for (Node& node : nodes) {
    node.parent = moved(node.parent);
  }
  for (Asked& asked : conversation.asked) {
    asked.parent = moved(asked.parent);
    asked.result = moved(asked.result);
  }
  std::erase_if(conversation.runs, [&](const Run& run) { return run.node < gone; });
  for (Run& run : conversation.runs) {
    run.node = moved(run.node);
  }
  AddAnchors(slot, conversation);
}

// A branch keeps the runs of its newest messages, and no conversation more than kRunsMax.
void Conversations::AddRun(uint32_t slot, Conversation& conversation, const Run& run,
                           const Rules& rules) {
  std::vector<Run>& runs = conversation.runs;
  if (std::ranges::find(runs, run.hash, &Run::hash) != runs.end()) {
    return;
  }
  // A reply and what it answers are two messages; the first run takes run_min.
  const int64_t more = std::max<int64_t>(0, rules.fingerprint_message_count - rules.run_min) / 2;
  const auto alike = [&](const Run& one) {
    return one.branch == run.branch && one.of_turn == run.of_turn;
  };
  const auto of_branch = static_cast<size_t>(std::ranges::count_if(runs, alike));
  auto oldest = runs.end();
  if (of_branch > static_cast<size_t>(run.of_turn ? 0 : more)) {
    oldest = std::ranges::find_if(runs, alike);
  } else if (runs.size() == Conversation::kRunsMax) {
    oldest = runs.begin();
  }
  if (oldest != runs.end()) {
    anchors_.Remove(oldest->hash, slot);
    runs.erase(oldest);
  } else if (runs.size() == runs.capacity()) {
    runs.reserve(runs.size() + 1);
  }
  runs.push_back(run);
  anchors_.Add(run.hash, slot);
}

// In place of the request that this one follows on. One that failed has followed on nothing.
void Conversations::NoteAsked(uint32_t slot, Conversation& conversation, const Asked& asked) {
  std::vector<Asked>& all = conversation.asked;
  if (!asked.failed && asked.parent != Node::kNone) {
    const auto before = std::ranges::find(all, asked.parent, &Asked::result);
    if (before != all.end() && before->hash != asked.hash) {
      anchors_.Remove(before->hash, slot);
      all.erase(before);
    }
  }
  const auto same = std::ranges::find(all, asked.hash, &Asked::hash);
  if (same != all.end()) {
    if (asked.failed && !same->failed) {
      same->at_ms = asked.at_ms;  // it was answered before, and stays so
    } else {
      *same = asked;
    }
    return;
  }
  if (all.size() == Conversation::kAskedMax) {
    const auto least = std::ranges::min_element(
        all, {}, [](const Asked& one) { return std::pair(!one.failed, one.at_ms); });
    anchors_.Remove(least->hash, slot);
    all.erase(least);
  }
  if (all.size() == all.capacity()) {
    all.reserve(all.size() + 1);
  }
  all.push_back(asked);
  anchors_.Add(asked.hash, slot);
}

void Conversations::Fail(Place& place, const Question& question, const Rules& rules, WallTime now) {
  if (!place.view_.known || place.prefixes_.empty()) {
    return;
  }
  if (ErasedSince(place, question.caller)) {
    return;
  }
  const int64_t now_ms = Millis(now);
  const size_t shard_at = ShardAt(place.session_);
  Shard& shard = shards_[shard_at];
  bool known = false;
  {
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.by_key.find(place.view_.key);
    known = found != shard.by_key.end();
    if (known) {
      Conversation& one = shard.At(found->second).conversation;
      const bool same =
          place.node_ < one.nodes.size() && one.nodes[place.node_].hash == place.node_hash_;
      NoteAsked(SlotOf(shard_at, found->second), one,
                {.hash = AskedHash(place.prefixes_.back()),
                 .at_ms = now_ms,
                 .idempotency = question.idempotency,
                 .parent = same ? place.node_ : Node::kNone,
                 .failed = true});
    }
  }
  if (!known) {
    const Hash128 opening = OpeningOf(place.prefixes_.back(), question);
    failed_.With([&](FailedOpenings& openings) {
      any_failed_.store(true, std::memory_order_relaxed);
      if (openings.all.size() >= kFailedMax && now_ms - openings.swept_ms >= kSweepEveryMs) {
        openings.swept_ms = now_ms;
        erase_if(openings.all, [&](const auto& entry) {
          return now_ms - entry.second.at_ms >= rules.retry_window.count();
        });
      }
      if (openings.all.size() < kFailedMax) {
        openings.all[opening] = {.key = place.view_.key,
                                 .at_ms = now_ms,
                                 .idempotency = question.idempotency,
                                 .auxiliary = place.auxiliary_};
      }
    });
  }
  if (Conversations* const table = std::exchange(place.table_, nullptr)) {
    table->Unclaim(place.claim_);
  }
}

void Conversations::AddSpent(const Place& place, const Spent& spent) {
  Shard& shard = ShardOf(place.session_);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(place.view_.key);
  if (found == shard.by_key.end()) {
    return;
  }
  Conversation& one = shard.At(found->second).conversation;
  one.prompt_tokens += spent.prompt_tokens;
  one.completion_tokens += spent.completion_tokens;
  one.cost_nano += spent.cost_nano;
  Store(shard, one);
}

void Conversations::Store(Shard& shard, const Conversation& conversation) {
  if (!is_stored_) {
    return;
  }
  shard.record.clear();
  EncodeConversation(conversation, shard.record);
  store_.Put(RecordKind::kConversation, RecordKeyOf(conversation.key), shard.record);
}

}  // namespace mainstay::session
