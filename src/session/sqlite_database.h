#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// Of <sqlite3.h>, which only the sources include.
struct sqlite3;
struct sqlite3_stmt;

namespace mainstay::session {

// What opening a database came to. The difference is what has to follow.
enum class OpenResult : uint8_t {
  kOpened,
  kDamaged,   // what is in the file makes no sense: set it aside
  kTooNew,    // a later version wrote it: leave it alone
  kUnusable,  // the file cannot be used, whatever is in it: rights, space, locks, hardware
};

// A failure of a call to SQLite, sorted by what has to follow.
struct Failure {
  OpenResult result = OpenResult::kUnusable;
  std::string problem;
};
using MaybeFailure = std::optional<Failure>;

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const;
};
// Must be gone before its database.
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// A column of the row that the statement stands at, until its next step.
std::string_view BlobIn(sqlite3_stmt& statement, int column);

// One connection to a database. Any thread, one call at a time. Blocking: every call but the
// constructor waits for the disk, and up to 2 s for another process that holds a lock.
class Database final {
 public:
  Database() = default;
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // The file must exist. As long as Adopt was not called, closing leaves it as it was found, its
  // write-ahead log included.
  MaybeFailure Open(const std::string& file);

  // From now on closing the last connection moves the write-ahead log into the database.
  void Adopt();

  MaybeFailure Run(const char* sql);

  // As Run, for what SQLite refuses at once instead of waiting while another process has the file
  // open: changing the journal mode.
  MaybeFailure RunPatiently(const char* sql);

  // Leaves the transaction that is open, if one is.
  void Rollback();

  MaybeFailure Prepare(const char* sql, Statement& statement);

  // The first column of the first row, as bytes; nothing in `value` when there is no row.
  // `parameter` takes the place of a question mark, unless it is empty.
  MaybeFailure ReadOne(const char* sql, std::string_view parameter,
                       std::optional<std::string>& value);

  MaybeFailure InsertMeta(std::string_view key, std::span<const uint8_t> value);

  // From now on COMMIT stores here how many pages the write-ahead log has, and no longer moves it
  // into the database by itself.
  void CountLogPages(int& pages);

  // Moves as much of the log into the database as can be done without waiting for anybody but the
  // disk: all that was committed before, unless another connection reads an older state or is doing
  // the same. Once it is all, the next transaction writes the log from its beginning again.
  void Checkpoint();

  // What the newest call, which gave this code, has to say. `what` is what could not be done.
  Failure FailureOf(int code, std::string_view what) const;

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace mainstay::session
