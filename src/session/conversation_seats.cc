// Room for conversations: who gets it, and who gives way.
#include <algorithm>

#include "session/conversations.h"
#include "session/record_fields.h"

namespace mainstay::session {
namespace {

// Expired conversations that one new one clears away.
constexpr int kExpiredPerNew = 2;
// Conversations that one new one drops when a reload has left too many, so that none waits for all.
constexpr int kDroppedMax = 16;

}  // namespace

uint32_t Conversations::Make(Shard& shard, const Place& place, const Question& question,
                             const Rules& rules, int64_t now_ms) {
  const std::string* const caller = names_.Intern(question.caller);
  MakeRoom(shard, caller, rules, now_ms);
  const uint32_t at = Take(shard);
  Conversation& one = shard.At(at).conversation;
  one.key = place.view_.key;
  one.session = place.session_;
  one.caller = caller;
  if (one.session != one.key) {
    one.source = names_.Intern(place.source_);
  }
  one.created_ms = now_ms;
  one.last_used_ms = now_ms;
  one.vtc = place.view_.vtc;
  one.auxiliary = place.auxiliary_;
  Enter(shard, at);
  return at;
}

// A caller that holds more than its part gives way to itself, else the oldest of all does.
void Conversations::MakeRoom(Shard& shard, const std::string* caller, const Rules& rules,
                             int64_t now_ms) {
  const size_t entries_max = ShardEntriesMax(rules);
  for (int i = 0; i < kExpiredPerNew && shard.by_use.oldest() != kNil; ++i) {
    const uint32_t oldest = shard.by_use.oldest();
    const int64_t used_ms = shard.At(oldest).conversation.last_used_ms;
    if (now_ms - used_ms < rules.age_max.count()) {
      break;
    }
    Remove(shard, oldest, Stored::kErase);
  }
  for (int i = 0; i < kDroppedMax && shard.used >= entries_max; ++i) {
    const auto own = shard.owners.find(caller);
    const size_t part = entries_max / std::max<size_t>(1, shard.owners.size());
    const bool holds_more = own != shard.owners.end() && own->second.count > part;
    Remove(shard, holds_more ? own->second.by_use.oldest() : shard.by_use.oldest(), Stored::kErase);
  }
}

uint32_t Conversations::Take(Shard& shard) {
  ++shard.used;
  if (!shard.free.empty()) {
    const uint32_t at = shard.free.back();
    shard.free.pop_back();
    return at;
  }
  if (shard.size == shard.slabs.size() * kSlabSize) {
    shard.slabs.push_back(std::make_unique<Slot[]>(kSlabSize));
    shard.use_links.resize(shard.slabs.size() * kSlabSize);
    shard.owner_links.resize(shard.slabs.size() * kSlabSize);
  }
  return shard.size++;
}

// Makes a conversation known by all of its keys, as the one that was used last.
void Conversations::Enter(Shard& shard, uint32_t at) {
  Slot& slot = shard.At(at);
  Conversation& one = slot.conversation;
  shard.by_key.insert_or_assign(one.key, at);
  shard.by_use.Append(shard.use_links, at);
  Owner& owner = shard.owners[one.caller];
  owner.by_use.Append(shard.owner_links, at);
  ++owner.count;
  if (one.session == one.key) {
    return;
  }
  ++shard.in_sessions;
  const auto [found, is_first] = shard.sessions.try_emplace(one.session);
  Session& session = found->second;
  (is_first ? session.vtc : one.vtc) = is_first ? one.vtc : session.vtc;
  slot.before_in_session = kNil;
  slot.next_in_session = session.first;
  if (session.first != kNil) {
    shard.At(session.first).before_in_session = at;
  }
  session.first = at;
  ++session.count;
}

void Conversations::Touch(Shard& shard, uint32_t at, int64_t now_ms) {
  Conversation& one = shard.At(at).conversation;
  one.last_used_ms = std::max(one.last_used_ms, now_ms);
  if (shard.by_use.newest() != at) {
    shard.by_use.Remove(shard.use_links, at);
    shard.by_use.Append(shard.use_links, at);
  }
  Owner& owner = shard.owners.find(one.caller)->second;
  if (owner.by_use.newest() != at) {
    owner.by_use.Remove(shard.owner_links, at);
    owner.by_use.Append(shard.owner_links, at);
  }
}

void Conversations::Remove(Shard& shard, uint32_t at, Stored stored) {
  Slot& slot = shard.At(at);
  Conversation& one = slot.conversation;
  RemoveAnchors(SlotOf(static_cast<size_t>(&shard - shards_.data()), at), one);
  if (stored == Stored::kErase && is_stored_) {
    store_.Erase(RecordKind::kConversation, RecordKeyOf(one.key));
  }
  shard.by_key.erase(one.key);
  shard.by_use.Remove(shard.use_links, at);
  const auto owner = shard.owners.find(one.caller);
  owner->second.by_use.Remove(shard.owner_links, at);
  if (--owner->second.count == 0) {
    shard.owners.erase(owner);
  }
  if (one.session != one.key) {
    --shard.in_sessions;
    const auto session = shard.sessions.find(one.session);
    if (slot.before_in_session == kNil) {
      session->second.first = slot.next_in_session;
    } else {
      shard.At(slot.before_in_session).next_in_session = slot.next_in_session;
    }
    if (slot.next_in_session != kNil) {
      shard.At(slot.next_in_session).before_in_session = slot.before_in_session;
    }
    if (--session->second.count == 0) {
      shard.sessions.erase(session);
    }
  }
  slot = {};
  shard.free.push_back(at);
  --shard.used;
}

void Conversations::AddAnchors(uint32_t slot, const Conversation& conversation) {
  for (const Node& node : conversation.nodes) {
    anchors_.Add(node.hash, slot);
  }
  for (const Asked& asked : conversation.asked) {
    anchors_.Add(asked.hash, slot);
  }
  for (const Run& run : conversation.runs) {
    anchors_.Add(run.hash, slot);
  }
}

void Conversations::RemoveAnchors(uint32_t slot, const Conversation& conversation) {
  for (const Node& node : conversation.nodes) {
    anchors_.Remove(node.hash, slot);
  }
  for (const Asked& asked : conversation.asked) {
    anchors_.Remove(asked.hash, slot);
  }
  for (const Run& run : conversation.runs) {
    anchors_.Remove(run.hash, slot);
  }
}

}  // namespace mainstay::session
