// A process that is killed in the middle of writing: what it had flushed is there afterwards, and
// what it had put earlier than the flush interval too. tests/crash/state_kill runs many rounds.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "session/state_store.h"
#include "session/testing.h"

namespace mainstay::session {
namespace {

using std::chrono::steady_clock;

// Numbers are put in turn, each under one of few keys, so that most of them replace another.
constexpr uint64_t kKeys = 5'000;
constexpr uint64_t kNumbersPerRound = 1'000'000'000;

// One table holds rows by their keys, the other one changes in their order: record_log.h.
RecordKind KindOf(uint64_t number) {
  return number % kKeys % 2 == 0 ? RecordKind::kPin : RecordKind::kConversation;
}

RecordKey KeyOf(uint64_t number) {
  const uint64_t place = number % kKeys;
  RecordKey key{};
  std::memcpy(key.data(), &place, sizeof place);
  return key;
}

// What the child says, in pieces that a pipe takes whole.
struct Message {
  enum class Kind : uint64_t { kPut, kFlushed };
  Kind kind = Kind::kPut;
  uint64_t number = 0;  // that was put; or: all up to this one are flushed
  int64_t at_ns = 0;
};

void Tell(int pipe, Message::Kind kind, uint64_t number) {
  const Message message{
      .kind = kind, .number = number, .at_ns = steady_clock::now().time_since_epoch().count()};
  if (write(pipe, &message, sizeof message) != sizeof message) {
    _exit(1);
  }
}

// Puts numbers until it is killed.
[[noreturn]] void RunChild(const Folder& folder, int pipe, uint64_t first) {
  const OpenedState opened = Open(folder);
  if (opened.report.degraded) {
    _exit(1);
  }
  std::atomic<uint64_t> newest = first;
  opened.store->Put(KindOf(first), KeyOf(first), std::to_string(first));
  std::thread flusher([&] {
    while (true) {
      const uint64_t number = newest.load(std::memory_order_acquire);
      opened.store->Flush();
      if (opened.store->stats().degraded) {
        _exit(1);
      }
      Tell(pipe, Message::Kind::kFlushed, number);
      // Otherwise nothing would ever be written because its time has come.
      std::this_thread::sleep_for(std::chrono::milliseconds(number % 100));
    }
  });
  for (uint64_t number = first + 1;; ++number) {
    opened.store->Put(KindOf(number), KeyOf(number), std::to_string(number));
    newest.store(number, std::memory_order_release);
    Tell(pipe, Message::Kind::kPut, number);
  }
}

struct Killed {
  uint64_t flushed = 0;       // the largest number of which the child knew
  std::vector<Message> puts;  // in turn
  int64_t at_ns = 0;
};

// Lets a child run until it has said so much, and kills it.
Killed RunAndKill(const Folder& folder, uint64_t first, uint64_t messages_until_kill) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(pipe[0]);
    RunChild(folder, pipe[1], first);
  }
  close(pipe[1]);
  Killed killed;
  Message message;
  for (uint64_t count = 0; read(pipe[0], &message, sizeof message) == sizeof message; ++count) {
    if (message.kind == Message::Kind::kFlushed) {
      killed.flushed = std::max(killed.flushed, message.number);
    } else {
      killed.puts.push_back(message);
    }
    // Not before the first flush: a round in which nothing had to be there proves nothing.
    if (killed.at_ns == 0 && count >= messages_until_kill && killed.flushed != 0) {
      killed.at_ns = steady_clock::now().time_since_epoch().count();
      kill(child, SIGKILL);
    }
  }
  close(pipe[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it ended by itself";
  return killed;
}

// How old the oldest put is that should be there and is not.
int64_t OldestLostNs(const Killed& killed, const std::vector<uint64_t>& found) {
  for (const Message& put : killed.puts) {
    if (found[put.number % kKeys] < put.number) {
      return std::max<int64_t>(0, killed.at_ns - put.at_ns);
    }
  }
  return 0;
}

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

TEST(StateKill, WhatWasFlushedSurvivesAndTheDatabaseIsSound) {
  const int64_t rounds = FromEnvironment("MAINSTAY_KILL_ROUNDS", 5);
  // Times depend on the machine: they are asserted only where somebody asks for it.
  const int64_t lost_ms_max = FromEnvironment("MAINSTAY_KILL_LOST_MS_MAX", 60'000);
  Random random(static_cast<uint64_t>(FromEnvironment("MAINSTAY_KILL_SEED", 1)));
  const Folder folder;
  std::vector<uint64_t> at_least(kKeys, 0);
  int64_t oldest_lost_ns = 0;
  for (int64_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    const uint64_t first = static_cast<uint64_t>(round + 1) * kNumbersPerRound;
    const Killed killed = RunAndKill(folder, first, random.Below(20'000));
    ASSERT_GE(killed.flushed, first);
    for (uint64_t number = first; number <= killed.flushed; ++number) {
      at_least[number % kKeys] = number;
    }
    const OpenedState opened = Open(folder);
    ASSERT_FALSE(opened.report.degraded) << opened.report.reason;
    std::vector<uint64_t> found(kKeys, 0);
    for (const RecordKind kind : {RecordKind::kPin, RecordKind::kConversation}) {
      opened.store->Load(kind, [&](const RecordKey& key, std::string_view value) {
        const uint64_t number = std::strtoull(std::string(value).c_str(), nullptr, 10);
        EXPECT_EQ(key, KeyOf(number));
        EXPECT_EQ(kind, KindOf(number));
        found[number % kKeys] = number;
      });
    }
    EXPECT_EQ(opened.store->stats().records_damaged + opened.store->stats().failures, 0);
    for (uint64_t place = 0; place < kKeys; ++place) {
      ASSERT_GE(found[place], at_least[place]) << place;
    }
    at_least = found;
    oldest_lost_ns = std::max(oldest_lost_ns, OldestLostNs(killed, found));
  }
  RecordProperty("oldest_lost_us", std::to_string(oldest_lost_ns / 1'000));
  EXPECT_LE(oldest_lost_ns / 1'000'000, lost_ms_max);
}

}  // namespace
}  // namespace mainstay::session
