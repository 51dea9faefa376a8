// Records in the state store: what every engine has to do with them, and what the one with files
// does when the files misbehave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "session/state_store.h"
#include "session/testing.h"

namespace mainstay::session {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr RecordKind kKinds[] = {RecordKind::kPin, RecordKind::kConversation, RecordKind::kBinding,
                                 RecordKind::kPrior, RecordKind::kAlias};

RecordKey KeyOf(uint32_t number) {
  RecordKey key{};
  for (size_t i = 0; i < 4; ++i) {
    key[i] = static_cast<uint8_t>(number >> (8 * i));
  }
  return key;
}

using Records = std::map<RecordKey, std::string>;

Records LoadAll(StateStore& store, RecordKind kind) {
  Records records;
  store.Load(kind, [&](const RecordKey& key, std::string_view value) {
    EXPECT_TRUE(records.emplace(key, value).second) << "a key came twice";
  });
  return records;
}

// --- what every engine has to do -----------------------------------------------------------------

class StateRecordsSuite : public testing::TestWithParam<EngineCase> {
 protected:
  OpenedState Reopen() { return Open(folder_, GetParam().engine); }
  // What the next start finds when `records` should be there.
  Records Kept(const Records& records) const { return GetParam().keeps ? records : Records(); }

  const Folder folder_;
};

INSTANTIATE_TEST_SUITE_P(Engines, StateRecordsSuite, testing::ValuesIn(kEngines),
                         EngineName<testing::TestParamInfo<EngineCase>>);

TEST_P(StateRecordsSuite, ANewStoreIsEmptyAndWell) {
  const OpenedState opened = Reopen();
  for (const RecordKind kind : kKinds) {
    EXPECT_THAT(LoadAll(*opened.store, kind), IsEmpty());
  }
  opened.store->Flush();
  const StoreStats stats = opened.store->stats();
  EXPECT_FALSE(stats.degraded);
  EXPECT_EQ(stats.commits + stats.failures + stats.records_written + stats.pending_records, 0);
}

TEST_P(StateRecordsSuite, WhatWasPutIsThereAfterARestart) {
  // Values that a text, a number or a pointer could stumble over.
  const std::string values[] = {"",
                                std::string(1, '\0'),
                                "plain",
                                std::string("a\0b", 3),
                                "\xFF\xFE not UTF-8",
                                std::string(100, 'x'),
                                std::string(5'000, 'y'),
                                std::string(1 << 20, 'z')};
  Records records;
  {
    const OpenedState opened = Reopen();
    for (const std::string& value : values) {
      const RecordKey key = KeyOf(static_cast<uint32_t>(records.size()) << 24);
      opened.store->Put(RecordKind::kConversation, key, value);
      records[key] = value;
    }
  }
  for (int start = 0; start < 3; ++start) {
    const OpenedState opened = Reopen();
    EXPECT_EQ(LoadAll(*opened.store, RecordKind::kConversation), Kept(records));
    EXPECT_THAT(LoadAll(*opened.store, RecordKind::kPin), IsEmpty());
    EXPECT_EQ(opened.store->stats().records_damaged, 0);
  }
}

TEST_P(StateRecordsSuite, KindsDoNotMix) {
  {
    const OpenedState opened = Reopen();
    for (const RecordKind kind : kKinds) {
      opened.store->Put(kind, KeyOf(1), std::to_string(static_cast<int>(kind)));
    }
    opened.store->Erase(RecordKind::kBinding, KeyOf(1));
  }
  const OpenedState opened = Reopen();
  EXPECT_EQ(LoadAll(*opened.store, RecordKind::kPin), Kept({{KeyOf(1), "1"}}));
  EXPECT_EQ(LoadAll(*opened.store, RecordKind::kConversation), Kept({{KeyOf(1), "2"}}));
  EXPECT_EQ(LoadAll(*opened.store, RecordKind::kBinding), Records());
  EXPECT_EQ(LoadAll(*opened.store, RecordKind::kPrior), Kept({{KeyOf(1), "4"}}));
  EXPECT_EQ(LoadAll(*opened.store, RecordKind::kAlias), Kept({{KeyOf(1), "5"}}));
}

TEST_P(StateRecordsSuite, TheNewestChangeOfAKeyCounts) {
  for (const bool flush_between : {false, true}) {
    SCOPED_TRACE(flush_between);
    {
      const OpenedState opened = Reopen();
      const auto then = [&] {
        if (flush_between) {
          opened.store->Flush();
        }
      };
      const RecordKind kind = RecordKind::kPin;
      for (const uint32_t number : {1, 2, 3}) {
        opened.store->Put(kind, KeyOf(number), "a longer first value");
      }
      then();
      opened.store->Put(kind, KeyOf(1), "second");
      opened.store->Erase(kind, KeyOf(2));
      opened.store->Erase(kind, KeyOf(3));
      opened.store->Erase(kind, KeyOf(4));  // was never there
      then();
      opened.store->Put(kind, KeyOf(3), "again");
    }
    EXPECT_EQ(LoadAll(*Reopen().store, RecordKind::kPin),
              Kept({{KeyOf(1), "second"}, {KeyOf(3), "again"}}));
  }
}

TEST_P(StateRecordsSuite, TheOrderOfPutsAndLoadsDoesNotMatter) {
  constexpr uint32_t kRecords = 1'000;
  Records records;
  {
    const OpenedState opened = Reopen();
    for (uint32_t i = 0; i < kRecords; ++i) {
      const uint32_t number = i * 7'919 % kRecords;
      opened.store->Put(kKinds[number % std::size(kKinds)], KeyOf(number), std::to_string(number));
      if (i % 100 == 0) {
        opened.store->Flush();
      }
      records[KeyOf(number)] = std::to_string(number);
    }
  }
  const OpenedState opened = Reopen();
  Records loaded;
  for (const RecordKind kind : {kKinds[2], kKinds[0], kKinds[4], kKinds[3], kKinds[1]}) {
    loaded.merge(LoadAll(*opened.store, kind));
  }
  EXPECT_EQ(loaded, Kept(records));
}

TEST_P(StateRecordsSuite, TheVisitorMayChangeWhatItIsGiven) {
  {
    const OpenedState opened = Reopen();
    opened.store->Put(RecordKind::kPin, KeyOf(1), "stays");
    opened.store->Put(RecordKind::kPin, KeyOf(2), "goes");
  }
  {
    const OpenedState opened = Reopen();
    StateStore& store = *opened.store;
    store.Load(RecordKind::kPin, [&](const RecordKey& key, std::string_view value) {
      if (value == "goes") {
        store.Erase(RecordKind::kPin, key);
        store.Flush();
      }
    });
  }
  EXPECT_EQ(LoadAll(*Reopen().store, RecordKind::kPin), Kept({{KeyOf(1), "stays"}}));
}

TEST_P(StateRecordsSuite, ManyThreadsChangeAtOnce) {
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kEach = 2'000;
  Records records;
  {
    const OpenedState opened = Reopen();
    std::vector<std::thread> threads;
    for (uint32_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&store = *opened.store, thread] {
        for (uint32_t i = thread * kEach; i < (thread + 1) * kEach; ++i) {
          store.Put(RecordKind::kPin, KeyOf(i), "first");
          store.Put(RecordKind::kPin, KeyOf(i), std::to_string(i));
          if (i % 3 == 0) {
            store.Erase(RecordKind::kPin, KeyOf(i));
          }
          if (i % 500 == 0) {
            store.Flush();
            EXPECT_FALSE(store.stats().degraded);
          }
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  for (uint32_t i = 0; i < kThreads * kEach; ++i) {
    if (i % 3 != 0) {
      records[KeyOf(i)] = std::to_string(i);
    }
  }
  EXPECT_EQ(LoadAll(*Reopen().store, RecordKind::kPin), Kept(records));
}

// --- files ---------------------------------------------------------------------------------------

TEST(StateRecords, WhatIsFlushedIsThereForAnyoneAtOnce) {
  const Folder folder;
  const OpenedState opened = Open(folder);
  opened.store->Put(RecordKind::kPin, KeyOf(1), "x");
  opened.store->Flush();
  EXPECT_EQ(opened.store->stats().commits, 1);
  EXPECT_EQ(opened.store->stats().records_written, 1);
  EXPECT_EQ(LoadAll(*Open(folder).store, RecordKind::kPin), (Records{{KeyOf(1), "x"}}));
}

TEST(StateRecords, AnOrderlyEndLeavesOneFile) {
  const Folder folder;
  Open(folder).store->Put(RecordKind::kPin, KeyOf(1), "x");
  EXPECT_EQ(FilesIn(folder.state()), std::vector<std::string>{"state.db"});
}

// Commits as fast as they can: the log is never idle for long enough to be moved beside them.
TEST(StateRecords, TheLogStaysBounded) {
  const Folder folder;
  const OpenedState opened = Open(folder);
  uintmax_t largest = 0;
  for (uint32_t round = 0; round < 200; ++round) {
    for (uint32_t i = 0; i < 200; ++i) {
      // Spread over the table, so that each record touches another page.
      opened.store->Put(RecordKind::kPin, KeyOf(i * 200 + round), std::string(900, 'x'));
    }
    opened.store->Flush();
    largest = std::max(largest, fs::file_size(folder.database().string() + "-wal"));
  }
  EXPECT_GT(largest, 4u << 20);
  EXPECT_LT(largest, 72u << 20);
  EXPECT_GT(fs::file_size(folder.database()), 20u << 20) << "it was moved";
}

// A database that a program of version 1 left behind.
constexpr char kVersion1[] = R"(
    CREATE TABLE schema_version(version INTEGER NOT NULL);
    CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    INSERT INTO schema_version(version) VALUES(1);
    INSERT INTO meta SELECT * FROM other.meta;)";

// Makes it with the key of another database.
void MakeVersion1(const Folder& folder, const Folder& other) {
  fs::create_directory(folder.state());
  Sql(folder.database(), "ATTACH '" + other.database().string() + "' AS other; " + kVersion1);
}

TEST(StateRecords, Version1IsBroughtUpToDate) {
  const Folder other;
  const std::string key = KeyText(*Open(other).store);
  const Folder folder;
  MakeVersion1(folder, other);
  {
    const OpenedState opened = Open(folder);
    EXPECT_FALSE(opened.report.degraded) << opened.report.reason;
    EXPECT_EQ(KeyText(*opened.store), key);
    opened.store->Put(RecordKind::kPin, KeyOf(1), "x");
  }
  const OpenedState opened = Open(folder);
  EXPECT_EQ(KeyText(*opened.store), key);
  EXPECT_EQ(LoadAll(*opened.store, RecordKind::kPin), (Records{{KeyOf(1), "x"}}));
}

TEST(StateRecords, TwoStartsOnVersion1BringItUpToDateOnce) {
  const Folder other;
  const std::string key = KeyText(*Open(other).store);
  const Folder folder;
  MakeVersion1(folder, other);
  const std::vector<OpenedState> opened = OpenAtOnce(folder);
  for (const OpenedState& one : opened) {
    EXPECT_FALSE(one.report.degraded) << one.report.reason;
    EXPECT_EQ(KeyText(*one.store), key);
  }
}

// What is on the disk is read by later versions: the form of a record is fixed.
TEST(StateRecords, ARecordOfVersion2IsReadAsItWasWritten) {
  const Folder folder;
  Open(folder).store.reset();
  Sql(folder.database(),
      "INSERT INTO record(kind, key, value, checksum) VALUES"
      "(3, x'000102030405060708090a0b0c0d0e0f', CAST('a value' AS BLOB), 1910710322)");
  const OpenedState opened = Open(folder);
  EXPECT_EQ(
      LoadAll(*opened.store, RecordKind::kBinding),
      (Records{{RecordKey{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, "a value"}}));
}

struct RecordDamage {
  const char* name;
  const char* sql;
};

constexpr RecordDamage kRecordDamages[] = {
    {"another_value", "UPDATE record SET value = x'00' WHERE value = CAST('two' AS BLOB)"},
    {"the_value_of_another_key",
     "UPDATE record SET (value, checksum) = (SELECT value, checksum FROM record WHERE value = "
     "CAST('one' AS BLOB)) WHERE value = CAST('two' AS BLOB)"},
    {"another_kind", "UPDATE record SET kind = 2 WHERE value = CAST('two' AS BLOB)"},
    {"a_short_key", "UPDATE record SET key = x'00' WHERE value = CAST('two' AS BLOB)"},
    {"a_number_for_a_key", "UPDATE record SET key = 7 WHERE value = CAST('two' AS BLOB)"},
    {"no_checksum", "UPDATE record SET checksum = 0 WHERE value = CAST('two' AS BLOB)"},
};

TEST(StateRecords, ADamagedRecordIsPassedOverAndCounted) {
  for (const RecordDamage& c : kRecordDamages) {
    SCOPED_TRACE(c.name);
    const Folder folder;
    {
      const OpenedState opened = Open(folder);
      opened.store->Put(RecordKind::kPin, KeyOf(1), "one");
      opened.store->Put(RecordKind::kPin, KeyOf(2), "two");
      opened.store->Put(RecordKind::kPin, KeyOf(3), "three");
    }
    Sql(folder.database(), c.sql);
    const OpenedState opened = Open(folder);
    EXPECT_FALSE(opened.report.degraded);
    const Records sound{{KeyOf(1), "one"}, {KeyOf(3), "three"}};
    EXPECT_EQ(LoadAll(*opened.store, RecordKind::kPin), sound);
    EXPECT_THAT(LoadAll(*opened.store, RecordKind::kConversation), IsEmpty());
    EXPECT_EQ(opened.store->stats().records_damaged, 1);
  }
}

TEST(StateRecords, AMissingTableIsDamage) {
  const Folder folder;
  Open(folder).store.reset();
  Sql(folder.database(), "DROP TABLE record");
  const OpenReport report = Open(folder).report;
  EXPECT_TRUE(report.degraded);
  EXPECT_NE(report.set_aside, "");
  EXPECT_EQ(report.engine, Engine::kSqlite);
}

// --- disks that fail -----------------------------------------------------------------------------

TEST(StateRecords, ADiskThatFillsUpDegradesAndRecovers) {
  const Folder folder;
  Records records;
  {
    const OpenedState opened = Open(folder);
    StateStore& store = *opened.store;
    store.Put(RecordKind::kPin, KeyOf(0), "before");
    records[KeyOf(0)] = "before";
    store.Flush();
    {
      const FileSizeLimit limit(fs::file_size(folder.database().string() + "-wal"));
      for (uint32_t i = 1; i <= 3; ++i) {
        store.Put(RecordKind::kPin, KeyOf(i), "while it is full");
        records[KeyOf(i)] = "while it is full";
        store.Flush();
        const StoreStats stats = store.stats();
        EXPECT_TRUE(stats.degraded);
        EXPECT_NE(stats.problem, "");
        EXPECT_GE(stats.failures, i);
        EXPECT_EQ(stats.pending_records, i);
        EXPECT_EQ(LoadAll(store, RecordKind::kPin), (Records{{KeyOf(0), "before"}}));
      }
    }
    store.Flush();
    const StoreStats stats = store.stats();
    EXPECT_FALSE(stats.degraded) << stats.problem;
    EXPECT_EQ(stats.pending_records, 0);
    EXPECT_EQ(stats.records_dropped, 0);
  }
  EXPECT_EQ(LoadAll(*Open(folder).store, RecordKind::kPin), records);
}

TEST(StateRecords, ADiskThatIsFullAtTheEndLeavesWhatWasThere) {
  const Folder folder;
  OpenedState opened = Open(folder);
  opened.store->Put(RecordKind::kPin, KeyOf(0), "before");
  opened.store->Flush();
  {
    const FileSizeLimit limit(0);
    opened.store->Put(RecordKind::kPin, KeyOf(1), "lost");
    opened.store.reset();
  }
  const OpenedState next = Open(folder);
  EXPECT_FALSE(next.report.degraded) << next.report.reason;
  EXPECT_EQ(LoadAll(*next.store, RecordKind::kPin), (Records{{KeyOf(0), "before"}}));
}

// Runs a function in a child process that is not root, because root may write anywhere. Gives its
// exit status.
int AsNobody(const std::function<int()>& run) {
  const pid_t child = fork();
  if (child == 0) {
    const bool is_nobody = getuid() != 0 || (setgid(65'534) == 0 && setuid(65'534) == 0);
    _exit(is_nobody ? run() : 99);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StateRecords, ADirectoryThatIsReadOnlyLeadsToMemory) {
  for (const bool has_files : {false, true}) {
    SCOPED_TRACE(has_files);
    const Folder folder;
    fs::permissions(folder.path(), fs::perms(0755));
    fs::create_directory(folder.state());
    if (has_files) {
      Open(folder).store.reset();
      fs::permissions(folder.database(), fs::perms(0444));
    }
    fs::permissions(folder.state(), fs::perms(0555));
    const int status = AsNobody([&] {
      const OpenedState opened = Open(folder);
      opened.store->Put(RecordKind::kPin, KeyOf(1), "x");
      opened.store->Flush();
      const bool is_as_told = opened.report.degraded && opened.report.set_aside.empty() &&
                              opened.store->engine() == Engine::kMemory &&
                              opened.report.reason.find("denied") != std::string::npos;
      return is_as_told ? 0 : 1;
    });
    EXPECT_EQ(status, 0);
    fs::permissions(folder.state(), fs::perms(0755));
  }
}

// The one test that waits, for as long as a lock is waited for.
TEST(StateRecords, ADatabaseThatAnotherProcessHoldsDegradesAndRecovers) {
  const Folder folder;
  const OpenedState opened = Open(folder);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(folder.database().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  opened.store->Put(RecordKind::kPin, KeyOf(1), "x");
  opened.store->Flush();
  EXPECT_TRUE(opened.store->stats().degraded);
  EXPECT_THAT(opened.store->stats().problem, HasSubstr("locked"));
  sqlite3_close(other);
  opened.store->Flush();
  EXPECT_FALSE(opened.store->stats().degraded);
  EXPECT_EQ(LoadAll(*opened.store, RecordKind::kPin), (Records{{KeyOf(1), "x"}}));
}

}  // namespace
}  // namespace mainstay::session
