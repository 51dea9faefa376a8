#include "session/pin_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "session/testing.h"

namespace mainstay::session {
namespace {

using std::chrono::milliseconds;

constexpr WallTime kStart{milliseconds(1'795'248'000'000)};

SessionKey Key(uint64_t number) {
  return {.digest = {.low = number * 0x9e3779b97f4a7c15, .high = number}};
}

class PinTableTest : public testing::Test {
 protected:
  PinTable& table() {
    if (table_ == nullptr) {
      table_ = std::make_unique<PinTable>(store, rules, now);
    }
    return *table_;
  }
  void Restart() { table_.reset(); }

  PinOutcome Make(uint64_t number, std::string_view model = "p/a") {
    PinTable::Recalled recalled = table().Recall(Key(number), rules, now);
    return recalled.pin
               ? PinOutcome::kHit
               : table().Commit(recalled.seat, {.model = model, .decision = "code", .caller = "c"},
                                rules, now);
  }
  bool Hit(uint64_t number) { return table().Recall(Key(number), rules, now).pin.has_value(); }
  void Pass(milliseconds time) { now += time; }

  KeptStore store;
  PinOptions rules;
  WallTime now = kStart;

 private:
  std::unique_ptr<PinTable> table_;
};

TEST_F(PinTableTest, APinIsMadeOnceAndHitFromThenOn) {
  EXPECT_FALSE(Hit(1));
  EXPECT_EQ(Make(1), PinOutcome::kSet);
  const PinTable::Recalled recalled = table().Recall(Key(1), rules, now);
  ASSERT_TRUE(recalled.pin);
  EXPECT_EQ(recalled.pin->model, "p/a");
  EXPECT_EQ(recalled.pin->decision, "code");
  EXPECT_EQ(recalled.pin->hits, 1U);
  EXPECT_FALSE(recalled.seat);
  EXPECT_FALSE(Hit(2));
  EXPECT_EQ(table().Count(rules, now), 1);
}

TEST_F(PinTableTest, LivesExactlyAsLongAsTheRulesSay) {
  struct Row {
    std::string_view name;
    TtlMode mode;
    int64_t ttl;
    int64_t age_max;
    std::vector<int64_t> hits;  // ms after the pin at which it is used, all of them hits
    int64_t last;               // the last ms at which it is valid
  };
  const Row rows[] = {
      {"sliding", TtlMode::kSliding, 100, 0, {}, 99},
      {"sliding_extended", TtlMode::kSliding, 100, 0, {99, 198}, 297},
      {"absolute", TtlMode::kAbsolute, 100, 0, {}, 99},
      {"absolute_not_extended", TtlMode::kAbsolute, 100, 0, {50, 99}, 99},
      {"sliding_capped", TtlMode::kSliding, 100, 150, {90, 149}, 149},
      {"cap_below_ttl", TtlMode::kSliding, 100, 30, {}, 29},
  };
  for (const Row& row : rows) {
    for (const bool expired : {false, true}) {
      SCOPED_TRACE(row.name);
      Restart();
      store.records.clear();
      rules = {
          .ttl = milliseconds(row.ttl), .ttl_mode = row.mode, .age_max = milliseconds(row.age_max)};
      now = kStart;
      ASSERT_EQ(Make(1), PinOutcome::kSet);
      for (const int64_t hit : row.hits) {
        now = kStart + milliseconds(hit);
        ASSERT_TRUE(Hit(1)) << hit;
      }
      now = kStart + milliseconds(row.last + (expired ? 1 : 0));
      EXPECT_EQ(table().Count(rules, now), expired ? 0 : 1);
      EXPECT_EQ(Hit(1), !expired);
    }
  }
}

TEST_F(PinTableTest, TheLeastRecentlyUsedOneGivesWay) {
  rules.entries_max = 2;
  Make(1);
  Make(2);
  EXPECT_TRUE(Hit(1));
  Make(3);
  EXPECT_TRUE(Hit(1));
  EXPECT_TRUE(Hit(3));
  EXPECT_FALSE(Hit(2));
  EXPECT_EQ(store.records.size(), 2U);
  rules.entries_max = 1;
  Make(4);
  EXPECT_EQ(table().Count(rules, now), 1);
  EXPECT_TRUE(Hit(4));
}

// What has expired makes room before anything that is alive.
TEST_F(PinTableTest, ExpiredOnesTakeNobodysPlace) {
  rules = {.ttl = milliseconds(100), .entries_max = 2};
  Make(1);
  Pass(milliseconds(60));
  Make(2);
  Pass(milliseconds(60));
  EXPECT_EQ(Make(3), PinOutcome::kSet);
  EXPECT_TRUE(Hit(2));
  EXPECT_TRUE(Hit(3));
}

// Whichever way a pin ends, whatever was used or made before and after it, and also when the order
// was read from the disk: it is not counted, and it makes room before anything that is alive.
TEST_F(PinTableTest, WhatHasExpiredNeverHidesBehindWhatIsAlive) {
  struct Step {
    int64_t at;
    uint64_t number;
    int64_t ttl = 0;  // above 0: set by an operator
  };
  struct Row {
    std::string_view name;
    TtlMode mode;
    int64_t ttl;
    int64_t age_max;
    std::vector<Step> steps;  // makes, sets or uses pins 1 and 2
    int64_t end;
    uint64_t expired;
  };
  constexpr TtlMode kSliding = TtlMode::kSliding;
  constexpr TtlMode kAbsolute = TtlMode::kAbsolute;
  const Row rows[] = {
      {"sliding", kSliding, 100, 0, {{0, 1}, {10, 2}, {20, 1}}, 110, 2},
      {"absolute", kAbsolute, 100, 0, {{0, 1}, {10, 2}, {20, 1}}, 100, 1},
      {"sliding_capped", kSliding, 1000, 100, {{0, 1}, {10, 2}, {20, 1}}, 100, 1},
      {"own_shorter_sliding", kSliding, 1000, 0, {{0, 1}, {10, 2, 50}}, 60, 2},
      {"own_shorter_absolute", kAbsolute, 1000, 0, {{0, 1}, {10, 2, 50}}, 60, 2},
      {"own_longer_sliding", kSliding, 100, 0, {{0, 1, 1000}, {10, 2}}, 110, 2},
      {"own_longer_absolute", kAbsolute, 100, 0, {{0, 1, 1000}, {10, 2}}, 110, 2},
      {"own_used_last", kSliding, 100, 0, {{0, 1, 50}, {10, 2}, {20, 1}}, 50, 1},
      {"own_both", kSliding, 100, 0, {{0, 1, 90}, {10, 2, 40}}, 50, 2},
      {"own_capped", kSliding, 1000, 100, {{0, 1, 500}, {10, 2, 300}, {20, 1}}, 100, 1},
  };
  for (const Row& row : rows) {
    for (const bool restarted : {false, true}) {
      for (const bool full : {false, true}) {
        SCOPED_TRACE(std::string(row.name) + (restarted ? " restarted" : "") +
                     (full ? " full" : ""));
        Restart();
        store.records.clear();
        rules = {.ttl = milliseconds(row.ttl),
                 .entries_max = 2,
                 .ttl_mode = row.mode,
                 .age_max = milliseconds(row.age_max)};
        for (const Step& step : row.steps) {
          now = kStart + milliseconds(step.at);
          if (step.ttl > 0) {
            const Pin pin{.model = "p/a", .ttl = milliseconds(step.ttl)};
            table().Set(Key(step.number), pin, rules, now);
          } else {
            Make(step.number);
          }
        }
        if (restarted) {
          Restart();
          table();
        }
        now = kStart + milliseconds(row.end - 1);
        EXPECT_EQ(table().Count(rules, now), 2);
        Pass(milliseconds(1));
        if (full) {
          EXPECT_EQ(Make(3), PinOutcome::kSet);
        }
        EXPECT_EQ(table().Count(rules, now), full ? 2 : 1);
        EXPECT_FALSE(table().Find(Key(row.expired), rules, now));
        EXPECT_TRUE(table().Find(Key(3 - row.expired), rules, now));
      }
    }
  }
}

// Also when all of it happens within a millisecond.
TEST_F(PinTableTest, PinsWithALifeOfTheirOwnAreInTheOrderOfUse) {
  const Pin own{.model = "p/a", .ttl = milliseconds(1000)};
  rules.entries_max = 3;
  Make(1);
  table().Set(Key(2), own, rules, now);
  Make(3);
  EXPECT_TRUE(Hit(1));
  Make(4);
  EXPECT_FALSE(Hit(2));
  table().Set(Key(5), own, rules, now);
  EXPECT_FALSE(Hit(3));
  EXPECT_TRUE(Hit(5));
  Make(6);
  EXPECT_FALSE(Hit(1));
  EXPECT_TRUE(Hit(4));
  EXPECT_TRUE(Hit(5));
  table().Set(Key(5), {.model = "p/b"}, rules, now);
  Pass(milliseconds(1000));
  EXPECT_EQ(table().Count(rules, now), 3) << "the new one lives as long as the rules say";
}

// How many pins the table keeps, and which, when a reload changes their number.
TEST_F(PinTableTest, AReloadChangesHowManyThereAre) {
  struct Row {
    std::string_view name;
    int64_t before;
    uint64_t made;
    int64_t after;
  };
  const Row rows[] = {
      {"few_to_fewer", 5, 5, 2},         {"few_to_one", 10, 10, 1},
      {"few_to_more", 3, 10, 12},        {"many_to_few", 100'000, 40, 10},
      {"many_to_one", 1'000'000, 40, 1}, {"many_to_less", 1'000'000, 40, 65'536},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Restart();
    store.records.clear();
    rules.entries_max = row.before;
    const auto make = [&](uint64_t first, uint64_t last) {
      for (uint64_t number = first; number <= last; ++number) {
        Pass(milliseconds(1));
        Make(number);
      }
    };
    make(1, row.made);
    rules.entries_max = row.after;
    make(row.made + 1, row.made + 4);
    const auto live = std::min<int64_t>(
        static_cast<int64_t>(std::min<uint64_t>(row.made, static_cast<uint64_t>(row.before))) + 4,
        row.after);
    EXPECT_EQ(table().Count(rules, now), live);
    EXPECT_EQ(store.records.size(), static_cast<size_t>(live));
    for (uint64_t number = 1; number <= row.made + 4; ++number) {
      EXPECT_EQ(table().Find(Key(number), rules, now).has_value(),
                number + static_cast<uint64_t>(live) > row.made + 4)
          << number;
    }
  }
}

TEST_F(PinTableTest, NoCallDropsAllThatIsTooMuch) {
  for (const int64_t before : {int64_t{2'000}, 2 * PinTable::kOneShardMax}) {
    SCOPED_TRACE(before);
    Restart();
    store.records.clear();
    rules.entries_max = before;
    for (uint64_t number = 1; number <= 2'000; ++number) {
      Make(number);
    }
    rules.entries_max = 10;
    Make(2'001);
    EXPECT_LT(store.records.size(), 2'000U);
    EXPECT_GE(store.records.size(), 2'001U - PinTable::kDroppedMax);
    int64_t count = 2'000;
    for (int call = 0; call < 4; ++call) {
      const int64_t left = table().Count(rules, now);
      EXPECT_GE(left, count - 2'000);
      EXPECT_TRUE(left < count || left == 10);
      count = left;
    }
    EXPECT_EQ(count, 10);
    Make(2'002);
    EXPECT_TRUE(Hit(2'002));
    EXPECT_EQ(store.records.size(), 10U);
  }
}

TEST_F(PinTableTest, ARestartKeepsWhatWasUsedLast) {
  for (const int64_t entries_max : {1, 3, 10, 20}) {
    SCOPED_TRACE(entries_max);
    Restart();
    store.records.clear();
    rules.entries_max = 10;
    for (uint64_t number = 10; number > 0; --number) {
      Pass(milliseconds(1));
      Make(number);
    }
    Restart();
    rules.entries_max = entries_max;
    const int64_t live = std::min<int64_t>(10, entries_max);
    EXPECT_EQ(table().Count(rules, now), live);
    EXPECT_EQ(store.records.size(), static_cast<size_t>(live));
    for (uint64_t number = 1; number <= 10; ++number) {
      EXPECT_EQ(table().Find(Key(number), rules, now).has_value(),
                number <= static_cast<uint64_t>(live));
    }
  }
}

TEST_F(PinTableTest, SurvivesARestartWithItsTimeAndOrder) {
  rules = {.ttl = milliseconds(1000), .entries_max = 2};
  Make(1, "p/a");
  Pass(milliseconds(10));
  Make(2, "p/b");
  Pass(milliseconds(10));
  EXPECT_TRUE(Hit(1));
  Restart();
  Pass(milliseconds(995));
  EXPECT_EQ(table().Count(rules, now), 1) << "the second one has expired";
  const PinTable::Recalled recalled = table().Recall(Key(1), rules, now);
  ASSERT_TRUE(recalled.pin);
  EXPECT_EQ(recalled.pin->model, "p/a");
  EXPECT_EQ(recalled.pin->hits, 2U);
  EXPECT_EQ(recalled.pin->since, kStart);
}

// A busy session would otherwise be written again and again, for the time of its last use alone.
TEST_F(PinTableTest, AUseIsStoredNowAndThen) {
  struct Case {
    const char* name;
    milliseconds ttl;
    milliseconds every;
  };
  for (const Case& c : {Case{"of_ten_minutes", milliseconds(600'000), milliseconds(30'000)},
                        Case{"of_five_seconds", milliseconds(5000), milliseconds(250)}}) {
    SCOPED_TRACE(c.name);
    rules.ttl = c.ttl;
    Make(1, "a");
    store.puts = 0;
    Pass(c.every - milliseconds(1));
    EXPECT_TRUE(Hit(1));
    EXPECT_EQ(store.puts, 0);
    Pass(milliseconds(1));
    EXPECT_TRUE(Hit(1));
    EXPECT_EQ(store.puts, 1);
    Pass(c.every - milliseconds(1));
    EXPECT_TRUE(Hit(1));
    EXPECT_EQ(store.puts, 1);
    table().Served(Key(1), "a", "b", 3);
    EXPECT_EQ(store.puts, 2) << "a failover is";
    Pass(milliseconds(5));
    EXPECT_TRUE(Hit(1));
    EXPECT_EQ(store.puts, 2);
    Restart();
    EXPECT_EQ(store.puts, 3) << "an orderly end misses nothing";
    Pass(c.ttl - milliseconds(1));
    EXPECT_TRUE(Hit(1));
    table().Erase(Key(1), rules, now);
  }
}

TEST_F(PinTableTest, ARecordThatCannotBeReadIsDroppedAlone) {
  Make(1);
  Restart();
  store.records[RecordKey{7}] = "what is this";
  store.records[RecordKey{8}] = "";
  EXPECT_TRUE(Hit(1));
  EXPECT_EQ(store.records.size(), 1U);
}

TEST_F(PinTableTest, MovesAfterSoManyFailoversInARow) {
  struct Row {
    int64_t repin_after;
    std::vector<std::string_view> served;
    std::vector<PinOutcome> want;
    std::string_view model;
  };
  using enum PinOutcome;
  const Row rows[] = {
      {2, {"b", "b"}, {kFailover, kRepinned}, "b"},
      {2, {"b", "a", "b"}, {kFailover, kHit, kFailover}, "a"},
      {2, {"b", "c"}, {kFailover, kRepinned}, "c"},
      {1, {"b"}, {kRepinned}, "b"},
      {0, {"b", "b", "b", "b"}, {kFailover, kFailover, kFailover, kFailover}, "a"},
  };
  uint64_t number = 0;
  for (const Row& row : rows) {
    ++number;
    Make(number, "a");
    std::vector<PinOutcome> outcomes;
    for (const std::string_view served : row.served) {
      outcomes.push_back(table().Served(Key(number), "a", served, row.repin_after));
    }
    EXPECT_EQ(outcomes, row.want);
    EXPECT_EQ(table().Find(Key(number), rules, now)->model, row.model);
  }
}

// The count of failovers is in the record, and the one after a restart adds to it or ends it.
TEST_F(PinTableTest, FailoversAreCountedOverARestart) {
  for (const bool recovers : {false, true}) {
    SCOPED_TRACE(recovers);
    Restart();
    store.records.clear();
    Make(1, "a");
    EXPECT_EQ(table().Served(Key(1), "a", "b", 2), PinOutcome::kFailover);
    Restart();
    if (recovers) {
      EXPECT_EQ(table().Served(Key(1), "a", "a", 2), PinOutcome::kHit);
    }
    EXPECT_EQ(table().Served(Key(1), "a", "b", 2),
              recovers ? PinOutcome::kFailover : PinOutcome::kRepinned);
  }
}

TEST_F(PinTableTest, OneSessionsFailoversAreNotEndedByAnother) {
  Make(1, "a");
  Make(2, "a");
  EXPECT_EQ(table().Served(Key(1), "a", "b", 2), PinOutcome::kFailover);
  EXPECT_EQ(table().Served(Key(2), "a", "b", 2), PinOutcome::kFailover);
  EXPECT_EQ(table().Served(Key(1), "a", "a", 2), PinOutcome::kHit);
  EXPECT_TRUE(table().Erase(Key(1), rules, now));
  Make(1, "a");
  EXPECT_EQ(table().Served(Key(1), "a", "b", 2), PinOutcome::kFailover) << "a pin like any new one";
  EXPECT_EQ(table().Served(Key(2), "a", "b", 2), PinOutcome::kRepinned);
  EXPECT_EQ(table().Served(Key(1), "a", "b", 2), PinOutcome::kRepinned);
}

TEST_F(PinTableTest, NothingIsEncodedForAStoreThatKeepsNothing) {
  store.keeps_records = false;
  Make(1, "a");
  EXPECT_TRUE(Hit(1));
  table().Served(Key(1), "a", "b", 3);
  table().Set(Key(2), {.model = "a"}, rules, now);
  EXPECT_TRUE(store.records.empty());
}

TEST_F(PinTableTest, WhatIsDeletedUnderARequestStaysDeleted) {
  PinTable::Recalled first = table().Recall(Key(1), rules, now);
  EXPECT_FALSE(table().Erase(Key(1), rules, now));
  EXPECT_EQ(table().Commit(first.seat, {.model = "p/a"}, rules, now), PinOutcome::kNone);
  EXPECT_EQ(Make(1), PinOutcome::kSet) << "a later request makes one again";
  EXPECT_TRUE(table().Erase(Key(1), rules, now));
  EXPECT_EQ(table().Served(Key(1), "p/a", "p/a", 3), PinOutcome::kHit);
  EXPECT_FALSE(Hit(1));
  EXPECT_TRUE(store.records.empty());
}

struct Waiter final : FlightWaiter {
  void OnFlight() override { ++calls; }
  int calls = 0;
};

TEST_F(PinTableTest, WhatIsDeletedWithItsCallerStaysDeletedToo) {
  PinTable::Recalled under_way = table().Recall(Key(1), rules, now);
  PinTable::Recalled of_another = table().Recall(Key(2), rules, now);
  EXPECT_EQ(table().EraseOfCaller("one", rules, now), 0);
  PinTable::Recalled later = table().Recall(Key(3), rules, now);
  const Pin pin{.model = "a", .caller = "one"};
  EXPECT_EQ(table().Commit(under_way.seat, pin, rules, now), PinOutcome::kNone);
  EXPECT_EQ(table().Commit(of_another.seat, {.model = "a", .caller = "two"}, rules, now),
            PinOutcome::kSet);
  EXPECT_EQ(table().Commit(later.seat, pin, rules, now), PinOutcome::kSet);
}

TEST_F(PinTableTest, OneDecidesForAllThatAreUnderWay) {
  PinTable::Recalled leader = table().Recall(Key(1), rules, now);
  PinTable::Recalled follower = table().Recall(Key(1), rules, now);
  PinTable::Recalled other = table().Recall(Key(2), rules, now);
  Waiter waiter;
  ASSERT_EQ(leader.seat.flight().Join(waiter), Flight::Role::kLeads);
  leader.seat.Lead();
  EXPECT_EQ(other.seat.flight().Join(waiter), Flight::Role::kLeads) << "another session";
  EXPECT_EQ(follower.seat.flight().Join(waiter), Flight::Role::kWaits);
  leader.seat.Publish({.model = "p/a", .decision = "code"});
  EXPECT_EQ(waiter.calls, 1);
  EXPECT_EQ(follower.seat.flight().Join(waiter), Flight::Role::kFollows);
  EXPECT_EQ(follower.seat.flight().decided().model, "p/a");
  EXPECT_EQ(table().Commit(follower.seat, {.model = "p/a"}, rules, now), PinOutcome::kSet);
  EXPECT_EQ(table().Commit(leader.seat, {.model = "p/a"}, rules, now), PinOutcome::kHit);
}

// What is not pinned holds for those who waited, and for nobody who comes later, however long the
// others take to leave.
TEST_F(PinTableTest, WhatCannotBePinnedIsDecidedAnewByTheNext) {
  PinTable::Recalled leader = table().Recall(Key(1), rules, now);
  PinTable::Recalled follower = table().Recall(Key(1), rules, now);
  Waiter waiter;
  ASSERT_EQ(leader.seat.flight().Join(waiter), Flight::Role::kLeads);
  leader.seat.Lead();
  leader.seat.Publish({.reason = Reason::kNoMatch});
  EXPECT_EQ(follower.seat.flight().Join(waiter), Flight::Role::kFollows);
  PinTable::Recalled later = table().Recall(Key(1), rules, now);
  EXPECT_EQ(later.seat.flight().Join(waiter), Flight::Role::kLeads);
}

TEST_F(PinTableTest, WhenTheLeaderLeavesAnotherOneLeads) {
  PinTable::Recalled leader = table().Recall(Key(1), rules, now);
  PinTable::Recalled follower = table().Recall(Key(1), rules, now);
  Waiter waiter;
  ASSERT_EQ(leader.seat.flight().Join(waiter), Flight::Role::kLeads);
  leader.seat.Lead();
  ASSERT_EQ(follower.seat.flight().Join(waiter), Flight::Role::kWaits);
  leader.seat.Leave();
  EXPECT_EQ(waiter.calls, 1);
  EXPECT_EQ(follower.seat.flight().Join(waiter), Flight::Role::kLeads);
}

TEST_F(PinTableTest, AFlightEndsWithItsLastRequest) {
  {
    PinTable::Recalled one = table().Recall(Key(1), rules, now);
    Waiter waiter;
    ASSERT_EQ(one.seat.flight().Join(waiter), Flight::Role::kLeads);
    one.seat.Lead();
    one.seat.Publish({.model = "p/a"});
  }
  PinTable::Recalled later = table().Recall(Key(1), rules, now);
  Waiter waiter;
  EXPECT_EQ(later.seat.flight().Join(waiter), Flight::Role::kLeads) << "it decides for itself";
}

TEST_F(PinTableTest, AnOperatorsPinReplacesAndHasALifeOfItsOwn) {
  Make(1, "p/a");
  table().Set(Key(1), {.model = "p/b", .ttl = milliseconds(5)}, rules, now);
  EXPECT_EQ(table().Find(Key(1), rules, now)->model, "p/b");
  EXPECT_EQ(table().Find(Key(1), rules, now)->version, 2U);
  Pass(milliseconds(4));
  EXPECT_TRUE(Hit(1)) << "a hit does not extend it";
  Pass(milliseconds(1));
  EXPECT_FALSE(Hit(1));
}

TEST_F(PinTableTest, ListsInPages) {
  for (uint64_t number = 1; number <= 2500; ++number) {
    PinTable::Recalled recalled = table().Recall(Key(number), rules, now);
    table().Commit(recalled.seat,
                   {.model = number % 2 == 0 ? "p/even" : "p/odd",
                    .caller = number % 5 == 0 ? "five" : "other"},
                   rules, now);
  }
  struct Row {
    PinTable::Filter filter;
    size_t want;
  };
  const std::string one = std::string(TextOf(Key(77)).data(), 32);
  const Row rows[] = {{{}, 2500},
                      {{.model = "p/even"}, 1250},
                      {{.caller = "five"}, 500},
                      {{.model = "p/even", .caller = "five"}, 250},
                      {{.text = one}, 1},
                      {{.model = "p/none"}, 0}};
  for (const Row& row : rows) {
    std::map<std::string, int> seen;
    uint64_t cursor = 0;
    int pages = 0;
    do {
      std::vector<PinTable::Listed> page;
      cursor = table().List(cursor, 100, row.filter, rules, now, page);
      EXPECT_LE(page.size(), 100U);
      for (const PinTable::Listed& listed : page) {
        ++seen[std::string(TextOf(listed.key).data(), 32)];
      }
      ASSERT_LT(++pages, 100);
    } while (cursor != 0);
    EXPECT_EQ(seen.size(), row.want);
  }
  EXPECT_EQ(table().EraseOfCaller("nobody", rules, now), 0);
  EXPECT_EQ(table().EraseOfCaller("five", rules, now), 500);
  EXPECT_EQ(table().Count(rules, now), 2000);
}

TEST(NamesTest, KeepsOneCopyOfWhatItWasGiven) {
  Names names;
  EXPECT_EQ(names.Find("a"), nullptr);
  EXPECT_EQ(names.Find("a"), nullptr) << "looking is not keeping";
  const std::string* const kept = names.Intern("a");
  EXPECT_EQ(*kept, "a");
  EXPECT_EQ(names.Intern("a"), kept);
  EXPECT_EQ(names.Find("a"), kept);
  EXPECT_NE(names.Intern(""), nullptr);
}

}  // namespace
}  // namespace mainstay::session
