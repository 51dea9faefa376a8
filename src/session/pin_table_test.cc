#include "session/pin_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mainstay::session {
namespace {

using std::chrono::milliseconds;

constexpr WallTime kStart{milliseconds(1'795'248'000'000)};

SessionKey Key(uint64_t number) {
  return {.digest = {.low = number * 0x9e3779b97f4a7c15, .high = number}};
}

// Keeps what it is given, as a disk would.
class KeptStore final : public StateStore {
 public:
  Engine engine() const override { return Engine::kMemory; }
  const HashKey& install_key() const override { return key_; }
  void Put(RecordKind, const RecordKey& key, std::string_view value) override {
    const std::lock_guard lock(mutex_);
    records[key] = value;
  }
  void Erase(RecordKind, const RecordKey& key) override {
    const std::lock_guard lock(mutex_);
    records.erase(key);
  }
  void Load(RecordKind, const Visitor& visit) override {
    const auto copy = records;
    for (const auto& [key, value] : copy) {
      visit(key, value);
    }
  }
  void Flush() override {}
  StoreStats stats() const override { return {}; }

  std::map<RecordKey, std::string> records;

 private:
  std::mutex mutex_;
  const HashKey key_ = HashKey::FromSystem();
};

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
  EXPECT_EQ(table().EraseOfCaller("five", rules, now), 500);
  EXPECT_EQ(table().Count(rules, now), 2000);
}

TEST_F(PinTableTest, ManyThreadsAtOnce) {
  rules.entries_max = 100'000;  // more than one share
  table();
  std::vector<std::thread> threads;
  std::atomic<int> set{0};
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (uint64_t number = 0; number < 2000; ++number) {
        PinTable::Recalled recalled = table().Recall(Key(number), rules, now);
        if (!recalled.pin) {
          set += table().Commit(recalled.seat, {.model = "p/a"}, rules, now) == PinOutcome::kSet;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(set, 2000) << "one of those that were under way together made each pin";
  EXPECT_EQ(table().Count(rules, now), 2000);
}

TEST(PinRecordTest, IsReadAsItWasWritten) {
  const Pin pin{.model = "p/a",
                .decision = "code",
                .caller = "team",
                .source = "header:x-session-id",
                .since = kStart,
                .last_used = kStart + milliseconds(5),
                .ttl = milliseconds(7),
                .hits = 3,
                .version = 4,
                .failovers = 2};
  std::string bytes;
  EncodePin(pin, bytes);
  Pin read;
  ASSERT_TRUE(DecodePin(bytes, read));
  EXPECT_EQ(read.model, pin.model);
  EXPECT_EQ(read.decision, pin.decision);
  EXPECT_EQ(read.caller, pin.caller);
  EXPECT_EQ(read.source, pin.source);
  EXPECT_EQ(read.since, pin.since);
  EXPECT_EQ(read.last_used, pin.last_used);
  EXPECT_EQ(read.ttl, pin.ttl);
  EXPECT_EQ(read.hits, pin.hits);
  EXPECT_EQ(read.version, pin.version);
  EXPECT_EQ(read.failovers, pin.failovers);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodePin(std::string_view(bytes).substr(0, size), read)) << size;
  }
  EXPECT_FALSE(DecodePin(bytes + "x", read));
  bytes[0] = 2;
  EXPECT_FALSE(DecodePin(bytes, read));
}

}  // namespace
}  // namespace mainstay::session
