#include "session/write_behind.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "session/signals_blocked.h"

namespace mainstay::session {
namespace {

using std::chrono::milliseconds;

// One transaction of random keys touches about one page for each record: at 4 KiB a page this keeps
// a transaction below 20 MiB of write-ahead log, and its time at some ten milliseconds.
constexpr size_t kTransactionRecordsMax = 4'096;
constexpr size_t kTransactionBytesMax = 4 << 20;

// A table that a burst has made larger than this is not kept for the next group.
constexpr size_t kPlacesKept = 16'384;

size_t BytesOf(const PendingRecord& record) {
  return kRecordOverheadBytes + (record.value ? record.value->size() : 0);
}

}  // namespace

size_t WriteBehind::IdHash::operator()(const Id& id) const {
  uint64_t half = 0;
  std::memcpy(&half, id.key.data(), sizeof half);
  return half + static_cast<uint64_t>(id.kind) * 0x9E3779B97F4A7C15;
}

WriteBehind::WriteBehind(RecordSink& sink, const WriteBehindOptions& options)
    : sink_(sink), options_(options) {
  const SignalsBlocked blocked;
  writer_ = std::thread([this] { Run(); });
}

WriteBehind::~WriteBehind() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  writer_.join();
}

void WriteBehind::Put(PendingRecord record) {
  const size_t bytes = BytesOf(record);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (bytes > options_.gathered_bytes_max ||
        (record.value && record.value->size() > kRecordValueBytesMax)) {
      ++stats_.records_dropped;
      return;
    }
    const auto [place, is_new] = gathered_.places.try_emplace(
        Id{.kind = record.kind, .key = record.key}, gathered_.given_up + gathered_.records.size());
    gathered_.bytes += bytes;
    if (is_new) {
      gathered_.records.push_back(std::move(record));
    } else {
      PendingRecord& earlier = gathered_.records[place->second - gathered_.given_up];
      gathered_.bytes -= BytesOf(earlier);
      std::swap(earlier.value, record.value);  // the old value is freed after the lock
    }
    while (gathered_.bytes > options_.gathered_bytes_max) {
      GiveUpOldest();
    }
    wake = std::exchange(is_asleep_, false) ||
           (is_new && gathered_.records.size() == options_.gathered_records_enough);
  }
  if (wake) {
    wake_.notify_one();
  }
}

void WriteBehind::GiveUpOldest() {
  const PendingRecord& oldest = gathered_.records.front();
  gathered_.bytes -= BytesOf(oldest);
  gathered_.places.erase(Id{.kind = oldest.kind, .key = oldest.key});
  gathered_.records.pop_front();
  ++gathered_.given_up;
  ++stats_.records_dropped;
}

void WriteBehind::Flush() {
  std::unique_lock lock(mutex_);
  const int64_t target = taken_number_ + (gathered_.records.empty() ? 0 : 1);
  const int64_t failures_before = stats_.failures;
  if (finished_ >= target) {
    return;
  }
  flush_target_ = std::max(flush_target_, target);
  wake_.notify_one();
  finished_one_.wait(lock,
                     [&] { return finished_ >= target || stats_.failures != failures_before; });
}

StoreStats WriteBehind::stats() const {
  const std::lock_guard lock(mutex_);
  StoreStats stats = stats_;
  stats.pending_records = taken_left_ + static_cast<int64_t>(gathered_.records.size());
  return stats;
}

void WriteBehind::Run() {
  pthread_setname_np(pthread_self(), "state");
  std::unique_lock lock(mutex_);
  while (true) {
    is_asleep_ = gathered_.records.empty();
    wake_.wait(lock, [this] { return !gathered_.records.empty() || stopping_; });
    is_asleep_ = false;
    if (gathered_.records.empty()) {
      return;
    }
    wake_.wait_for(lock, options_.flush_interval / 2,
                   [this] { return IsAwaited() || HasEnough(); });
    Take();
    WriteWithRetries(lock);
    finished_ = taken_number_;
    finished_one_.notify_all();
  }
}

// Swaps the two groups; called with the lock. What is slow about it is done without.
void WriteBehind::Take() {
  std::swap(gathered_, taken_);
  taken_left_ = static_cast<int64_t>(taken_.records.size());
  ++taken_number_;
}

// Called and left with the lock, as WriteTaken is.
void WriteBehind::WriteWithRetries(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  taken_written_ = 0;
  taken_order_.clear();
  for (const PendingRecord& record : taken_.records) {
    taken_order_.push_back(&record);
  }
  const auto unordered = std::partition(
      taken_order_.begin(), taken_order_.end(),
      [this](const PendingRecord* record) { return sink_.WantsOrder(record->kind); });
  std::ranges::sort(taken_order_.begin(), unordered, {}, [](const PendingRecord* record) {
    return std::tie(record->kind, record->key);
  });
  lock.lock();
  milliseconds pause = options_.retry_first;
  while (!WriteTaken(lock)) {
    if (stopping_) {
      GiveUpTaken();
      break;
    }
    wake_.wait_for(lock, pause, [this] { return IsAwaited(); });
    pause = std::min(pause * 2, options_.retry_max);
  }
  lock.unlock();
  if (taken_.places.bucket_count() > kPlacesKept) {
    taken_ = Group();
    taken_order_ = {};
  } else {
    taken_.records.clear();
    taken_.places.clear();
    taken_.given_up = 0;
    taken_.bytes = 0;
  }
  lock.lock();
}

// Returns whether all of the group is written now.
bool WriteBehind::WriteTaken(std::unique_lock<std::mutex>& lock) {
  while (taken_written_ < taken_order_.size()) {
    lock.unlock();
    const std::span<const PendingRecord* const> records = NextTransaction();
    std::optional<std::string> problem = sink_.Write(records);
    lock.lock();
    stats_.degraded = problem.has_value();
    stats_.problem = std::move(problem).value_or("");
    if (stats_.degraded) {
      ++stats_.failures;
      // Those who wait are told by the failure, and are not to make the next attempts urgent.
      flush_target_ = 0;
      finished_one_.notify_all();
      return false;
    }
    ++stats_.commits;
    stats_.records_written += static_cast<int64_t>(records.size());
    taken_left_ -= static_cast<int64_t>(records.size());
    taken_written_ += records.size();
  }
  return true;
}

std::span<const PendingRecord* const> WriteBehind::NextTransaction() const {
  const auto rest = std::span(taken_order_).subspan(taken_written_);
  size_t count = 0;
  size_t bytes = 0;
  while (count < std::min(rest.size(), kTransactionRecordsMax) && bytes < kTransactionBytesMax) {
    bytes += BytesOf(*rest[count++]);
  }
  return rest.first(count);
}

// At the end: neither the group nor what has gathered behind it will be written.
void WriteBehind::GiveUpTaken() {
  stats_.records_dropped += std::exchange(taken_left_, 0);
  while (!gathered_.records.empty()) {
    GiveUpOldest();
  }
}

}  // namespace mainstay::session
