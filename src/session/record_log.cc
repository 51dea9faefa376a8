#include "session/record_log.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/little_endian.h"
#include "session/record_fields.h"

namespace mainstay::session {
namespace {

// size, checksum, key
constexpr size_t kHeadBytes = 4 + 4 + sizeof(RecordKey);
constexpr uint32_t kErased = UINT32_MAX;
// A row costs about so much beside its records: short ones are to be joined.
constexpr int64_t kRowBytes = 512;
// The log may be so much longer than twice of what counts.
constexpr int64_t kSlackBytes = 8 << 20;
// Of old rows, with one transaction: about a millisecond. A transaction that is long by itself goes
// through a multiple of its own size, because the log would outgrow what gives way: as long as the
// half of it counts, two bytes are to be read for each new one, and more where much of it counts.
constexpr int64_t kAgainBytesMax = 512 << 10;
constexpr int64_t kAgainPerNewByte = 4;
// More than this is not kept for the next transaction.
constexpr size_t kBatchBytesKept = 4 << 20;

struct LogRecord {
  RecordKey key{};
  std::optional<std::string_view> value;  // nothing: erased

  uint32_t bytes() const { return value ? static_cast<uint32_t>(kHeadBytes + value->size()) : 0; }
};

// Takes one record from the beginning. False at the end, and when the rest is damaged: then
// something is left.
bool TakeRecord(std::string_view& from, LogRecord& out) {
  std::string_view rest = from;
  uint32_t size = 0;
  uint32_t checksum = 0;
  if (!TakeLittleEndian(rest, size) || !TakeLittleEndian(rest, checksum) ||
      rest.size() < sizeof out.key) {
    return false;
  }
  std::memcpy(out.key.data(), rest.data(), sizeof out.key);
  rest.remove_prefix(sizeof out.key);
  const size_t bytes = size == kErased ? 0 : size;
  if (rest.size() < bytes) {
    return false;
  }
  const std::string_view value = rest.substr(0, bytes);
  if (checksum != (ChecksumOf(out.key, value) ^ (size == kErased ? 1 : 0))) {
    return false;
  }
  out.value = size == kErased ? std::nullopt : std::optional(value);
  from = rest.substr(bytes);
  return true;
}

}  // namespace

size_t RecordLog::KeyHash::operator()(const RecordKey& key) const {
  size_t hash = 0;
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash;
}

MaybeFailure RecordLog::Start(Database& database) {
  database_ = &database;
  if (auto failure = database.Prepare("INSERT INTO log(id, records) VALUES(?, ?)", insert_)) {
    return failure;
  }
  if (auto failure = database.Prepare(
          "SELECT id, records FROM log WHERE id >= ? ORDER BY id LIMIT 1", read_)) {
    return failure;
  }
  if (auto failure = database.Prepare("DELETE FROM log WHERE id = ?", remove_)) {
    return failure;
  }
  std::optional<std::string> newest;
  if (auto failure = database.ReadOne("SELECT max(id) FROM log", "", newest)) {
    return failure;
  }
  next_row_ = newest && !newest->empty() ? std::stoll(*newest) + 1 : 1;
  return std::nullopt;
}

void RecordLog::AppendRecord(const RecordKey& key, const std::string_view* value,
                             std::string& out) {
  const std::string_view text = value == nullptr ? std::string_view() : *value;
  AppendLittleEndian(value == nullptr ? kErased : static_cast<uint32_t>(text.size()), out);
  AppendLittleEndian(ChecksumOf(key, text) ^ (value == nullptr ? 1U : 0U), out);
  out.append(TextOf(key));
  out.append(text);
}

void RecordLog::Stage(const RecordKey& key, const std::string* value) {
  if (value == nullptr) {
    const std::lock_guard lock(mutex_);
    if (knows_all_ && !index_.contains(key) && !IsStaged(key)) {
      // It was never here, unless another process has just brought it.
      unknown_.push_back(key);
      return;
    }
  }
  const size_t before = batch_.size();
  const std::string_view text = value == nullptr ? std::string_view() : *value;
  AppendRecord(key, value == nullptr ? nullptr : &text, batch_);
  staged_.push_back(
      {.key = key, .bytes = value == nullptr ? 0 : static_cast<uint32_t>(batch_.size() - before)});
}

// The keys are gathered when this is asked, which is seldom.
bool RecordLog::IsStaged(const RecordKey& key) {
  for (; staged_keys_known_ < staged_.size(); ++staged_keys_known_) {
    staged_keys_.try_emplace(staged_[staged_keys_known_].key);
  }
  return staged_keys_.contains(key);
}

void RecordLog::ClearStaged() {
  if (batch_.capacity() > kBatchBytesKept) {
    batch_ = std::string();
  }
  batch_.clear();
  staged_.clear();
  staged_keys_.clear();
  staged_keys_known_ = 0;
  unknown_.clear();
  removed_.clear();
  removed_bytes_ = 0;
}

// As it would be after this transaction, but for what stops to count with it.
bool RecordLog::IsTooLong() const {
  const auto rows = static_cast<int64_t>(rows_.size() - removed_.size());
  const int64_t bytes = bytes_ - removed_bytes_ + static_cast<int64_t>(batch_.size());
  return knows_all_ && rows > 1 && bytes + rows * kRowBytes > 2 * live_ + kSlackBytes;
}

// The first row from this number on; 0 when there is none. What it gives lives until read_ is
// reset, which is the caller's business.
MaybeFailure RecordLog::ReadRow(int64_t from, int64_t& row, std::string_view& records) {
  sqlite3_bind_int64(read_.get(), 1, from);
  const int code = sqlite3_step(read_.get());
  row = 0;
  if (code == SQLITE_ROW) {
    row = sqlite3_column_int64(read_.get(), 0);
    records = BlobIn(*read_, 1);
    return std::nullopt;
  }
  MaybeFailure failure;
  if (code != SQLITE_DONE) {
    failure = database_->FailureOf(code, "read");
  }
  sqlite3_reset(read_.get());
  return failure;
}

// Rows that another process has written since. They are there whatever becomes of this transaction.
MaybeFailure RecordLog::AdoptOthers() {
  const int64_t before = next_row_;
  int64_t row = 0;
  std::string_view records;
  while (true) {
    if (MaybeFailure failure = ReadRow(next_row_, row, records)) {
      return failure;
    }
    if (row == 0) {
      break;
    }
    const auto bytes = static_cast<int64_t>(records.size());
    for (LogRecord record; TakeRecord(records, record);) {
      Note(record.key, {.row = row, .bytes = record.bytes()});
    }
    sqlite3_reset(read_.get());
    rows_.emplace(row, bytes);
    bytes_ += bytes;
    next_row_ = row + 1;
  }
  if (next_row_ == before) {
    return std::nullopt;
  }
  for (const RecordKey& key : unknown_) {
    // What is staged of it came after this.
    if (index_.contains(key) && !IsStaged(key)) {
      AppendRecord(key, nullptr, batch_);
      staged_.push_back({.key = key, .bytes = 0});
    }
  }
  if (MaybeFailure failure = ReadRow(0, row, records)) {
    return failure;
  }
  sqlite3_reset(read_.get());
  DropBefore(row);
  return std::nullopt;
}

// The first row that is still there: those before it have given way in another process.
void RecordLog::DropBefore(int64_t row) {
  while (!rows_.empty() && rows_.begin()->first < row) {
    bytes_ -= rows_.begin()->second;
    rows_.erase(rows_.begin());
  }
}

// What still counts in the oldest rows goes behind what was staged; the rows go.
MaybeFailure RecordLog::WriteOldestAgain() {
  const int64_t read_max =
      std::max(kAgainBytesMax, kAgainPerNewByte * static_cast<int64_t>(batch_.size()));
  int64_t from = 0;
  for (int64_t read = 0; read < read_max && IsTooLong();) {
    int64_t row = 0;
    std::string_view records;
    if (MaybeFailure failure = ReadRow(from, row, records)) {
      return failure;
    }
    if (row == 0) {
      return std::nullopt;
    }
    if (from == 0) {
      DropBefore(row);
    }
    read += static_cast<int64_t>(records.size()) + kRowBytes;
    StageLiveOf(row, records);
    sqlite3_reset(read_.get());
    if (MaybeFailure failure = Remove(row)) {
      return failure;
    }
    if (const auto known = rows_.find(row); known != rows_.end()) {
      removed_.push_back(row);
      removed_bytes_ += known->second;
    }
    from = row + 1;
  }
  return std::nullopt;
}

void RecordLog::StageLiveOf(int64_t row, std::string_view records) {
  std::vector<LogRecord> live;
  for (LogRecord record; TakeRecord(records, record);) {
    const auto found = index_.find(record.key);
    if (record.value && found != index_.end() && found->second.row == row &&
        !IsStaged(record.key)) {
      live.push_back(record);
    }
  }
  // Only now, so that of two records of a key the later one is not taken for staged already.
  for (const LogRecord& record : live) {
    AppendRecord(record.key, &*record.value, batch_);
    staged_.push_back({.key = record.key, .bytes = record.bytes()});
  }
}

MaybeFailure RecordLog::Remove(int64_t row) {
  sqlite3_bind_int64(remove_.get(), 1, row);
  const int code = sqlite3_step(remove_.get());
  MaybeFailure failure;
  if (code != SQLITE_DONE) {
    failure = database_->FailureOf(code, "write");
  }
  sqlite3_reset(remove_.get());
  return failure;
}

MaybeFailure RecordLog::Insert() {
  sqlite3_bind_int64(insert_.get(), 1, next_row_);
  sqlite3_bind_blob64(insert_.get(), 2, batch_.data(), batch_.size(), SQLITE_STATIC);
  const int code = sqlite3_step(insert_.get());
  MaybeFailure failure;
  if (code != SQLITE_DONE) {
    failure = database_->FailureOf(code, "write");
  }
  sqlite3_reset(insert_.get());
  sqlite3_clear_bindings(insert_.get());
  return failure;
}

MaybeFailure RecordLog::Write() {
  const std::lock_guard lock(mutex_);
  if (staged_.empty() && unknown_.empty()) {
    return std::nullopt;
  }
  if (MaybeFailure failure = AdoptOthers()) {
    return failure;
  }
  if (staged_.empty()) {
    return std::nullopt;
  }
  if (MaybeFailure failure = WriteOldestAgain()) {
    return failure;
  }
  return Insert();
}

// The newest record of a key.
void RecordLog::Note(const RecordKey& key, Place place) {
  // What is erased is remembered only until it is clear what it has to hide.
  if (place.bytes > 0 || is_learning_) {
    Place& known = index_[key];
    live_ += int64_t{place.bytes} - int64_t{known.bytes};
    known = place;
  } else if (const auto found = index_.find(key); found != index_.end()) {
    live_ -= found->second.bytes;
    index_.erase(found);
  }
}

void RecordLog::Committed() {
  const std::lock_guard lock(mutex_);
  if (staged_.empty()) {
    ClearStaged();
    return;
  }
  has_written_ = true;
  for (const Staged& one : staged_) {
    Note(one.key, {.row = next_row_, .bytes = one.bytes});
  }
  for (const int64_t gone : removed_) {
    rows_.erase(gone);
  }
  const auto bytes = static_cast<int64_t>(batch_.size());
  rows_.emplace(next_row_++, bytes);
  bytes_ += bytes - removed_bytes_;
  ClearStaged();
}

void RecordLog::RolledBack() {
  ClearStaged();
}

MaybeFailure RecordLog::Load(Database& database, const StateStore::Visitor& visit,
                             int64_t& damaged) {
  int64_t rows_end = 0;
  bool is_learning = false;
  {
    const std::lock_guard lock(mutex_);
    is_learning = !has_written_ && !knows_all_;
    is_learning_ = is_learning;
    rows_end = next_row_;
  }
  Index newest;
  std::map<int64_t, int64_t> rows;
  MaybeFailure failure = Read(database, visit, damaged, newest, rows);
  if (is_learning) {
    const std::lock_guard lock(mutex_);
    if (!failure) {
      Learn(std::move(newest), rows, rows_end);
    }
    is_learning_ = false;
    erase_if(index_, [](const auto& entry) { return entry.second.bytes == 0; });
  }
  return failure;
}

MaybeFailure RecordLog::Read(Database& database, const StateStore::Visitor& visit, int64_t& damaged,
                             Index& newest, std::map<int64_t, int64_t>& rows) {
  Statement statement;
  if (auto failure = database.Prepare("SELECT id, records FROM log ORDER BY id DESC", statement)) {
    return failure;
  }
  std::vector<LogRecord> records;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    const int64_t id = sqlite3_column_int64(statement.get(), 0);
    std::string_view rest = BlobIn(*statement, 1);
    rows.emplace(id, static_cast<int64_t>(rest.size()));
    records.clear();
    for (LogRecord record; TakeRecord(rest, record);) {
      records.push_back(record);
    }
    damaged += rest.empty() ? 0 : 1;
    for (size_t i = records.size(); i-- > 0;) {
      const LogRecord& record = records[i];
      const Place place{.row = id, .bytes = record.bytes()};
      if (newest.emplace(record.key, place).second && record.value) {
        visit(record.key, *record.value);
      }
    }
  }
  return code == SQLITE_DONE ? std::nullopt : MaybeFailure(database.FailureOf(code, "read"));
}

// Joins what was read with what was written meanwhile, which is known better. Of the rows only
// those before `rows_end` are news: Committed or AdoptOthers counts the others.
void RecordLog::Learn(Index newest, const std::map<int64_t, int64_t>& rows, int64_t rows_end) {
  const Index own = std::exchange(index_, std::move(newest));
  for (const auto& [key, place] : own) {
    index_[key] = place;
  }
  live_ = 0;
  for (const auto& [key, place] : index_) {
    live_ += place.bytes;
  }
  for (const auto& [row, bytes] : rows) {
    if (row < rows_end && rows_.emplace(row, bytes).second) {
      bytes_ += bytes;
    }
  }
  knows_all_ = true;
}

RecordLog::Size RecordLog::size() const {
  const std::lock_guard lock(mutex_);
  return {.bytes = bytes_, .live = live_, .rows = static_cast<int64_t>(rows_.size())};
}

}  // namespace mainstay::session
