#include "decision/router/answer_cache.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace mainstay::decision {
namespace {

using namespace std::chrono_literals;

const std::array<uint8_t, HashKey::kBytes> kBytes{1, 2, 3};
const std::vector<Route> kRoutes = {{.name = "a", .description = "b"}, {.name = "c"}};
constexpr WallTime kStart{std::chrono::hours(500'000)};

class AnswerCacheTest : public testing::Test {
 protected:
  AnswerCache::Key KeyOf(std::string text) const {
    return cache_.KeyOf("router", kRoutes, {{{Role::kUser, std::move(text)}}});
  }

  AnswerCache cache_{HashKey(kBytes), 3};
};

TEST_F(AnswerCacheTest, RemembersForLessThanAMinute) {
  const AnswerCache::Key key = KeyOf("x");
  EXPECT_EQ(cache_.Find(key, kStart), std::nullopt);
  cache_.Put(key, 1, kStart);
  EXPECT_EQ(cache_.Find(key, kStart), 1);
  EXPECT_EQ(cache_.Find(key, kStart + 59'999ms), 1);
  EXPECT_EQ(cache_.Find(key, kStart + 60'000ms), std::nullopt);
  EXPECT_EQ(cache_.size(), 0U) << "what has expired is gone";
}

TEST_F(AnswerCacheTest, AHitDoesNotMakeItLastLonger) {
  const AnswerCache::Key key = KeyOf("x");
  cache_.Put(key, 1, kStart);
  EXPECT_EQ(cache_.Find(key, kStart + 40s), 1);
  EXPECT_EQ(cache_.Find(key, kStart + 70s), std::nullopt);
}

TEST_F(AnswerCacheTest, ANewAnswerReplacesTheOld) {
  const AnswerCache::Key key = KeyOf("x");
  cache_.Put(key, 1, kStart);
  cache_.Put(key, -1, kStart + 50s);
  EXPECT_EQ(cache_.Find(key, kStart + 100s), -1) << "no match is an answer too";
  EXPECT_EQ(cache_.size(), 1U);
}

TEST_F(AnswerCacheTest, AClockThatWasSetBackEndsAnswers) {
  const AnswerCache::Key key = KeyOf("x");
  cache_.Put(key, 1, kStart);
  EXPECT_EQ(cache_.Find(key, kStart - 1ms), std::nullopt);
}

TEST_F(AnswerCacheTest, AtTheLimitTheLeastUsedGoes) {
  cache_.Put(KeyOf("1"), 1, kStart);
  cache_.Put(KeyOf("2"), 0, kStart);
  cache_.Put(KeyOf("3"), 1, kStart);
  EXPECT_EQ(cache_.Find(KeyOf("1"), kStart), 1);
  cache_.Put(KeyOf("4"), 0, kStart);
  EXPECT_EQ(cache_.size(), 3U);
  EXPECT_EQ(cache_.Find(KeyOf("2"), kStart), std::nullopt);
  EXPECT_EQ(cache_.Find(KeyOf("1"), kStart), 1);
  EXPECT_EQ(cache_.Find(KeyOf("3"), kStart), 1);
  EXPECT_EQ(cache_.Find(KeyOf("4"), kStart), 0);
}

TEST_F(AnswerCacheTest, EveryDifferenceIsAnotherQuestion) {
  struct Question {
    std::string router;
    std::vector<Route> routes;
    Conversation conversation;
  };
  const Conversation hi = {{{Role::kUser, "hi"}}};
  const std::vector<Question> questions = {
      {"r", kRoutes, hi},
      {"q", kRoutes, hi},
      {"r", {kRoutes[1], kRoutes[0]}, hi},
      {"r", {kRoutes[0]}, hi},
      {"r", {{.name = "ab"}, {.name = "c"}}, hi},
      {"r", kRoutes, {{{Role::kAssistant, "hi"}}}},
      {"r", kRoutes, {{{Role::kUser, "h"}, {Role::kUser, "i"}}}},
      {"r", kRoutes, {}},
      {"r", {{.name = "user", .description = "hi"}}, {}},
      {"r", {}, {{{Role::kUser, "hi"}}}},
  };
  std::set<std::pair<uint64_t, uint64_t>> keys;
  for (const Question& q : questions) {
    const AnswerCache::Key key = cache_.KeyOf(q.router, q.routes, q.conversation);
    EXPECT_EQ(key, cache_.KeyOf(q.router, q.routes, q.conversation));
    keys.insert({key.low, key.high});
  }
  EXPECT_EQ(keys.size(), questions.size());
  // Examples are not shown to the model.
  std::vector<Route> routes = kRoutes;
  routes[0].examples = {"x"};
  EXPECT_EQ(cache_.KeyOf("r", routes, hi), cache_.KeyOf("r", kRoutes, hi));
}

}  // namespace
}  // namespace mainstay::decision
