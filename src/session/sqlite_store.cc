#include "session/sqlite_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/flat_map.h"
#include "session/checkpointer.h"
#include "session/record_fields.h"
#include "session/record_log.h"
#include "session/write_behind.h"

namespace mainstay::session {
namespace {

// meta also holds a hash of the key: a flipped bit in a row is nothing that SQLite could notice.
constexpr char kVersion1[] = R"(
    CREATE TABLE schema_version(version INTEGER NOT NULL);
    CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    INSERT INTO schema_version(version) VALUES(1);)";

// From version N to N + 1, N = 1 first: each is fixed for good once it was released. A database of
// a higher version than the last one is refused.
constexpr const char* kMigrations[] = {
    // Without rows' numbers a change touches one page and not two. checksum is of the whole record,
    // for the reason why meta has one.
    R"(CREATE TABLE record(
           kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, checksum INTEGER NOT NULL,
           PRIMARY KEY(kind, key)) WITHOUT ROWID;
       UPDATE schema_version SET version = 2;)",
    // Records that change with each request: record_log.h.
    R"(CREATE TABLE log(id INTEGER PRIMARY KEY, records BLOB NOT NULL);
       UPDATE schema_version SET version = 3;)",
};
constexpr int64_t kSchemaVersion = 1 + std::ssize(kMigrations);

// Pages of 4 KiB in the log. From the first number on it is moved into the database beside the
// writer. When commits follow each other so closely that this never gets to the end, the writer
// moves the rest itself: from the second number on when that is little, because a pass has just
// ended, and from the third on in any case.
constexpr int kLogPagesBeside = 1'000;
constexpr int kLogPagesRest = 8'000;
constexpr int kLogPagesMax = 16'000;

// journal_size_limit: the file of the log does not stay larger after a burst.
constexpr char kSettings[] =
    "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -4096;"
    // A crash of the machine may lose the newest transactions with NORMAL, but breaks nothing.
    "PRAGMA synchronous = NORMAL";

constexpr std::string_view kInstallKey = "install_key";
constexpr std::string_view kInstallKeyCheck = "install_key_check";

KeyedHash::Hex CheckOf(const HashKey& key) {
  return KeyedHash(key, kInstallKeyCheck).Hex16({});
}

std::span<const uint8_t> BytesOf(const KeyedHash::Hex& hex) {
  return {reinterpret_cast<const uint8_t*>(hex.data()), hex.size()};
}

// Of all three parts, so that no value can pass for that of another key.
int64_t ChecksumOf(RecordKind kind, const RecordKey& key, std::string_view value) {
  return static_cast<uint32_t>(session::ChecksumOf(key, value) + static_cast<uint32_t>(kind));
}

Failure Damage(std::string problem) {
  return {.result = OpenResult::kDamaged, .problem = std::move(problem)};
}

// Makes the file with its mode before SQLite does; -wal and -shm take theirs from it.
MaybeFailure PrepareFile(const std::string& file) {
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) {
    return Failure{.problem = std::string("cannot open it: ") + std::strerror(errno)};
  }
  struct stat status{};
  const bool is_fine = fstat(fd, &status) == 0 &&
                       ((status.st_mode & 0777) == 0600 || fchmod(fd, S_IRUSR | S_IWUSR) == 0);
  const int error = errno;
  close(fd);
  if (!is_fine) {
    return Failure{.problem = std::string("cannot set its mode: ") + std::strerror(error)};
  }
  // SQLite takes a file without a whole head for an empty one and would write over it.
  constexpr off_t kSmallestPageBytes = 512;
  if (status.st_size > 0 && status.st_size < kSmallestPageBytes) {
    return Damage("it has only " + std::to_string(status.st_size) + " bytes");
  }
  return std::nullopt;
}

MaybeFailure CheckWhole(Database& database) {
  std::optional<std::string> verdict;
  if (MaybeFailure failure = database.ReadOne("PRAGMA quick_check(1)", "", verdict)) {
    return failure;
  }
  if (verdict != "ok") {
    return Damage("its check says: " + verdict.value_or("nothing"));
  }
  return std::nullopt;
}

MaybeFailure ReadVersion(Database& database, int64_t& version) {
  std::optional<std::string> count;
  std::optional<std::string> text;
  constexpr char kCount[] = "SELECT count(*) FROM schema_version WHERE typeof(version) = 'integer'";
  if (MaybeFailure failure = database.ReadOne(kCount, "", count)) {
    return failure;
  }
  if (MaybeFailure failure = database.ReadOne("SELECT version FROM schema_version", "", text)) {
    return failure;
  }
  version = text ? std::strtoll(text->c_str(), nullptr, 10) : 0;
  if (count != "1" || version < 1) {
    return Damage("it has no version");
  }
  if (version > kSchemaVersion) {
    return Failure{.result = OpenResult::kTooNew,
                   .problem = "its tables are of version " + std::to_string(version) +
                              ", this program knows them up to " + std::to_string(kSchemaVersion)};
  }
  return std::nullopt;
}

// Brings the tables from this version to the current one. Called inside a transaction.
MaybeFailure MigrateFrom(Database& database, int64_t version) {
  for (; version < kSchemaVersion; ++version) {
    if (MaybeFailure failure = database.Run(kMigrations[version - 1])) {
      return failure;
    }
  }
  return std::nullopt;
}

// Makes the tables and the key, all or nothing. Called inside a transaction.
MaybeFailure Create(Database& database) {
  if (MaybeFailure failure = database.Run(kVersion1)) {
    return failure;
  }
  const HashKey key = HashKey::FromSystem();
  if (MaybeFailure failure = database.InsertMeta(kInstallKey, key.Expose())) {
    return failure;
  }
  if (MaybeFailure failure = database.InsertMeta(kInstallKeyCheck, BytesOf(CheckOf(key)))) {
    return failure;
  }
  return MigrateFrom(database, 1);
}

// Sees to it that the tables are there and of a version that is known. Two processes that start at
// once get the same key, because the first to hold the write lock makes it.
MaybeFailure CreateOrCheck(Database& database, int64_t& version) {
  // Only a file without a page is new: tables that have vanished are damage, and nothing is written
  // over that. This is asked before the transaction, which adds the first page.
  std::optional<std::string> pages;
  if (MaybeFailure failure = database.ReadOne("PRAGMA page_count", "", pages)) {
    return failure;
  }
  if (MaybeFailure failure = database.Run("BEGIN IMMEDIATE")) {
    return failure;
  }
  std::optional<std::string> tables;
  if (MaybeFailure failure = database.ReadOne("SELECT count(*) FROM sqlite_schema", "", tables)) {
    return failure;
  }
  if (pages == "0" && tables == "0") {
    if (MaybeFailure failure = Create(database)) {
      return failure;
    }
  }
  if (MaybeFailure failure = ReadVersion(database, version)) {
    return failure;
  }
  return database.Run("COMMIT");
}

// Called after the check: what is damaged is set aside as it was.
MaybeFailure Migrate(Database& database) {
  if (MaybeFailure failure = database.Run("BEGIN IMMEDIATE")) {
    return failure;
  }
  // Another process may have done it, or may be of a later version.
  int64_t version = 0;
  if (MaybeFailure failure = ReadVersion(database, version)) {
    return failure;
  }
  if (MaybeFailure failure = MigrateFrom(database, version)) {
    return failure;
  }
  return database.Run("COMMIT");
}

MaybeFailure ReadKey(Database& database, std::optional<HashKey>& key) {
  constexpr char kSelect[] = "SELECT value FROM meta WHERE key = ?";
  std::optional<std::string> bytes;
  std::optional<std::string> check;
  if (MaybeFailure failure = database.ReadOne(kSelect, kInstallKey, bytes)) {
    return failure;
  }
  if (MaybeFailure failure = database.ReadOne(kSelect, kInstallKeyCheck, check)) {
    return failure;
  }
  if (!bytes || !check || bytes->size() != HashKey::kBytes) {
    return Damage("it has no key");
  }
  key.emplace(std::span<const uint8_t, HashKey::kBytes>(
      reinterpret_cast<const uint8_t*>(bytes->data()), HashKey::kBytes));
  if (!std::ranges::equal(*check, CheckOf(*key))) {
    return Damage("its key is not the one that was written");
  }
  return std::nullopt;
}

// Writes records, on the thread of the WriteBehind.
class Sink final : public RecordSink {
 public:
  explicit Sink(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  // Called once, first. Fails when the table is missing or of another form. Throws
  // std::system_error when there is no thread to be had.
  MaybeFailure Start(const std::string& file) {
    constexpr char kPut[] = "REPLACE INTO record(kind, key, value, checksum) VALUES(?, ?, ?, ?)";
    constexpr char kErase[] = "DELETE FROM record WHERE kind = ? AND key = ?";
    if (MaybeFailure failure = database_->Prepare(kPut, put_)) {
      return failure;
    }
    if (MaybeFailure failure = database_->Prepare(kErase, erase_)) {
      return failure;
    }
    if (MaybeFailure failure = log_.Start(*database_)) {
      return failure;
    }
    database_->CountLogPages(log_pages_);
    return checkpointer_.Start(file);
  }

  RecordLog& log() { return log_; }

  // From now on the end leaves one file.
  void Adopt() { database_->Adopt(); }

  bool WantsOrder(RecordKind kind) const override { return !RecordLog::Keeps(kind); }

  std::optional<std::string> Write(std::span<const PendingRecord* const> records) override {
    MaybeFailure failure = WriteOrFail(records);
    if (failure) {
      database_->Rollback();
      log_.RolledBack();
      return std::move(failure->problem);
    }
    log_.Committed();
    ShortenLog();
    return std::nullopt;
  }

 private:
  MaybeFailure WriteOrFail(std::span<const PendingRecord* const> records) {
    // IMMEDIATE: what another process holds is waited for here, where waiting helps.
    if (MaybeFailure failure = database_->Run("BEGIN IMMEDIATE")) {
      return failure;
    }
    for (const PendingRecord* record : records) {
      if (RecordLog::Keeps(record->kind)) {
        log_.Stage(record->key, record->value ? &*record->value : nullptr);
      } else if (MaybeFailure failure = WriteOne(*record)) {
        return failure;
      }
    }
    if (MaybeFailure failure = log_.Write()) {
      return failure;
    }
    return database_->Run("COMMIT");
  }

  MaybeFailure WriteOne(const PendingRecord& record) {
    sqlite3_stmt* statement = record.value ? put_.get() : erase_.get();
    sqlite3_bind_int64(statement, 1, static_cast<int64_t>(record.kind));
    sqlite3_bind_blob(statement, 2, record.key.data(), static_cast<int>(record.key.size()),
                      SQLITE_STATIC);
    if (record.value) {
      // A null pointer, which an empty text may have, would be NULL and not an empty value.
      const std::string& value = *record.value;
      sqlite3_bind_blob64(statement, 3, value.c_str(), value.size(), SQLITE_STATIC);
      sqlite3_bind_int64(statement, 4, ChecksumOf(record.kind, record.key, value));
    }
    const int code = sqlite3_step(statement);
    MaybeFailure failure;
    if (code != SQLITE_DONE) {
      failure = database_->FailureOf(code, "write");
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);  // they point into the record
    return failure;
  }

  void ShortenLog() {
    if (log_pages_ < kLogPagesBeside) {
      return;
    }
    if (log_pages_ >= kLogPagesMax) {
      checkpointer_.AwaitIdle();
    }
    if (log_pages_ >= kLogPagesRest && checkpointer_.is_idle()) {
      database_->Checkpoint();
    } else {
      checkpointer_.Wake();
    }
  }

  const std::unique_ptr<Database> database_;
  Statement put_;
  Statement erase_;
  RecordLog log_;
  int log_pages_ = 0;          // after the newest commit
  Checkpointer checkpointer_;  // last: its connection closes before the one that tidies up
};

class Store final : public StateStore {
 public:
  Store(std::string file, const HashKey& install_key, std::unique_ptr<Sink> sink,
        std::chrono::milliseconds flush_interval)
      : file_(std::move(file)),
        install_key_(install_key),
        sink_(std::move(sink)),
        writer_(*sink_, {.flush_interval = flush_interval}) {}

  Engine engine() const override { return Engine::kSqlite; }
  const HashKey& install_key() const override { return install_key_; }

  void Put(RecordKind kind, const RecordKey& key, std::string_view value) override {
    writer_.Put({.kind = kind, .key = key, .value = std::string(value)});
  }
  void Erase(RecordKind kind, const RecordKey& key) override {
    writer_.Put({.kind = kind, .key = key, .value = std::nullopt});
  }
  void Flush() override { writer_.Flush(); }

  void Load(RecordKind kind, const Visitor& visit) override {
    // A connection of its own: it reads beside the writer, and its cache goes with it.
    Database database;
    MaybeFailure failure = database.Open(file_);
    if (!failure) {
      failure = LoadFrom(database, kind, visit);
    }
    if (!failure && RecordLog::Keeps(kind)) {
      int64_t damaged = 0;
      failure = sink_->log().Load(database, visit, damaged);
      records_damaged_.fetch_add(damaged, std::memory_order_relaxed);
    }
    if (failure) {
      load_failures_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  StoreStats stats() const override {
    StoreStats stats = writer_.stats();
    stats.failures += load_failures_.load(std::memory_order_relaxed);
    stats.records_damaged = records_damaged_.load(std::memory_order_relaxed);
    return stats;
  }

 private:
  MaybeFailure LoadFrom(Database& database, RecordKind kind, const Visitor& visit) {
    Statement statement;
    constexpr char kSelect[] = "SELECT key, value, checksum FROM record WHERE kind = ?";
    if (MaybeFailure failure = database.Prepare(kSelect, statement)) {
      return failure;
    }
    sqlite3_bind_int64(statement.get(), 1, static_cast<int64_t>(kind));
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
      const std::string_view key_text = BlobIn(*statement, 0);
      const std::string_view value = BlobIn(*statement, 1);
      RecordKey key{};
      const bool is_whole = key_text.size() == key.size();
      if (is_whole) {
        std::memcpy(key.data(), key_text.data(), key.size());
      }
      if (!is_whole || sqlite3_column_int64(statement.get(), 2) != ChecksumOf(kind, key, value)) {
        records_damaged_.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      visit(key, value);
    }
    return code == SQLITE_DONE ? std::nullopt : MaybeFailure(database.FailureOf(code, "read"));
  }

  const std::string file_;
  const HashKey install_key_;
  std::atomic<int64_t> load_failures_{0};
  std::atomic<int64_t> records_damaged_{0};
  const std::unique_ptr<Sink> sink_;
  WriteBehind writer_;  // last: it writes into the sink until it is gone
};

MaybeFailure OpenAll(const std::string& file, Database& database, std::optional<HashKey>& key) {
  if (MaybeFailure failure = PrepareFile(file)) {
    return failure;
  }
  if (MaybeFailure failure = database.Open(file)) {
    return failure;
  }
  // The version comes before the check and before the journal mode, because a database of a later
  // version is not even read further.
  int64_t version = 0;
  if (MaybeFailure failure = CreateOrCheck(database, version)) {
    return failure;
  }
  // 0.2 s for a million pins (state_store_bench.cc), less than remembering when it is needed.
  if (MaybeFailure failure = CheckWhole(database)) {
    return failure;
  }
  if (MaybeFailure failure = database.RunPatiently(kSettings)) {
    return failure;
  }
  if (MaybeFailure failure = ReadKey(database, key)) {
    return failure;
  }
  return version < kSchemaVersion ? Migrate(database) : std::nullopt;
}

}  // namespace

SqliteStore OpenSqliteStore(const std::string& file, std::chrono::milliseconds flush_interval) {
  auto database = std::make_unique<Database>();
  std::optional<HashKey> key;
  if (MaybeFailure failure = OpenAll(file, *database, key)) {
    return {.result = failure->result, .problem = std::move(failure->problem)};
  }
  auto sink = std::make_unique<Sink>(std::move(database));
  try {
    if (MaybeFailure failure = sink->Start(file)) {
      return {.result = failure->result, .problem = std::move(failure->problem)};
    }
    sink->Adopt();
    return {.result = OpenResult::kOpened,
            .store = std::make_unique<Store>(file, *key, std::move(sink), flush_interval)};
  } catch (const std::system_error& error) {
    return {.problem = std::string("there is no thread to write it: ") + error.what()};
  }
}

}  // namespace mainstay::session
