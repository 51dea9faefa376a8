#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "base/secret.h"

namespace mainstay::fake_provider {

// How the provider remembers prompts (see prefix_cache.h). The defaults are those that OpenAI
// documents, with the shorter end of its times.
struct CacheOptions {
  int64_t block_tokens = 128;         // cached tokens come in multiples of this
  int64_t min_tokens = 1024;          // a prompt below this is neither stored nor found
  std::chrono::seconds ttl{600};      // since the last use
  int64_t capacity_blocks = 200'000;  // of all accounts and models; about 60 bytes each
};

// How long the provider thinks. All zero: it answers at once, and a stream goes out in one piece.
struct LatencyOptions {
  std::chrono::microseconds first_token{0};         // of every answer
  std::chrono::microseconds per_uncached_token{0};  // on top, for what was not in the cache
  std::chrono::microseconds gap{0};                 // between two events of a stream
};

// One customer of the provider. Scripts and records name it by its alias.
struct Account {
  std::string alias;
  Secret api_key;
};

enum class UnknownModel : uint8_t { kAnswer, kRefuse };

struct Options {
  // Empty: every key is an account of its own, and so is a request without one. They are called
  // key1, key2, ... in the order in which they come, so that no key shows up anywhere.
  std::vector<Account> accounts;
  // What GET /v1/models lists.
  std::vector<std::string> models = {"demo/small", "demo/large"};
  UnknownModel unknown_model = UnknownModel::kAnswer;
  CacheOptions cache;
  LatencyOptions latency;
  int64_t embedding_dimensions = 64;  // when the request names no number
  // Requests that are kept to be looked at, the newest; 0 keeps none.
  int64_t record_calls = 0;
  int64_t record_body_bytes_max = 1 << 20;  // of each; a longer body is kept cut off
  // Between the last byte of an answer that is cut off and the reset: a reset may overtake bytes
  // that the other side has not read yet.
  std::chrono::milliseconds reset_grace{20};
};

// Adds what is wrong with the options; `path` is where they stand.
void Validate(const Options& options, std::string_view path, Problems& problems);

}  // namespace mainstay::fake_provider
