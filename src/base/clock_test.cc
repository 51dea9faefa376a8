#include "base/clock.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace mainstay {
namespace {

using std::chrono::milliseconds;

WallTime SystemNow() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

TEST(PolicyClock, RealTimeIsTheSystems) {
  const PolicyClock clock(PolicyClock::Mode::kReal);
  const WallTime before = SystemNow();
  const WallTime now = clock.Now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, SystemNow());
  EXPECT_EQ(clock.mode(), PolicyClock::Mode::kReal);
}

TEST(PolicyClock, TestTimeStandsStillAtItsStart) {
  const WallTime before = SystemNow();
  const PolicyClock clock(PolicyClock::Mode::kTest);
  const WallTime now = clock.Now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, SystemNow());
  while (SystemNow() <= now) {  // until the system's clock has moved
  }
  EXPECT_EQ(clock.Now(), now);
}

TEST(PolicyClock, TestTimeMovesByAdvanceAlone) {
  PolicyClock clock(PolicyClock::Mode::kTest);
  const WallTime start = clock.Now();
  for (const int64_t by : {int64_t{0}, int64_t{1}, int64_t{600'000}, int64_t{86'400'000}}) {
    const WallTime before = clock.Now();
    clock.Advance(milliseconds(by));
    EXPECT_EQ(clock.Now() - before, milliseconds(by));
  }
  EXPECT_EQ(clock.Now() - start, milliseconds(87'000'001));
}

TEST(PolicyClock, NoAdvanceIsLostBetweenThreads) {
  PolicyClock clock(PolicyClock::Mode::kTest);
  const WallTime start = clock.Now();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        clock.Advance(milliseconds(1));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(clock.Now() - start, milliseconds(4'000));
}

TEST(PolicyClockDeathTest, RealTimeCannotBeMovedAndTestTimeNotBack) {
  PolicyClock real(PolicyClock::Mode::kReal);
  EXPECT_DEATH(real.Advance(milliseconds(1)), "check failed");
  PolicyClock test(PolicyClock::Mode::kTest);
  EXPECT_DEATH(test.Advance(milliseconds(-1)), "check failed");
}

}  // namespace
}  // namespace mainstay
