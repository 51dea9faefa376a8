// What an operator sees of conversations, and may do to them.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "session/conversations.h"
#include "session/conversations_testing.h"

namespace mainstay::session {
namespace {

using std::chrono::milliseconds;

// Of a table in one piece, and of one in shares.
class ConversationListTest : public testing::TestWithParam<int64_t> {
 protected:
  // One turn of a conversation of its own; of the session, if one is named.
  SessionKey Make(std::string_view session = "", std::string caller = "team",
                  milliseconds later = {}) {
    Client client(table, rules, ++seed_, std::move(caller));
    if (!session.empty()) {
      client.question().session = KeyOf(session);
    }
    client.now += later;
    return client.Turn("hello " + std::to_string(seed_), "r").key;
  }
  // The number of pages, and each session's conversations.
  std::multiset<size_t> ListAll(size_t limit, WallTime now, int& pages) const {
    std::multiset<size_t> counts;
    std::vector<Conversations::SessionInfo> page;
    uint64_t cursor = 0;
    pages = 0;
    do {
      cursor = table.List(cursor, limit, rules, now, page);
      for (const auto& info : page) {
        counts.insert(info.conversations);
      }
      EXPECT_LE(page.size(), limit);
      ++pages;
    } while (cursor != 0);
    return counts;
  }

  KeptStore store;
  ContinuityOptions rules{.conversations_max = GetParam()};
  Conversations table{store, rules, kNow};

 private:
  uint64_t seed_ = 0;
};

TEST_P(ConversationListTest, ASessionAndItsConversations) {
  const SessionKey first = Make("s");
  const SessionKey second = Make("s", "team", milliseconds(2'000));
  Make("s", "team", milliseconds(1'000));
  Make("other");
  const auto shown = table.Show(KeyOf("s"), rules, kNow);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->key, KeyOf("s"));
  EXPECT_EQ(shown->conversations, 3U);
  EXPECT_EQ(shown->turns, 3U);
  EXPECT_EQ(shown->created, kNow);
  EXPECT_EQ(shown->newest.key, second);
  EXPECT_EQ(shown->newest.last_used, kNow + milliseconds(2'000));
  EXPECT_EQ(shown->newest.source, "header:x-session-id");
  ASSERT_EQ(shown->all.size(), 3U);
  EXPECT_EQ(shown->all[0].key, second);
  EXPECT_EQ(shown->all[2].key, first);
  ASSERT_EQ(shown->all[0].branches.size(), 1U);
  EXPECT_EQ(shown->all[0].branches[0].replies, 1U);
  EXPECT_EQ(shown->all[0].branches[0].messages, 2U);
  const auto found = table.FindSession(KeyOf("s"), rules, kNow);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->conversations, 3U);
  EXPECT_TRUE(found->all.empty());
  EXPECT_FALSE(table.Show(KeyOf("unknown"), rules, kNow));
}

// Its key is no session's, in one share of the table as in another.
TEST_P(ConversationListTest, AConversationOfASessionIsNoSession) {
  const SessionKey inside = Make("s");
  const SessionKey own = Make();
  EXPECT_TRUE(table.Show(own, rules, kNow));
  EXPECT_TRUE(table.Knows(own, rules, kNow));
  EXPECT_FALSE(table.Show(inside, rules, kNow));
  EXPECT_FALSE(table.FindSession(inside, rules, kNow));
  EXPECT_FALSE(table.Knows(inside, rules, kNow));
  EXPECT_FALSE(table.SetVtc(inside, true));
  EXPECT_EQ(table.Erase(inside), 0U);
  EXPECT_TRUE(table.Show(KeyOf("s"), rules, kNow));
}

TEST_P(ConversationListTest, PagesHaveAllSessions) {
  for (int i = 0; i < 7; ++i) {
    Make();
    Make("s" + std::to_string(i % 3));
  }
  int pages = 0;
  const std::multiset<size_t> all = {1, 1, 1, 1, 1, 1, 1, 2, 2, 3};
  EXPECT_EQ(ListAll(100, kNow, pages), all);
  EXPECT_EQ(pages, 1);
  EXPECT_EQ(ListAll(3, kNow, pages), all);
  EXPECT_EQ(pages, 4);
  EXPECT_EQ(ListAll(1, kNow, pages), all);
  EXPECT_EQ(table.CountSessions(rules, kNow), 10);
  EXPECT_TRUE(ListAll(3, kNow + rules.age_max, pages).empty()) << "they have expired";
  EXPECT_FALSE(table.Show(KeyOf("s0"), rules, kNow + rules.age_max));
  EXPECT_EQ(table.CountSessions(rules, kNow + rules.age_max), 0);
  EXPECT_TRUE(store.records.empty());
}

TEST_P(ConversationListTest, ACursorFromNowhere) {
  Make();
  std::vector<Conversations::SessionInfo> page;
  for (const uint64_t cursor : {uint64_t{64} << 32, UINT64_MAX}) {
    EXPECT_EQ(table.List(cursor, 10, rules, kNow, page), 0U);
    EXPECT_TRUE(page.empty());
  }
  EXPECT_EQ(table.List(UINT32_MAX, 10, rules, kNow, page), 0U) << "the rest of the first share";
}

TEST_P(ConversationListTest, ErasingASessionErasesAllOfIt) {
  for (int i = 0; i < 50; ++i) {
    Make("s");
  }
  const SessionKey own = Make();
  EXPECT_EQ(table.Erase(KeyOf("s")), 50U);
  EXPECT_EQ(table.Erase(KeyOf("s")), 0U);
  EXPECT_FALSE(table.Show(KeyOf("s"), rules, kNow));
  EXPECT_EQ(store.records.size(), 1U);
  EXPECT_EQ(table.Erase(own), 1U);
  EXPECT_EQ(table.stats().conversations, 0);
  EXPECT_EQ(table.stats().anchors, 0);
  EXPECT_TRUE(store.records.empty());
}

TEST_P(ConversationListTest, ErasingACallerLeavesTheOthers) {
  for (int i = 0; i < 50; ++i) {
    Make(i % 2 == 0 ? "s" : "");
  }
  const SessionKey other = Make("", "somebody");
  EXPECT_EQ(table.EraseOfCaller("nobody"), 0U);
  EXPECT_EQ(table.EraseOfCaller("team"), 50U);
  EXPECT_EQ(table.EraseOfCaller("team"), 0U);
  EXPECT_EQ(table.stats().conversations, 1);
  EXPECT_TRUE(table.Show(other, rules, kNow));
}

TEST_P(ConversationListTest, ToolCallsInTextAreTheSessions) {
  Client client(table, rules, 1);
  client.question().session = KeyOf("s");
  client.question().vtc = true;
  EXPECT_TRUE(client.Turn("hello", "r").vtc);
  EXPECT_TRUE(table.Show(KeyOf("s"), rules, kNow)->vtc);
  EXPECT_TRUE(table.SetVtc(KeyOf("s"), false));
  client.Say("on");
  EXPECT_FALSE(client.Find().vtc) << "set once, then an operator's wish";
  client.Answer("r2");

  // Under way while it was set: what it began belongs to the session.
  Client late(table, rules, 2);
  late.question().session = KeyOf("s");
  late.Begin("another");
  EXPECT_FALSE(late.Find().vtc);
  EXPECT_TRUE(table.SetVtc(KeyOf("s"), true));
  late.Answer("r");
  late.Say("on");
  EXPECT_TRUE(late.Find().vtc);
  EXPECT_TRUE(table.Show(KeyOf("s"), rules, kNow)->vtc);
  const Conversations again(store, rules, kNow);
  EXPECT_TRUE(again.Show(KeyOf("s"), rules, kNow)->vtc);
  EXPECT_FALSE(table.SetVtc(KeyOf("unknown"), true));
}

TEST_P(ConversationListTest, TurnsOfASessionOutliveItsConversations) {
  rules.conversations_max = GetParam() > Conversations::kOneShardMax ? 2 * 64 : 2;
  for (int i = 0; i < 5; ++i) {
    Make("s");
  }
  const auto shown = table.Show(KeyOf("s"), rules, kNow);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->conversations, 2U);
  EXPECT_EQ(shown->turns, 5U);
}

// With an id its history does not matter; each history that it brings is a branch.
TEST_P(ConversationListTest, ANamedConversation) {
  Client one(table, rules, 1);
  one.question().named = KeyOf("c");
  EXPECT_EQ(one.Turn("hello", "r").key, KeyOf("c"));
  Client two(table, rules, 2);
  two.question().named = KeyOf("c");
  two.Begin("something else");
  EXPECT_EQ(two.Find().key, KeyOf("c"));
  EXPECT_EQ(two.view().turn_index, 1U);
  EXPECT_EQ(two.view().evidence, Continuity::kNew) << "what the messages say";
  two.Answer("r");
  EXPECT_EQ(two.view().branch, 1);
  EXPECT_EQ(one.Turn("on", "r").evidence, Continuity::kExtend);
  EXPECT_EQ(one.view().branch, 0);
  EXPECT_EQ(table.Show(KeyOf("c"), rules, kNow)->turns, 3U);

  // The same messages under another name are another conversation.
  one.question().named = KeyOf("d");
  one.Say("on");
  EXPECT_EQ(one.Find().key, KeyOf("d"));
  EXPECT_EQ(one.view().evidence, Continuity::kNew);

  // What failed under a name is retried under it alone.
  two.Begin("third");
  two.Find();
  two.Fail();
  EXPECT_EQ(two.Find().evidence, Continuity::kRetry);
  two.question().named = {};
  EXPECT_EQ(two.Find().evidence, Continuity::kNew);
  EXPECT_NE(two.view().key, KeyOf("c"));
}

TEST_P(ConversationListTest, ASideRequestThatFailedFirst) {
  Client main(table, rules, 1);
  main.history().has_tools = true;
  main.Say("fix it");
  main.history().has_tools = true;
  main.history().system = 1;
  main.Find();
  main.Answer("r");
  Client side(table, rules, 2);
  side.Begin("fix it");
  side.history().system = 2;
  EXPECT_EQ(side.Find().evidence, Continuity::kAuxiliary);
  side.Fail();
  EXPECT_EQ(side.Find().evidence, Continuity::kRetry);
  side.Answer("a title");
  EXPECT_TRUE(table.Show(side.view().key, rules, kNow)->newest.auxiliary);
  EXPECT_NE(side.view().key, main.view().key);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ConversationListTest,
                         testing::Values(1'000, 2 * Conversations::kOneShardMax),
                         [](const auto& row) {
                           return row.param > Conversations::kOneShardMax ? "shares" : "one_piece";
                         });

}  // namespace
}  // namespace mainstay::session
