// Question: what does a change cost the request that makes it, and how long does a start with a
// million pins take, the check of the file included?
// Budget: Put within 200 ns, also while the writer runs and other threads put; opening and loading
// 1,000,000 records of 100 bytes within 1 s.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "session/state_store.h"
#include "session/testing.h"

namespace mainstay::session {
namespace {

constexpr int64_t kRecords = 1'000'000;
constexpr size_t kValueBytes = 100;

// As a keyed hash: spread evenly.
RecordKey KeyOf(uint64_t number) {
  const uint64_t halves[2] = {number * 0x9E3779B97F4A7C15, number * 0xD1B54A32D192ED03};
  RecordKey key{};
  std::memcpy(key.data(), halves, sizeof halves);
  return key;
}

StateStore& PutStore() {
  static const Folder folder(Folder::Place::kDisk);
  static const OpenedState opened = Open(folder);
  return *opened.store;
}

// Each thread has conversations of its own, and comes back to them.
void BM_Put(benchmark::State& state) {
  const auto keys = static_cast<uint64_t>(state.range(0));
  StateStore& store = PutStore();
  const std::string value(kValueBytes, 'x');
  const uint64_t first = static_cast<uint64_t>(state.thread_index()) << 32;
  uint64_t number = 0;
  for (auto _ : state) {
    store.Put(RecordKind::kPin, KeyOf(first + number++ % keys), value);
  }
  if (state.thread_index() == 0) {
    store.Flush();
    MS_CHECK(!store.stats().degraded);
    state.counters["dropped"] = static_cast<double>(store.stats().records_dropped);
  }
}
BENCHMARK(BM_Put)->Arg(100)->Arg(10'000)->UseRealTime();
BENCHMARK(BM_Put)->Arg(10'000)->Threads(4)->UseRealTime();

// From the first Put to the end of the commit, a batch at a time: what the writer can take.
void BM_PutAndFlush(benchmark::State& state) {
  const Folder folder(Folder::Place::kDisk);
  const OpenedState opened = Open(folder);
  const std::string value(kValueBytes, 'x');
  uint64_t number = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      opened.store->Put(RecordKind::kPin, KeyOf(number++), value);
    }
    opened.store->Flush();
  }
  MS_CHECK(opened.store->stats().records_written == static_cast<int64_t>(number));
  state.SetItemsProcessed(static_cast<int64_t>(number));
}
BENCHMARK(BM_PutAndFlush)->Arg(1)->Arg(100)->Arg(1'000)->UseRealTime();

const Folder& FullFolder() {
  static const Folder folder(Folder::Place::kDisk);
  static const bool is_filled = [] {
    const OpenedState opened = Open(folder);
    const std::string value(kValueBytes, 'x');
    for (uint64_t i = 0; i < kRecords; ++i) {
      opened.store->Put(RecordKind::kPin, KeyOf(i), value);
      if (i % 100'000 == 0) {
        opened.store->Flush();
      }
    }
    opened.store->Flush();
    return opened.store->stats().records_written == kRecords;
  }();
  MS_CHECK(is_filled);
  return folder;
}

void BM_Open1M(benchmark::State& state) {
  const Folder& folder = FullFolder();
  for (auto _ : state) {
    const OpenedState opened = Open(folder);
    MS_CHECK(!opened.report.degraded);
  }
}
BENCHMARK(BM_Open1M)->Unit(benchmark::kMillisecond);

void BM_Load1M(benchmark::State& state) {
  const OpenedState opened = Open(FullFolder());
  for (auto _ : state) {
    int64_t records = 0;
    uint64_t sum = 0;
    opened.store->Load(RecordKind::kPin, [&](const RecordKey& key, std::string_view value) {
      ++records;
      sum += key[0] + value.size();
    });
    benchmark::DoNotOptimize(sum);
    MS_CHECK(records == kRecords);
  }
}
BENCHMARK(BM_Load1M)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mainstay::session
