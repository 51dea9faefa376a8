#include "fake_provider/options.h"

#include <set>

namespace mainstay::fake_provider {
namespace {

void CheckRange(std::string path, int64_t value, int64_t min, int64_t max, Problems& problems) {
  if (value < min || value > max) {
    problems.Add(std::move(path), "must be between " + std::to_string(min) + " and " +
                                      std::to_string(max) + ", is " + std::to_string(value));
  }
}

}  // namespace

void Validate(const Options& options, std::string_view path, Problems& problems) {
  constexpr int64_t kHourMicroseconds = 3'600'000'000;
  std::set<std::string_view> aliases;
  for (size_t i = 0; i < options.accounts.size(); ++i) {
    const Account& account = options.accounts[i];
    const std::string at = At(Under(path, "accounts"), i);
    if (account.alias.empty() || account.api_key.empty()) {
      problems.Add(at, "must have an alias and a key");
    } else if (!aliases.insert(account.alias).second) {
      problems.Add(at, "the alias is taken by an account before");
    }
  }
  const CacheOptions& cache = options.cache;
  const std::string cache_path = Under(path, "cache");
  CheckRange(Under(cache_path, "block_tokens"), cache.block_tokens, 1, 65'536, problems);
  CheckRange(Under(cache_path, "min_tokens"), cache.min_tokens, 0, 1 << 30, problems);
  CheckRange(Under(cache_path, "ttl_seconds"), cache.ttl.count(), 0, 31'536'000, problems);
  CheckRange(Under(cache_path, "capacity_blocks"), cache.capacity_blocks, 0, 100'000'000, problems);
  const LatencyOptions& latency = options.latency;
  const std::string latency_path = Under(path, "latency");
  CheckRange(Under(latency_path, "first_token_us"), latency.first_token.count(), 0,
             kHourMicroseconds, problems);
  CheckRange(Under(latency_path, "per_uncached_token_us"), latency.per_uncached_token.count(), 0,
             1'000'000, problems);
  CheckRange(Under(latency_path, "gap_us"), latency.gap.count(), 0, kHourMicroseconds, problems);
  CheckRange(Under(path, "embedding_dimensions"), options.embedding_dimensions, 1, 4096, problems);
  CheckRange(Under(path, "record_calls"), options.record_calls, 0, 1'000'000, problems);
  CheckRange(Under(path, "record_body_bytes_max"), options.record_body_bytes_max, 0, 1 << 30,
             problems);
  CheckRange(Under(path, "reset_grace_ms"), options.reset_grace.count(), 0, 60'000, problems);
}

}  // namespace mainstay::fake_provider
