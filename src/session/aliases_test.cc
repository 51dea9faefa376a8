#include "session/aliases.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "session/alias_record.h"
#include "session/record_fields.h"
#include "session/testing.h"

namespace mainstay::session {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SessionKey Key(uint64_t number) {
  return {.digest = {.low = number * 0x9e3779b97f4a7c15, .high = number}};
}
SessionKey KeyOf(char id) {
  return Key(static_cast<uint64_t>(id));
}

// A request with these ids, the first one of the ladder first.
SessionId Request(std::string_view ids) {
  SessionId id{.present = true, .key = KeyOf(ids[0])};
  for (const char other : ids.substr(1)) {
    id.others[id.others_count++] = KeyOf(other);
  }
  return id;
}

struct Step {
  std::string_view ids;
  char session;
};

struct AliasCase {
  const char* name;
  std::vector<Step> steps;
};

const AliasCase kCases[] = {
    {"alone_ids_name_themselves", {{"a", 'a'}, {"b", 'b'}, {"a", 'a'}}},
    {"what_came_together_stays_together", {{"cp", 'c'}, {"c", 'c'}, {"p", 'c'}}},
    {"the_second_name_first", {{"cp", 'c'}, {"p", 'c'}, {"c", 'c'}}},
    {"a_lower_id_in_common_does_not_merge", {{"as", 'a'}, {"bs", 'b'}, {"as", 'a'}, {"bs", 'b'}}},
    {"a_lower_id_in_common_stays_with_the_first", {{"as", 'a'}, {"bs", 'b'}, {"s", 'a'}}},
    {"the_same_higher_id_with_several_lower_ones",
     {{"hx", 'h'}, {"hy", 'h'}, {"x", 'h'}, {"y", 'h'}}},
    {"an_alias_with_an_id_below_it", {{"cp", 'c'}, {"pq", 'c'}, {"q", 'c'}}},
    {"an_alias_below_a_new_id_keeps_its_session",
     {{"cp", 'c'}, {"np", 'n'}, {"p", 'c'}, {"n", 'n'}}},
    {"who_named_a_session_beside_others_becomes_no_alias",
     {{"hp", 'h'}, {"gh", 'g'}, {"h", 'h'}, {"p", 'h'}}},
    {"an_id_that_came_alone_before", {{"p", 'p'}, {"hp", 'h'}, {"p", 'h'}}},
    {"five_at_once", {{"abcde", 'a'}, {"b", 'a'}, {"c", 'a'}, {"d", 'a'}, {"e", 'a'}, {"a", 'a'}}},
};

TEST(Aliases, SessionsOfTheTable) {
  for (const AliasCase& c : kCases) {
    SCOPED_TRACE(c.name);
    KeptStore store;
    Aliases aliases(store, {}, kNow);
    for (const Step& step : c.steps) {
      EXPECT_EQ(aliases.Resolve(Request(step.ids), {}, kNow), KeyOf(step.session)) << step.ids;
    }
  }
}

TEST(Aliases, AloneIdsLeaveNothingBehind) {
  KeptStore store;
  Aliases aliases(store, {}, kNow);
  aliases.Resolve(Request("a"), {}, kNow);
  EXPECT_EQ(aliases.size(), 0);
  aliases.Resolve(Request("cp"), {}, kNow);
  EXPECT_EQ(aliases.size(), 2);
  aliases.Resolve(Request("a"), {}, kNow);
  EXPECT_EQ(aliases.size(), 2);
  EXPECT_EQ(store.records.size(), 2U);
}

TEST(Aliases, LookingUpChangesNothing) {
  KeptStore store;
  const ContinuityOptions rules{.age_max = seconds(10)};
  Aliases aliases(store, rules, kNow);
  EXPECT_EQ(aliases.Find(KeyOf('p'), rules, kNow), KeyOf('p'));
  aliases.Resolve(Request("cp"), rules, kNow);
  EXPECT_EQ(aliases.Find(KeyOf('p'), rules, kNow + seconds(9)), KeyOf('c'));
  EXPECT_EQ(aliases.Find(KeyOf('x'), rules, kNow), KeyOf('x'));
  EXPECT_EQ(aliases.Find(KeyOf('p'), rules, kNow + seconds(10)), KeyOf('p')) << "no use of it";
  EXPECT_EQ(aliases.size(), 2);
}

TEST(Aliases, ExpiryCountsFromTheLastUse) {
  KeptStore store;
  const ContinuityOptions rules{.age_max = seconds(10)};
  Aliases aliases(store, rules, kNow);
  aliases.Resolve(Request("cp"), rules, kNow);
  EXPECT_EQ(aliases.Resolve(Request("p"), rules, kNow + milliseconds(9'999)), KeyOf('c'));
  EXPECT_EQ(aliases.Resolve(Request("p"), rules, kNow + milliseconds(19'998)), KeyOf('c'));
  EXPECT_EQ(aliases.Resolve(Request("p"), rules, kNow + milliseconds(29'998)), KeyOf('p'));
  EXPECT_FALSE(store.records.contains(RecordKeyOf(KeyOf('p'))));
}

TEST(Aliases, WhatHasExpiredGivesWay) {
  KeptStore store;
  const ContinuityOptions rules{.age_max = seconds(10), .conversations_max = 1'000};
  Aliases aliases(store, rules, kNow);
  aliases.Resolve(Request("abcde"), rules, kNow);
  aliases.Resolve(Request("xy"), rules, kNow + seconds(10));
  EXPECT_EQ(aliases.size(), 2);
  EXPECT_EQ(store.records.size(), 2U);
}

TEST(Aliases, OfTooManyTheLeastRecentlyUsedGivesWay) {
  KeptStore store;
  const ContinuityOptions rules{.conversations_max = 4};
  Aliases aliases(store, rules, kNow);
  aliases.Resolve(Request("ab"), rules, kNow);
  aliases.Resolve(Request("cd"), rules, kNow);
  aliases.Resolve(Request("b"), rules, kNow);
  aliases.Resolve(Request("xy"), rules, kNow);  // a and c give way
  EXPECT_EQ(aliases.size(), 4);
  EXPECT_EQ(aliases.Find(KeyOf('b'), rules, kNow), KeyOf('a'));
  EXPECT_EQ(aliases.Find(KeyOf('d'), rules, kNow), KeyOf('c'));
  EXPECT_EQ(aliases.Find(KeyOf('y'), rules, kNow), KeyOf('x'));
  EXPECT_FALSE(store.records.contains(RecordKeyOf(KeyOf('c'))));
}

TEST(Aliases, ALoweredLimitIsReachedStepByStep) {
  KeptStore store;
  Aliases aliases(store, {}, kNow);
  for (uint64_t number = 1; number <= 100; ++number) {
    SessionId id{.present = true, .key = Key(2 * number), .others_count = 1};
    id.others[0] = Key(2 * number + 1);
    aliases.Resolve(id, {}, kNow);
  }
  const ContinuityOptions rules{.conversations_max = 2};
  int64_t before = aliases.size();
  EXPECT_EQ(before, 200);
  for (uint64_t number = 1'000; number < 1'200; ++number) {
    SessionId id{.present = true, .key = Key(2 * number), .others_count = 1};
    id.others[0] = Key(2 * number + 1);
    aliases.Resolve(id, rules, kNow);
    EXPECT_LE(before - aliases.size(), 2 * Aliases::kDroppedMax);
    before = aliases.size();
  }
  // Each share keeps one at least.
  EXPECT_LE(before, 16);
  EXPECT_EQ(store.records.size(), static_cast<size_t>(before));
}

TEST(Aliases, UsesAreStoredNowAndThen) {
  KeptStore store;
  const ContinuityOptions rules{.age_max = seconds(100)};
  Aliases aliases(store, rules, kNow);
  aliases.Resolve(Request("cp"), rules, kNow);
  EXPECT_EQ(store.puts, 2);
  aliases.Resolve(Request("p"), rules, kNow + milliseconds(4'999));
  EXPECT_EQ(store.puts, 2);
  aliases.Resolve(Request("p"), rules, kNow + milliseconds(5'000));
  EXPECT_EQ(store.puts, 3);
  aliases.Resolve(Request("p"), rules, kNow + milliseconds(5'001));
  EXPECT_EQ(store.puts, 3);
}

TEST(Aliases, ThreadsAgreeOnOneSession) {
  KeptStore store;
  Aliases aliases(store, {}, kNow);
  constexpr uint64_t kIds = 500;
  std::vector<std::vector<SessionKey>> seen(4);
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < seen.size(); ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t number = 1; number <= kIds; ++number) {
        // Each with a higher id of its own above one that all have.
        SessionId id{.present = true, .key = Key(number * 8 + thread), .others_count = 1};
        id.others[0] = Key(number * 8 + 7);
        EXPECT_EQ(aliases.Resolve(id, {}, kNow), id.key);
        seen[thread].push_back(aliases.Resolve({.present = true, .key = id.others[0]}, {}, kNow));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::vector<SessionKey>& one : seen) {
    EXPECT_EQ(one, seen[0]);
  }
  EXPECT_EQ(aliases.size(), static_cast<int64_t>(kIds * 5));
}

// --- what every engine has to do -----------------------------------------------------------------

class AliasesSuite : public testing::TestWithParam<EngineCase> {
 protected:
  void WithTable(const ContinuityOptions& rules, WallTime now,
                 const std::function<void(Aliases&)>& use) {
    const OpenedState opened = Open(folder_, GetParam().engine);
    Aliases aliases(*opened.store, rules, now);
    use(aliases);
  }
  // What an id names after a restart, when it should name `session`.
  SessionKey Kept(char id, char session) const { return KeyOf(GetParam().keeps ? session : id); }

  const Folder folder_;
};

INSTANTIATE_TEST_SUITE_P(Engines, AliasesSuite, testing::ValuesIn(kEngines),
                         EngineName<testing::TestParamInfo<EngineCase>>);

TEST_P(AliasesSuite, AliasesOutliveARestart) {
  WithTable({}, kNow, [](Aliases& aliases) {
    aliases.Resolve(Request("cp"), {}, kNow);
    aliases.Resolve(Request("as"), {}, kNow);
    aliases.Resolve(Request("bs"), {}, kNow);
  });
  for (int start = 0; start < 2; ++start) {
    WithTable({}, kNow, [&](Aliases& aliases) {
      EXPECT_EQ(aliases.Resolve(Request("p"), {}, kNow), Kept('p', 'c'));
      EXPECT_EQ(aliases.Resolve(Request("s"), {}, kNow), Kept('s', 'a'));
      EXPECT_EQ(aliases.Resolve(Request("a"), {}, kNow), KeyOf('a'));
    });
  }
}

TEST_P(AliasesSuite, WhatExpiredMeanwhileIsGone) {
  const ContinuityOptions rules{.age_max = seconds(10)};
  WithTable(rules, kNow, [&](Aliases& aliases) {
    aliases.Resolve(Request("cp"), rules, kNow);
    aliases.Resolve(Request("as"), rules, kNow + seconds(5));
  });
  WithTable(rules, kNow + seconds(10), [&](Aliases& aliases) {
    EXPECT_EQ(aliases.Find(KeyOf('p'), rules, kNow + seconds(10)), KeyOf('p'));
    EXPECT_EQ(aliases.Find(KeyOf('s'), rules, kNow + seconds(10)), Kept('s', 'a'));
  });
}

TEST_P(AliasesSuite, OfTooManyTheNewestAreTakenOver) {
  WithTable({}, kNow, [&](Aliases& aliases) {
    aliases.Resolve(Request("cp"), {}, kNow);
    aliases.Resolve(Request("as"), {}, kNow + seconds(1));
  });
  const ContinuityOptions rules{.conversations_max = 2};
  WithTable(rules, kNow + seconds(2), [&](Aliases& aliases) {
    EXPECT_EQ(aliases.size(), GetParam().keeps ? 2 : 0);
    EXPECT_EQ(aliases.Find(KeyOf('p'), rules, kNow), KeyOf('p'));
    EXPECT_EQ(aliases.Find(KeyOf('s'), rules, kNow), Kept('s', 'a'));
  });
}

TEST_P(AliasesSuite, RecordsThatAreNoneAreTakenOut) {
  {
    const OpenedState opened = Open(folder_, GetParam().engine);
    opened.store->Put(RecordKind::kAlias, RecordKeyOf(KeyOf('p')), "nonsense");
  }
  WithTable({}, kNow, [](Aliases& aliases) { EXPECT_EQ(aliases.size(), 0); });
  const OpenedState opened = Open(folder_, GetParam().engine);
  opened.store->Load(RecordKind::kAlias, [](const RecordKey&, std::string_view value) {
    ADD_FAILURE() << "it is still there: " << value;
  });
}

}  // namespace
}  // namespace mainstay::session
