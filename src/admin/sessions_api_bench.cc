// Question: how long does one page of GET /api/sessions take when a million sessions are pinned,
// and when a quarter of them is known by conversations besides? Budget: 50 ms a page, also when
// only the last few of them, or none, are what is asked for.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "admin/sessions_api.h"
#include "base/check.h"
#include "session/memory_store.h"

namespace mainstay::admin {
namespace {

constexpr int kSessions = 1'000'000;
constexpr int kWithConversation = 250'000;

enum class Known : uint8_t { kByPins, kByConversationsToo };

class Million final {
 public:
  static Million& Get(Known known) {
    static Million pinned(Known::kByPins);
    static Million both(Known::kByConversationsToo);
    return known == Known::kByPins ? pinned : both;
  }

  Answer List(std::string_view query) { return api_.List({.query = query}); }

 private:
  explicit Million(Known known) {
    for (int n = 0; n < kSessions; ++n) {
      const SessionKey key = ids_.KeyOf("anonymous", "", "session-" + std::to_string(n));
      const bool last = n + 1 == kSessions;
      pins_.Set(key,
                {.model = last ? "acme/rare" : "openai/big",
                 .decision = "code",
                 .caller = "anonymous",
                 .source = "header:x-session-id"},
                rules_, clock_.Now());
      if (known == Known::kByConversationsToo && n < kWithConversation) {
        Talk(key, static_cast<uint64_t>(n));
      }
    }
    MS_CHECK(pins_.Count(rules_, clock_.Now()) > kSessions * 99 / 100);
  }

  void Talk(const SessionKey& key, uint64_t words) {
    history_.links = {{.digest = {.low = words, .high = 1}, .text_bytes = 40, .messages = 1}};
    const session::Conversations::Question question{.history = &history_,
                                                    .caller = "anonymous",
                                                    .session = key,
                                                    .source = "header:x-session-id",
                                                    .named = {}};
    conversations_.Find(question, continuity_, clock_.Now(), random_, place_);
    const Link reply{.digest = {.low = words, .high = 2}, .messages = 1};
    conversations_.Commit(place_, question, {.reply = &reply, .model = "openai/big"}, continuity_,
                          clock_.Now());
  }

  PolicyClock clock_{PolicyClock::Mode::kTest};
  std::unique_ptr<session::StateStore> store_ = session::MakeMemoryStore();
  session::PinOptions rules_{.entries_max = 2 * kSessions};
  identity::SessionIds ids_{{}, store_->install_key()};
  Catalog catalog_{{}};
  session::PinTable pins_{*store_, rules_, clock_.Now()};
  session::ContinuityOptions continuity_{.conversations_max = 2 * kSessions};
  session::Conversations conversations_{*store_, continuity_, clock_.Now()};
  session::Aliases aliases_{*store_, continuity_, clock_.Now()};
  History history_;
  Random random_{1};
  session::Conversations::Place place_;
  SessionsApi api_{{.pins = pins_,
                    .conversations = conversations_,
                    .aliases = aliases_,
                    .clock = clock_,
                    .settings = [this] {
                      return SessionSettings{.pins = rules_,
                                             .continuity = continuity_,
                                             .catalog = catalog_,
                                             .ids = ids_,
                                             .callers = {}};
                    }}};
};

void BM_Page(benchmark::State& state, const std::string& query, Known known = Known::kByPins) {
  Million& million = Million::Get(known);
  MS_CHECK(million.List(query).status == 200);
  for (auto _ : state) {
    benchmark::DoNotOptimize(million.List(query));
  }
}
BENCHMARK_CAPTURE(BM_Page, of_100, "limit=100")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Page, of_1000, "limit=1000")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Page, by_raw_id, "search=session-4711")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Page, of_a_rare_model, "model=acme/rare")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Page, of_no_caller, "caller=nobody")->Unit(benchmark::kMillisecond);
// Sixteen digits in the middle of a hash: no session is that lucky.
BENCHMARK_CAPTURE(BM_Page, by_part_of_hash, "search=deadbeefdeadbeef")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Page, of_100_of_both, "limit=100", Known::kByConversationsToo)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Page, of_a_rare_model_of_both, "model=acme/rare", Known::kByConversationsToo)
    ->Unit(benchmark::kMillisecond);
// The page after the last session that has a conversation.
BENCHMARK_CAPTURE(BM_Page, of_those_only_pinned, "cursor=t0", Known::kByConversationsToo)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mainstay::admin
