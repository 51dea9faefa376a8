#include "session/sqlite_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace mainstay::session {
namespace {

// The version of the tables. A database of a higher one is refused, of a lower one is brought up to
// date; the first version has none before it.
constexpr int64_t kSchemaVersion = 1;

constexpr int kRetryMs = 5;
constexpr int kBusyMs = 2'000;  // another process may be starting or ending on the same files

// meta also holds a hash of the key: a flipped bit in a row is nothing that SQLite could notice.
constexpr char kCreate[] = R"(
    CREATE TABLE schema_version(version INTEGER NOT NULL);
    CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;)";
constexpr std::string_view kInstallKey = "install_key";
constexpr std::string_view kInstallKeyCheck = "install_key_check";

KeyedHash::Hex CheckOf(const HashKey& key) {
  return KeyedHash(key, kInstallKeyCheck).Hex16({});
}

std::span<const uint8_t> BytesOf(const KeyedHash::Hex& hex) {
  return {reinterpret_cast<const uint8_t*>(hex.data()), hex.size()};
}

// A failure on the way, which ends the opening.
struct Failure {
  OpenResult result = OpenResult::kUnusable;
  std::string problem;
};
using MaybeFailure = std::optional<Failure>;

// Damage is what SQLite calls so, and what a sound database of ours would not make it say: tables
// that are missing or of another form. All else is the file's surroundings.
OpenResult ResultOf(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
      return OpenResult::kDamaged;
    default:
      return OpenResult::kUnusable;
  }
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

// One connection to a database.
class Database final {
 public:
  Database() = default;
  ~Database() { sqlite3_close(handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  MaybeFailure Open(const std::string& file) {
    const int code = sqlite3_open_v2(file.c_str(), &handle_,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
    if (code != SQLITE_OK) {
      return FailureOf(code, "open");
    }
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, kBusyMs);
    // A database that is not to be used is closed as it was found, its write-ahead log included.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return std::nullopt;
  }

  // From now on closing tidies up, as it does by default.
  void Adopt() { sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr); }

  MaybeFailure Run(const char* sql) {
    const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? std::nullopt : MaybeFailure(FailureOf(code, "write"));
  }

  // As Run, for what SQLite refuses at once instead of waiting while another process has the file
  // open: changing the journal mode.
  MaybeFailure RunPatiently(const char* sql) {
    int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    for (int waited = 0; (code & 0xff) == SQLITE_BUSY && waited < kBusyMs; waited += kRetryMs) {
      sqlite3_sleep(kRetryMs);
      code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    }
    return code == SQLITE_OK ? std::nullopt : MaybeFailure(FailureOf(code, "write"));
  }

  // The first column of the first row, as bytes; nothing in `value` when there is no row.
  MaybeFailure ReadOne(const char* sql, std::string_view parameter,
                       std::optional<std::string>& value) {
    Statement statement;
    if (MaybeFailure failure = Prepare(sql, statement)) {
      return failure;
    }
    if (!parameter.empty()) {
      sqlite3_bind_text(statement.get(), 1, parameter.data(), static_cast<int>(parameter.size()),
                        SQLITE_STATIC);
    }
    const int code = sqlite3_step(statement.get());
    if (code == SQLITE_ROW) {
      // The size is asked for after the pointer, as the conversion may change it.
      const void* bytes = sqlite3_column_blob(statement.get(), 0);
      const auto size = static_cast<size_t>(sqlite3_column_bytes(statement.get(), 0));
      value = bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
      return std::nullopt;
    }
    value.reset();
    return code == SQLITE_DONE ? std::nullopt : MaybeFailure(FailureOf(code, "read"));
  }

  MaybeFailure InsertMeta(std::string_view key, std::span<const uint8_t> value) {
    Statement statement;
    if (MaybeFailure failure = Prepare("INSERT INTO meta(key, value) VALUES(?, ?)", statement)) {
      return failure;
    }
    sqlite3_bind_text(statement.get(), 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC);
    sqlite3_bind_blob(statement.get(), 2, value.data(), static_cast<int>(value.size()),
                      SQLITE_STATIC);
    const int code = sqlite3_step(statement.get());
    return code == SQLITE_DONE ? std::nullopt : MaybeFailure(FailureOf(code, "write"));
  }

 private:
  MaybeFailure Prepare(const char* sql, Statement& statement) {
    sqlite3_stmt* prepared = nullptr;
    const int code = sqlite3_prepare_v2(handle_, sql, -1, &prepared, nullptr);
    statement.reset(prepared);
    return code == SQLITE_OK ? std::nullopt : MaybeFailure(FailureOf(code, "read"));
  }

  Failure FailureOf(int code, std::string_view what) const {
    std::string problem = "cannot ";
    problem += what;
    problem += " it: ";
    problem += sqlite3_errmsg(handle_);
    if (const int error = sqlite3_system_errno(handle_); error != 0) {
      problem += std::string(" (") + std::strerror(error) + ")";
    }
    return {.result = ResultOf(code), .problem = std::move(problem)};
  }

  sqlite3* handle_ = nullptr;
};

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

// Makes the tables and the key, all or nothing. Called inside a transaction.
MaybeFailure Create(Database& database) {
  if (MaybeFailure failure = database.Run(kCreate)) {
    return failure;
  }
  const std::string insert =
      "INSERT INTO schema_version(version) VALUES(" + std::to_string(kSchemaVersion) + ")";
  if (MaybeFailure failure = database.Run(insert.c_str())) {
    return failure;
  }
  const HashKey key = HashKey::FromSystem();
  if (MaybeFailure failure = database.InsertMeta(kInstallKey, key.Expose())) {
    return failure;
  }
  return database.InsertMeta(kInstallKeyCheck, BytesOf(CheckOf(key)));
}

MaybeFailure CheckVersion(Database& database) {
  std::optional<std::string> count;
  std::optional<std::string> text;
  constexpr char kCount[] = "SELECT count(*) FROM schema_version WHERE typeof(version) = 'integer'";
  if (MaybeFailure failure = database.ReadOne(kCount, "", count)) {
    return failure;
  }
  if (MaybeFailure failure = database.ReadOne("SELECT version FROM schema_version", "", text)) {
    return failure;
  }
  const int64_t version = text ? std::strtoll(text->c_str(), nullptr, 10) : 0;
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

// Sees to it that the tables are there and of this version. Two processes that start at once get
// the same key, because the first to hold the write lock makes it.
MaybeFailure CreateOrCheck(Database& database) {
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
  const bool is_new = pages == "0" && tables == "0";
  MaybeFailure failure = is_new ? Create(database) : CheckVersion(database);
  return failure ? failure : database.Run("COMMIT");
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

class Store final : public StateStore {
 public:
  Store(std::unique_ptr<Database> database, const HashKey& install_key)
      : database_(std::move(database)), install_key_(install_key) {}

  Engine engine() const override { return Engine::kSqlite; }
  const HashKey& install_key() const override { return install_key_; }

 private:
  const std::unique_ptr<Database> database_;
  const HashKey install_key_;
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
  if (MaybeFailure failure = CreateOrCheck(database)) {
    return failure;
  }
  if (MaybeFailure failure = CheckWhole(database)) {
    return failure;
  }
  // A crash of the machine may lose the newest transactions with NORMAL, but breaks nothing.
  if (MaybeFailure failure = database.RunPatiently(
          "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024")) {
    return failure;
  }
  if (MaybeFailure failure = ReadKey(database, key)) {
    return failure;
  }
  database.Adopt();
  return std::nullopt;
}

}  // namespace

SqliteStore OpenSqliteStore(const std::string& file) {
  auto database = std::make_unique<Database>();
  std::optional<HashKey> key;
  if (MaybeFailure failure = OpenAll(file, *database, key)) {
    return {.result = failure->result, .problem = std::move(failure->problem)};
  }
  return {.result = OpenResult::kOpened,
          .store = std::make_unique<Store>(std::move(database), *key)};
}

}  // namespace mainstay::session
