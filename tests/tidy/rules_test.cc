#include "tidy/rules.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace mainstay::tidy {
namespace {

std::string Times(int count, std::string_view text) {
  std::string repeated;
  for (int i = 0; i < count; ++i) {
    repeated += text;
  }
  return repeated;
}

std::string FunctionOf(int lines) {
  return "void F() {\n" + Times(lines - 2, "  G();\n") + "}\n";
}

// A small tree, and what is wrong with it: each rule has a row that it must refuse and one beside
// it that it must not.
struct TreeCase {
  std::string_view name;
  std::vector<SourceFile> tree;
  std::vector<int> lines;  // the line of each finding
};

const TreeCase kSizeCases[] = {
    {"100_columns", {{"src/base/a.cc", Times(100, "a") + "\n"}}, {}},
    {"101_columns", {{"src/base/a.cc", "\n" + Times(101, "a") + "\n"}}, {2}},
    {"100_columns_of_two_bytes", {{"src/base/a.cc", "// " + Times(97, "ü") + "\n"}}, {}},
    {"101_columns_outside_code", {{"src/base/a.txt", Times(101, "a") + "\n"}}, {}},
    {"101_columns_in_a_test", {{"tests/sim/a_test.cc", Times(101, "a") + "\n"}}, {1}},
    {"600_lines", {{"src/base/a.cc", Times(600, "\n")}}, {}},
    {"601_lines", {{"src/base/a.cc", Times(601, "\n")}}, {601}},
    {"601_lines_of_text_in_src", {{"src/base/a.txt", Times(601, "\n")}}, {601}},
    {"601_lines_of_text_in_tests", {{"tests/golden/a.txt", Times(601, "\n")}}, {}},
    {"function_of_70_lines", {{"src/base/a.cc", FunctionOf(70)}}, {}},
    {"function_of_71_lines", {{"src/base/a.cc", "\n" + FunctionOf(71)}}, {2}},
    {"test_of_71_lines", {{"src/base/a_test.cc", FunctionOf(71)}}, {}},
    {"folder_named_for_its_subject", {{"src/base/commons.cc", ""}}, {}},
    {"folder_named_common", {{"tests/common/a.cc", ""}}, {1}},
    {"folder_named_util", {{"src/base/util/a.cc", ""}}, {1}},
    {"folder_named_helpers", {{"bench/helpers/a.py", ""}}, {1}},
};

const TreeCase kOutsideCases[] = {
    {"wall_clock_in_base", {{"src/base/a.cc", "std::chrono::system_clock::now();"}}, {}},
    {"wall_clock_in_a_stage", {{"src/policy/a.cc", "\nstd::chrono::system_clock::now();"}}, {2}},
    {"wall_clock_in_http_io", {{"src/http/io/a.cc", "std::chrono::system_clock::now();"}}, {1}},
    {"steady_clock_in_http_io", {{"src/http/io/a.cc", "steady_clock::now();"}}, {}},
    {"steady_clock_in_http", {{"src/http/a.cc", "std::chrono::steady_clock::now();"}}, {1}},
    {"steady_clock_in_a_bench", {{"src/http/a_bench.cc", "steady_clock::now();"}}, {}},
    {"a_type_of_the_steady_clock", {{"src/http/a.cc", "steady_clock::time_point t;"}}, {}},
    {"c_time", {{"src/session/a.cc", "auto t = std::time(nullptr);"}}, {1}},
    {"a_method_called_time", {{"src/session/a.cc", "auto t = record.time(0);"}}, {}},
    {"named_in_a_comment", {{"src/policy/a.cc", "// not system_clock::now()\n"}}, {}},
    {"random_in_cli", {{"src/cli/a.cc", "std::random_device seed;"}}, {}},
    {"random_in_a_stage", {{"src/account/a.cc", "std::random_device seed;"}}, {1}},
    {"rand_in_a_stage", {{"src/account/a.cc", "int i = rand();"}}, {1}},
    {"a_word_that_ends_in_rand", {{"src/account/a.cc", "int i = strand();"}}, {}},
    {"environment_in_cli", {{"src/cli/a.cc", "std::getenv(\"HOME\");"}}, {}},
    {"environment_in_config", {{"src/config/a.cc", "std::getenv(\"HOME\");"}}, {1}},
    {"console_in_main", {{"src/main.cc", "std::cout << 1;"}}, {}},
    {"console_in_the_gateway", {{"src/gateway/a.cc", "std::cout << 1;"}}, {1}},
    {"standard_error_in_a_stage", {{"src/wire/a.cc", "std::fprintf(stderr, \"a\");"}}, {1}},
    {"printing_to_a_buffer", {{"src/wire/a.cc", "std::snprintf(text, 8, \"a\");"}}, {}},
};

const TreeCase kFormCases[] = {
    {"todo_with_kind", {{"src/base/a.cc", "// TODO(perf): why.\n"}}, {}},
    {"todo_with_kind_and_issue", {{"src/base/a.cc", "// TODO(soon, #142): why.\n"}}, {}},
    {"todo_now", {{"src/base/a.cc", "\n// TODO(now): why.\n"}}, {2}},
    {"todo_without_kind", {{"src/base/a.cc", "// TODO: why.\n"}}, {1}},
    {"todo_with_a_name", {{"src/base/a.cc", "// TODO(ann): why.\n"}}, {1}},
    {"fixme", {{"tests/sim/a.cc", "/* FIXME */\n"}}, {1}},
    {"todo_in_a_string", {{"src/base/a.cc", "f(\"TODO: x\");\n"}}, {}},
    {"using_a_name", {{"src/base/a.cc", "using std::string;\n"}}, {}},
    {"using_a_namespace", {{"src/base/a.cc", "using namespace std;\n"}}, {1}},
    {"using_literals", {{"src/base/a.cc", "using namespace std::chrono_literals;\n"}}, {}},
    {"namespace_alias", {{"src/base/a.cc", "namespace fs = std::filesystem;\n"}}, {}},
    {"test_that_runs", {{"src/base/a_test.cc", "TEST(A, Works) {}\n"}}, {}},
    {"test_that_is_disabled", {{"src/base/a_test.cc", "TEST(A, DISABLED_Works) {}\n"}}, {1}},
    {"header_with_pragma", {{"src/base/a.h", "// Why.\n\n#pragma once\n"}}, {}},
    {"header_without_pragma", {{"src/base/a.h", "int f();\n#pragma once\n"}}, {1}},
    {"empty_header", {{"src/base/a.h", ""}}, {1}},
    {"own_header_first",
     {{"src/base/a.cc", "#include \"base/a.h\"\n#include <string>\n"},
      {"src/base/a.h", "#pragma once\n"}},
     {}},
    {"own_header_second",
     {{"src/base/a.cc", "// Why.\n#include <string>\n#include \"base/a.h\"\n"},
      {"src/base/a.h", "#pragma once\n"}},
     {2}},
    {"own_header_missing",
     {{"src/base/a.cc", "int a;\n"}, {"src/base/a.h", "#pragma once\n"}},
     {1}},
    {"own_header_first_in_a_test",
     {{"src/base/a_test.cc", "#include \"base/a.h\"\n"}, {"src/base/a.h", "#pragma once\n"}},
     {}},
    {"own_header_second_in_a_test",
     {{"src/base/a_test.cc", "#include <string>\n"}, {"src/base/a.h", "#pragma once\n"}},
     {1}},
    {"header_of_the_same_name_elsewhere",
     {{"src/base/a.cc", "#include \"base/b.h\"\n"}, {"src/model/a.h", "#pragma once\n"}},
     {}},
};

class TreeTest : public testing::TestWithParam<TreeCase> {};

TEST_P(TreeTest, FindsWhatIsWrongAndNothingElse) {
  std::vector<int> lines;
  std::string messages;
  for (const Finding& finding : CheckTree(GetParam().tree)) {
    lines.push_back(finding.line);
    messages += finding.message + "\n";
  }
  EXPECT_EQ(lines, GetParam().lines) << messages;
}

std::string CaseName(const testing::TestParamInfo<TreeCase>& info) {
  return std::string(info.param.name);
}

INSTANTIATE_TEST_SUITE_P(Size, TreeTest, testing::ValuesIn(kSizeCases), CaseName);
INSTANTIATE_TEST_SUITE_P(Outside, TreeTest, testing::ValuesIn(kOutsideCases), CaseName);
INSTANTIATE_TEST_SUITE_P(Form, TreeTest, testing::ValuesIn(kFormCases), CaseName);

}  // namespace
}  // namespace mainstay::tidy
