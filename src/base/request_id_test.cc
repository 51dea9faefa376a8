#include "base/request_id.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace mainstay {
namespace {

constexpr std::string_view kBase32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

std::string IdAt(int64_t ms, Random& random) {
  const std::array<char, 26> id = MakeRequestId(WallTime(std::chrono::milliseconds(ms)), random);
  return std::string(id.data(), id.size());
}

struct TimeCase {
  const char* name;
  int64_t ms;
  const char* want;  // the first ten characters
};

const TimeCase kTimeCases[] = {
    {"the_epoch", 0, "0000000000"},
    {"one_millisecond", 1, "0000000001"},
    {"the_last_of_a_digit", 31, "000000000Z"},
    {"the_first_of_two_digits", 32, "0000000010"},
    // The example of the ULID specification.
    {"a_known_id", 1'469'918'176'385, "01ARYZ6S41"},
    {"the_last_of_48_bits", (int64_t{1} << 48) - 1, "7ZZZZZZZZZ"},
};

TEST(RequestId, TimesOfTheTable) {
  Random random(1);
  for (const TimeCase& c : kTimeCases) {
    EXPECT_EQ(IdAt(c.ms, random).substr(0, 10), c.want) << c.name;
  }
}

TEST(RequestId, AllCharactersAreCrockfords) {
  Random random(2);
  std::set<char> seen;
  for (int i = 0; i < 1'000; ++i) {
    for (const char c : IdAt(i, random).substr(10)) {
      ASSERT_NE(kBase32.find(c), std::string_view::npos) << c;
      seen.insert(c);
    }
  }
  EXPECT_EQ(seen.size(), kBase32.size());
}

TEST(RequestId, LaterOnesSortLater) {
  Random random(3);
  std::string last;
  for (int64_t ms = 1'732'185'600'000; ms < 1'732'185'601'000; ++ms) {
    const std::string id = IdAt(ms, random);
    ASSERT_LT(last, id);
    last = id;
  }
}

TEST(RequestId, NoTwoOfAMillisecondAreEqual) {
  Random random(4);
  std::set<std::string> ids;
  for (int i = 0; i < 10'000; ++i) {
    ids.insert(IdAt(7, random));
  }
  EXPECT_EQ(ids.size(), 10'000u);
}

TEST(RequestId, TheSameSeedGivesTheSameIds) {
  Random a(5);
  Random b(5);
  EXPECT_EQ(IdAt(7, a), IdAt(7, b));
}

TEST(RandomHex, FillsAnyLength) {
  for (size_t size = 0; size <= 40; ++size) {
    Random random(6);
    std::string text(size + 1, '#');
    FillRandomHex({text.data(), size}, random);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), size) << size;
  }
}

TEST(RandomHex, UsesAllDigits) {
  Random random(7);
  std::string text(1'000, ' ');
  FillRandomHex({text.data(), text.size()}, random);
  EXPECT_EQ(std::set<char>(text.begin(), text.end()).size(), 16u);
}

}  // namespace
}  // namespace mainstay
