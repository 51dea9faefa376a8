// Question: what does looking for the usage add to an answer that passes by?
// Budget (user instructions, callgrind): a whole answer of 1 KB within 3,200, of which 2,000 are
// for reading the usage object once it is found; one event of 250 bytes of a stream within 800,
// also when it says "usage":null, as all events do once usage was asked for. Cutting the stream
// into events is included. The digest of the reply adds 600 to an event that differs from the one
// before in its text alone, as most do, 3,500 to one that has to be parsed, and 8,000 to the whole
// answer.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_reader.h"
#include "model/history.h"
#include "wire/openai_chat/reply.h"
#include "wire/openai_chat/reply_digest.h"

namespace mainstay::wire::openai_chat {
namespace {

constexpr std::string_view kUsage =
    R"("usage":{"prompt_tokens":812,"completion_tokens":143,"total_tokens":955,)"
    R"("prompt_tokens_details":{"cached_tokens":768,"audio_tokens":0},)"
    R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}})";

std::string WholeReply() {
  std::string text;
  while (text.size() < 430) {
    text += "The list may be empty, and then \\\"first\\\" has nothing to point at.\\n";
  }
  return R"({"id":"chatcmpl-9zXk2f7Qm0","object":"chat.completion","created":1732185600,)"
         R"("model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant",)"
         R"("content":")" +
         text + R"(","refusal":null},"logprobs":null,"finish_reason":"stop"}],)" +
         std::string(kUsage) + R"(,"system_fingerprint":"fp_6b68a8204b"})";
}

void BM_WholeReply1KiB(benchmark::State& state) {
  std::string padded = WholeReply();
  const size_t bytes = padded.size();
  padded.append(json::kPadding, '\0');
  const std::string_view reply = std::string_view(padded).substr(0, bytes);
  MS_CHECK(reply.size() > 900 && reply.size() < 1100);
  int64_t cached = 0;
  for (auto _ : state) {
    WholeReplyScanner scanner;
    scanner.Feed(reply);
    cached = scanner.usage().cached.value_or(0);
    benchmark::DoNotOptimize(cached);
  }
  MS_CHECK(cached == 768);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(reply.size()));
}
BENCHMARK(BM_WholeReply1KiB);

std::string Event(std::string_view content, std::string_view end) {
  std::string event = R"(data: {"id":"chatcmpl-9zXk2f7Qm0","object":"chat.completion.chunk",)"
                      R"("created":1732185600,"model":"gpt-4o-2024-08-06",)"
                      R"("system_fingerprint":"fp_6b68a8204b","choices":[{"index":0,"delta":)"
                      R"({"content":")";
  event += content;
  event += R"("},"logprobs":null,"finish_reason":null}])";
  event += end;
  event += "}\n\n";
  return event;
}

// One event per iteration; each comes as a piece of its own, as from a model that is at work.
void PassEvents(benchmark::State& state, const std::string& event, ReplyDigest* digest = nullptr) {
  StreamScanner scanner(UsageEvent::kHide, 1 << 20, digest);
  std::string_view forward;
  size_t bytes = 0;
  for (auto _ : state) {
    scanner.Feed(event);
    while (scanner.Next(forward) == StreamScanner::Step::kForward) {
      bytes += forward.size();
    }
    benchmark::DoNotOptimize(bytes);
  }
  MS_CHECK(bytes == event.size() * static_cast<size_t>(state.iterations()));
  MS_CHECK(scanner.events() == state.iterations());
}

void BM_StreamEvent250(benchmark::State& state) {
  PassEvents(state, Event(" nothing to point", ""));
}
BENCHMARK(BM_StreamEvent250);

void BM_StreamEvent250UsageNull(benchmark::State& state) {
  PassEvents(state, Event(" at", R"(,"usage":null)"));
}
BENCHMARK(BM_StreamEvent250UsageNull);

void BM_DigestWhole1KiB(benchmark::State& state) {
  std::string padded = WholeReply();
  const size_t bytes = padded.size();
  padded.append(json::kPadding, '\0');
  const std::string_view reply = std::string_view(padded).substr(0, bytes);
  const HistoryRules rules({}, HashKey::FromSystem());
  ReplyDigest digest;
  for (auto _ : state) {
    digest.Start(rules, {});
    digest.TakeBytes(reply);
    digest.Complete();
    benchmark::DoNotOptimize(digest.link());
  }
  MS_CHECK(digest.link() != nullptr);
}
BENCHMARK(BM_DigestWhole1KiB);

void DigestEvents(benchmark::State& state, const std::string& event) {
  const HistoryRules rules({}, HashKey::FromSystem());
  ReplyDigest digest;
  digest.Start(rules, {});
  PassEvents(state, event, &digest);
  digest.Complete();
  MS_CHECK(digest.link() != nullptr);
}
void BM_DigestEvent250(benchmark::State& state) {
  DigestEvents(state, Event(" nothing to point", ""));
}
BENCHMARK(BM_DigestEvent250);

// An event unlike the one before.
void BM_DigestEvent250Parsed(benchmark::State& state) {
  const HistoryRules rules({}, HashKey::FromSystem());
  ReplyDigest digest;
  digest.Start(rules, {});
  const std::string events[] = {Event(" nothing to point", R"(,"x":1)"),
                                R"({"choices":[{"index":1,"delta":{}}]})"};
  const std::string_view data = std::string_view(events[0]).substr(6, events[0].size() - 8);
  for (auto _ : state) {
    digest.TakeEvent(data);
    digest.TakeEvent(events[1]);
  }
  digest.Complete();
  MS_CHECK(digest.link() != nullptr);
}
BENCHMARK(BM_DigestEvent250Parsed);

}  // namespace
}  // namespace mainstay::wire::openai_chat
