// Question: what does it cost to count an exchange that has ended, and to show all counters?
// Budget: counting within 150 ns and 400 user instructions (callgrind, release preset), whatever
// the number of accounts and models; showing within 1 ms, because it shares the admin thread.
#include <benchmark/benchmark.h>

#include <string>

#include "observe/metrics.h"

namespace mainstay::observe {
namespace {

CatalogOptions ManyModels(int64_t count) {
  CatalogOptions options{.providers = {{.name = "provider", .base_url = "http://host:1/v1"}}};
  for (int64_t i = 0; i < count; ++i) {
    options.providers[0].accounts.push_back({.alias = "account-" + std::to_string(i)});
    options.models.push_back({.name = "provider/model-" + std::to_string(i),
                              .provider = "provider",
                              .pricing = PricingOptions{}});
  }
  return options;
}

// A streamed answer with everything reported; `attempts` tries were needed.
Exchange Ended(const Catalog& catalog, int64_t attempts) {
  const Model* model = catalog.models().back().get();
  Exchange x;
  x.started = MonoTime(std::chrono::hours(1));
  x.decided = x.started + std::chrono::microseconds(13);
  x.ended = x.started + std::chrono::milliseconds(743);
  for (int64_t i = 0; i < attempts; ++i) {
    x.attempts.push_back({.target = &model->provider->targets[static_cast<size_t>(i)],
                          .model = model,
                          .status = 200,
                          .time = std::chrono::milliseconds(211)});
  }
  x.model = model;
  x.target = x.attempts.back().target;
  x.reason = Reason::kRequestedModel;
  x.status = 200;
  x.lifecycle = Lifecycle::kCompleted;
  x.usage = {.prompt = 4'000, .cached = 3'500, .cache_write = 0, .completion = 60, .reasoning = 9};
  x.cost = NanoMoney{1'234'567};
  x.reply_bytes = 8'000;
  x.events = 61;
  return x;
}

void BM_OnExchange(benchmark::State& state) {
  const Catalog catalog(ManyModels(state.range(0)));
  Metrics metrics("", "");
  WorkerMetrics& worker = metrics.AddWorker();
  worker.Bind(catalog);
  const Exchange x = Ended(catalog, state.range(1));
  for (auto _ : state) {
    worker.OnExchange(x);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_OnExchange)->ArgNames({"models", "attempts"})->ArgsProduct({{3, 300}, {1, 3}});

void BM_Render(benchmark::State& state) {
  const Catalog catalog(ManyModels(state.range(0)));
  Metrics metrics("", "");
  for (int64_t i = 0; i < state.range(1); ++i) {
    metrics.AddWorker().Bind(catalog);
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(metrics.Render());
  }
}
BENCHMARK(BM_Render)->ArgNames({"models", "workers"})->ArgsProduct({{3, 30}, {1, 8}});

}  // namespace
}  // namespace mainstay::observe
