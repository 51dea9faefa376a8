#include "http/io/timer.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace mainstay::io {
namespace {

MonoTime At(int64_t ms) {
  return MonoTime(std::chrono::milliseconds(ms));
}

class TestTimer final : public Timer {
 public:
  TestTimer(TimerQueue& queue, std::function<void(TestTimer&)> action)
      : Timer(queue), action_(std::move(action)) {}

 private:
  void OnDeadline() override {
    // The action may destroy the timer, and the function with it.
    const auto action = action_;
    action(*this);
  }
  std::function<void(TestTimer&)> action_;
};

// One timer, set and cleared as the row says; then what the queue makes of it.
struct LazyCase {
  const char* name;
  std::vector<int64_t> sets;  // -1 clears
  int64_t want_next;          // -1: none
};

TEST(TimerTest, TheLastSettingCounts) {
  const LazyCase cases[] = {
      {"never_set", {}, -1},
      {"set", {10}, 10},
      {"moved_later", {10, 20}, 20},
      {"moved_earlier", {20, 10}, 10},
      {"there_and_back", {10, 30, 20}, 20},
      {"earlier_then_later", {20, 10, 30}, 30},
      {"cleared", {10, -1}, -1},
      {"cleared_and_set_later", {10, -1, 20}, 20},
      {"cleared_and_set_earlier", {10, -1, 5}, 5},
  };
  for (const LazyCase& row : cases) {
    TimerQueue queue;
    int runs = 0;
    TestTimer timer(queue, [&](TestTimer&) { ++runs; });
    for (const int64_t set : row.sets) {
      if (set < 0) {
        timer.Clear();
      } else {
        timer.Set(At(set));
      }
    }
    EXPECT_EQ(queue.Next(), row.want_next < 0 ? kNever : At(row.want_next)) << row.name;
    if (row.want_next >= 0) {
      EXPECT_EQ(queue.RunDue(At(row.want_next) - std::chrono::nanoseconds(1)), 0) << row.name;
      EXPECT_EQ(queue.RunDue(At(row.want_next)), 1) << row.name;
    }
    EXPECT_EQ(queue.RunDue(At(1'000)), 0) << row.name;
    EXPECT_EQ(runs, row.want_next < 0 ? 0 : 1) << row.name;
    EXPECT_EQ(timer.deadline(), kNever) << row.name;
  }
}

TEST(TimerTest, RunsInTheOrderOfDeadlines) {
  TimerQueue queue;
  std::string order;
  TestTimer c(queue, [&](TestTimer&) { order += 'c'; });
  TestTimer a(queue, [&](TestTimer&) { order += 'a'; });
  TestTimer b(queue, [&](TestTimer&) { order += 'b'; });
  c.Set(At(3));
  a.Set(At(1));
  b.Set(At(2));
  EXPECT_EQ(queue.RunDue(At(2)), 2);
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(queue.RunDue(At(3)), 1);
  EXPECT_EQ(order, "abc");
}

TEST(TimerTest, ATimerMayDestroyItselfAndOthersInside) {
  TimerQueue queue;
  std::vector<std::unique_ptr<TestTimer>> timers;
  int runs = 0;
  for (int i = 0; i < 3; ++i) {
    timers.push_back(std::make_unique<TestTimer>(queue, [&](TestTimer&) {
      ++runs;
      timers.clear();
    }));
    timers.back()->Set(At(1));
  }
  EXPECT_EQ(queue.RunDue(At(1)), 1);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(queue.Next(), kNever);
}

TEST(TimerTest, ATimerMaySetItselfAgainInside) {
  TimerQueue queue;
  int runs = 0;
  TestTimer timer(queue, [&](TestTimer& self) {
    ++runs;
    self.Set(At(10 * (runs + 1)));
  });
  timer.Set(At(10));
  queue.RunDue(At(10));
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(queue.Next(), At(20));
  queue.RunDue(At(20));
  EXPECT_EQ(runs, 2);
}

TEST(TimerTest, ATimerThatIsAlwaysDueDoesNotKeepTheQueueRunning) {
  TimerQueue queue;
  int others = 0;
  TestTimer other(queue, [&](TestTimer&) { ++others; });
  TestTimer greedy(queue, [](TestTimer& self) { self.Set(At(5)); });
  other.Set(At(4));
  greedy.Set(At(5));
  EXPECT_LE(queue.RunDue(At(5)), 2);
  EXPECT_EQ(others, 1);
  EXPECT_EQ(queue.Next(), At(5));
}

TEST(TimerTest, ADestroyedTimerIsForgottenWhereverItStands) {
  for (int victim = 0; victim < 20; ++victim) {
    TimerQueue queue;
    std::vector<int> order;
    std::vector<std::unique_ptr<TestTimer>> timers;
    for (int i = 0; i < 20; ++i) {
      timers.push_back(
          std::make_unique<TestTimer>(queue, [&order, i](TestTimer&) { order.push_back(i); }));
      timers.back()->Set(At(1 + i * 7 % 20));
    }
    timers[victim].reset();
    EXPECT_EQ(queue.RunDue(At(100)), 19);
    for (size_t i = 1; i < order.size(); ++i) {
      EXPECT_LT(order[i - 1] * 7 % 20, order[i] * 7 % 20);
      EXPECT_NE(order[i], victim);
    }
  }
}

// Random settings against an ordered map that does the same without any laziness.
TEST(TimerTest, AgreesWithAMapUnderRandomUse) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    TimerQueue queue;
    constexpr int kTimers = 40;
    std::vector<int64_t> model(kTimers, -1);
    std::vector<std::pair<int64_t, int>> ran;
    std::vector<std::unique_ptr<TestTimer>> timers(kTimers);
    int64_t now = 0;
    for (int step = 0; step < 3'000; ++step) {
      const int i = static_cast<int>(random() % kTimers);
      const uint64_t what = random() % 10;
      if (!timers[i]) {
        timers[i] = std::make_unique<TestTimer>(
            queue, [&ran, &now, i](TestTimer&) { ran.emplace_back(now, i); });
      }
      if (what < 6) {
        model[i] = now + random() % 50;
        timers[i]->Set(At(model[i]));
      } else if (what == 6) {
        model[i] = -1;
        timers[i]->Clear();
      } else if (what == 7) {
        model[i] = -1;
        timers[i].reset();
      } else {
        std::multimap<int64_t, int> due;
        int64_t next = -1;
        now += random() % 20;
        for (int k = 0; k < kTimers; ++k) {
          if (model[k] >= 0 && model[k] <= now) {
            due.emplace(model[k], k);
            model[k] = -1;
          } else if (model[k] >= 0 && (next < 0 || model[k] < next)) {
            next = model[k];
          }
        }
        ran.clear();
        ASSERT_EQ(queue.RunDue(At(now)), static_cast<int64_t>(due.size()));
        ASSERT_EQ(queue.Next(), next < 0 ? kNever : At(next));
        std::multimap<int64_t, int> by_time = due;
        for (const auto& [time, k] : ran) {
          const auto found = std::find_if(by_time.begin(), by_time.end(),
                                          [k = k](const auto& item) { return item.second == k; });
          ASSERT_NE(found, by_time.end());
          ASSERT_EQ(found->first, by_time.begin()->first);  // nothing earlier was left
          by_time.erase(found);
        }
      }
    }
  }
}

}  // namespace
}  // namespace mainstay::io
