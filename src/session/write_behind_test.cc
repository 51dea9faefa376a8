#include "session/write_behind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

namespace mainstay::session {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::Pair;

RecordKey KeyOf(uint32_t number) {
  RecordKey key{};
  for (size_t i = 0; i < 4; ++i) {
    key[i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  }
  return key;
}

PendingRecord Pin(uint32_t number, std::optional<std::string> value) {
  return {.kind = RecordKind::kPin, .key = KeyOf(number), .value = std::move(value)};
}

// Keeps records in a table and does as it is told.
class FakeSink final : public RecordSink {
 public:
  std::optional<std::string> Write(std::span<const PendingRecord* const> records) override {
    if (gated_) {
      arrived_.release();
      gate_.acquire();
    }
    ++attempts_;
    if (failing_) {
      return "no space";
    }
    std::vector<RecordKey> keys;
    for (const PendingRecord* record : records) {
      keys.push_back(record->key);
      if (record->value) {
        table_[{record->kind, record->key}] = *record->value;
      } else {
        table_.erase({record->kind, record->key});
      }
    }
    transactions_.push_back(std::move(keys));
    return std::nullopt;
  }

  // From now on each call of Write waits until it is let through.
  void Close() { gated_ = true; }
  // Waits for a call and returns while it waits.
  void AwaitCall() { arrived_.acquire(); }
  void LetOneThrough() { gate_.release(); }
  void Open() {
    gated_ = false;
    gate_.release();
  }
  void Fail() { failing_ = true; }
  void Heal() { failing_ = false; }

  int attempts() const { return attempts_; }
  // Read them when nothing is being written.
  const std::vector<std::vector<RecordKey>>& transactions() const { return transactions_; }
  const std::map<std::pair<RecordKind, RecordKey>, std::string>& table() const { return table_; }

 private:
  std::atomic<bool> gated_ = false;
  std::atomic<bool> failing_ = false;
  std::atomic<int> attempts_ = 0;
  std::counting_semaphore<> arrived_{0};
  std::counting_semaphore<> gate_{0};
  std::vector<std::vector<RecordKey>> transactions_;
  std::map<std::pair<RecordKind, RecordKey>, std::string> table_;
};

// Nothing happens on its own: only Flush and the end make it write.
constexpr WriteBehindOptions kStill{
    .flush_interval = hours(2), .gathered_records_enough = 1'000'000, .retry_first = hours(1)};

TEST(WriteBehind, AKeyThatIsPutTwiceIsWrittenOnceAndTheNewestValueStays) {
  FakeSink sink;
  WriteBehind writer(sink, kStill);
  writer.Put(Pin(1, "old"));
  writer.Put(Pin(2, "erased later"));
  writer.Put(Pin(1, "new"));
  writer.Put(Pin(2, std::nullopt));
  writer.Put({.kind = RecordKind::kPrior, .key = KeyOf(1), .value = "of another kind"});
  EXPECT_EQ(writer.stats().pending_records, 3);
  writer.Flush();
  EXPECT_THAT(sink.table(),
              ElementsAre(Pair(Pair(RecordKind::kPin, KeyOf(1)), "new"),
                          Pair(Pair(RecordKind::kPrior, KeyOf(1)), "of another kind")));
  const StoreStats stats = writer.stats();
  EXPECT_EQ(stats.pending_records, 0);
  EXPECT_EQ(stats.commits, 1);
  EXPECT_EQ(stats.records_written, 3);
}

TEST(WriteBehind, WritesOnItsOwn) {
  for (const milliseconds interval : {milliseconds(0), milliseconds(1), milliseconds(20)}) {
    SCOPED_TRACE(interval.count());
    FakeSink sink;
    sink.Close();
    WriteBehind writer(sink, {.flush_interval = interval});
    for (uint32_t round = 0; round < 3; ++round) {
      writer.Put(Pin(round, "x"));
      sink.AwaitCall();  // would wait for ever
      sink.LetOneThrough();
    }
    sink.Open();
  }
}

TEST(WriteBehind, ALargeGroupIsWrittenBeforeItsTime) {
  FakeSink sink;
  sink.Close();
  WriteBehindOptions options = kStill;
  options.gathered_records_enough = 3;
  WriteBehind writer(sink, options);
  for (const uint32_t number : {1, 2, 2, 1, 3}) {
    writer.Put(Pin(number, "x"));
  }
  sink.AwaitCall();  // would wait for hours
  EXPECT_EQ(writer.stats().pending_records, 3);
  sink.Open();
}

TEST(WriteBehind, NothingToWriteIsNeverWritten) {
  FakeSink sink;
  {
    WriteBehind writer(sink, {.flush_interval = milliseconds(0)});
    writer.Flush();
  }
  EXPECT_EQ(sink.attempts(), 0);
}

TEST(WriteBehind, TheEndWritesWhatIsLeft) {
  FakeSink sink;
  {
    WriteBehind writer(sink, kStill);
    writer.Put(Pin(1, "x"));
  }
  EXPECT_EQ(sink.table().size(), 1u);
}

TEST(WriteBehind, WhatIsPutDuringAWriteGoesIntoTheNext) {
  FakeSink sink;
  sink.Close();
  WriteBehind writer(sink, {.flush_interval = milliseconds(0)});
  writer.Put(Pin(1, "first"));
  sink.AwaitCall();
  writer.Put(Pin(1, "second"));
  writer.Put(Pin(2, "second"));
  EXPECT_EQ(writer.stats().pending_records, 3) << "one in the write, two behind it";
  sink.Open();
  writer.Flush();
  EXPECT_EQ(sink.transactions().size(), 2u);
  EXPECT_EQ(sink.table().at({RecordKind::kPin, KeyOf(1)}), "second");
}

TEST(WriteBehind, TransactionsAreSortedAndLimited) {
  FakeSink sink;
  WriteBehind writer(sink, kStill);
  constexpr uint32_t kRecords = 10'000;
  for (uint32_t i = 0; i < kRecords; ++i) {
    writer.Put(Pin(i * 7'919 % kRecords, "x"));
  }
  writer.Flush();
  std::vector<RecordKey> written;
  for (const std::vector<RecordKey>& transaction : sink.transactions()) {
    EXPECT_LE(transaction.size(), 4'096u);
    written.insert(written.end(), transaction.begin(), transaction.end());
  }
  EXPECT_EQ(written.size(), kRecords);
  EXPECT_TRUE(std::ranges::is_sorted(written));
  EXPECT_EQ(sink.transactions().size(), 3u);
}

TEST(WriteBehind, LargeValuesMakeSmallTransactions) {
  FakeSink sink;
  WriteBehind writer(sink, kStill);
  for (uint32_t i = 0; i < 10; ++i) {
    writer.Put(Pin(i, std::string(1 << 20, 'x')));
  }
  writer.Flush();
  EXPECT_EQ(sink.transactions().size(), 3u);
  EXPECT_EQ(sink.table().size(), 10u);
}

TEST(WriteBehind, AFailureLosesNothingAndEndsWithASuccess) {
  FakeSink sink;
  WriteBehind writer(sink, kStill);
  sink.Fail();
  writer.Put(Pin(1, "in the failed group"));
  writer.Put(Pin(2, "old"));
  writer.Flush();  // returns although nothing was written
  writer.Put(Pin(2, "new"));
  StoreStats stats = writer.stats();
  EXPECT_TRUE(stats.degraded);
  EXPECT_EQ(stats.problem, "no space");
  EXPECT_EQ(stats.failures, 1);
  EXPECT_EQ(stats.commits, 0);
  EXPECT_EQ(stats.pending_records, 3);

  sink.Heal();
  writer.Flush();
  stats = writer.stats();
  EXPECT_FALSE(stats.degraded);
  EXPECT_EQ(stats.problem, "");
  EXPECT_EQ(stats.failures, 1);
  EXPECT_EQ(stats.commits, 2);
  EXPECT_EQ(stats.pending_records, 0);
  EXPECT_EQ(stats.records_dropped, 0);
  EXPECT_THAT(sink.table(),
              ElementsAre(Pair(testing::_, "in the failed group"), Pair(testing::_, "new")));
}

TEST(WriteBehind, AFailureIsTriedAgainByItself) {
  FakeSink sink;
  sink.Fail();
  sink.Close();
  WriteBehind writer(sink, {.flush_interval = milliseconds(0),
                            .retry_first = milliseconds(1),
                            .retry_max = milliseconds(2)});
  writer.Put(Pin(1, "x"));
  for (int attempt = 0; attempt < 5; ++attempt) {
    sink.AwaitCall();
    sink.LetOneThrough();
  }
  sink.AwaitCall();
  sink.Heal();
  sink.Open();
  writer.Flush();
  EXPECT_EQ(writer.stats().failures, 5);
  EXPECT_EQ(sink.table().size(), 1u);
}

TEST(WriteBehind, AtTheLimitWhatHasWaitedLongestIsGivenUp) {
  FakeSink sink;
  sink.Fail();
  constexpr size_t kFits = 10;
  WriteBehindOptions options = kStill;
  options.gathered_bytes_max = kFits * (kRecordOverheadBytes + 4);
  WriteBehind writer(sink, options);
  writer.Put(Pin(999, "1234"));
  writer.Flush();  // it is in the group that cannot be written
  for (uint32_t i = 0; i < 25; ++i) {
    writer.Put(Pin(i, "1234"));
  }
  writer.Put(Pin(20, "5678"));  // in place of the earlier one: needs no room
  EXPECT_EQ(writer.stats().pending_records, 11);
  EXPECT_EQ(writer.stats().records_dropped, 15);
  writer.Put(Pin(20, "56789"));  // one byte too many
  EXPECT_EQ(writer.stats().records_dropped, 16);
  writer.Put(Pin(21, std::nullopt));  // makes room
  sink.Heal();
  writer.Flush();
  EXPECT_EQ(sink.table().size(), 9u);
  EXPECT_EQ(sink.table().at({RecordKind::kPin, KeyOf(20)}), "56789");
  EXPECT_TRUE(sink.table().contains({RecordKind::kPin, KeyOf(999)}));
  EXPECT_FALSE(sink.table().contains({RecordKind::kPin, KeyOf(15)}));
  EXPECT_TRUE(sink.table().contains({RecordKind::kPin, KeyOf(16)}));
  EXPECT_EQ(writer.stats().records_dropped, 16);
}

TEST(WriteBehind, AValueThatIsTooLongIsDroppedAlone) {
  FakeSink sink;
  WriteBehind writer(sink, kStill);
  writer.Put(Pin(1, std::string(kRecordValueBytesMax, 'x')));
  writer.Put(Pin(2, std::string(kRecordValueBytesMax + 1, 'x')));
  EXPECT_EQ(writer.stats().records_dropped, 1);
  writer.Flush();
  EXPECT_EQ(sink.table().size(), 1u);
}

TEST(WriteBehind, TheEndDoesNotWaitForASinkThatFails) {
  FakeSink sink;
  sink.Fail();
  WriteBehind writer(sink, kStill);
  writer.Put(Pin(1, "x"));
  writer.Flush();
  writer.Put(Pin(2, "x"));
  EXPECT_EQ(sink.attempts(), 1);
}

TEST(WriteBehind, ManyThreadsPutAndFlush) {
  FakeSink sink;
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kPuts = 5'000;
  WriteBehind writer(sink, {.flush_interval = milliseconds(1)});
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&writer, thread] {
      for (uint32_t i = 0; i < kPuts; ++i) {
        writer.Put(Pin(thread * kPuts + i, std::to_string(i)));
        writer.Put(Pin(1'000'000, std::to_string(i)));  // all of them write this one
        if (i % 1'000 == 0) {
          writer.Flush();
          EXPECT_FALSE(writer.stats().degraded);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  writer.Flush();
  EXPECT_EQ(writer.stats().pending_records, 0);
  EXPECT_EQ(sink.table().size(), kThreads * kPuts + 1);
}

}  // namespace
}  // namespace mainstay::session
