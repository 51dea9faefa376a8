#pragma once

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"
#include "session/sqlite_database.h"
#include "session/state_store.h"

namespace mainstay::session {

// What the tests of the state store share.

inline constexpr WallTime kNow{std::chrono::milliseconds(1'795'248'000'123)};

// A folder of its own, gone with the object. Tests take one in memory where the system has such a
// place: they open hundreds of databases, and each one waits for its disk several times. TMPDIR
// chooses the disk.
class Folder final {
 public:
  enum class Place : uint8_t { kMemory, kDisk };

  explicit Folder(Place place = Place::kMemory) {
    const std::string memory = "/dev/shm/";
    std::string name = place == Place::kMemory && access(memory.c_str(), W_OK) == 0
                           ? memory
                           : std::filesystem::temp_directory_path().string() + "/";
    name += "state_store_XXXXXX";
    MS_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path path() const { return path_; }
  std::filesystem::path state() const { return path_ / "state"; }
  std::filesystem::path database() const { return state() / "state.db"; }

 private:
  std::filesystem::path path_;
};

// An engine as a row of what every engine has to do.
struct EngineCase {
  const char* name;
  Engine engine;
  bool keeps;  // over a restart
};
inline constexpr EngineCase kEngines[] = {
    {.name = "sqlite", .engine = Engine::kSqlite, .keeps = true},
    {.name = "memory", .engine = Engine::kMemory, .keeps = false},
};
inline std::string EngineName(const auto& row) {
  return row.param.name;
}

inline std::string KeyText(const StateStore& store) {
  const auto bytes = store.install_key().Expose();
  return std::string(bytes.begin(), bytes.end());
}

inline OpenedState Open(const Folder& folder, Engine engine = Engine::kSqlite) {
  return OpenStateStore({.engine = engine, .path = folder.state()}, kNow);
}

// Four starts at the same time.
inline std::vector<OpenedState> OpenAtOnce(const Folder& folder) {
  std::vector<OpenedState> opened(4);
  std::vector<std::thread> threads;
  for (OpenedState& one : opened) {
    threads.emplace_back([&] { one = Open(folder); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return opened;
}

inline std::string Read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void Write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Runs SQL on a database from outside, as an operator could. Makes the file.
inline void Sql(const std::filesystem::path& path, const std::string& sql) {
  std::ofstream(path, std::ios::app).close();
  Database database;
  MS_CHECK(!database.Open(path));
  database.Adopt();
  if (const MaybeFailure failure = database.Run(sql.c_str())) {
    throw std::runtime_error(sql + ": " + failure->problem);
  }
}

inline int Mode(const std::filesystem::path& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? static_cast<int>(status.st_mode & 0777) : -1;
}

inline std::vector<std::string> FilesIn(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

// Keeps what it is given, as a disk would.
class KeptStore final : public StateStore {
 public:
  using Records = std::map<RecordKey, std::string>;

  Engine engine() const override { return Engine::kMemory; }
  bool KeepsRecords() const override { return keeps_records; }
  const HashKey& install_key() const override { return key_; }
  void Put(RecordKind, const RecordKey& key, std::string_view value) override {
    const std::lock_guard lock(mutex_);
    records[key] = value;
    ++puts;
  }
  void Erase(RecordKind, const RecordKey& key) override {
    const std::lock_guard lock(mutex_);
    records.erase(key);
  }
  void Load(RecordKind, const Visitor& visit) override {
    const Records copy = records;
    for (const auto& [key, value] : copy) {
      visit(key, value);
    }
  }
  void Flush() override {}
  StoreStats stats() const override { return {}; }

  Records records;
  int puts = 0;
  bool keeps_records = true;  // what it says

 private:
  std::mutex mutex_;
  const HashKey key_ = HashKey::FromSystem();
};

// A limit on the size of files stands for a disk that is full.
class FileSizeLimit final {
 public:
  explicit FileSizeLimit(rlim_t bytes) : signal_before_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    MS_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_before_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*signal_before_)(int);
};

}  // namespace mainstay::session
