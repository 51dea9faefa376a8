#include "wire/xml_calls.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mainstay::wire {
namespace {

constexpr std::string_view kHeadings =
    "You have tools.\n\n## read_file\nReads a file.\n\n## write_file\nWrites a file.";

// Each call as [span]name(parameter=value,...).
std::vector<std::string> CallsIn(std::string_view text, const ToolNames& tools) {
  XmlCalls calls;
  calls.calls.resize(3);  // of an earlier text
  calls.parameters.resize(3);
  FindXmlCalls(text, tools, calls);
  std::vector<std::string> shown;
  for (const XmlCall& call : calls.calls) {
    std::string parameters;
    for (const XmlParameter& parameter : calls.ParametersOf(call)) {
      parameters += (parameters.empty() ? "" : ",") + std::string(parameter.name) + "=" +
                    std::string(parameter.value);
    }
    shown.push_back("[" + std::string(text.substr(call.begin, call.end - call.begin)) + "]" +
                    std::string(call.name) + "(" + parameters + ")");
  }
  return shown;
}

struct CallCase {
  const char* name;
  std::string text;
  std::vector<std::string> calls;
};

const CallCase kInvokeCases[] = {
    {"plain_text", "I read < and > it.", {}},
    {"nothing", "", {}},
    {"function_calls",
     "I will.\n<function_calls>\n<invoke name=\"read_file\">\n<parameter "
     "name=\"path\">src/a.txt</parameter>\n</invoke>\n</function_calls> Done.",
     {"[<function_calls>\n<invoke name=\"read_file\">\n<parameter "
      "name=\"path\">src/a.txt</parameter>\n</invoke>\n</function_calls>]read_file(path=src/"
      "a.txt)"}},
    {"bare_invoke",
     "x<invoke name=\"a\"><parameter name=\"p\">1</parameter></invoke>y",
     {"[<invoke name=\"a\"><parameter name=\"p\">1</parameter></invoke>]a(p=1)"}},
    {"no_parameters", "<invoke name=\"a\"> </invoke>", {"[<invoke name=\"a\"> </invoke>]a()"}},
    {"two_parameters",
     "<invoke name='a'><parameter name='p'>1</parameter> <parameter type=\"x\" "
     "name='q'></parameter></invoke>",
     {"[<invoke name='a'><parameter name='p'>1</parameter> <parameter type=\"x\" "
      "name='q'></parameter></invoke>]a(p=1,q=)"}},
    {"two_calls_in_one_element",
     "<function_calls><invoke name=\"a\"></invoke>\n<invoke "
     "name=\"b\"></invoke></function_calls>",
     {"[<function_calls><invoke name=\"a\"></invoke>]a()",
      "[<invoke name=\"b\"></invoke></function_calls>]b()"}},
    {"an_element_that_a_stop_sequence_cut",
     "<function_calls><invoke name=\"a\"></invoke>\n",
     {"[<function_calls><invoke name=\"a\"></invoke>]a()"}},
    {"tags_in_a_value",
     "<invoke name=\"a\"><parameter name=\"p\"><invoke name=\"b\"></invoke></parameter></invoke>",
     {"[<invoke name=\"a\"><parameter name=\"p\"><invoke "
      "name=\"b\"></invoke></parameter></invoke>]a(p=<invoke name=\"b\"></invoke>)"}},
    {"no_end", "<function_calls><invoke name=\"a\"><parameter name=\"p\">1</parameter>", {}},
    {"no_end_of_a_parameter", "<invoke name=\"a\"><parameter name=\"p\">1</invoke>", {}},
    {"text_between", "<invoke name=\"a\">then<parameter name=\"p\">1</parameter></invoke>", {}},
    {"no_name", "<invoke><parameter name=\"p\">1</parameter></invoke>", {}},
    {"an_empty_name", "<invoke name=\"\"></invoke>", {}},
    {"a_name_without_quotes", "<invoke name=a></invoke>", {}},
    {"another_tag", "<invoker name=\"a\"></invoker>", {}},
    {"an_unfinished_tag", "<invoke name=\"a\"", {}},
    {"an_unfinished_name", "<invoke name=\"a", {}},
    {"an_unfinished_attribute", "<invoke name", {}},
    {"a_call_within_one_that_never_ends",
     "<invoke name=\"a\"><invoke name=\"b\"></invoke>",
     {"[<invoke name=\"b\"></invoke>]b()"}},
};

const CallCase kNamedCases[] = {
    {"named",
     "Now:\n<read_file>\n<path>src/a.txt</path>\n</read_file>",
     {"[<read_file>\n<path>src/a.txt</path>\n</read_file>]read_file(path=src/a.txt)"}},
    {"named_with_two_parameters",
     "<write_file><path>a</path><content>\n<b>x</b>\n</content></write_file>!",
     {"[<write_file><path>a</path><content>\n<b>x</b>\n</content></write_file>]write_file(path=a,"
      "content=\n<b>x</b>\n)"}},
    {"a_tag_that_is_no_tool", "<summary>\n<path>a</path>\n</summary>", {}},
    {"a_tool_within_a_tag_that_is_none",
     "<thinking><read_file><path>a</path></read_file></thinking>",
     {"[<read_file><path>a</path></read_file>]read_file(path=a)"}},
    {"no_parameter", "<read_file></read_file>", {}},
    {"only_text", "<read_file>a</read_file>", {}},
    {"text_before_a_parameter", "<read_file>a<path>b</path></read_file>", {}},
    {"text_behind_a_parameter", "<read_file><path>b</path>a</read_file>", {}},
    {"no_end", "<read_file><path>b</path>", {}},
    {"no_end_of_a_parameter", "<read_file><path>b</read_file>", {}},
    {"another_end", "<read_file><path>b</path></write_file>", {}},
    {"capitals_are_other_names", "<Read_File><path>b</path></Read_File>", {}},
    {"attributes_are_not_expected", "<read_file a=\"b\"><path>b</path></read_file>", {}},
    {"a_parameter_of_the_tools_own_name",
     "<read_file><read_file>b</read_file></read_file>",
     {"[<read_file><read_file>b</read_file></read_file>]read_file(read_file=b)"}},
    {"two",
     "<read_file><path>a</path></read_file><read_file><path>b</path></read_file>",
     {"[<read_file><path>a</path></read_file>]read_file(path=a)",
      "[<read_file><path>b</path></read_file>]read_file(path=b)"}},
};

void Check(const CallCase& c) {
  SCOPED_TRACE(c.name);
  const ToolNames tools(kHeadings);
  EXPECT_EQ(CallsIn(c.text, tools), c.calls);
  EXPECT_EQ(HasXmlCall(c.text, tools), !c.calls.empty());
}

TEST(XmlCalls, InvokeElementsOfTheTable) {
  for (const CallCase& c : kInvokeCases) {
    Check(c);
  }
}

TEST(XmlCalls, NamedElementsOfTheTable) {
  for (const CallCase& c : kNamedCases) {
    Check(c);
  }
}

TEST(XmlCalls, WithoutNamesOnlyInvokeElementsAreCalls) {
  EXPECT_FALSE(HasXmlCall("<read_file><path>a</path></read_file>", {}));
  EXPECT_TRUE(HasXmlCall("<invoke name=\"read_file\"></invoke>", {}));
}

TEST(XmlCalls, ACallHasALimit) {
  const std::string open = "<invoke name=\"a\"><parameter name=\"p\">";
  const std::string close = "</parameter></invoke>";
  const size_t room = kXmlCallBytesMax - open.size() - close.size();
  EXPECT_TRUE(HasXmlCall("x" + open + std::string(room, 'v') + close, {}));
  EXPECT_FALSE(HasXmlCall("x" + open + std::string(room + 1, 'v') + close, {}));
  const ToolNames tools(kHeadings);
  const std::string named = "<read_file><path></path></read_file>";
  const std::string value(kXmlCallBytesMax - named.size(), 'v');
  EXPECT_TRUE(HasXmlCall("<read_file><path>" + value + "</path></read_file>", tools));
  EXPECT_FALSE(HasXmlCall("<read_file><path>v" + value + "</path></read_file>", tools));
}

TEST(XmlCalls, ACallBehindOneThatNeverEndsIsFound) {
  const std::string call = "<invoke name=\"b\"></invoke>";
  EXPECT_TRUE(HasXmlCall("<function_calls><invoke name=\"a\"><parameter name=\"p\">" +
                             std::string(100'000, 'v') + call,
                         {}));
}

// Each of many open tags could be looked at up to its limit; without a bound on the whole, this
// would take minutes.
TEST(XmlCalls, ManyTagsWithoutAnEndStayCheap) {
  std::string text;
  for (int i = 0; i < 400'000; ++i) {
    text += "<read_file><a>";
  }
  const ToolNames tools(kHeadings);
  EXPECT_FALSE(HasXmlCall(text, tools));
  text += "<invoke name=\"b\"></invoke>";
  EXPECT_FALSE(HasXmlCall(text, tools)) << "given up before";
}

struct NamesCase {
  const char* name;
  std::string text;
  std::vector<std::string> has;
  std::vector<std::string> has_not;
};

const NamesCase kNamesCases[] = {
    {"nothing", "", {}, {""}},
    {"headings", "# one\n## two\n###### six\n", {"one", "two", "six"}, {"three"}},
    {"too_deep_a_heading", "####### seven", {}, {"seven"}},
    {"dressed_headings", "## `a`\n### **b**\n## c:\r\n#d\n", {"a", "b", "c", "d"}, {}},
    {"sentences_are_no_names", "## Tool use\n## read a file\n", {}, {"Tool", "read"}},
    {"a_number_is_no_name", "# 1\n# 2nd\n", {}, {"1", "2nd"}},
    {"text_is_no_heading", "read_file # b\n", {}, {"read_file", "b"}},
    {"tags",
     "You have a tool: <read_file><path>the file</path></read_file> and <x/> < y> <z w>",
     {"read_file", "path"},
     {"x", "y", "z"}},
    {"names_end_where_they_do", "<read_file>", {"read_file"}, {"read_fil", "read_file2"}},
};

TEST(ToolNames, NamesOfTheTable) {
  for (const NamesCase& c : kNamesCases) {
    const ToolNames tools(c.text);
    for (const std::string& name : c.has) {
      EXPECT_TRUE(tools.Contains(name)) << c.name << ' ' << name;
    }
    for (const std::string& name : c.has_not) {
      EXPECT_FALSE(tools.Contains(name)) << c.name << ' ' << name;
    }
  }
}

TEST(ToolNames, SeveralTextsAddUp) {
  ToolNames tools;
  EXPECT_TRUE(tools.empty());
  tools.AddFrom("## b\n## a");
  tools.AddFrom("<c><a>");
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_TRUE(tools.Contains(name)) << name;
  }
  tools.Clear();
  EXPECT_FALSE(tools.Contains("a"));
}

}  // namespace
}  // namespace mainstay::wire
