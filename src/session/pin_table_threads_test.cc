// What holds however the threads of several workers meet in the table. Meant for the thread
// sanitizer as much as for the expectations: nothing here depends on who comes first.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <functional>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "session/pin_table.h"
#include "session/testing.h"

namespace mainstay::session {
namespace {

constexpr int kThreads = 4;

SessionKey Key(uint64_t number) {
  return {.digest = {.low = number * 0x9e3779b97f4a7c15, .high = number}};
}

void RunThreads(const std::function<void(int)>& run) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back(run, thread);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

class PinTableThreadsTest : public testing::Test {
 protected:
  KeptStore store_;
};

TEST_F(PinTableThreadsTest, EachPinIsMadeOnce) {
  const PinOptions rules{.entries_max = 2 * PinTable::kOneShardMax};  // several shares
  PinTable table(store_, rules, kNow);
  std::atomic<int> set{0};
  RunThreads([&](int) {
    for (uint64_t number = 0; number < 2000; ++number) {
      PinTable::Recalled recalled = table.Recall(Key(number), rules, kNow);
      if (!recalled.pin) {
        set += table.Commit(recalled.seat, {.model = "p/a"}, rules, kNow) == PinOutcome::kSet;
      }
    }
  });
  EXPECT_EQ(set, 2000) << "one of those that were under way together made each pin";
  EXPECT_EQ(table.Count(rules, kNow), 2000);
}

// Everything at once on few sessions, with room for fewer still. What comes back is whatever the
// others left; the limit and the store's agreement with the table do not depend on them.
TEST_F(PinTableThreadsTest, EveryCallAtOnce) {
  struct Row {
    const char* name;
    int64_t entries_max_before;
    int64_t entries_max;
  };
  constexpr int64_t kMany = 2 * PinTable::kOneShardMax;
  for (const Row& row : {Row{"few", 8, 8}, Row{"many", kMany, kMany}, Row{"fewer", kMany, 8}}) {
    SCOPED_TRACE(row.name);
    PinTable table(store_, {.entries_max = row.entries_max_before}, kNow);
    const PinOptions rules{.entries_max = row.entries_max};
    RunThreads([&](int thread) {
      const std::string model = "m" + std::to_string(thread);
      std::vector<PinTable::Listed> listed;
      for (uint64_t step = 0; step < 1'000; ++step) {
        const SessionKey key = Key(step % 16);
        PinTable::Recalled recalled = table.Recall(key, rules, kNow);
        if (recalled.pin) {
          table.Served(key, recalled.pin->model, step % 3 == 0 ? "other" : recalled.pin->model, 2);
        } else {
          table.Commit(recalled.seat, {.model = model, .caller = model}, rules, kNow);
        }
        recalled = {};
        if (step % 7 == 0) {
          table.Set(key, {.model = model, .ttl = std::chrono::milliseconds(step)}, rules, kNow);
        } else if (step % 11 == 0) {
          table.Erase(key, rules, kNow);
        } else if (step % 97 == 0) {
          table.EraseOfCaller(model, rules, kNow);
          listed.clear();
          table.List(0, 100, {}, rules, kNow, listed);
        }
      }
    });
    const int64_t count = table.Count(rules, kNow);
    EXPECT_LE(count, std::min<int64_t>(row.entries_max, 16));
    EXPECT_EQ(store_.records.size(), static_cast<size_t>(count));
    std::vector<PinTable::Listed> listed;
    table.List(0, 100, {}, rules, kNow, listed);
    EXPECT_EQ(listed.size(), static_cast<size_t>(count));
  }
}

// A request that waits for its session's first decision, as a worker's thread runs it.
class Request final : private FlightWaiter {
 public:
  Request(PinTable& table, const SessionKey& key, const PinOptions& rules, int thread, int round)
      : table_(table),
        key_(key),
        rules_(rules),
        abandons_((thread + round) % kThreads == 0),
        leaves_((thread + round) % kThreads == 1 && round % 3 == 0),
        model_("m" + std::to_string(thread)) {}

  struct Result {
    std::string model;  // that it was served by; empty: it left before
    int led = 0;        // how often it led to the end
    PinOutcome outcome = PinOutcome::kNone;
  };
  Result Run() {
    while (true) {
      PinTable::Recalled recalled = table_.Recall(key_, rules_, kNow);
      if (recalled.pin) {
        return {.model = std::string(recalled.pin->model), .outcome = PinOutcome::kHit};
      }
      switch (Await(recalled.seat)) {
        case Flight::Role::kWaits:
          return {};
        case Flight::Role::kFollows:
          return Commit(recalled.seat, recalled.seat.flight().decided().model, 0);
        case Flight::Role::kLeads:
          recalled.seat.Lead();
          if (std::exchange(abandons_, false)) {
            break;  // and comes again, behind whoever leads next
          }
          recalled.seat.Publish({.model = model_, .decision = "code"});
          return Commit(recalled.seat, model_, 1);
      }
    }
  }

 private:
  void OnFlight() override { told_.release(); }

  // kWaits: it gave up.
  Flight::Role Await(PinTable::Seat& seat) {
    Flight::Role role = seat.flight().Join(*this);
    while (role == Flight::Role::kWaits) {
      if (leaves_) {
        seat.flight().Forget(*this);
        return role;
      }
      told_.acquire();
      role = seat.flight().Join(*this);
    }
    return role;
  }

  Result Commit(PinTable::Seat& seat, std::string_view model, int led) {
    const PinOutcome outcome = table_.Commit(seat, {.model = model}, rules_, kNow);
    return {.model = std::string(model), .led = led, .outcome = outcome};
  }

  PinTable& table_;
  const SessionKey key_;
  const PinOptions& rules_;
  bool abandons_;
  const bool leaves_;
  const std::string model_;
  std::counting_semaphore<> told_{0};
};

// Leaders leave without a decision, waiters give up, and the rest is served by one model.
TEST_F(PinTableThreadsTest, OneLeaderDecidesForAllInEachRound) {
  constexpr int kRounds = 300;
  const PinOptions rules;
  PinTable table(store_, rules, kNow);
  std::barrier<> together(kThreads);
  std::vector<std::vector<Request::Result>> results(kRounds,
                                                    std::vector<Request::Result>(kThreads));
  RunThreads([&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      Request request(table, Key(static_cast<uint64_t>(round)), rules, thread, round);
      together.arrive_and_wait();
      results[static_cast<size_t>(round)][static_cast<size_t>(thread)] = request.Run();
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    const std::optional<Pin> pin = table.Find(Key(static_cast<uint64_t>(round)), rules, kNow);
    ASSERT_TRUE(pin) << round;
    int led = 0;
    int set = 0;
    int served = 0;
    for (const Request::Result& result : results[static_cast<size_t>(round)]) {
      led += result.led;
      set += result.outcome == PinOutcome::kSet ? 1 : 0;
      served += result.model.empty() ? 0 : 1;
      EXPECT_TRUE(result.model.empty() || result.model == pin->model) << round;
    }
    EXPECT_EQ(led, 1) << round;
    EXPECT_EQ(set, 1) << round;
    EXPECT_GE(served, kThreads - 1) << round;
    EXPECT_EQ(pin->hits, static_cast<uint32_t>(served - 1)) << round;
  }
}

// Requests that were under way when their session was deleted pin nothing, and none of them waits
// for ever.
TEST_F(PinTableThreadsTest, ADeletionAmongRequestsUnderWay) {
  constexpr int kRounds = 200;
  const PinOptions rules;
  PinTable table(store_, rules, kNow);
  std::barrier<> together(kThreads);
  std::vector<std::atomic<int>> set(kRounds);
  std::vector<std::atomic<int>> erased(kRounds);
  RunThreads([&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      const SessionKey key = Key(static_cast<uint64_t>(round));
      Request request(table, key, rules, thread, round);
      together.arrive_and_wait();
      if (thread == 0) {
        erased[static_cast<size_t>(round)] += table.Erase(key, rules, kNow) ? 1 : 0;
      } else {
        set[static_cast<size_t>(round)] += request.Run().outcome == PinOutcome::kSet ? 1 : 0;
      }
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    const auto at = static_cast<size_t>(round);
    const bool is_there = table.Find(Key(at), rules, kNow).has_value();
    EXPECT_EQ(set[at] - erased[at], is_there ? 1 : 0) << round;
  }
  EXPECT_EQ(store_.records.size(), static_cast<size_t>(table.Count(rules, kNow)));
}

}  // namespace
}  // namespace mainstay::session
