// Room for conversations, requests that are under way together, and what outlives the process.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/conversations.h"
#include "session/conversations_testing.h"

namespace mainstay::session {
namespace {

using std::chrono::milliseconds;

class ConversationSeatsTest : public testing::Test {
 protected:
  Client Somebody() { return Client(table(), rules, ++seed_); }
  Conversations& table() {
    if (table_ == nullptr) {
      table_ = std::make_unique<Conversations>(store, rules, kNow);
    }
    return *table_;
  }
  // Nodes, what was asked, and runs.
  void ExpectAnchors(int64_t anchors) { EXPECT_EQ(table().stats().anchors, anchors); }

  KeptStore store;
  ContinuityOptions rules;

 private:
  uint64_t seed_ = 0;
  std::unique_ptr<Conversations> table_;
};

// --- requests that are under way together --------------------------------------------------------

TEST_F(ConversationSeatsTest, TwoOpeningsAtOnceAreTwo) {
  Client one = Somebody();
  Client two = Somebody();
  one.Begin("hello");
  two.Begin("hello");
  const SessionKey key = one.Find().key;
  EXPECT_NE(two.Find().key, key);
  one.Answer("one");
  two.Answer("two");
  EXPECT_EQ(table().stats().conversations, 2);
}

// Whoever comes first takes what failed; the other one has never failed.
TEST_F(ConversationSeatsTest, OnlyOneOfTwoRetriesAFailedOpening) {
  Client one = Somebody();
  Client two = Somebody();
  one.Begin("hello");
  two.Begin("hello");
  const SessionKey key = one.Find().key;
  one.Fail();
  EXPECT_EQ(one.Find().evidence, Continuity::kRetry);
  EXPECT_EQ(one.view().key, key);
  EXPECT_EQ(two.Find().evidence, Continuity::kNew);
  EXPECT_NE(two.view().key, key);
  one.Answer("one");
  two.Answer("two");
  EXPECT_EQ(table().stats().conversations, 2);
  EXPECT_EQ(one.Turn("on", "r").key, key);
  EXPECT_NE(two.Turn("on", "r").key, key);
}

TEST_F(ConversationSeatsTest, AFailedOpeningMayFailAgain) {
  Client one = Somebody();
  one.Begin("hello");
  const SessionKey key = one.Find().key;
  for (int i = 0; i < 3; ++i) {
    one.Fail();
    one.now += milliseconds(100'000);
    EXPECT_EQ(one.Find().evidence, Continuity::kRetry) << i;
    EXPECT_EQ(one.view().key, key) << i;
  }
}

TEST_F(ConversationSeatsTest, TheSameKeyAtOnceIsOne) {
  Client one = Somebody();
  Client two = Somebody();
  for (Client* client : {&one, &two}) {
    client->Begin("hello");
    client->question().idempotency = 9;
  }
  EXPECT_EQ(one.Find().evidence, Continuity::kNew);
  EXPECT_EQ(two.Find().evidence, Continuity::kRetry);
  EXPECT_EQ(two.view().key, one.view().key);
  one.Answer("one");
  two.Answer("two");
  EXPECT_EQ(table().stats().conversations, 1);
  const SessionKey key = one.view().key;
  EXPECT_EQ(two.view().branch, 0) << "an answer in the place of the first one";
  EXPECT_EQ(one.Turn("on", "r").key, key);
  EXPECT_EQ(two.Turn("on", "r").key, key);
  EXPECT_EQ(table().Show(key, rules, kNow)->turns, 4U);
}

// The key is claimed for its session, so that both have what they are told.
TEST_F(ConversationSeatsTest, TheSameKeyInTwoSessionsIsTwo) {
  Client one = Somebody();
  Client two = Somebody();
  for (Client* client : {&one, &two}) {
    client->Begin("hello");
    client->question().idempotency = 9;
  }
  two.question().session = KeyOf("s");
  EXPECT_EQ(one.Find().evidence, Continuity::kNew);
  EXPECT_EQ(two.Find().evidence, Continuity::kNew);
  EXPECT_NE(two.view().key, one.view().key);
}

TEST_F(ConversationSeatsTest, AKeyIsFreeWhenItsRequestIsGone) {
  Client two = Somebody();
  two.Begin("hello");
  two.question().idempotency = 9;
  {
    Client one = Somebody();
    one.Begin("hello");
    one.question().idempotency = 9;
    one.Find();
  }
  EXPECT_EQ(two.Find().evidence, Continuity::kNew);
  two.Leave();
  EXPECT_EQ(two.Find().evidence, Continuity::kNew);
  two.Answer("r");
  Client three = Somebody();
  three.Begin("hello");
  three.question().idempotency = 9;
  EXPECT_EQ(three.Find().evidence, Continuity::kRetry) << "it was answered";
  EXPECT_EQ(three.view().key, two.view().key);
}

// What failed last is tried again under the key that both of them bring.
TEST_F(ConversationSeatsTest, TheSameKeyAfterAFailedOpening) {
  Client one = Somebody();
  Client two = Somebody();
  for (Client* client : {&one, &two}) {
    client->Begin("hello");
    client->question().idempotency = 9;
  }
  const SessionKey key = one.Find().key;
  one.Fail();
  EXPECT_EQ(one.Find().key, key);
  EXPECT_EQ(two.Find().key, key);
}

TEST_F(ConversationSeatsTest, OneThatIsErasedMeanwhileStaysErased) {
  Client one = Somebody();
  const SessionKey key = one.Turn("hello", "r").key;
  one.Say("on");
  EXPECT_EQ(one.Find().evidence, Continuity::kExtend);
  EXPECT_EQ(table().Erase(key), 1U);
  ExpectAnchors(0);
  one.Answer("r2");
  EXPECT_EQ(table().stats().conversations, 0);
  ExpectAnchors(0);
  EXPECT_EQ(one.Turn("on", "r3").evidence, Continuity::kNew);
  EXPECT_NE(one.view().key, key);
  EXPECT_EQ(one.Turn("on", "r4").evidence, Continuity::kExtend);
}

// What gave way to others meanwhile is not what somebody wanted to be gone.
TEST_F(ConversationSeatsTest, OneThatGaveWayMeanwhileBeginsAnew) {
  rules.conversations_max = 1;
  Client one = Somebody();
  Client two = Somebody();
  const SessionKey key = one.Turn("hello", "r").key;
  one.Say("on");
  EXPECT_EQ(one.Find().evidence, Continuity::kExtend);
  two.Turn("two", "r");
  EXPECT_EQ(table().stats().conversations, 1);
  one.Answer("r2");
  EXPECT_EQ(one.Turn("on", "r3").evidence, Continuity::kExtend);
  EXPECT_EQ(one.view().key, key);
  EXPECT_EQ(table().Show(key, rules, kNow)->turns, 2U);
}

// --- branches ------------------------------------------------------------------------------------

TEST_F(ConversationSeatsTest, BranchesAndTheirParents) {
  Client one = Somebody();
  one.Turn("q1", "r1");
  one.Turn("q2", "r2");
  EXPECT_EQ(one.view().branch, 0);
  one.Forget(2);
  EXPECT_EQ(one.Turn("edited", "r2").branch, 1);
  EXPECT_EQ(one.view().parent_branch, 0);
  EXPECT_EQ(one.Turn("q3", "r3").branch, 1);
  EXPECT_EQ(one.view().parent_branch, 0);
  one.Forget(2);
  EXPECT_EQ(one.Turn("edited again", "r3").branch, 2);
  EXPECT_EQ(one.view().parent_branch, 1);
  const auto shown = table().Show(one.view().key, rules, kNow);
  ASSERT_TRUE(shown);
  ASSERT_EQ(shown->all.size(), 1U);
  const auto& branches = shown->all[0].branches;
  ASSERT_EQ(branches.size(), 3U);
  EXPECT_EQ(branches[0].replies, 2U);
  EXPECT_EQ(branches[1].replies, 2U);
  EXPECT_EQ(branches[2].replies, 1U);
  EXPECT_EQ(branches[2].parent_branch, 1);
  EXPECT_EQ(branches[2].messages, 6U);
}

// The edit failed before there was a branch for it.
TEST_F(ConversationSeatsTest, ARetryOfAFailedEditHasABranchOfItsOwn) {
  Client one = Somebody();
  one.Turn("q1", "r1");
  one.Turn("q2", "r2");
  one.Forget(2);
  one.Say("edited");
  EXPECT_EQ(one.Find().evidence, Continuity::kBranch);
  one.Fail();
  EXPECT_EQ(one.Find().evidence, Continuity::kRetry);
  one.Answer("r2");
  EXPECT_EQ(one.view().branch, 1);
  EXPECT_EQ(one.view().parent_branch, 0);
}

TEST_F(ConversationSeatsTest, AnotherAnswerStaysInTheBranch) {
  Client one = Somebody();
  one.Turn("q1", "r1");
  one.Turn("q2", "r2");
  one.Forget(1);
  EXPECT_EQ(one.Find().evidence, Continuity::kRetry);
  one.Answer("r2 again");
  EXPECT_EQ(one.view().branch, 0);
}

// --- limits --------------------------------------------------------------------------------------

TEST_F(ConversationSeatsTest, ALongConversationGivesUpItsOlderHalf) {
  Client one = Somebody();
  constexpr int kTurns = Conversation::kNodesMax + 200;
  const SessionKey key = one.Turn("q", "r").key;
  for (int turn = 1; turn < kTurns; ++turn) {
    ASSERT_EQ(one.Turn("q", "r " + std::to_string(turn)).evidence, Continuity::kExtend) << turn;
    ASSERT_EQ(one.view().key, key) << turn;
    ASSERT_EQ(one.view().branch, 0) << turn;
  }
  constexpr int64_t kNodes = Conversation::kNodesMax / 2 + 200;
  ExpectAnchors(kNodes + 2);  // the request and the newest turn; the runs say too little
  const auto shown = table().Show(key, rules, kNow);
  EXPECT_EQ(shown->turns, static_cast<uint64_t>(kTurns));
  EXPECT_EQ(shown->all[0].branches[0].replies, static_cast<uint32_t>(kNodes));
  const History all = one.history();
  one.Forget(2 * 100);
  EXPECT_EQ(one.Turn("edited", "r").evidence, Continuity::kBranch);
  EXPECT_EQ(one.view().key, key);
  one.history() = all;
  EXPECT_EQ(one.Turn("q", "r").evidence, Continuity::kExtend);
  EXPECT_EQ(table().Erase(key), 1U);
  ExpectAnchors(0);
}

// A request that was under way while the conversation was thinned out still finds its place.
TEST_F(ConversationSeatsTest, ThinnedOutWhileARequestIsUnderWay) {
  Client one = Somebody();
  one.Turn("q", "r");
  for (size_t turn = 1; turn < Conversation::kNodesMax; ++turn) {
    one.Turn("q", "r " + std::to_string(turn));
  }
  Client two = Somebody();
  two.history() = one.history();
  two.Say("two");
  EXPECT_EQ(two.Find().evidence, Continuity::kExtend);
  one.Turn("one", "r");
  two.Answer("r");
  EXPECT_EQ(two.view().branch, 1);
  EXPECT_EQ(two.view().parent_branch, 0);
  EXPECT_EQ(one.Turn("q", "r").evidence, Continuity::kExtend);
  EXPECT_EQ(two.Turn("q", "r").branch, 1);
}

TEST_F(ConversationSeatsTest, AConversationKeepsFewRequestsAndRuns) {
  Client one = Somebody();
  const std::string much(40, 'x');
  one.Turn("q1", much);
  for (int edit = 0; edit < 20; ++edit) {
    one.Turn("edit " + std::to_string(edit), much + std::to_string(edit));
    one.Forget(2);
  }
  ExpectAnchors(21 + static_cast<int64_t>(Conversation::kAskedMax + Conversation::kRunsMax));
  table().Erase(one.view().key);
  ExpectAnchors(0);
}

TEST_F(ConversationSeatsTest, FailedOpeningsAreKeptWithinALimit) {
  constexpr int kMax = 16'384;
  Client one = Somebody();
  const auto fail = [&](int number) {
    one.Begin("hello " + std::to_string(number));
    const Continuity evidence = one.Find().evidence;
    one.Fail();
    return evidence;
  };
  for (int i = 0; i <= kMax; ++i) {
    ASSERT_EQ(fail(i), Continuity::kNew) << i;
  }
  EXPECT_EQ(fail(0), Continuity::kRetry);
  EXPECT_EQ(fail(kMax - 1), Continuity::kRetry);
  EXPECT_EQ(fail(kMax), Continuity::kNew) << "there was no room for it";
  one.now += rules.retry_window;
  EXPECT_EQ(fail(kMax), Continuity::kNew) << "the others have given way to it";
  EXPECT_EQ(fail(kMax), Continuity::kRetry);
  EXPECT_EQ(fail(0), Continuity::kNew);
}

// A share of the table that is full gives up its own, and the table holds no more than it may.
TEST_F(ConversationSeatsTest, MoreThanOneShardHolds) {
  rules.conversations_max = Conversations::kOneShardMax + 64;
  store.keeps_records = false;
  Client one = Somebody();
  for (int i = 0; i < 70'000; ++i) {
    one.Begin("hello " + std::to_string(i));
    one.Find();
    one.Answer("r");
  }
  EXPECT_LE(table().stats().conversations, rules.conversations_max);
  EXPECT_GE(table().stats().conversations, rules.conversations_max * 97 / 100);
  ExpectAnchors(2 * table().stats().conversations);
  EXPECT_EQ(one.Turn("on", "r").evidence, Continuity::kExtend);
  one.Begin("hello 0");
  one.history().links.push_back(LinkOf("r", LinkRole::kAssistant, 2));
  EXPECT_EQ(one.Turn("on", "r").evidence, Continuity::kNew);
  const auto left = static_cast<size_t>(table().stats().conversations);
  EXPECT_EQ(table().EraseOfCaller("team"), left);
  ExpectAnchors(0);
}

// --- the store -----------------------------------------------------------------------------------

class ConversationEnginesTest : public testing::TestWithParam<EngineCase> {};

TEST_P(ConversationEnginesTest, ARestart) {
  const Folder folder;
  const ContinuityOptions rules;
  const SessionKey session = KeyOf("s");
  std::vector<History> histories(3);
  std::vector<SessionKey> keys(3);
  {
    const OpenedState opened = Open(folder, GetParam().engine);
    Conversations table(*opened.store, rules, kNow);
    for (size_t i = 0; i < 3; ++i) {
      Client client(table, rules, i + 1);
      if (i == 1) {
        client.question().session = session;
      }
      client.Turn("hello", "an answer to number " + std::to_string(i));
      client.Turn("on", "another answer to number " + std::to_string(i));
      histories[i] = client.history();
      keys[i] = client.view().key;
    }
    table.SetVtc(session, true);
    EXPECT_EQ(table.Erase(keys[2]), 1U);
  }
  const OpenedState opened = Open(folder, GetParam().engine);
  Conversations table(*opened.store, rules, kNow);
  const bool keeps = GetParam().keeps;
  EXPECT_EQ(table.stats().conversations, keeps ? 2 : 0);
  for (size_t i = 0; i < 3; ++i) {
    SCOPED_TRACE(i);
    Client client(table, rules, i + 11);
    client.history() = histories[i];
    client.Say("on");
    const bool is_known = keeps && i != 2;
    EXPECT_EQ(client.Find().evidence, is_known ? Continuity::kExtend : Continuity::kNew);
    EXPECT_EQ(client.view().key == keys[i], is_known);
    EXPECT_EQ(client.view().turn_index, is_known ? 2U : 0U);
    EXPECT_EQ(client.view().vtc, is_known && i == 1);
    EXPECT_EQ(client.place().session() == session, is_known && i == 1);
  }
  const auto shown = table.Show(session, rules, kNow);
  ASSERT_EQ(shown.has_value(), keeps);
  if (keeps) {
    EXPECT_EQ(shown->turns, 2U);
    EXPECT_EQ(shown->newest.source, "header:x-session-id");
    EXPECT_EQ(shown->newest.model, "p/m");
    EXPECT_EQ(shown->newest.caller, "team");
    EXPECT_EQ(shown->newest.prompt_tokens, 200U);
    EXPECT_EQ(shown->newest.cost_nano, 10);
  }
}
INSTANTIATE_TEST_SUITE_P(Engines, ConversationEnginesTest, testing::ValuesIn(kEngines),
                         [](const auto& row) { return EngineName(row); });

// Of too many those that were used last; what cannot be read or has expired is taken out.
TEST_F(ConversationSeatsTest, WhatIsTakenOver) {
  std::vector<SessionKey> keys;
  {
    Conversations table(store, rules, kNow);
    for (int i = 0; i < 6; ++i) {
      Client client(table, rules, static_cast<uint64_t>(i + 1));
      client.now += milliseconds(i * 1'000);
      keys.push_back(client.Turn("hello", "r" + std::to_string(i)).key);
    }
  }
  store.records.begin()->second = "no conversation";
  store.records[RecordKey{}] = "";
  rules.conversations_max = 3;
  const Conversations table(store, rules, kNow + milliseconds(6'000));
  EXPECT_EQ(table.stats().conversations, 3);
  EXPECT_EQ(store.records.size(), 3U);
  rules.age_max = milliseconds(1'000);
  const Conversations none(store, rules, kNow + milliseconds(60'000));
  EXPECT_EQ(none.stats().conversations, 0);
  EXPECT_EQ(none.stats().anchors, 0);
  EXPECT_TRUE(store.records.empty());
}

}  // namespace
}  // namespace mainstay::session
