#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "base/hash128.h"
#include "session/sqlite_database.h"
#include "session/state_store.h"

namespace mainstay::session {

// Records that change all the time, one behind the other in the order of their changes: a row of
// the table `log` holds those of one transaction. A table that is sorted by keys would have to
// write a page for each record; here a page takes a dozen of them.
//
// Of the records of a key the newest one counts. As soon as more than half of the log is out of
// date, the oldest rows give way: what still counts in them is written again, behind the newest,
// a limited amount with each transaction. For that the log knows the row of each key, which takes
// about 40 bytes for each.
//
// Two processes may share the table for a while, as one ends and the next one starts: what another
// one has written counts here as well, and the later of two records is the newer one.
//
// Threads: Load and the others on any, one at a time each; Load beside the writer's calls.
class RecordLog final {
 public:
  // Whether records of this kind are kept here. Never changed for a kind that is on disks.
  static bool Keeps(RecordKind kind) { return kind == RecordKind::kConversation; }

  // Fails when the table is missing or of another form. The database outlives this.
  MaybeFailure Start(Database& database);

  // --- the writer, between BEGIN and COMMIT ---

  void Stage(const RecordKey& key, const std::string* value);
  // Writes what was staged, and perhaps some of the oldest again.
  MaybeFailure Write();
  // What was staged is on the disk, or is not.
  void Committed();
  void RolledBack();

  // Gives the newest record of every key, over a connection of its own; rows may be written
  // meanwhile, by what it visits for one. When it begins before the first Committed it also learns
  // what counts; without that, nothing ever gives way. `damaged` counts the rows of which the rest
  // could not be read, because a record does not match its checksum.
  MaybeFailure Load(Database& database, const StateStore::Visitor& visit, int64_t& damaged);

  // Bytes of records in all rows, and of those that count.
  struct Size {
    int64_t bytes = 0;
    int64_t live = 0;
    int64_t rows = 0;
  };
  Size size() const;

 private:
  struct Place {
    int64_t row = 0;
    uint32_t bytes = 0;
  };
  struct KeyHash {
    using is_avalanching = void;  // keys are keyed hashes
    size_t operator()(const RecordKey& key) const;
  };
  using Index = FlatMap<RecordKey, Place, KeyHash>;
  struct Staged {
    RecordKey key{};
    uint32_t bytes = 0;  // 0: erased
  };

  static void AppendRecord(const RecordKey& key, const std::string_view* value, std::string& out);
  bool IsStaged(const RecordKey& key);
  void ClearStaged();
  bool IsTooLong() const;
  MaybeFailure ReadRow(int64_t from, int64_t& row, std::string_view& records);
  MaybeFailure AdoptOthers();
  void DropBefore(int64_t row);
  MaybeFailure WriteOldestAgain();
  void StageLiveOf(int64_t row, std::string_view records);
  MaybeFailure Remove(int64_t row);
  MaybeFailure Insert();
  void Note(const RecordKey& key, Place place);
  MaybeFailure Read(Database& database, const StateStore::Visitor& visit, int64_t& damaged,
                    Index& newest, std::map<int64_t, int64_t>& rows);
  void Learn(Index newest, const std::map<int64_t, int64_t>& rows, int64_t rows_end);

  Database* database_ = nullptr;
  Statement insert_;
  Statement read_;
  Statement remove_;

  std::string batch_;
  std::vector<Staged> staged_;
  Index staged_keys_;  // of the first so many of staged_, when somebody has asked
  size_t staged_keys_known_ = 0;
  std::vector<RecordKey> unknown_;  // to be erased, and not in the index
  std::vector<int64_t> removed_;    // rows
  int64_t removed_bytes_ = 0;

  mutable std::mutex mutex_;         // of what follows, which Load fills
  Index index_;                      // 0 bytes: erased, which matters while learning
  std::map<int64_t, int64_t> rows_;  // their bytes
  int64_t bytes_ = 0;
  int64_t live_ = 0;
  int64_t next_row_ = 1;
  bool knows_all_ = false;    // what was there before the start is in the index
  bool is_learning_ = false;  // a Load is about to find that out
  bool has_written_ = false;
};

}  // namespace mainstay::session
