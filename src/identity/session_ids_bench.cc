// Question: what does it cost to find and hash the ids of a request, by how it names its session?
// Budget: 100 ns for none or for one header among a dozen, 400 ns for each form that a client has
// been seen to send (release preset). Nothing is allocated.
#include <benchmark/benchmark.h>

#include <string>

#include "base/check.h"
#include "identity/session_ids.h"
#include "identity/testing.h"

namespace mainstay::identity {
namespace {

constexpr const char* kId = "7d0c2c9e-31a6-4d55-9c57-0b1a5c4f2e11";

void Run(benchmark::State& state, Lines named, const BodyWith::Fields& fields) {
  Lines lines = {{"Host", "gateway.internal:12000"},
                 {"Accept-Encoding", "gzip, deflate"},
                 {"Connection", "keep-alive"},
                 {"Accept", "application/json"},
                 {"Content-Type", "application/json"},
                 {"User-Agent", "OpenAI/Python 1.68.2"},
                 {"X-Stainless-Lang", "python"},
                 {"X-Stainless-Package-Version", "1.68.2"},
                 {"X-Stainless-Async", "async:asyncio"},
                 {"Authorization", "Bearer sk-0123456789abcdef0123456789abcdef"},
                 {"Content-Length", "4096"}};
  lines.insert(lines.end(), named.begin(), named.end());
  const SessionIds ids(SessionOptions(), HashKey::FromSystem());
  const http::HeaderList headers = HeadersOf(lines);
  const BodyWith body(fields);
  std::string scratch;
  MS_CHECK(ids.Find(headers, body.request(), "anonymous", scratch).present ==
           !(named.empty() && fields.empty()));
  for (auto _ : state) {
    SessionId found = ids.Find(headers, body.request(), "anonymous", scratch);
    benchmark::DoNotOptimize(found);
  }
}

BENCHMARK_CAPTURE(Run, no_id, Lines{}, BodyWith::Fields{});
BENCHMARK_CAPTURE(Run, one_header, Lines{{"X-Session-Id", kId}}, BodyWith::Fields{});
BENCHMARK_CAPTURE(Run, opencode,
                  Lines{{"x-session-id", kId}, {"x-session-affinity", kId}, {"session-id", kId}},
                  BodyWith::Fields{{BodyId::kPromptCacheKey, kId}});
BENCHMARK_CAPTURE(Run, codex, Lines{{"session-id", kId}, {"thread-id", kId}},
                  BodyWith::Fields{{BodyId::kPromptCacheKey, kId}});
BENCHMARK_CAPTURE(Run, claude_code, Lines{{"x-claude-code-session-id", kId}},
                  BodyWith::Fields{
                      {BodyId::kMetadataUserId,
                       std::string(R"({\"device_id\":\"0123456789abcdef0123456789abcdef\",)") +
                           R"(\"account_uuid\":\"\",\"session_id\":\")" + kId + R"(\"})"}});
BENCHMARK_CAPTURE(Run, two_ids, Lines{{"x-session-id", kId}},
                  BodyWith::Fields{{BodyId::kPromptCacheKey, "another"}});

}  // namespace
}  // namespace mainstay::identity
