#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "fake_provider/options.h"

namespace mainstay::fake_provider {

// A prompt as the cache sees it: the hash of each full block, and of all that stands before it.
struct Prompt {
  int64_t tokens = 0;
  std::vector<uint64_t> blocks;
};

// Cuts a prompt into blocks of a fixed number of tokens while its text goes by. Where the text is
// split between two calls makes no difference, as long as it is between characters.
class PromptCutter final {
 public:
  explicit PromptCutter(int64_t block_tokens);

  void Append(std::string_view text);
  // Call once, at the end.
  Prompt Finish();

 private:
  void EndBlock(std::string_view text);

  const int64_t block_units_;
  int64_t units_ = 0;  // of all text so far
  int64_t left_;       // units until the current block is full
  std::string open_;   // the text of the current block, when it came in several calls
  Prompt prompt_;
};

// What the provider remembers of the prompts it has processed. A prompt's cached tokens are those
// of its longest beginning, in whole blocks, that an earlier prompt of the same account and model
// began with as well. A beginning is forgotten when it was not used for the TTL, or when the cache
// is full and it is the one that was not used for longest. One thread.
class PrefixCache final {
 public:
  explicit PrefixCache(const CacheOptions& options) : options_(options) {}

  // `scope` says whose prompt it is; see ScopeOf.
  static uint64_t ScopeOf(uint64_t account, std::string_view model);

  // How many of the prompt's tokens are remembered; these count as used now. At least one token of
  // a prompt is always processed anew, as an answer has to start from something.
  int64_t Find(uint64_t scope, const Prompt& prompt, WallTime now);

  // Remembers a prompt that has been processed.
  void Store(uint64_t scope, const Prompt& prompt, WallTime now);

  void Clear();
  size_t blocks() const { return index_.size(); }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Entry {
    uint64_t key = 0;
    WallTime used{};
    uint32_t newer = kNone;
    uint32_t older = kNone;
  };
  // Keys are hashes already.
  struct KeyAsHash {
    size_t operator()(uint64_t key) const { return key; }
  };

  static uint64_t KeyOf(uint64_t scope, uint64_t block);
  bool Expired(const Entry& entry, WallTime now) const;
  void Unlink(uint32_t at);
  void PutNewest(uint32_t at);
  void Touch(uint32_t at, WallTime now);
  void Insert(uint64_t key, WallTime now);
  void DropOldest();

  const CacheOptions options_;
  std::unordered_map<uint64_t, uint32_t, KeyAsHash> index_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  uint32_t newest_ = kNone;
  uint32_t oldest_ = kNone;
};

}  // namespace mainstay::fake_provider
