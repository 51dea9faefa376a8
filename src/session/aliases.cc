#include "session/aliases.h"

#include <algorithm>
#include <functional>
#include <span>
#include <string>

#include "session/alias_record.h"
#include "session/record_fields.h"

namespace mainstay::session {
namespace {

constexpr size_t kShards = 16;

int64_t Millis(WallTime time) {
  return time.time_since_epoch().count();
}

bool Valid(int64_t last_used_ms, const ContinuityOptions& rules, int64_t now_ms) {
  return now_ms - last_used_ms < rules.age_max.count();
}

}  // namespace

Aliases::Aliases(StateStore& store, const Rules& rules, WallTime now)
    : store_(store),
      is_stored_(store.KeepsRecords()),
      shard_count_(rules.conversations_max > kOneShardMax ? kShards : 1),
      shards_(std::make_unique<Shard[]>(shard_count_)) {
  Load(rules, Millis(now));
}

size_t Aliases::ShardEntriesMax(const Rules& rules) const {
  const auto shards = static_cast<int64_t>(shard_count_);
  const int64_t share = (rules.conversations_max - 1) / shards + 1;
  return static_cast<size_t>(std::clamp<int64_t>(share, 1, kNil - 1));
}

void Aliases::Load(const Rules& rules, int64_t now_ms) {
  std::vector<Entry> loaded;
  store_.Load(RecordKind::kAlias, [&](const RecordKey& bytes, std::string_view value) {
    AliasRecord alias;
    if (!DecodeAlias(value, alias) || !Valid(Millis(alias.last_used), rules, now_ms)) {
      store_.Erase(RecordKind::kAlias, bytes);
      return;
    }
    // A clock that was set back must not make an entry immortal.
    const int64_t last_used = std::min(Millis(alias.last_used), now_ms);
    loaded.push_back({.key = SessionKeyOf(bytes),
                      .session = alias.session,
                      .last_used_ms = last_used,
                      .stored_use_ms = last_used});
  });
  // The oldest first, so that each shard drops what it has to and ends in the right order.
  std::ranges::sort(loaded, {}, &Entry::last_used_ms);
  for (const Entry& entry : loaded) {
    Shard& shard = ShardOf(entry.key);
    MakeRoom(shard, rules, now_ms);
    Insert(shard, entry, rules);
  }
}

SessionKey Aliases::Resolve(const SessionId& id, const Rules& rules, WallTime now) {
  const int64_t now_ms = Millis(now);
  if (id.others_count == 0) {
    return size() == 0 ? id.key : Use(id.key, rules, now_ms).value_or(id.key);
  }
  const SessionKey session = FindOrAdd(id.key, id.key, rules, now_ms);
  for (const SessionKey& other : std::span(id.others.data(), id.others_count)) {
    FindOrAdd(other, session, rules, now_ms);
  }
  return session;
}

SessionKey Aliases::Find(const SessionKey& key, const Rules& rules, WallTime now) const {
  if (size() == 0) {
    return key;
  }
  const Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  if (found == shard.index.end() ||
      !Valid(shard.entries[found->second].last_used_ms, rules, Millis(now))) {
    return key;
  }
  return shard.entries[found->second].session;
}

std::optional<SessionKey> Aliases::Use(const SessionKey& key, const Rules& rules, int64_t now_ms) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const uint32_t at = FindValid(shard, key, rules, now_ms);
  if (at == kNil) {
    return std::nullopt;
  }
  Touch(shard, at, rules, now_ms);
  return shard.entries[at].session;
}

SessionKey Aliases::FindOrAdd(const SessionKey& key, const SessionKey& otherwise,
                              const Rules& rules, int64_t now_ms) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  if (const uint32_t at = FindValid(shard, key, rules, now_ms); at != kNil) {
    Touch(shard, at, rules, now_ms);
    return shard.entries[at].session;
  }
  MakeRoom(shard, rules, now_ms);
  Entry entry{.key = key, .session = otherwise, .last_used_ms = now_ms};
  Store(entry);
  Insert(shard, entry, rules);
  return otherwise;
}

uint32_t Aliases::FindValid(Shard& shard, const SessionKey& key, const Rules& rules,
                            int64_t now_ms) {
  const auto found = shard.index.find(key);
  if (found == shard.index.end()) {
    return kNil;
  }
  const uint32_t at = found->second;
  if (Valid(shard.entries[at].last_used_ms, rules, now_ms)) {
    return at;
  }
  Remove(shard, at);
  return kNil;
}

void Aliases::Touch(Shard& shard, uint32_t at, const Rules& rules, int64_t now_ms) {
  Entry& entry = shard.entries[at];
  entry.last_used_ms = std::max(entry.last_used_ms, now_ms);
  if (shard.by_use.newest() != at) {
    shard.by_use.Remove(shard.links, at);
    shard.by_use.Append(shard.links, at);
  }
  if (entry.last_used_ms - entry.stored_use_ms >= UseStoredEvery(rules).count()) {
    Store(entry);
  }
}

// For one more: drops what has expired, then what was used least recently.
void Aliases::MakeRoom(Shard& shard, const Rules& rules, int64_t now_ms) {
  const size_t entries_max = ShardEntriesMax(rules);
  for (int dropped = 0; dropped < kDroppedMax; ++dropped) {
    const uint32_t at = shard.by_use.oldest();
    if (at == kNil || (shard.index.size() < entries_max &&
                       Valid(shard.entries[at].last_used_ms, rules, now_ms))) {
      return;
    }
    Remove(shard, at);
  }
}

// As the newest. The key has no entry yet.
void Aliases::Insert(Shard& shard, const Entry& entry, const Rules& rules) {
  if (shard.entries.capacity() == 0) {
    // Growing would copy all of it under the lock one day. Memory that is not used yet is not
    // resident either.
    const size_t room = std::min<size_t>(ShardEntriesMax(rules), kOneShardMax);
    shard.index.reserve(room);
    shard.entries.reserve(room);
    shard.links.reserve(room);
  }
  uint32_t at = shard.free;
  if (at == kNil) {
    at = static_cast<uint32_t>(shard.entries.size());
    shard.entries.push_back(entry);
    shard.links.emplace_back();
  } else {
    shard.free = shard.links[at].after;
    shard.entries[at] = entry;
  }
  shard.index.emplace(entry.key, at);
  shard.by_use.Append(shard.links, at);
  entries_.fetch_add(1, std::memory_order_relaxed);
}

void Aliases::Remove(Shard& shard, uint32_t at) {
  const SessionKey key = shard.entries[at].key;
  store_.Erase(RecordKind::kAlias, RecordKeyOf(key));
  shard.index.erase(key);
  shard.by_use.Remove(shard.links, at);
  shard.links[at].after = shard.free;
  shard.free = at;
  entries_.fetch_sub(1, std::memory_order_relaxed);
}

void Aliases::Store(Entry& entry) {
  entry.stored_use_ms = entry.last_used_ms;
  if (!is_stored_) {
    return;
  }
  thread_local std::string bytes;
  bytes.clear();
  EncodeAlias({.session = entry.session,
               .last_used = WallTime(std::chrono::milliseconds(entry.last_used_ms))},
              bytes);
  store_.Put(RecordKind::kAlias, RecordKeyOf(entry.key), bytes);
}

}  // namespace mainstay::session
