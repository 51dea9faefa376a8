// What an operator sees of conversations, and may do to them.
#include <algorithm>

#include "session/conversations.h"

namespace mainstay::session {
namespace {

WallTime At(int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

std::string_view View(const std::string* text) {
  return text == nullptr ? std::string_view() : *text;
}

// Under one lock: conversations that a page looks at, and those that are forgotten.
constexpr uint32_t kStep = 256;
constexpr uint32_t kErasedPerStep = 16;

}  // namespace

Conversations::Info Conversations::InfoOf(const Conversation& conversation) {
  return {.key = conversation.key,
          .session = conversation.session,
          .caller = View(conversation.caller),
          .source = View(conversation.source),
          .model = View(conversation.model),
          .created = At(conversation.created_ms),
          .last_used = At(conversation.last_used_ms),
          .turns = conversation.turns,
          .prompt_tokens = conversation.prompt_tokens,
          .completion_tokens = conversation.completion_tokens,
          .cost_nano = conversation.cost_nano,
          .vtc = conversation.vtc,
          .auxiliary = conversation.auxiliary,
          .branches = {}};
}

void Conversations::AddBranches(const Conversation& conversation, Info& info) {
  constexpr uint16_t kNone = UINT16_MAX;  // there are fewer branches
  std::vector<uint16_t> places(conversation.branches, kNone);
  for (size_t i = 0; i < conversation.nodes.size(); ++i) {
    const Node& node = conversation.nodes[i];
    uint16_t& place = places[node.branch];
    if (place == kNone) {
      place = static_cast<uint16_t>(info.branches.size());
      info.branches.push_back(
          {.branch = node.branch,
           .parent_branch = ParentBranch(conversation, static_cast<uint16_t>(i))});
    }
    Branch& branch = info.branches[place];
    ++branch.replies;
    branch.messages = std::max(branch.messages, uint32_t{node.messages});
  }
}

// Under the lock of the shard: the first conversation of the session, or the one that is its own.
uint32_t Conversations::FirstOf(const Shard& shard, const SessionKey& session) {
  if (const auto of_id = shard.sessions.find(session); of_id != shard.sessions.end()) {
    return of_id->second.first;
  }
  const auto found = shard.by_key.find(session);
  const bool is_own =
      found != shard.by_key.end() && shard.At(found->second).conversation.session == session;
  return is_own ? found->second : kNil;
}

// Under the lock of the shard. False: nothing of it is alive.
bool Conversations::Gather(const Shard& shard, const SessionKey& session, const Rules& rules,
                           int64_t now_ms, Detail detail, SessionInfo& out) const {
  const auto of_id = shard.sessions.find(session);
  uint32_t at = FirstOf(shard, session);
  out = {};
  out.key = session;
  for (; at != kNil; at = shard.At(at).next_in_session) {
    const Conversation& one = shard.At(at).conversation;
    if (now_ms - one.last_used_ms >= rules.age_max.count()) {
      continue;
    }
    Info info = InfoOf(one);
    out.created = out.conversations == 0 ? info.created : std::min(out.created, info.created);
    out.turns += info.turns;
    out.cost_nano += info.cost_nano;
    out.vtc |= info.vtc;
    if (out.conversations++ == 0 || out.newest.last_used <= info.last_used) {
      out.newest = info;
    }
    if (detail == Detail::kAll && out.all.size() < kShownMax) {
      AddBranches(one, info);
      out.all.push_back(std::move(info));
    }
  }
  if (of_id != shard.sessions.end()) {
    out.turns = of_id->second.turns;
    out.vtc = of_id->second.vtc;
  }
  std::ranges::sort(out.all, std::ranges::greater{}, &Info::last_used);
  return out.conversations > 0;
}

std::optional<Conversations::SessionInfo> Conversations::See(const SessionKey& session,
                                                             const Rules& rules, WallTime now,
                                                             Detail detail) const {
  SessionInfo info;
  const Shard& shard = ShardOf(session);
  const std::lock_guard lock(shard.mutex);
  const bool found = Gather(shard, session, rules, now.time_since_epoch().count(), detail, info);
  return found ? std::optional(std::move(info)) : std::nullopt;
}

bool Conversations::Knows(const SessionKey& session, const Rules& rules, WallTime now) const {
  const int64_t now_ms = now.time_since_epoch().count();
  const Shard& shard = ShardOf(session);
  const std::lock_guard lock(shard.mutex);
  for (uint32_t at = FirstOf(shard, session); at != kNil; at = shard.At(at).next_in_session) {
    if (now_ms - shard.At(at).conversation.last_used_ms < rules.age_max.count()) {
      return true;
    }
  }
  return false;
}

// The cursor is a shard and a slot in it. A session stands where the oldest of its conversations
// does: one that begins between two pages does not move it.
uint64_t Conversations::List(uint64_t cursor, size_t limit, const Rules& rules, WallTime now,
                             std::vector<SessionInfo>& out) const {
  const int64_t now_ms = now.time_since_epoch().count();
  out.clear();
  uint64_t shard_at = cursor >> 32;
  auto at = static_cast<uint32_t>(cursor);
  for (; shard_at < shards_.size(); ++shard_at, at = 0) {
    const Shard& shard = shards_[shard_at];
    for (bool more = true; more;) {
      const std::lock_guard lock(shard.mutex);
      const uint32_t end = std::min(shard.size, at + kStep);
      for (; at < end; ++at) {
        if (out.size() == limit) {
          return shard_at << 32 | at;
        }
        const Slot& slot = shard.At(at);
        SessionInfo info;
        if (slot.conversation.caller != nullptr && slot.next_in_session == kNil &&
            Gather(shard, slot.conversation.session, rules, now_ms, Detail::kSum, info)) {
          info.place = shard_at << 32 | at;
          out.push_back(std::move(info));
        }
      }
      more = at < shard.size;
    }
  }
  return 0;
}

int64_t Conversations::CountSessions(const Rules& rules, WallTime now) {
  const int64_t now_ms = now.time_since_epoch().count();
  int64_t count = 0;
  for (Shard& shard : shards_) {
    for (bool more = true; more;) {
      const std::lock_guard lock(shard.mutex);
      more = false;
      for (uint32_t dropped = 0; shard.by_use.oldest() != kNil; ++dropped) {
        const uint32_t oldest = shard.by_use.oldest();
        if (now_ms - shard.At(oldest).conversation.last_used_ms < rules.age_max.count()) {
          break;
        }
        if (dropped == kStep) {
          more = true;
          break;
        }
        Remove(shard, oldest, Stored::kErase);
      }
      if (!more) {
        count += static_cast<int64_t>(shard.sessions.size() + shard.used - shard.in_sessions);
      }
    }
  }
  return count;
}

// Whether a turn that is under way belongs to what was erased after it began.
bool Conversations::ErasedSince(const Place& place, std::string_view caller) const {
  if (place.erasures_ == erasures_.load(std::memory_order_relaxed)) {
    return false;
  }
  return erased_.With([&](const Erased& erased) {
    const auto session = erased.sessions.find(place.session_);
    const auto all = erased.callers.find(caller);
    return (session != erased.sessions.end() && session->second > place.erasures_) ||
           (all != erased.callers.end() && all->second > place.erasures_);
  });
}

size_t Conversations::Erase(const SessionKey& session) {
  erased_.With([&](Erased& erased) {
    if (erased.sessions.size() == kErasedMax) {
      erased.sessions.clear();  // turns of before that many erasures may bring theirs back
    }
    erased.sessions[session] = erasures_.fetch_add(1, std::memory_order_relaxed) + 1;
  });
  Shard& shard = ShardOf(session);
  size_t erased = 0;
  for (bool more = true; more;) {
    const std::lock_guard lock(shard.mutex);
    for (uint32_t i = 0; i < kErasedPerStep && more; ++i) {
      const uint32_t at = FirstOf(shard, session);
      more = at != kNil;
      if (more) {
        Remove(shard, at, Stored::kErase);
        ++erased;
      }
    }
  }
  return erased;
}

size_t Conversations::EraseOfCaller(std::string_view caller) {
  erased_.With([&](Erased& erased) {
    if (erased.callers.size() == kErasedMax) {
      erased.callers.clear();
    }
    erased.callers[std::string(caller)] = erasures_.fetch_add(1, std::memory_order_relaxed) + 1;
  });
  const std::string* const name = names_.Find(caller);
  size_t erased = 0;
  for (Shard& shard : shards_) {
    for (bool more = name != nullptr; more;) {
      const std::lock_guard lock(shard.mutex);
      more = false;
      for (uint32_t i = 0; i < kErasedPerStep; ++i) {
        const auto owner = shard.owners.find(name);
        if (owner == shard.owners.end()) {
          break;
        }
        Remove(shard, owner->second.by_use.oldest(), Stored::kErase);
        ++erased;
        more = true;
      }
    }
  }
  return erased;
}

bool Conversations::SetVtc(const SessionKey& session, bool enabled) {
  Shard& shard = ShardOf(session);
  const std::lock_guard lock(shard.mutex);
  if (const auto of_id = shard.sessions.find(session); of_id != shard.sessions.end()) {
    of_id->second.vtc = enabled;
  }
  uint32_t at = FirstOf(shard, session);
  const bool known = at != kNil;
  for (; at != kNil; at = shard.At(at).next_in_session) {
    Conversation& one = shard.At(at).conversation;
    one.vtc = enabled;
    Store(shard, one);
  }
  return known;
}

Conversations::Stats Conversations::stats() const {
  Stats stats;
  const AnchorTable::Size anchors = anchors_.size();
  stats.anchors = static_cast<int64_t>(anchors.anchors);
  size_t bytes = anchors.bytes;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    stats.conversations += shard.used;
    bytes += shard.slabs.size() * kSlabSize * (sizeof(Slot) + 2 * sizeof(Chain::Link)) +
             shard.by_key.bucket_count() * (sizeof(SessionKey) + sizeof(uint32_t) + 1);
  }
  stats.bytes = static_cast<int64_t>(bytes);
  stats.collisions = collisions_.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace mainstay::session
