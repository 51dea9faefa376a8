#include "session/sqlite_database.h"

#include <sqlite3.h>

#include <cstring>
#include <utility>

namespace mainstay::session {
namespace {

constexpr int kRetryMs = 5;
constexpr int kBusyMs = 2'000;  // another process may be starting or ending on the same files

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

}  // namespace

std::string_view BlobIn(sqlite3_stmt& statement, int column) {
  const void* bytes = sqlite3_column_blob(&statement, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(&statement, column));
  return bytes == nullptr ? "" : std::string_view(static_cast<const char*>(bytes), size);
}

void FinalizeStatement::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Database::~Database() {
  sqlite3_close(handle_);
}

MaybeFailure Database::Open(const std::string& file) {
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

void Database::Adopt() {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

MaybeFailure Database::Run(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? std::nullopt : MaybeFailure(FailureOf(code, "write"));
}

MaybeFailure Database::RunPatiently(const char* sql) {
  int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  for (int waited = 0; (code & 0xff) == SQLITE_BUSY && waited < kBusyMs; waited += kRetryMs) {
    sqlite3_sleep(kRetryMs);
    code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  }
  return code == SQLITE_OK ? std::nullopt : MaybeFailure(FailureOf(code, "write"));
}

void Database::Rollback() {
  // Some failures, of a full disk for one, have ended the transaction already.
  if (sqlite3_get_autocommit(handle_) == 0) {
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

MaybeFailure Database::Prepare(const char* sql, Statement& statement) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v2(handle_, sql, -1, &prepared, nullptr);
  statement.reset(prepared);
  return code == SQLITE_OK ? std::nullopt : MaybeFailure(FailureOf(code, "read"));
}

MaybeFailure Database::ReadOne(const char* sql, std::string_view parameter,
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

MaybeFailure Database::InsertMeta(std::string_view key, std::span<const uint8_t> value) {
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

void Database::CountLogPages(int& pages) {
  sqlite3_wal_hook(
      handle_,
      [](void* counter, sqlite3*, const char*, int count) {
        *static_cast<int*>(counter) = count;
        return SQLITE_OK;
      },
      &pages);
}

void Database::Checkpoint() {
  sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

Failure Database::FailureOf(int code, std::string_view what) const {
  std::string problem = "cannot ";
  problem += what;
  problem += " it: ";
  problem += sqlite3_errmsg(handle_);
  if (const int error = sqlite3_system_errno(handle_); error != 0) {
    problem += std::string(" (") + std::strerror(error) + ")";
  }
  return {.result = ResultOf(code), .problem = std::move(problem)};
}

}  // namespace mainstay::session
