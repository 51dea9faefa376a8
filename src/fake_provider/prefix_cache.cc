#include "fake_provider/prefix_cache.h"

#include <algorithm>

#include "fake_provider/hash.h"
#include "fake_provider/tokens.h"

namespace mainstay::fake_provider {

PromptCutter::PromptCutter(int64_t block_tokens)
    : block_units_(block_tokens * kUnitsPerToken), left_(block_units_) {}

void PromptCutter::EndBlock(std::string_view text) {
  const uint64_t before = prompt_.blocks.empty() ? 0 : prompt_.blocks.back();
  prompt_.blocks.push_back(Hash(text, before));
}

void PromptCutter::Append(std::string_view text) {
  while (!text.empty()) {
    const UnitStretch taken = TakeUnits(text, left_);
    const std::string_view part = text.substr(0, taken.bytes);
    text.remove_prefix(taken.bytes);
    units_ += taken.units;
    left_ -= taken.units;
    if (left_ > 0) {
      open_ += part;
      return;
    }
    if (open_.empty()) {
      EndBlock(part);
    } else {
      open_ += part;
      EndBlock(open_);
      open_.clear();
    }
    // A character that reaches into the next block counts for it.
    left_ += block_units_;
  }
}

Prompt PromptCutter::Finish() {
  prompt_.tokens = TokensOfUnits(units_);
  return std::move(prompt_);
}

uint64_t PrefixCache::ScopeOf(uint64_t account, std::string_view model) {
  return Hash(model, account);
}

uint64_t PrefixCache::KeyOf(uint64_t scope, uint64_t block) {
  constexpr uint64_t kMultiplier = 0xA0761D6478BD642F;
  const uint64_t mixed = (scope ^ block) * kMultiplier;
  return (mixed ^ (mixed >> 31)) + block;
}

bool PrefixCache::Expired(const Entry& entry, WallTime now) const {
  return now - entry.used > options_.ttl;
}

int64_t PrefixCache::Find(uint64_t scope, const Prompt& prompt, WallTime now) {
  if (prompt.tokens < std::max<int64_t>(options_.min_tokens, 1)) {
    return 0;
  }
  const auto blocks_max = std::min(
      prompt.blocks.size(), static_cast<size_t>((prompt.tokens - 1) / options_.block_tokens));
  size_t found = 0;
  for (; found < blocks_max; ++found) {
    const auto entry = index_.find(KeyOf(scope, prompt.blocks[found]));
    if (entry == index_.end() || Expired(entries_[entry->second], now)) {
      break;
    }
  }
  const int64_t tokens = static_cast<int64_t>(found) * options_.block_tokens;
  if (tokens < options_.min_tokens) {
    return 0;
  }
  // From the end: the blocks at the beginning are of use to more prompts, so they leave last.
  for (size_t block = found; block-- > 0;) {
    Touch(index_.find(KeyOf(scope, prompt.blocks[block]))->second, now);
  }
  return tokens;
}

void PrefixCache::Store(uint64_t scope, const Prompt& prompt, WallTime now) {
  if (prompt.tokens < options_.min_tokens || options_.capacity_blocks == 0) {
    return;
  }
  const auto capacity = static_cast<size_t>(options_.capacity_blocks);
  for (size_t block = std::min(prompt.blocks.size(), capacity); block-- > 0;) {
    const uint64_t key = KeyOf(scope, prompt.blocks[block]);
    const auto entry = index_.find(key);
    if (entry != index_.end()) {
      Touch(entry->second, now);
    } else {
      Insert(key, now);
    }
  }
}

void PrefixCache::Clear() {
  index_.clear();
  entries_.clear();
  free_.clear();
  newest_ = oldest_ = kNone;
}

void PrefixCache::Unlink(uint32_t at) {
  const Entry& entry = entries_[at];
  (entry.newer == kNone ? newest_ : entries_[entry.newer].older) = entry.older;
  (entry.older == kNone ? oldest_ : entries_[entry.older].newer) = entry.newer;
}

void PrefixCache::PutNewest(uint32_t at) {
  Entry& entry = entries_[at];
  entry.newer = kNone;
  entry.older = newest_;
  (newest_ == kNone ? oldest_ : entries_[newest_].newer) = at;
  newest_ = at;
}

void PrefixCache::Touch(uint32_t at, WallTime now) {
  entries_[at].used = now;
  Unlink(at);
  PutNewest(at);
}

void PrefixCache::Insert(uint64_t key, WallTime now) {
  if (index_.size() >= static_cast<size_t>(options_.capacity_blocks)) {
    DropOldest();
  }
  // What has expired is at the old end; two for each new one keep the cache from carrying it.
  for (int i = 0; i < 2 && oldest_ != kNone && Expired(entries_[oldest_], now); ++i) {
    DropOldest();
  }
  uint32_t at = 0;
  if (free_.empty()) {
    at = static_cast<uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
  }
  entries_[at] = {.key = key, .used = now};
  index_.emplace(key, at);
  PutNewest(at);
}

void PrefixCache::DropOldest() {
  const uint32_t at = oldest_;
  index_.erase(entries_[at].key);
  Unlink(at);
  free_.push_back(at);
}

}  // namespace mainstay::fake_provider
