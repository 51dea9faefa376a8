#include "session/state_store.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "session/memory_store.h"
#include "session/sqlite_store.h"

namespace mainstay::session {
namespace {

constexpr char kFileName[] = "state.db";

OpenedState InMemory(std::string reason) {
  OpenedState opened{.store = MakeMemoryStore()};
  if (!reason.empty()) {
    opened.report.degraded = true;
    opened.report.reason = std::move(reason) + "; the state is kept in memory until the next start";
  }
  return opened;
}

bool Exists(const std::string& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0;
}

// Makes the directory and those above it. Returns 0 or the error's number.
int MakeDirectories(const std::string& path) {
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    if (mkdir(path.substr(0, end).c_str(), 0700) != 0 && errno != EEXIST) {
      return errno;
    }
  }
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno;
  }
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    return errno;
  }
  return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

// Renames the database and the files that go with it. Returns the new name, or nothing when that
// could not be done.
std::string SetAside(const std::string& file, WallTime now) {
  int64_t mark = now.time_since_epoch().count();
  std::string target;
  do {
    target = file + ".corrupt-" + std::to_string(mark++);
  } while (Exists(target));
  if (std::rename(file.c_str(), target.c_str()) != 0) {
    return "";
  }
  for (const char* companion : {"-wal", "-shm", "-journal"}) {
    // A log that stayed behind would be taken for that of the new database.
    const std::string from = file + companion;
    if (Exists(from) && std::rename(from.c_str(), (target + companion).c_str()) != 0 &&
        std::remove(from.c_str()) != 0) {
      return "";
    }
  }
  return target;
}

OpenedState OpenSqlite(const StateOptions& options, WallTime now) {
  const std::string& directory = options.path;
  if (const int error = MakeDirectories(directory); error != 0) {
    return InMemory("state.path " + directory +
                    " cannot be used as a directory: " + std::strerror(error));
  }
  const std::string file = directory + "/" + kFileName;
  SqliteStore opened = OpenSqliteStore(file, options.flush_interval);
  OpenReport report{.engine = Engine::kSqlite};
  if (opened.result == OpenResult::kDamaged) {
    const std::string damage = file + " is damaged: " + opened.problem;
    report.degraded = true;
    report.set_aside = SetAside(file, now);
    if (report.set_aside.empty()) {
      return InMemory(damage + "; it could not be set aside: " + std::strerror(errno));
    }
    report.reason =
        damage + "; it was moved to " + report.set_aside + ", and the state starts empty";
    opened = OpenSqliteStore(file, options.flush_interval);
  }
  if (opened.result != OpenResult::kOpened) {
    OpenedState memory = InMemory(file + ": " + opened.problem);
    memory.report.set_aside = std::move(report.set_aside);
    return memory;
  }
  return {.store = std::move(opened.store), .report = std::move(report)};
}

}  // namespace

OpenedState OpenStateStore(const StateOptions& options, WallTime now) {
  return options.engine == Engine::kMemory ? InMemory("") : OpenSqlite(options, now);
}

}  // namespace mainstay::session
