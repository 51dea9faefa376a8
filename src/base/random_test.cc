#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <set>

namespace mainstay {
namespace {

// The published algorithm (xoshiro256**, seeded with SplitMix64) with seed 0.
TEST(Random, FirstNumbersOfTheAlgorithm) {
  Random random(0);
  EXPECT_EQ(random.Next(), 0x99ec5f36cb75f2b4u);
  EXPECT_EQ(random.Next(), 0xbf6e1f784956452au);
  EXPECT_EQ(random.Next(), 0x1a5f849d4933e6e0u);
}

TEST(Random, ASeedRepeatsItself) {
  Random a(9);
  Random b(9);
  Random c(10);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.Next();
    ASSERT_EQ(value, b.Next());
    differs = differs || value != c.Next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, BelowStaysBelow) {
  Random random(1);
  for (const uint64_t bound : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{1'000},
                               std::numeric_limits<uint64_t>::max()}) {
    for (int i = 0; i < 1'000; ++i) {
      ASSERT_LT(random.Below(bound), bound);
    }
  }
}

TEST(Random, BelowReachesEveryNumberAboutEquallyOften) {
  Random random(2);
  std::array<int, 10> seen{};
  for (int i = 0; i < 100'000; ++i) {
    ++seen[random.Below(seen.size())];
  }
  for (const int count : seen) {
    EXPECT_GT(count, 9'500);
    EXPECT_LT(count, 10'500);
  }
}

TEST(RandomDeathTest, ThereIsNothingBelow0) {
  Random random(3);
  EXPECT_DEATH(random.Below(0), "check failed");
}

TEST(Random, TheSystemSeedsDifferently) {
  EXPECT_NE(Random::FromSystem().Next(), Random::FromSystem().Next());
}

TEST(SecureRandom, FillsAllOfIt) {
  FillWithSecureRandom({});
  std::array<uint8_t, 4096> bytes{};
  FillWithSecureRandom(bytes);
  // 4,096 random bytes lack one of the 256 values once in some thirty thousand runs; lacking six is
  // out of the question.
  EXPECT_GT(std::set<uint8_t>(bytes.begin(), bytes.end()).size(), 250u);
  EXPECT_NE(std::set<uint8_t>(bytes.end() - 16, bytes.end()), std::set<uint8_t>{0});
}

}  // namespace
}  // namespace mainstay
