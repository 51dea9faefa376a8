#include "config/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mainstay::config {
namespace {

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string name = (std::filesystem::temp_directory_path() / "files_test.XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~FilesTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  std::string directory_;
};

TEST_F(FilesTest, GivesEveryByte) {
  const std::string text = std::string("a\0b\r\n", 5) + std::string(100'000, 'x');
  const Result<std::string> read = ReadFileFromDisk(Write("f", text), 200'000);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, text);
}

TEST_F(FilesTest, AFileOfTheLimitIsReadAndALongerOneIsRefused) {
  EXPECT_TRUE(ReadFileFromDisk(Write("f", "12345"), 5));
  const Result<std::string> longer = ReadFileFromDisk(Write("g", "123456"), 5);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().message, "is over 5 bytes");
}

TEST_F(FilesTest, SaysWhyThereIsNothing) {
  EXPECT_EQ(ReadFileFromDisk(directory_ + "/none", 5).error().message, "does not exist");
  EXPECT_EQ(ReadFileFromDisk(Write("f", "") + "/x", 5).error().message, "does not exist");
  EXPECT_EQ(ReadFileFromDisk(directory_, 5).error().message, "is a directory");
  EXPECT_EQ(ReadFileFromDisk("/dev/zero", 5).error().message, "is neither a file nor a pipe");
}

TEST_F(FilesTest, APipeWithoutAWriterIsEmptyAndDoesNotBlock) {
  const std::string path = directory_ + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const Result<std::string> read = ReadFileFromDisk(path, 5);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, "");
}

}  // namespace
}  // namespace mainstay::config
