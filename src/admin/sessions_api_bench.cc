// Question: how long does one page of GET /api/sessions take when a million sessions are pinned?
// Budget: 50 ms a page, also when only the last few of them, or none, are what is asked for.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "admin/sessions_api.h"
#include "base/check.h"
#include "session/memory_store.h"

namespace mainstay::admin {
namespace {

constexpr int kSessions = 1'000'000;

class Million final {
 public:
  static Million& Get() {
    static Million million;
    return million;
  }

  Answer List(std::string_view query) { return api_.List({.query = query}); }

 private:
  Million() {
    for (int n = 0; n < kSessions; ++n) {
      const SessionKey key = ids_.KeyOf("anonymous", "", "session-" + std::to_string(n));
      const bool last = n + 1 == kSessions;
      pins_.Set(key,
                {.model = last ? "acme/rare" : "openai/big",
                 .decision = "code",
                 .caller = "anonymous",
                 .source = "header:x-session-id"},
                rules_, clock_.Now());
    }
    MS_CHECK(pins_.Count(rules_, clock_.Now()) > kSessions * 99 / 100);
  }

  PolicyClock clock_{PolicyClock::Mode::kTest};
  std::unique_ptr<session::StateStore> store_ = session::MakeMemoryStore();
  session::PinOptions rules_{.entries_max = 2 * kSessions};
  identity::SessionIds ids_{{}, store_->install_key()};
  Catalog catalog_{{}};
  session::PinTable pins_{*store_, rules_, clock_.Now()};
  SessionsApi api_{{.pins = pins_, .clock = clock_, .settings = [this] {
                      return SessionSettings{
                          .pins = rules_, .catalog = catalog_, .ids = ids_, .callers = {}};
                    }}};
};

void BM_Page(benchmark::State& state, const std::string& query) {
  Million& million = Million::Get();
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

}  // namespace
}  // namespace mainstay::admin
