#include "tidy/functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "tidy/source.h"

namespace mainstay::tidy {
namespace {

struct FunctionCase {
  std::string_view name;
  std::string_view text;
  std::vector<int> want;  // lines of each function, in order
};

const FunctionCase kFunctionCases[] = {
    {"one_line", "void f() { g(); }", {1}},
    {"body_of_three_lines", "namespace a {\nvoid f() {\n  g();\n}\n}", {3}},
    {"inner_blocks_belong_to_it", "void f() {\n  if (a) {\n    b();\n  }\n}", {5}},
    {"lambda_belongs_to_it", "void f() {\n  auto g = [] {\n  };\n}", {4}},
    {"method_in_a_class",
     "class A final : public B {\n public:\n  int f() const { return 1; }\n};",
     {1}},
    {"two_methods", "struct A {\n  void f() {\n  }\n  void g() {}\n};", {2, 1}},
    {"template_of_a_class", "template <class T>\nT f(T a) {\n  return a;\n}", {3}},
    {"class_template", "template <typename T>\nclass A {\n  void f() {\n  }\n};", {2}},
    {"constructor_with_initialisers", "A::A(int b) : b_(b), c_{b} {\n  d();\n}", {3}},
    {"initialisers_on_their_own_lines", "A::A(int b)\n    : b_{b},\n      c_(b) {\n  d();\n}", {3}},
    {"noexcept_and_const", "int A::f() const noexcept {\n  return 1;\n}", {3}},
    {"trailing_return", "auto f() -> std::vector<int> {\n  return {};\n}", {3}},
    {"operator_equals", "bool operator==(A a, A b) {\n  return true;\n}", {3}},
    {"namespace_lambda", "constexpr auto kF = [](int a) {\n  return a;\n};", {3}},
    {"gtest_macro", "TEST(A, B) {\n  f();\n}", {3}},
    {"table_is_none", "constexpr Row kRows[] = {\n    {1, f(2)},\n};\nvoid f() {\n}", {2}},
    {"initialised_by_a_call", "const A kA = Make({\n  1,\n});\nvoid f() {}", {1}},
    {"enum_and_aggregate_are_none", "enum class A : int { kB };\nstruct B { int c{1}; };", {}},
    {"extern_c", "extern \"C\" {\nint f() {\n  return 0;\n}\n}", {3}},
    {"extern_c_function", "extern \"C\" int f(int a) {\n  return a;\n}", {3}},
    {"brace_in_a_string", "void f() {\n  g(\"}\");\n  h('{');\n}", {4}},
    {"function_after_a_class", "class A {\n};\n\nvoid f() {\n}", {2}},
};

TEST(FindFunctions, CountsFromBraceToBrace) {
  for (const FunctionCase& row : kFunctionCases) {
    SCOPED_TRACE(row.name);
    std::vector<int> lines;
    for (const FunctionBody& body : FindFunctions(Split(row.text).code)) {
      lines.push_back(body.lines);
    }
    EXPECT_EQ(lines, row.want);
  }
}

TEST(FindFunctions, SaysWhereABodyOpens) {
  const auto found = FindFunctions("\n\nvoid f(int a,\n       int b) {\n}\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].first_line, 4);
}

}  // namespace
}  // namespace mainstay::tidy
