// Question: what does the provider cost per request as an origin under load?
// Budget: a chat request of 4 KB, read, looked up, answered and stored, in 20 us; and the cost per
// byte of a long one stays the same.
#include <benchmark/benchmark.h>

#include <string>

#include "fake_provider/answer.h"
#include "fake_provider/padded.h"
#include "fake_provider/prefix_cache.h"
#include "fake_provider/script.h"

namespace mainstay::fake_provider {
namespace {

std::string Conversation(size_t bytes, std::string_view members) {
  std::string body = R"({"model":"demo/small")" + std::string(members) +
                     R"(,"messages":[{"role":"system","content":"You are helpful."})";
  while (body.size() < bytes) {
    body += R"(,{"role":"user","content":"What about the other one, \"then\"? )";
    body.append(180, 'x');
    body += R"("},{"role":"assistant","content":")";
    body.append(220, 'y');
    body += R"("})";
  }
  return body + "]}";
}

void Turn(benchmark::State& state, std::string_view members) {
  const Padded body(Conversation(static_cast<size_t>(state.range(0)), members));
  const CacheOptions options;
  PrefixCache cache(options);
  const WallTime now(std::chrono::milliseconds(1'700'000'000'000));
  Script script;
  for (auto _ : state) {
    const Result<Incoming> request =
        ReadIncoming(Operation::kChat, body.view(), options.block_tokens);
    const Action action = script.Choose({.account = "a", .path = "/", .request = *request});
    const uint64_t scope = PrefixCache::ScopeOf(1, request->model);
    const int64_t cached = cache.Find(scope, request->prompt, now);
    cache.Store(scope, request->prompt, now);
    const Answer answer = MakeAnswer(
        *request, action, {.id = "0123456789", .created = 1'700'000'000, .cached_tokens = cached});
    benchmark::DoNotOptimize(answer.body.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(body.view().size()));
}
BENCHMARK_CAPTURE(Turn, whole, "")->Arg(4 << 10)->Arg(64 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(Turn, stream, R"(,"stream":true)")->Arg(4 << 10);

}  // namespace
}  // namespace mainstay::fake_provider
