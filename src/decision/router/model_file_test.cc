#include "decision/router/model_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace mainstay::decision {
namespace {

class ModelFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "model_file_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    path_ = ModelFilePath(folder_, 42);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Put(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::string folder_;
  std::string path_;
};

TEST_F(ModelFileTest, NameTellsTheContent) {
  EXPECT_EQ(ModelFilePath("/state", 0x00ab), "/state/router-00000000000000ab.model");
}

TEST_F(ModelFileTest, GivesBackWhatWasWritten) {
  const std::string model("mo\0del", 6);
  EXPECT_EQ(WriteModelFile(path_, 42, model), "");
  EXPECT_EQ(ReadModelFile(path_, 42), model);
  EXPECT_EQ(ReadModelFile(path_, 43), std::nullopt);
  // Nothing else is left in the folder.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  EXPECT_EQ(WriteModelFile(path_, 42, "new"), "") << "it replaces what is there";
  EXPECT_EQ(ReadModelFile(path_, 42), "new");
}

// Version 1 is on the disks of users.
TEST_F(ModelFileTest, FormatIsFixed) {
  ASSERT_EQ(WriteModelFile(path_, 0x0102, "m"), "");
  const std::string bytes = Bytes();
  ASSERT_EQ(bytes.size(), 33U);
  EXPECT_EQ(bytes.substr(0, 8), "MSTFTM01");
  EXPECT_EQ(bytes.substr(8, 8), std::string("\x02\x01\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.substr(16, 8), std::string("\x01\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.substr(24, 8), std::string("\xfc\x57\x8c\x41\x07\x48\x90\xf0", 8));
  EXPECT_EQ(bytes.back(), 'm');
}

// Whatever else lies in the folder is not ours to take away.
TEST_F(ModelFileTest, ANewModelTakesThePlaceOfOlderOnes) {
  const std::string kept[] = {
      "router-000000000000002A.model",         // not our letters
      "router-00000000000002a.model",          // 15 digits
      "router-0000000000000002b.model",        // 17
      "router-000000000000002b.model.x8Yq0B",  // somebody is writing it
      "router-000000000000002b.model~",        // somebody's copy
      "a-router-000000000000002b.model",
      "Router-000000000000002b.model",
      "router-000000000000002g.model",
      "router-.model",
      "state.db",
  };
  for (const std::string& name : kept) {
    std::ofstream(folder_ + "/" + name) << "x";
  }
  std::filesystem::create_directory(ModelFilePath(folder_, 7));  // cannot be taken away
  for (const uint64_t hash : {uint64_t{43}, UINT64_MAX, uint64_t{0xabcdef}}) {
    std::ofstream(ModelFilePath(folder_, hash)) << "x";
  }
  EXPECT_NE(WriteModelFile(folder_ + "/none/file", 42, "m"), "");
  EXPECT_TRUE(std::filesystem::exists(ModelFilePath(folder_, 43))) << "nothing was written";

  EXPECT_EQ(WriteModelFile(path_, 42, "m"), "");
  EXPECT_EQ(ReadModelFile(path_, 42), "m");
  for (const uint64_t hash : {uint64_t{43}, UINT64_MAX, uint64_t{0xabcdef}}) {
    EXPECT_FALSE(std::filesystem::exists(ModelFilePath(folder_, hash))) << hash;
  }
  for (const std::string& name : kept) {
    EXPECT_TRUE(std::filesystem::exists(folder_ + "/" + name)) << name;
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), std::ssize(kept) + 2);
}

TEST_F(ModelFileTest, EveryDamageIsSeen) {
  ASSERT_EQ(WriteModelFile(path_, 42, "a model of some bytes"), "");
  const std::string good = Bytes();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    Put(bad);
    EXPECT_EQ(ReadModelFile(path_, 42), std::nullopt) << "byte " << i;
    Put(good.substr(0, i));
    EXPECT_EQ(ReadModelFile(path_, 42), std::nullopt) << "first " << i;
  }
  Put(good + "x");
  EXPECT_EQ(ReadModelFile(path_, 42), std::nullopt);
  Put(good);
  EXPECT_TRUE(ReadModelFile(path_, 42).has_value());
}

TEST_F(ModelFileTest, WhatCannotBeReadOrWritten) {
  EXPECT_EQ(ReadModelFile(path_, 42), std::nullopt);
  EXPECT_EQ(ReadModelFile(folder_, 42), std::nullopt);
  EXPECT_NE(WriteModelFile(folder_ + "/none/file", 42, "m"), "");
}

}  // namespace
}  // namespace mainstay::decision
