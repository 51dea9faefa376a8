#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/cli.h"

namespace mainstay::cli {
namespace {

using testing::HasSubstr;

const std::string kExample = std::string(MAINSTAY_SOURCE_DIR) + "/examples/plano/pinned_sessions";

struct ImportCase {
  const char* name;
  std::vector<std::string> arguments;
  int exit_code;
  const char* out;  // a part of it; empty: there is none
  const char* err;
};

const ImportCase kCases[] = {
    {"a_configuration",
     {"--from", "plano", kExample + ".yaml"},
     0,
     "version: 1\n",
     "pinned_sessions.yaml: 2 differences\n"},
    {"a_file_that_is_not_there",
     {"--from", "plano", "/no/such"},
     1,
     "",
     "/no/such: does not exist"},
    {"a_configuration_of_ours",
     {"--from", "plano", kExample + ".mainstay.yaml"},
     1,
     "",
     "is no configuration of Plano"},
    {"a_system_to_come",
     {"--from", "vllm-sr", kExample + ".yaml"},
     2,
     "",
     "configurations of vllm-sr cannot be imported yet; plano can"},
    {"another_system", {"--from", "litellm", kExample + ".yaml"}, 2, "", "--from: must be plano"},
    {"no_system", {kExample + ".yaml"}, 2, "", "--from is required"},
    {"no_file", {"--from", "plano"}, 2, "", "file is required"},
};

TEST(Import, AnswersTheCommandLine) {
  for (const ImportCase& c : kCases) {
    SCOPED_TRACE(c.name);
    std::vector<std::string> words = {"mainstay", "import"};
    words.insert(words.end(), c.arguments.begin(), c.arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) {
      argv.push_back(word.data());
    }
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int exit_code = cli::Run(static_cast<int>(argv.size()), argv.data());
    const std::string out = testing::internal::GetCapturedStdout();
    const std::string err = testing::internal::GetCapturedStderr();
    EXPECT_EQ(exit_code, c.exit_code);
    EXPECT_THAT(out, HasSubstr(c.out));
    EXPECT_EQ(out.empty(), std::string(c.out).empty());
    EXPECT_THAT(err, HasSubstr(c.err));
  }
}

}  // namespace
}  // namespace mainstay::cli
