#include "session/record_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "session/sqlite_database.h"
#include "session/testing.h"

namespace mainstay::session {
namespace {

using Records = std::map<RecordKey, std::string>;
struct Change {
  RecordKey key{};
  std::optional<std::string> value;  // nothing: erased
};
using Changes = std::vector<Change>;

constexpr int64_t kHeadBytes = 24;
constexpr int64_t kSlackBytes = 8 << 20;
constexpr int64_t kBudgetBytes = 512 << 10;

RecordKey KeyOf(uint64_t number) {
  RecordKey key{};
  std::memcpy(key.data(), &number, sizeof number);
  return key;
}

Change Put(uint64_t key, std::string value) {
  return {.key = KeyOf(key), .value = std::move(value)};
}

Change Erase(uint64_t key) {
  return {.key = KeyOf(key), .value = std::nullopt};
}

// Megabytes in the message of a failure help nobody.
Records Short(Records records) {
  for (auto& [key, value] : records) {
    if (value.size() > 100) {
      value = std::to_string(TextHash()(value)) + " of " + std::to_string(value.size()) + " bytes";
    }
  }
  return records;
}

int64_t LiveBytes(const Records& records) {
  int64_t bytes = 0;
  for (const auto& [key, value] : records) {
    bytes += kHeadBytes + static_cast<int64_t>(value.size());
  }
  return bytes;
}

void Apply(const Changes& changes, Records& records) {
  for (const Change& one : changes) {
    if (one.value) {
      records[one.key] = *one.value;
    } else {
      records.erase(one.key);
    }
  }
}

// One process that has the database open.
class Process final {
 public:
  explicit Process(std::string file) : file_(std::move(file)) {
    MS_CHECK(!database_.Open(file_));
    database_.Adopt();
    MS_CHECK(!database_.Run("PRAGMA synchronous = OFF"));
    MS_CHECK(!log_.Start(database_));
  }

  // The last one: somebody loads just as it is on the disk.
  enum class End : uint8_t { kCommit, kRollback, kLoadAndCommit };

  void Write(const Changes& changes, End end = End::kCommit) {
    MS_CHECK(!database_.Run("BEGIN IMMEDIATE"));
    for (const Change& one : changes) {
      log_.Stage(one.key, one.value ? &*one.value : nullptr);
    }
    if (const MaybeFailure failure = log_.Write()) {
      ADD_FAILURE() << failure->problem;
      end = End::kRollback;
    }
    if (end == End::kRollback) {
      database_.Rollback();
      log_.RolledBack();
    } else {
      MS_CHECK(!database_.Run("COMMIT"));
      if (end == End::kLoadAndCommit) {
        Load();
      }
      log_.Committed();
    }
  }

  Records Load(const StateStore::Visitor& also = {}) {
    Database database;
    MS_CHECK(!database.Open(file_));
    Records records;
    damaged_ = 0;
    const MaybeFailure failure = log_.Load(
        database,
        [&](const RecordKey& key, std::string_view value) {
          EXPECT_TRUE(records.emplace(key, value).second) << "given twice";
          if (also) {
            also(key, value);
          }
        },
        damaged_);
    EXPECT_FALSE(failure);
    return records;
  }

  std::string RowOf(int64_t id) {
    std::optional<std::string> value;
    const std::string sql = "SELECT records FROM log WHERE id = " + std::to_string(id);
    MS_CHECK(!database_.ReadOne(sql.c_str(), "", value));
    return value.value();
  }

  // What is really in the table.
  int64_t OnDisk(const char* what) {
    std::optional<std::string> value;
    MS_CHECK(!database_.ReadOne(("SELECT " + std::string(what) + " FROM log").c_str(), "", value));
    return value->empty() ? 0 : std::stoll(*value);
  }

  // The sizes are those of the table and of the records that should be there.
  void ExpectSizes(const Records& records) {
    const RecordLog::Size size = log_.size();
    EXPECT_EQ(size.bytes, OnDisk("sum(length(records))"));
    EXPECT_EQ(size.rows, OnDisk("count(*)"));
    EXPECT_EQ(size.live, LiveBytes(records));
  }

  RecordLog& log() { return log_; }
  int64_t damaged() const { return damaged_; }

 private:
  const std::string file_;
  Database database_;
  RecordLog log_;  // its statements are gone before the database
  int64_t damaged_ = 0;
};

class RecordLogTest : public ::testing::Test {
 protected:
  RecordLogTest() {
    Sql(file(), "PRAGMA journal_mode = WAL");
    Sql(file(), "CREATE TABLE log(id INTEGER PRIMARY KEY, records BLOB NOT NULL)");
  }

  std::string file() const { return folder_.path() / "log.db"; }

  // Ends the process, unless it is the first, and loads in another one.
  Records Restart() {
    process_.reset();
    process_ = std::make_unique<Process>(file());
    return process_->Load();
  }

  // Brings so much under a few keys of its own that the log has to be shortened from its beginning.
  void WriteMuch(Records& records) {
    for (uint64_t i = 0; i < 400; ++i) {
      const Changes changes = {Put(1'000'000 + i % 4, std::string(64 << 10, 'm'))};
      process_->Write(changes);
      Apply(changes, records);
    }
  }

  void SetRow(int64_t id, std::string_view bytes) {
    std::string hex;
    for (const char byte : bytes) {
      constexpr char kDigits[] = "0123456789abcdef";
      hex += kDigits[static_cast<uint8_t>(byte) >> 4];
      hex += kDigits[byte & 15];
    }
    Sql(file(), "UPDATE log SET records = x'" + hex + "' WHERE id = " + std::to_string(id));
  }

  const Folder folder_;
  std::unique_ptr<Process> process_;
};

struct HistoryCase {
  const char* name;
  std::vector<Changes> rows;  // one after the other
};

const HistoryCase kHistories[] = {
    {.name = "one", .rows = {{Put(1, "a")}}},
    {.name = "several in a row", .rows = {{Put(1, "a"), Put(2, "b"), Put(3, "c")}}},
    {.name = "newest row wins", .rows = {{Put(1, "a"), Put(2, "b")}, {Put(1, "c")}}},
    {.name = "newest in a row wins", .rows = {{Put(1, "a"), Put(2, "b"), Put(1, "c")}}},
    {.name = "erased", .rows = {{Put(1, "a"), Put(2, "b")}, {Erase(1)}}},
    {.name = "erased in its row", .rows = {{Put(1, "a"), Put(2, "b"), Erase(1)}}},
    {.name = "erased and put in a row", .rows = {{Put(1, "a")}, {Erase(1), Put(1, "b")}}},
    {.name = "erased and put later", .rows = {{Put(1, "a")}, {Erase(1)}, {Put(1, "b")}}},
    {.name = "put and erased", .rows = {{Put(1, "a")}, {Put(1, "b"), Erase(1)}}},
    {.name = "erased twice", .rows = {{Put(1, "a")}, {Erase(1), Erase(1)}, {Erase(1)}}},
    {.name = "never there", .rows = {{Erase(1)}, {Put(2, "b"), Erase(3)}}},
    {.name = "nothing", .rows = {{}, {Put(1, "a")}, {}}},
    {.name = "empty value", .rows = {{Put(1, ""), Put(2, "b")}, {Put(2, "")}}},
    {.name = "empty value of an erased key", .rows = {{Put(1, "a")}, {Erase(1)}, {Put(1, "")}}},
    {.name = "a mebibyte", .rows = {{Put(1, std::string(1 << 20, 'x')), Put(2, "b")}}},
    {.name = "a mebibyte replaced", .rows = {{Put(1, std::string(1 << 20, 'x'))}, {Put(1, "a")}}},
};

TEST_F(RecordLogTest, EveryHistoryEndsWithTheNewestRecords) {
  for (const HistoryCase& row : kHistories) {
    SCOPED_TRACE(row.name);
    Sql(file(), "DELETE FROM log");
    Records records;
    EXPECT_EQ(Restart(), records);
    for (const Changes& changes : row.rows) {
      process_->Write(changes);
      Apply(changes, records);
      process_->ExpectSizes(records);
    }
    EXPECT_EQ(Short(Restart()), Short(records));
    EXPECT_EQ(process_->damaged(), 0);
    process_->ExpectSizes(records);
    // The rows of the history give way, tombstones included.
    WriteMuch(records);
    EXPECT_GT(process_->OnDisk("min(id)"), static_cast<int64_t>(row.rows.size()));
    process_->ExpectSizes(records);
    EXPECT_EQ(Short(Restart()), Short(records));
  }
}

TEST_F(RecordLogTest, WhatWasNeverThereTakesNoRoomToErase) {
  Restart();
  process_->Write({Put(1, "a")});
  process_->Write({Erase(2)});
  EXPECT_EQ(process_->log().size().rows, 1);
  process_->Write({Put(3, "a"), Erase(4)});
  EXPECT_EQ(process_->OnDisk("max(length(records))"), kHeadBytes + 1);
}

// The transaction that removes a record's row may also erase or replace it.
TEST_F(RecordLogTest, WhatChangesAsItsRowGivesWayIsNotWrittenAgain) {
  Records records;
  Restart();
  Changes old;
  for (uint64_t key = 0; key < 1'000; ++key) {
    old.push_back(Put(key, "old"));
  }
  process_->Write(old);
  Apply(old, records);
  uint64_t key = 0;
  for (int i = 0; process_->OnDisk("min(id)") == 1; ++i) {
    ASSERT_LT(i, 10'000);
    // Each transaction may be the one.
    const Changes changes = {Put(2'000, std::string(64 << 10, 'm')), Erase(key),
                             Put(key + 1, "new"), Put(key + 2, "x"), Erase(key + 2)};
    key = (key + 3) % 900;
    process_->Write(changes);
    Apply(changes, records);
  }
  process_->ExpectSizes(records);
  EXPECT_EQ(Short(process_->Load()), Short(records));
  EXPECT_EQ(Short(Restart()), Short(records));
}

struct RandomCase {
  const char* name;
  uint64_t keys;
  uint64_t changes_max;  // in a row
  uint64_t value_bytes_max;
  int rows;
};

std::ostream& operator<<(std::ostream& out, const RandomCase& row) {
  return out << row.name;
}

constexpr RandomCase kRandom[] = {
    {.name = "few_keys", .keys = 10, .changes_max = 8, .value_bytes_max = 32'000, .rows = 600},
    {.name = "many_keys", .keys = 1'000, .changes_max = 16, .value_bytes_max = 8'000, .rows = 900},
    {.name = "long_rows", .keys = 300, .changes_max = 200, .value_bytes_max = 20'000, .rows = 40},
    {.name = "short_rows", .keys = 50, .changes_max = 2, .value_bytes_max = 40, .rows = 20'000},
};

class RandomTest : public RecordLogTest, public ::testing::WithParamInterface<RandomCase> {
 protected:
  Changes Some() {
    Changes changes;
    for (uint64_t left = 1 + random_.Below(GetParam().changes_max); left > 0; --left) {
      const uint64_t key = random_.Below(GetParam().keys);
      if (random_.Below(5) == 0) {
        changes.push_back(Erase(key));
      } else {
        const uint64_t bytes = random_.Below(GetParam().value_bytes_max);
        changes.push_back(Put(key, std::to_string(random_.Next()) + std::string(bytes, 'v')));
      }
    }
    return changes;
  }

  Random random_{20'261'121};
};

INSTANTIATE_TEST_SUITE_P(RecordLog, RandomTest, ::testing::ValuesIn(kRandom),
                         [](const auto& row) { return row.param.name; });

TEST_P(RandomTest, NothingIsLostAndTheLogStaysShort) {
  Records records;
  Restart();
  for (int i = 0; i < GetParam().rows; ++i) {
    const Changes changes = Some();
    if (random_.Below(4) == 0) {
      process_->Write(changes, Process::End::kRollback);
    } else {
      process_->Write(changes);
      Apply(changes, records);
    }
    const RecordLog::Size size = process_->log().size();
    ASSERT_LE(size.bytes,
              2 * size.live + kSlackBytes + kBudgetBytes +
                  static_cast<int64_t>(GetParam().changes_max * GetParam().value_bytes_max));
    if (random_.Below(100) == 0) {
      process_->ExpectSizes(records);
    }
    if (random_.Below(300) == 0) {
      ASSERT_EQ(Short(Restart()), Short(records));
      process_->ExpectSizes(records);
    }
  }
  EXPECT_GT(process_->OnDisk("min(id)"), 1) << "nothing gave way";
  process_->ExpectSizes(records);
  EXPECT_EQ(Short(Restart()), Short(records));
  process_->ExpectSizes(records);
}

// As one process ends and the next one starts, both write into the same table.
TEST_P(RandomTest, TwoProcessesLoseNothing) {
  Records records;
  Restart();
  Process other(file());
  EXPECT_THAT(other.Load(), ::testing::IsEmpty());
  for (int i = 0; i < GetParam().rows; ++i) {
    const Changes changes = Some();
    const bool is_dropped = random_.Below(10) == 0;
    (random_.Below(2) == 0 ? other : *process_)
        .Write(changes, is_dropped ? Process::End::kRollback : Process::End::kCommit);
    if (!is_dropped) {
      Apply(changes, records);
    }
  }
  EXPECT_GT(process_->OnDisk("min(id)"), 1) << "nothing gave way";
  // Each one knows of the other's rows after its next one.
  const Changes last = {Put(0, "last")};
  process_->Write(last);
  Apply(last, records);
  process_->ExpectSizes(records);
  EXPECT_EQ(Short(process_->Load()), Short(records));
}

// Attempts that fail again and again as the oldest rows are to go change nothing.
TEST_F(RecordLogTest, RowsThatWereToGoAreStillCountedAfterARollback) {
  Restart();
  Records records;
  // All of it counts, so that nothing gives way before it is out of date.
  Changes changes;
  for (uint64_t key = 0; key < 24; ++key) {
    changes.push_back(Put(key, std::string(512 << 10, 'a')));
    process_->Write({changes.back()});
  }
  Apply(changes, records);
  Changes erased;
  for (uint64_t key = 0; key < 23; ++key) {
    erased.push_back(Erase(key));
  }
  process_->Write(erased);
  Apply(erased, records);
  for (int i = 0; i < 10; ++i) {
    process_->Write({Put(100, "b")}, Process::End::kRollback);
    process_->ExpectSizes(records);
  }
  // Not all at once: a transaction reads so much and no more.
  for (uint64_t i = 0; i < 10; ++i) {
    const Changes one = {Put(100, std::to_string(i))};
    process_->Write(one);
    Apply(one, records);
  }
  process_->ExpectSizes(records);
  const RecordLog::Size size = process_->log().size();
  EXPECT_LE(size.bytes, 2 * size.live + kSlackBytes);
  EXPECT_EQ(Short(Restart()), Short(records));
}

// What Load visits may be erased or put at once, and is written while the rest is read. Another
// process may do so, too.
TEST_F(RecordLogTest, WritesBesideLoadAreJoinedWithWhatItReads) {
  for (const std::string_view writers : {"own", "other", "both"}) {
    SCOPED_TRACE(writers);
    Sql(file(), "DELETE FROM log");
    Restart();
    Records records;
    for (uint64_t key = 0; key < 200; ++key) {
      const Changes changes = {Put(key, "old"), Put(1'000 + key, "old")};
      process_->Write(changes);
      Apply(changes, records);
    }
    const Records before = records;
    process_ = std::make_unique<Process>(file());
    Process other(file());
    other.Load();
    uint64_t visited = 0;
    const Records loaded = process_->Load([&](const RecordKey&, std::string_view) {
      // Of keys that were read already, and of such that are to come.
      const uint64_t key = visited++;
      const Changes changes = key >= 200     ? Changes{Put(5'000 + key, "late")}
                              : key % 2 == 0 ? Changes{Erase(key), Put(1'000 + key, "new")}
                                             : Changes{Put(2'000 + key, "a"), Erase(1'000 + key)};
      const bool is_own = writers == "own" || (writers == "both" && key % 3 == 0);
      (is_own ? *process_ : other).Write(changes);
      Apply(changes, records);
    });
    EXPECT_EQ(loaded, before);
    const Changes changes = {Put(1, "behind"), Erase(5'399)};
    process_->Write(changes);
    Apply(changes, records);
    process_->ExpectSizes(records);
    const int64_t first = process_->OnDisk("min(id)");
    WriteMuch(records);
    EXPECT_GT(process_->OnDisk("min(id)"), first) << "nothing gave way";
    process_->ExpectSizes(records);
    EXPECT_EQ(Short(Restart()), Short(records));
  }
}

TEST_F(RecordLogTest, RowsThatComeBetweenStartAndLoadCountOnce) {
  Restart();
  Records records;
  const Changes first = {Put(1, "a"), Put(2, "b")};
  process_->Write(first);
  Apply(first, records);
  for (const Process::End end : {Process::End::kCommit, Process::End::kLoadAndCommit}) {
    Process later(file());
    const Changes others = {Put(1, "c"), Put(3, "d")};
    process_->Write(others);
    Apply(others, records);
    if (end == Process::End::kCommit) {
      EXPECT_EQ(later.Load(), records);
    }
    const Changes own = {Put(1, "e"), Erase(2), Put(4, "f")};
    later.Write(own, end);
    Apply(own, records);
    later.ExpectSizes(records);
    EXPECT_EQ(later.Load(), records);
  }
}

// A transaction may be longer than what gives way with a short one, and the oldest rows may be
// those that count.
TEST_F(RecordLogTest, LongTransactionsDoNotOutgrowWhatGivesWay) {
  constexpr int64_t kLongBytes = 1 << 20;
  Restart();
  Records records;
  for (uint64_t key = 0; key < 8; ++key) {
    const Changes changes = {Put(key, std::string(kLongBytes, 'a'))};
    process_->Write(changes);
    Apply(changes, records);
  }
  for (int i = 0; i < 100; ++i) {
    const Changes changes = {Put(100, std::string(kLongBytes, 'b') + std::to_string(i))};
    process_->Write(changes);
    Apply(changes, records);
    const RecordLog::Size size = process_->log().size();
    ASSERT_LE(size.bytes, 2 * size.live + kSlackBytes + 4 * kLongBytes) << i;
  }
  process_->ExpectSizes(records);
  EXPECT_EQ(Short(Restart()), Short(records));
}

TEST_F(RecordLogTest, LoadAfterWritesLearnsNothingAndLosesNothing) {
  Restart();
  Records records;
  for (uint64_t key = 0; key < 100; ++key) {
    const Changes changes = {Put(key, "old")};
    process_->Write(changes);
    Apply(changes, records);
  }
  process_ = std::make_unique<Process>(file());
  const Changes changes = {Erase(1), Put(2, "new"), Erase(1'000)};
  process_->Write(changes);
  Apply(changes, records);
  EXPECT_EQ(process_->Load(), records);
  WriteMuch(records);
  EXPECT_EQ(process_->OnDisk("min(id)"), 1);
  EXPECT_EQ(Short(process_->Load()), Short(records));
  EXPECT_EQ(Short(Restart()), Short(records));
  process_->ExpectSizes(records);
  WriteMuch(records);
  EXPECT_GT(process_->OnDisk("min(id)"), 1);
  EXPECT_EQ(Short(Restart()), Short(records));
}

TEST_F(RecordLogTest, ASecondLoadChangesNothing) {
  Restart();
  Records records;
  const Changes changes = {Put(1, "a"), Put(2, "b")};
  process_->Write(changes);
  Apply(changes, records);
  process_->Write({Erase(3)});
  EXPECT_EQ(process_->Load(), records);
  EXPECT_EQ(process_->Load(), records);
  process_->ExpectSizes(records);
}

// Every byte of a row in turn.
TEST_F(RecordLogTest, ADamagedRowLosesTheRestOfIt) {
  Restart();
  process_->Write({Put(1, "before"), Put(11, "older")});
  process_->Write({Put(11, "a"), Put(12, ""), Erase(1), Put(13, "ccc")});
  process_->Write({Put(2, "behind")});
  const Records whole = Restart();
  ASSERT_EQ(whole,
            (Records{{KeyOf(2), "behind"}, {KeyOf(11), "a"}, {KeyOf(12), ""}, {KeyOf(13), "ccc"}}));
  const std::string row = process_->RowOf(2);
  process_.reset();
  constexpr size_t kEnds[] = {25, 49, 73, 100};  // of the records in the second row
  for (size_t at = 0; at < kEnds[3]; ++at) {
    SCOPED_TRACE(at);
    std::string damaged = row;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    SetRow(2, damaged);
    Records expected = {{KeyOf(1), "before"}, {KeyOf(2), "behind"}, {KeyOf(11), "older"}};
    if (at >= kEnds[0]) {
      expected[KeyOf(11)] = "a";
    }
    if (at >= kEnds[1]) {
      expected[KeyOf(12)] = "";
    }
    if (at >= kEnds[2]) {
      expected.erase(KeyOf(1));
    }
    EXPECT_EQ(Restart(), expected);
    EXPECT_EQ(process_->damaged(), 1);
    process_->ExpectSizes(expected);
    process_.reset();
  }
  SetRow(2, row);
  EXPECT_EQ(Restart(), whole);
  EXPECT_EQ(process_->damaged(), 0);
}

TEST_F(RecordLogTest, ARowThatWasCutLosesTheRestOfIt) {
  Restart();
  process_->Write({Put(1, "a"), Put(2, "b")});
  process_.reset();
  for (const int bytes : {49, 26, 25, 24, 1, 0}) {
    SCOPED_TRACE(bytes);
    Sql(file(), "UPDATE log SET records = substr(records, 1, " + std::to_string(bytes) + ")");
    Records expected;
    if (bytes >= 25) {
      expected[KeyOf(1)] = "a";
    }
    EXPECT_EQ(Restart(), expected);
    EXPECT_EQ(process_->damaged(), bytes == 25 || bytes == 0 ? 0 : 1);
    process_.reset();
  }
}

TEST(RecordLog, StartFailsWithoutItsTable) {
  const Folder folder;
  const std::string file = folder.path() / "log.db";
  for (const char* table : {"CREATE TABLE other(id)", "CREATE TABLE log(id INTEGER PRIMARY KEY)"}) {
    SCOPED_TRACE(table);
    Sql(file, table);
    Database database;
    ASSERT_FALSE(database.Open(file));
    RecordLog log;
    EXPECT_TRUE(log.Start(database));
  }
}

}  // namespace
}  // namespace mainstay::session
