// Question: what does recognising a conversation cost a request as the conversation and the table
// grow, how much memory does a message take, and how long does a start with a million conversations
// last?
// Budget: Find and Commit of a conversation that grows by two messages at most 5 us more with a
// million conversations than with a thousand (a quarter of what a request costs); 64 bytes for each
// message; opening the file and taking over a million conversations of five turns within 2 s.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <vector>

#include "base/check.h"
#include "session/conversations.h"
#include "session/testing.h"

namespace mainstay::session {
namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kTurns = 5;

uint64_t Mix(uint64_t number) {
  number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9;
  number = (number ^ number >> 27) * 0x94D049BB133111EB;
  return number ^ number >> 31;
}

Link LinkOf(uint64_t conversation, uint64_t message) {
  const uint64_t number = conversation << 20 | message;
  return {.digest = {.low = Mix(number + 1), .high = Mix(~number)},
          .text_bytes = 500,
          .messages = static_cast<uint32_t>(message + 1),
          .role = message % 2 == 0 ? LinkRole::kUser : LinkRole::kAssistant};
}

// Requests of many conversations, each of which grows by what was answered.
class Traffic final {
 public:
  // Each conversation comes with its history up to the fifth but last turn before `messages`, so
  // that all sizes leave as much in the table.
  Traffic(int64_t conversations, int64_t messages)
      : rules_{.conversations_max = 2 * conversations},
        first_messages_(static_cast<uint64_t>(messages) - 2 * kTurns),
        turns_(static_cast<size_t>(conversations)) {
    question_ = {.scope = {.low = 1, .high = 2},
                 .history = &history_,
                 .caller = "team-search",
                 .session = {},
                 .source = {},
                 .named = {},
                 .client = 7};
  }

  const ContinuityOptions& rules() const { return rules_; }

  // What Find and Commit take.
  std::chrono::nanoseconds Turn(Conversations& table, uint64_t conversation) {
    const uint64_t asked = first_messages_ + 2 * uint64_t{turns_[conversation]++};
    history_.Clear();
    for (uint64_t message = 0; message <= asked; ++message) {
      history_.links.push_back(LinkOf(conversation, message));
    }
    const Link reply = LinkOf(conversation, asked + 1);
    const auto start = std::chrono::steady_clock::now();
    table.Find(question_, rules_, kNow, random_, place_);
    evidence_ = place_.view().evidence;
    table.Commit(place_, question_,
                 {.reply = &reply,
                  .model = "openai/gpt-4o",
                  .prompt_tokens = 1'000,
                  .completion_tokens = 100,
                  .cost_nano = 1'000},
                 rules_, kNow);
    const auto end = std::chrono::steady_clock::now();
    return end - start;
  }
  Continuity evidence() const { return evidence_; }

  void Fill(Conversations& table, StateStore& store, int64_t turns) {
    for (size_t conversation = 0; conversation < turns_.size(); ++conversation) {
      for (int64_t turn = 0; turn < turns; ++turn) {
        Turn(table, conversation);
      }
      if (conversation % 20'000 == 0) {
        store.Flush();  // the store would rather lose some than keep all of them waiting
      }
    }
    store.Flush();
  }

 private:
  const ContinuityOptions rules_;
  const uint64_t first_messages_;
  std::vector<uint16_t> turns_;
  History history_;
  Conversations::Question question_;
  Conversations::Place place_;
  Continuity evidence_ = Continuity::kOff;
  Random random_{1};
};

struct FullTable {
  FullTable(Engine with, int64_t conversations, int64_t messages)
      : engine(with),
        size(conversations),
        length(messages),
        opened(Open(folder, with)),
        traffic(conversations, messages) {
    traffic.Fill(table, *opened.store, kTurns);
  }

  const Engine engine;
  const int64_t size;
  const int64_t length;
  const Folder folder{Folder::Place::kDisk};
  const OpenedState opened;
  Traffic traffic;
  Conversations table{*opened.store, traffic.rules(), kNow};
};

// Filling takes far longer than measuring, which calls the function below several times.
FullTable& TableOf(Engine engine, int64_t size, int64_t length) {
  static std::unique_ptr<FullTable> newest;
  if (newest == nullptr || newest->engine != engine || newest->size != size ||
      newest->length != length) {
    newest.reset();
    newest = std::make_unique<FullTable>(engine, size, length);
  }
  return *newest;
}

// Of the times, so that what else runs on the machine does not count.
double MedianNs(std::vector<std::chrono::nanoseconds>& times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return static_cast<double>(middle->count());
}

// The conversations come in no order, so that nothing is where the one before it was.
void BM_ConversationGrows(benchmark::State& state, Engine engine) {
  FullTable& full = TableOf(engine, state.range(1), state.range(0));
  uint64_t number = 1;
  std::vector<std::chrono::nanoseconds> times;
  for (auto _ : state) {
    number = number * 6364136223846793005 + 1442695040888963407;
    const auto took =
        full.traffic.Turn(full.table, (number >> 33) % static_cast<uint64_t>(full.size));
    MS_CHECK(full.traffic.evidence() == Continuity::kExtend);
    state.SetIterationTime(std::chrono::duration<double>(took).count());
    times.push_back(took);
  }
  state.counters["median_ns"] = MedianNs(times);
}
BENCHMARK_CAPTURE(BM_ConversationGrows, memory, Engine::kMemory)
    ->ArgNames({"messages", "table"})
    ->ArgsProduct({{10, 50, 200}, {1'000, 100'000, kMillion}})
    ->Iterations(4'000)
    ->UseManualTime();
BENCHMARK_CAPTURE(BM_ConversationGrows, sqlite, Engine::kSqlite)
    ->ArgNames({"messages", "table"})
    ->ArgsProduct({{50}, {1'000, 100'000}})
    ->Iterations(4'000)
    ->UseManualTime();

// All of its replies have passed here.
void BM_LongConversations(benchmark::State& state) {
  const OpenedState opened = Open(Folder(), Engine::kMemory);
  Traffic traffic(1'000, 2 * kTurns);
  Conversations table(*opened.store, traffic.rules(), kNow);
  traffic.Fill(table, *opened.store, state.range(0) / 2);
  uint64_t number = 0;
  std::vector<std::chrono::nanoseconds> times;
  for (auto _ : state) {
    const auto took = traffic.Turn(table, number++ % 1'000);
    state.SetIterationTime(std::chrono::duration<double>(took).count());
    times.push_back(took);
  }
  state.counters["median_ns"] = MedianNs(times);
}
BENCHMARK(BM_LongConversations)->Arg(10)->Arg(200)->Arg(1'900)->Iterations(4'000)->UseManualTime();

double ResidentBytes() {
  malloc_trim(0);
  std::ifstream file("/proc/self/statm");
  int64_t pages_all = 0;
  int64_t pages = 0;
  file >> pages_all >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void BM_ConversationsMemory(benchmark::State& state) {
  const int64_t messages = state.range(0);
  const int64_t conversations = 10 * kMillion / messages;
  const OpenedState opened = Open(Folder(), Engine::kMemory);
  double grown = 0;
  Conversations::Stats stats;
  for (auto _ : state) {
    Traffic traffic(conversations, 2 * kTurns);
    const double before = ResidentBytes();
    Conversations table(*opened.store, traffic.rules(), kNow);
    traffic.Fill(table, *opened.store, messages / 2);
    grown = ResidentBytes() - before;
    stats = table.stats();
  }
  state.counters["MiB"] = grown / (1 << 20);
  state.counters["bytes_per_message"] = grown / (10 * kMillion);
  state.counters["own_count"] = static_cast<double>(stats.bytes) / (10 * kMillion);
}
BENCHMARK(BM_ConversationsMemory)->Arg(10)->Arg(40)->Iterations(1)->Unit(benchmark::kMillisecond);

const Folder& FullFolder() {
  static const Folder folder(Folder::Place::kDisk);
  static const bool is_filled = [] {
    const OpenedState opened = Open(folder);
    Traffic traffic(kMillion, 2 * kTurns);
    Conversations table(*opened.store, traffic.rules(), kNow);
    traffic.Fill(table, *opened.store, kTurns);
    return opened.store->stats().records_dropped == 0;
  }();
  MS_CHECK(is_filled);
  return folder;
}

double CpuSeconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// What a start does before the first request, with the file's check.
void BM_ConversationsStart1M(benchmark::State& state) {
  const Folder& folder = FullFolder();
  const ContinuityOptions rules{.conversations_max = 2 * kMillion};
  double grown = 0;
  double opening_s = 0;
  double all_s = 0;
  double reader_s = 0;
  const auto seconds_since = [](std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (auto _ : state) {
    const double before = ResidentBytes();
    const auto start = std::chrono::steady_clock::now();
    const double all_before = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
    const double reader_before = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
    const OpenedState opened = Open(folder);
    opening_s = seconds_since(start);
    const Conversations table(*opened.store, rules, kNow);
    state.SetIterationTime(seconds_since(start));
    all_s = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - all_before;
    reader_s = CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - reader_before;
    grown = ResidentBytes() - before;
    MS_CHECK(!opened.report.degraded && table.stats().conversations == kMillion);
  }
  state.counters["MiB"] = grown / (1 << 20);
  state.counters["opening_s"] = opening_s;
  state.counters["cpu_s"] = all_s;
  state.counters["reader_cpu_s"] = reader_s;
}
BENCHMARK(BM_ConversationsStart1M)
    ->Iterations(1)
    ->Repetitions(3)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();

}  // namespace
}  // namespace mainstay::session
