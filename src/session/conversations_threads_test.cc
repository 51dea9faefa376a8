// What holds however the threads of several workers meet in the table. Meant for the thread
// sanitizer as much as for the expectations: nothing here depends on who comes first.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "session/conversation_record.h"
#include "session/conversations.h"
#include "session/conversations_testing.h"
#include "session/record_fields.h"

namespace mainstay::session {
namespace {

constexpr int kThreads = 4;

void RunThreads(const std::function<void(int)>& run) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back(run, thread);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

class ConversationsThreadsTest : public testing::Test {
 protected:
  // What the store has is what the table has, and the index leads to all of it and to nothing else.
  void ExpectWhole(Conversations& table, const ContinuityOptions& rules) {
    const Conversations::Stats stats = table.stats();
    EXPECT_EQ(store_.records.size(), static_cast<size_t>(stats.conversations));
    Names all_names;
    RecentNames names(all_names);
    size_t anchors = 0;
    for (const auto& [bytes, value] : store_.records) {
      Conversation one;
      one.key = SessionKeyOf(bytes);
      ASSERT_TRUE(DecodeConversation(value, names, one));
      anchors += one.nodes.size() + one.asked.size() + one.runs.size();
      const auto shown = table.Show(one.session, rules, kNow);
      ASSERT_TRUE(shown);
      bool is_there = false;
      for (const Conversations::Info& info : shown->all) {
        is_there |= info.key == one.key && info.turns == one.turns;
      }
      EXPECT_TRUE(is_there || shown->conversations > Conversations::kShownMax);
    }
    // What failed is in the table alone.
    EXPECT_GE(static_cast<size_t>(stats.anchors), anchors);
    EXPECT_LE(static_cast<size_t>(stats.anchors), anchors + failed_.load());
  }

  KeptStore store_;
  std::atomic<size_t> failed_{0};
};

// Each thread has conversations of its own; none is ever given to another one.
TEST_F(ConversationsThreadsTest, OwnConversationsStayApart) {
  for (const int64_t conversations_max : {int64_t{1'000}, 2 * Conversations::kOneShardMax}) {
    store_.records.clear();
    const ContinuityOptions rules{.conversations_max = conversations_max};
    Conversations table(store_, rules, kNow);
    constexpr int kEach = 20;
    std::vector<std::vector<SessionKey>> keys(kThreads);
    RunThreads([&](int thread) {
      std::vector<std::unique_ptr<Client>> clients;
      for (int i = 0; i < kEach; ++i) {
        clients.push_back(
            std::make_unique<Client>(table, rules, static_cast<uint64_t>(thread * kEach + i + 1)));
        clients.back()->Begin("hello");  // all of them the same
      }
      for (int turn = 0; turn < 15; ++turn) {
        for (int i = 0; i < kEach; ++i) {
          Client& client = *clients[static_cast<size_t>(i)];
          client.Find();
          if (turn == 0) {
            keys[static_cast<size_t>(thread)].push_back(client.view().key);
          } else {
            ASSERT_EQ(client.view().evidence, Continuity::kExtend);
            ASSERT_EQ(client.view().turn_index, static_cast<uint32_t>(turn));
          }
          ASSERT_EQ(client.view().key, keys[static_cast<size_t>(thread)][static_cast<size_t>(i)]);
          client.Answer("reply to " + std::to_string(thread) + "." + std::to_string(i));
          client.Say("go on");
        }
      }
    });
    std::set<std::string> different;
    for (const auto& of_thread : keys) {
      for (const SessionKey& key : of_thread) {
        const SessionKeyText text = TextOf(key);
        different.emplace(text.data(), text.size());
      }
    }
    EXPECT_EQ(different.size(), size_t{kThreads} * kEach);
    ExpectWhole(table, rules);
  }
}

// All of them go on with one conversation at once: it is one, with a branch for each.
TEST_F(ConversationsThreadsTest, BranchesOfOneConversation) {
  const ContinuityOptions rules;
  Conversations table(store_, rules, kNow);
  Client first(table, rules, 1);
  first.Begin("hello");
  first.Find();
  const SessionKey key = first.view().key;
  first.Answer("the answer of the first one");
  constexpr int kTurns = 20;
  std::barrier<> together(kThreads);
  std::vector<uint16_t> branches(kThreads);
  RunThreads([&](int thread) {
    const std::string name = std::to_string(thread);
    Client client(table, rules, static_cast<uint64_t>(thread + 2));
    client.Begin("hello");
    client.Find();
    client.Leave();
    client.history() = first.history();
    together.arrive_and_wait();
    for (int turn = 0; turn < kTurns; ++turn) {
      client.Say(name + " asks");
      client.Find();
      ASSERT_EQ(client.view().key, key);
      client.Answer(name + " is answered");
      if (turn == 0) {
        branches[static_cast<size_t>(thread)] = client.view().branch;
      } else {
        ASSERT_EQ(client.view().evidence, Continuity::kExtend);
        ASSERT_EQ(client.view().branch, branches[static_cast<size_t>(thread)]);
      }
    }
  });
  EXPECT_EQ(std::set<uint16_t>(branches.begin(), branches.end()).size(), size_t{kThreads});
  const auto shown = table.Show(key, rules, kNow);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->turns, 1U + kThreads * kTurns);
  EXPECT_EQ(shown->all[0].branches.size(), size_t{kThreads});
  ExpectWhole(table, rules);
}

// One client of each thread begins as those of the others do: as many as the index keeps of one
// hash, so that all of them are counted.
std::string OpeningOf(int thread, int client) {
  return client == 0 ? "hello" : "hello " + std::to_string(thread) + "." + std::to_string(client);
}

// Everything at once, with room for less than there is: whatever the others left, a history is
// continued or begins anew, and is never given to another one.
TEST_F(ConversationsThreadsTest, EveryCallAtOnce) {
  constexpr int64_t kMany = 2 * Conversations::kOneShardMax;
  const struct {
    const char* name;
    int64_t max_before;
    int64_t max;
  } rows[] = {{"few", 12, 12}, {"many", kMany, kMany}, {"fewer", kMany, 12}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    store_.records.clear();
    failed_ = 0;
    Conversations table(store_, {.conversations_max = row.max_before}, kNow);
    const ContinuityOptions rules{.conversations_max = row.max};
    Guarded<std::vector<std::pair<SessionKey, int>>> owners;  // of conversations, ever
    RunThreads([&](int thread) {
      Random random(static_cast<uint64_t>(thread + 1));
      std::vector<std::unique_ptr<Client>> clients;
      for (int i = 0; i < 8; ++i) {
        clients.push_back(std::make_unique<Client>(table, rules, random.Next()));
        clients.back()->Begin(OpeningOf(thread, i));
      }
      std::vector<Conversations::SessionInfo> page;
      for (int step = 0; step < 1'500; ++step) {
        const size_t which = random.Below(clients.size());
        Client& client = *clients[which];
        const std::string name = std::to_string(thread) + "." + std::to_string(which);
        client.question().session = {};
        if (which % 2 == 1) {
          client.question().session = KeyOf("session " + std::to_string(which / 4));
        }
        client.Find();
        // Before the first reply a retry of another's failed opening is nobody's yet.
        const bool has_reply = client.turns() > 0;
        if (has_reply && client.view().evidence == Continuity::kExtend) {
          owners.With(
              [&](auto& all) { all.emplace_back(client.view().key, thread * 8 + int(which)); });
        }
        switch (random.Below(8)) {
          case 0:
            client.Fail();
            ++failed_;
            break;
          case 1:
            client.Leave();
            break;
          default:
            client.Answer("an answer to " + name + " at " + std::to_string(step));
            client.Say("go on");
        }
        if (client.turns() > 12) {
          client.Begin(OpeningOf(thread, static_cast<int>(which)));
        }
        if (step % 61 == 0) {
          table.Erase(KeyOf("session " + std::to_string(random.Below(2))));
        } else if (step % 97 == 0) {
          table.SetVtc(KeyOf("session 0"), true);
          table.Show(KeyOf("session 0"), rules, kNow);
          table.List(0, 100, rules, kNow, page);
        } else if (step % 499 == 0) {
          table.EraseOfCaller("team");
        }
      }
    });
    owners.With([&](const auto& all) {
      std::map<std::string, int> owner_of;
      for (const auto& [key, owner] : all) {
        const SessionKeyText text = TextOf(key);
        const auto [found, is_first] =
            owner_of.emplace(std::string(text.data(), text.size()), owner);
        EXPECT_EQ(found->second, owner);
      }
      EXPECT_GT(owner_of.size(), 8U) << "otherwise nothing was tested";
    });
    EXPECT_LE(table.stats().conversations, row.max == kMany ? kMany : 12 * 64);
    ExpectWhole(table, rules);
    const size_t kept = store_.records.size();
    EXPECT_EQ(table.EraseOfCaller("team"), kept);
    EXPECT_EQ(table.stats().conversations, 0);
    EXPECT_EQ(table.stats().anchors, 0) << "no anchor outlives its conversation";
    EXPECT_TRUE(store_.records.empty());
  }
}

// The same request with the same key, from all threads at once, is one conversation; without a key
// each is its own.
TEST_F(ConversationsThreadsTest, TheSameKeyAtOnce) {
  constexpr int kRounds = 200;
  const ContinuityOptions rules;
  Conversations table(store_, rules, kNow);
  std::barrier<> together(kThreads);
  std::vector<std::vector<SessionKey>> keys(kRounds, std::vector<SessionKey>(kThreads));
  RunThreads([&](int thread) {
    Client client(table, rules, static_cast<uint64_t>(thread + 1));
    for (int round = 0; round < kRounds; ++round) {
      client.Begin("round " + std::to_string(round));
      client.question().idempotency = round % 4 == 3 ? 0 : 9;
      together.arrive_and_wait();
      client.Find();
      keys[static_cast<size_t>(round)][static_cast<size_t>(thread)] = client.view().key;
      client.Answer("answered to " + std::to_string(thread));
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    std::set<uint64_t> different;
    for (const SessionKey& key : keys[static_cast<size_t>(round)]) {
      different.insert(key.digest.low);
    }
    EXPECT_EQ(different.size(), round % 4 == 3 ? size_t{kThreads} : 1U) << round;
  }
  ExpectWhole(table, rules);
}

}  // namespace
}  // namespace mainstay::session
