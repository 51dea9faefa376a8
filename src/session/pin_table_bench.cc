// Question: what does a pinned request cost as the table grows, how much memory do a million pins
// take, and how long does a start with them last?
// Budget: Recall and Served of a hit within 1 us at any size, with a million entries at most 1.25
// times the time with a thousand as far as the processor's caches allow; 400 MiB for a million
// pins; opening the file and taking them over within 1 s.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <memory>

#include "base/check.h"
#include "session/pin_table.h"
#include "session/testing.h"

namespace mainstay::session {
namespace {

constexpr int64_t kMillion = 1'000'000;

// As a keyed hash: spread evenly.
uint64_t Mix(uint64_t number) {
  number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9;
  number = (number ^ number >> 27) * 0x94D049BB133111EB;
  return number ^ number >> 31;
}
SessionKey KeyOf(uint64_t number) {
  return {.digest = {.low = Mix(number + 1), .high = Mix(~number)}};
}

void Fill(PinTable& table, const PinOptions& rules, StateStore& store, int64_t pins) {
  constexpr std::string_view kModels[] = {"openai/gpt-4o", "anthropic/claude-sonnet",
                                          "openai/gpt-4o-mini"};
  constexpr std::string_view kCallers[] = {"team-search", "team-billing"};
  for (int64_t number = 0; number < pins; ++number) {
    // Over the last five minutes, as they would have come.
    const WallTime now = kNow - std::chrono::milliseconds((pins - number) * 300'000 / pins);
    PinTable::Recalled recalled = table.Recall(KeyOf(number), rules, now);
    table.Commit(recalled.seat,
                 {.model = kModels[number % 3],
                  .decision = "code_generation",
                  .caller = kCallers[number % 2],
                  .source = "header:x-session-id"},
                 rules, now);
    if (number % 100'000 == 0) {
      store.Flush();  // the store would rather lose some than keep all of them waiting
    }
  }
  store.Flush();
}

struct FullTable {
  FullTable(Engine with, int64_t pins)
      : engine(with), rules{.entries_max = pins}, opened(Open(folder, with)) {
    Fill(table, rules, *opened.store, pins);
  }

  const Engine engine;
  const PinOptions rules;
  const Folder folder{Folder::Place::kDisk};
  const OpenedState opened;
  PinTable table{*opened.store, rules, kNow};
};

// Filling takes far longer than measuring, which calls the function below several times.
FullTable& TableOf(Engine engine, int64_t pins) {
  static std::unique_ptr<FullTable> newest;
  if (newest == nullptr || newest->engine != engine || newest->rules.entries_max != pins) {
    newest.reset();
    newest = std::make_unique<FullTable>(engine, pins);
  }
  return *newest;
}

// The sessions come in no order, so that nothing is where the one before it was.
void BM_Hit(benchmark::State& state, Engine engine) {
  FullTable& full = TableOf(engine, state.range(0));
  PinTable& table = full.table;
  const PinOptions& rules = full.rules;
  uint64_t number = 1;
  int64_t hits = 0;
  for (auto _ : state) {
    number = number * 6364136223846793005 + 1442695040888963407;
    const SessionKey key = KeyOf((number >> 33) % static_cast<uint64_t>(state.range(0)));
    const PinTable::Recalled recalled = table.Recall(key, rules, kNow);
    const std::string_view model = recalled.pin->model;
    hits += table.Served(key, model, model, rules.repin_after) == PinOutcome::kHit ? 1 : 0;
  }
  MS_CHECK(hits == state.iterations());
}
BENCHMARK_CAPTURE(BM_Hit, memory, Engine::kMemory)->RangeMultiplier(10)->Range(1'000, kMillion);
BENCHMARK_CAPTURE(BM_Hit, sqlite, Engine::kSqlite)->RangeMultiplier(10)->Range(1'000, kMillion);

double ResidentBytes() {
  malloc_trim(0);
  std::ifstream file("/proc/self/statm");
  int64_t pages_all = 0;
  int64_t pages = 0;
  file >> pages_all >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void BM_Memory1M(benchmark::State& state) {
  const OpenedState opened = Open(Folder(), Engine::kMemory);
  const PinOptions rules{.entries_max = kMillion};
  double grown = 0;
  for (auto _ : state) {
    const double before = ResidentBytes();
    PinTable table(*opened.store, rules, kNow);
    Fill(table, rules, *opened.store, kMillion);
    grown = ResidentBytes() - before;
  }
  state.counters["MiB"] = grown / (1 << 20);
  state.counters["bytes_per_pin"] = grown / kMillion;
}
BENCHMARK(BM_Memory1M)->Iterations(1)->Unit(benchmark::kMillisecond);

const Folder& FullFolder() {
  static const Folder folder(Folder::Place::kDisk);
  static const bool is_filled = [] {
    const OpenedState opened = Open(folder);
    const PinOptions rules{.entries_max = 2 * kMillion};
    PinTable table(*opened.store, rules, kNow);
    Fill(table, rules, *opened.store, kMillion);
    return opened.store->stats().records_dropped == 0;
  }();
  MS_CHECK(is_filled);
  return folder;
}

// What a start does before the first request, with the file's check.
void BM_Start1M(benchmark::State& state) {
  const Folder& folder = FullFolder();
  const PinOptions rules{.entries_max = 2 * kMillion};
  double grown = 0;
  for (auto _ : state) {
    const double before = ResidentBytes();
    const OpenedState opened = Open(folder);
    PinTable table(*opened.store, rules, kNow);
    state.PauseTiming();
    grown = ResidentBytes() - before;
    MS_CHECK(!opened.report.degraded && table.Count(rules, kNow) == kMillion);
    state.ResumeTiming();
  }
  state.counters["MiB"] = grown / (1 << 20);
}
BENCHMARK(BM_Start1M)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mainstay::session
