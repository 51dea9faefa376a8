#include "session/state_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "session/testing.h"

namespace mainstay::session {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// --- what every engine has to do -----------------------------------------------------------------

class StateStoreSuite : public testing::TestWithParam<EngineCase> {
 protected:
  const Folder folder_;
};

INSTANTIATE_TEST_SUITE_P(Engines, StateStoreSuite, testing::ValuesIn(kEngines),
                         EngineName<testing::TestParamInfo<EngineCase>>);

TEST_P(StateStoreSuite, OpensAsConfigured) {
  const OpenedState opened = Open(folder_, GetParam().engine);
  ASSERT_NE(opened.store, nullptr);
  EXPECT_EQ(opened.store->engine(), GetParam().engine);
  EXPECT_EQ(opened.report.engine, GetParam().engine);
  EXPECT_FALSE(opened.report.degraded);
  EXPECT_EQ(opened.report.reason, "");
  EXPECT_EQ(opened.report.set_aside, "");
}

TEST_P(StateStoreSuite, TheKeyIsRandomAndStaysWhileItIsOpen) {
  const Folder other;
  const OpenedState opened = Open(folder_, GetParam().engine);
  const std::string key = KeyText(*opened.store);
  EXPECT_EQ(key.size(), 32u);
  EXPECT_NE(key, std::string(32, '\0'));
  EXPECT_EQ(key, KeyText(*opened.store));
  EXPECT_NE(key, KeyText(*Open(other, GetParam().engine).store));
}

TEST_P(StateStoreSuite, TheKeySurvivesARestartIfTheEngineKeepsAnything) {
  const std::string before = KeyText(*Open(folder_, GetParam().engine).store);
  for (int start = 0; start < 3; ++start) {
    const OpenedState opened = Open(folder_, GetParam().engine);
    EXPECT_EQ(KeyText(*opened.store) == before, GetParam().keeps);
    EXPECT_FALSE(opened.report.degraded);
  }
}

TEST_P(StateStoreSuite, FilesAreMadeOnlyByAnEngineThatKeeps) {
  const OpenedState opened = Open(folder_, GetParam().engine);
  EXPECT_EQ(fs::exists(folder_.state()), GetParam().keeps);
}

// --- files ---------------------------------------------------------------------------------------

TEST(StateStore, FilesAreTheOwnersAlone) {
  const Folder folder;
  const mode_t umask_before = umask(0);
  const OpenedState opened = Open(folder);
  // A second process that writes makes the write-ahead log appear.
  Sql(folder.database(), "CREATE TABLE other(x); DROP TABLE other;");
  umask(umask_before);
  EXPECT_EQ(Mode(folder.state()), 0700);
  EXPECT_EQ(FilesIn(folder.state()),
            (std::vector<std::string>{"state.db", "state.db-shm", "state.db-wal"}));
  for (const std::string& name : FilesIn(folder.state())) {
    EXPECT_EQ(Mode(folder.state() / name), 0600) << name;
  }
}

TEST(StateStore, AFileThatOthersCouldReadIsClosedToThem) {
  const Folder folder;
  const std::string key = KeyText(*Open(folder).store);
  fs::permissions(folder.database(), fs::perms(0644));
  EXPECT_EQ(KeyText(*Open(folder).store), key);
  EXPECT_EQ(Mode(folder.database()), 0600);
}

TEST(StateStore, DirectoriesAboveAreMadeToo) {
  const Folder folder;
  const StateOptions options{.path = folder.path() / "a" / "b" / "c"};
  EXPECT_FALSE(OpenStateStore(options, kNow).report.degraded);
  EXPECT_EQ(Mode(folder.path() / "a"), 0700);
  EXPECT_TRUE(fs::exists(folder.path() / "a" / "b" / "c" / "state.db"));
}

TEST(StateStore, ADirectoryThatIsThereKeepsItsMode) {
  const Folder folder;
  fs::create_directory(folder.state());
  fs::permissions(folder.state(), fs::perms(0750));
  EXPECT_FALSE(Open(folder).report.degraded);
  EXPECT_EQ(Mode(folder.state()), 0750);
}

TEST(StateStore, StartsAtTheSameTimeAgreeOnTheKey) {
  const Folder folder;
  const std::vector<OpenedState> opened = OpenAtOnce(folder);
  for (const OpenedState& one : opened) {
    EXPECT_EQ(one.report.engine, Engine::kSqlite) << one.report.reason;
    EXPECT_EQ(KeyText(*one.store), KeyText(*opened[0].store));
  }
}

// --- places that cannot be used ------------------------------------------------------------------

struct PlaceCase {
  const char* name;
  void (*prepare)(const Folder&);
  const char* reason;
};

const PlaceCase kPlaceCases[] = {
    {"a_file_in_place_of_the_directory", [](const Folder& f) { Write(f.state(), "hello"); },
     "cannot be used as a directory: Not a directory"},
    {"a_file_above_the_directory",
     [](const Folder& f) {
       fs::create_symlink(f.path() / "plain" / "state", f.state());
       Write(f.path() / "plain", "hello");
     },
     "cannot be used as a directory"},
    {"a_link_to_nowhere", [](const Folder& f) { fs::create_symlink("/nowhere/at/all", f.state()); },
     "cannot be used as a directory"},
    {"a_directory_in_place_of_the_database",
     [](const Folder& f) { fs::create_directories(f.database()); }, "Is a directory"},
    {"a_device_in_place_of_the_database",
     [](const Folder& f) {
       fs::create_directory(f.state());
       fs::create_symlink("/dev/null/state.db", f.database());
     },
     "Not a directory"},
};

TEST(StateStore, APlaceThatCannotBeUsedLeadsToMemory) {
  for (const PlaceCase& c : kPlaceCases) {
    SCOPED_TRACE(c.name);
    const Folder folder;
    c.prepare(folder);
    const OpenedState opened = Open(folder);
    ASSERT_NE(opened.store, nullptr);
    EXPECT_EQ(opened.store->engine(), Engine::kMemory);
    EXPECT_EQ(opened.report.engine, Engine::kMemory);
    EXPECT_TRUE(opened.report.degraded);
    EXPECT_THAT(opened.report.reason, HasSubstr(c.reason));
    EXPECT_THAT(opened.report.reason, HasSubstr("kept in memory"));
    EXPECT_EQ(opened.report.set_aside, "");
    EXPECT_EQ(KeyText(*opened.store).size(), 32u);
  }
}

TEST(StateStore, ADiskThatFillsUpLeadsToMemoryAndIsNoDamage) {
  for (rlim_t bytes = 0; bytes < 24'576; bytes += 512) {
    const Folder folder;
    OpenedState opened;
    {
      const FileSizeLimit limit(bytes);
      opened = Open(folder);
    }
    ASSERT_NE(opened.store, nullptr);
    EXPECT_EQ(opened.report.set_aside, "") << bytes;
    EXPECT_EQ(opened.report.degraded, opened.store->engine() == Engine::kMemory) << bytes;
    opened.store.reset();
    EXPECT_FALSE(Open(folder).report.degraded) << bytes << ": there is space again";
  }
}

// --- versions ------------------------------------------------------------------------------------

TEST(StateStore, ALaterVersionIsLeftAlone) {
  const Folder folder;
  const std::string key = KeyText(*Open(folder).store);
  Sql(folder.database(), "UPDATE schema_version SET version = 4");
  const std::string before = Read(folder.database());
  const OpenedState opened = Open(folder);
  EXPECT_EQ(opened.store->engine(), Engine::kMemory);
  EXPECT_TRUE(opened.report.degraded);
  EXPECT_THAT(opened.report.reason, HasSubstr("its tables are of version 4"));
  EXPECT_EQ(Read(folder.database()), before);
  EXPECT_EQ(opened.report.set_aside, "");

  Sql(folder.database(), "UPDATE schema_version SET version = 3");
  EXPECT_EQ(KeyText(*Open(folder).store), key);
}

// --- damage --------------------------------------------------------------------------------------

// A database with something in each of its tables.
std::string MakeWhole(const Folder& folder) {
  const OpenedState opened = Open(folder);
  opened.store->Put(RecordKind::kPin, {1}, "a value");
  return KeyText(*opened.store);
}

// Opens what is there, which must work, and checks that nothing was lost in silence. Gives the
// report.
OpenReport OpenDamaged(const Folder& folder, const std::string& key_before) {
  const std::string damaged = Read(folder.database());
  const OpenedState opened = Open(folder);
  EXPECT_NE(opened.store, nullptr);
  if (KeyText(*opened.store) == key_before) {
    EXPECT_EQ(opened.report.set_aside, "");
    return opened.report;
  }
  EXPECT_TRUE(opened.report.degraded);
  EXPECT_NE(opened.report.reason, "");
  if (!opened.report.set_aside.empty()) {
    EXPECT_EQ(Read(opened.report.set_aside), damaged) << "what was set aside has changed";
    EXPECT_EQ(opened.report.engine, Engine::kSqlite) << opened.report.reason;
  }
  return opened.report;
}

TEST(StateStore, EveryTruncationEndsInAStart) {
  const Folder whole;
  const std::string key = MakeWhole(whole);
  const std::string bytes = Read(whole.database());
  ASSERT_GT(bytes.size(), 12'288u);
  // The last page is that of an empty table: of what is cut off it nothing is missed.
  constexpr size_t kPageBytes = 4'096;
  for (size_t size = 512; size <= bytes.size() - kPageBytes; size += 512) {
    SCOPED_TRACE(size);
    const Folder folder;
    fs::create_directory(folder.state());
    Write(folder.database(), std::string_view(bytes).substr(0, size));
    EXPECT_NE(OpenDamaged(folder, key).set_aside, "");
  }
}

TEST(StateStore, EveryFlippedByteEndsInAStart) {
  const Folder whole;
  const std::string key = MakeWhole(whole);
  const std::string bytes = Read(whole.database());
  std::vector<size_t> places;
  for (size_t at = 0; at < bytes.size(); ++at) {
    // Every byte that says something, and some of the empty space.
    if (bytes[at] != 0 || at < 128 || at % 512 == 0) {
      places.push_back(at);
    }
  }
  const Folder folder;
  size_t noticed = 0;
  for (const size_t at : places) {
    SCOPED_TRACE(at);
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xFF);
    fs::remove_all(folder.state());
    fs::create_directory(folder.state());
    Write(folder.database(), damaged);
    noticed += OpenDamaged(folder, key).degraded ? 1 : 0;
  }
  EXPECT_GT(noticed, 100u);
}

struct DamageCase {
  const char* name;
  void (*damage)(const Folder&);
};

const DamageCase kDamageCases[] = {
    {"garbage", [](const Folder& f) { Write(f.database(), std::string(20'000, 'x')); }},
    {"zeros", [](const Folder& f) { Write(f.database(), std::string(12'288, '\0')); }},
    {"one_byte", [](const Folder& f) { Write(f.database(), "x"); }},
    {"most_of_a_head", [](const Folder& f) { fs::resize_file(f.database(), 511); }},
    {"another_program's",
     [](const Folder& f) {
       fs::remove(f.database());
       Sql(f.database(), "CREATE TABLE songs(name TEXT)");
     }},
    {"no_tables",
     [](const Folder& f) { Sql(f.database(), "DROP TABLE meta; DROP TABLE schema_version"); }},
    {"no_version", [](const Folder& f) { Sql(f.database(), "DELETE FROM schema_version"); }},
    {"two_versions",
     [](const Folder& f) { Sql(f.database(), "INSERT INTO schema_version VALUES(1)"); }},
    {"version_zero",
     [](const Folder& f) { Sql(f.database(), "UPDATE schema_version SET version = 0"); }},
    {"version_is_text",
     [](const Folder& f) { Sql(f.database(), "UPDATE schema_version SET version = 'x'"); }},
    {"no_meta", [](const Folder& f) { Sql(f.database(), "DROP TABLE meta"); }},
    {"no_key",
     [](const Folder& f) { Sql(f.database(), "DELETE FROM meta WHERE key = 'install_key'"); }},
    {"short_key",
     [](const Folder& f) {
       Sql(f.database(), "UPDATE meta SET value = substr(value, 1, 31) WHERE key = 'install_key'");
     }},
    {"another_key",
     [](const Folder& f) {
       Sql(f.database(), "UPDATE meta SET value = zeroblob(32) WHERE key = 'install_key'");
     }},
};

TEST(StateStore, DamageIsSetAsideAndTheStartIsClean) {
  for (const DamageCase& c : kDamageCases) {
    SCOPED_TRACE(c.name);
    const Folder folder;
    const std::string key = KeyText(*Open(folder).store);
    c.damage(folder);
    const OpenReport report = OpenDamaged(folder, key);
    EXPECT_EQ(report.engine, Engine::kSqlite);
    EXPECT_TRUE(report.degraded);
    EXPECT_EQ(report.set_aside, folder.database().string() + ".corrupt-1795248000123");
    EXPECT_THAT(report.reason, HasSubstr("is damaged"));
    EXPECT_THAT(report.reason, HasSubstr(report.set_aside));
    EXPECT_EQ(Mode(folder.database()), 0600);

    const OpenedState next = Open(folder);
    EXPECT_FALSE(next.report.degraded) << "the next start is an ordinary one";
    EXPECT_NE(KeyText(*next.store), key);
  }
}

TEST(StateStore, NothingThatWasSetAsideIsOverwritten) {
  const Folder folder;
  fs::create_directory(folder.state());
  std::vector<std::string> kept;
  for (const char* garbage : {"first", "second", "third"}) {
    Write(folder.database(), garbage);
    kept.push_back(Open(folder).report.set_aside);
    EXPECT_EQ(Read(kept.back()), garbage);
  }
  EXPECT_EQ(Read(kept[0]), "first");
  EXPECT_EQ(Read(kept[1]), "second");
}

TEST(StateStore, ALogThatBelongsToTheDamageGoesWithIt) {
  const Folder folder;
  fs::create_directory(folder.state());
  Write(folder.database(), "garbage");
  Write(folder.database().string() + "-wal", "its log");
  const OpenReport report = Open(folder).report;
  EXPECT_EQ(report.engine, Engine::kSqlite);
  EXPECT_EQ(Read(report.set_aside + "-wal"), "its log");
}

TEST(StateStore, AnEmptyFileIsANewDatabase) {
  const Folder folder;
  fs::create_directory(folder.state());
  Write(folder.database(), "");
  EXPECT_FALSE(Open(folder).report.degraded);
}

}  // namespace
}  // namespace mainstay::session
