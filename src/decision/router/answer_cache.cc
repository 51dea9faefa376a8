#include "decision/router/answer_cache.h"

#include <algorithm>
#include <string>
#include <vector>

namespace mainstay::decision {

AnswerCache::AnswerCache(const HashKey& key, size_t entries_max)
    : hash_(key, "router answers"), entries_max_(std::max<size_t>(1, entries_max)) {}

AnswerCache::Key AnswerCache::KeyOf(std::string_view router, std::span<const Route> routes,
                                    const Conversation& conversation) const {
  // The number of routes says where they end and the conversation begins.
  const std::string count = std::to_string(routes.size());
  std::vector<std::string_view> parts = {router, count};
  parts.reserve(2 + 2 * (routes.size() + conversation.turns.size()));
  for (const Route& route : routes) {
    parts.push_back(route.name);
    parts.push_back(route.description);
  }
  for (const Turn& turn : conversation.turns) {
    parts.push_back(RoleName(turn.role));
    parts.push_back(turn.text);
  }
  return hash_.Hash(parts);
}

std::optional<int> AnswerCache::Find(const Key& key, WallTime now) {
  return state_.With([&](State& state) -> std::optional<int> {
    const auto found = state.by_key.find(key);
    if (found == state.by_key.end()) {
      return std::nullopt;
    }
    const auto entry = found->second;
    // An answer from the future is as little known as an old one: somebody set the clock back.
    if (now < entry->since || now - entry->since >= kLifetime) {
      state.by_key.erase(found);
      state.entries.erase(entry);
      return std::nullopt;
    }
    state.entries.splice(state.entries.begin(), state.entries, entry);
    return entry->route;
  });
}

void AnswerCache::Put(const Key& key, int route, WallTime now) {
  state_.With([&](State& state) {
    if (const auto found = state.by_key.find(key); found != state.by_key.end()) {
      *found->second = {.key = key, .route = route, .since = now};
      state.entries.splice(state.entries.begin(), state.entries, found->second);
      return;
    }
    if (state.entries.size() >= entries_max_) {
      state.by_key.erase(state.entries.back().key);
      state.entries.pop_back();
    }
    state.entries.push_front({.key = key, .route = route, .since = now});
    state.by_key.emplace(key, state.entries.begin());
  });
}

size_t AnswerCache::size() const {
  return state_.With([](const State& state) { return state.entries.size(); });
}

}  // namespace mainstay::decision
