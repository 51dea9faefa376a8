#include "config/document.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mainstay::config {
namespace {

// One line per node: position, path, what it is. Enough to see a whole tree in a test.
void Dump(const Node& node, const std::string& path, std::string& out) {
  out += std::to_string(node.position.line) + ":" + std::to_string(node.position.column) + " " +
         path + " ";
  switch (node.kind) {
    case Node::Kind::kNull:
      out += "null";
      break;
    case Node::Kind::kBroken:
      out += "broken";
      break;
    case Node::Kind::kScalar:
      out += (node.origin == Node::Origin::kQuoted ? "quoted " : "plain ") + node.text;
      break;
    case Node::Kind::kList:
      out += "list";
      break;
    case Node::Kind::kMap:
      out += "map";
      break;
  }
  out += "\n";
  for (size_t i = 0; i < node.items.size(); ++i) {
    Dump(node.items[i], At(path, i), out);
  }
  for (const Entry& entry : node.entries) {
    Dump(entry.value, Under(path, entry.key), out);
  }
}

struct TreeCase {
  const char* name;
  std::string text;
  std::string tree;
};

const TreeCase kTreeCases[] = {
    {"block_style", "a: 1\nb:\n  c: x y\n  d:\n    - e\n    - f\n",
     "1:1  map\n1:4 a plain 1\n3:3 b map\n3:6 b.c plain x y\n5:5 b.d list\n5:7 b.d[0] plain e\n"
     "6:7 b.d[1] plain f\n"},
    {"flow_style", "{a: 1, b: [c, {d: e}]}",
     "1:1  map\n1:5 a plain 1\n1:11 b list\n1:12 b[0] plain c\n1:15 b[1] map\n"
     "1:19 b[1].d plain e\n"},
    {"json", "{\"a\": 1,\n \"b\": \"c\"}", "1:1  map\n1:7 a plain 1\n2:7 b quoted c\n"},
    {"quotes_and_comments", "a: 'x: y # no comment'  # comment\nb: \"q\\\"q\"\n",
     "1:1  map\n1:4 a quoted x: y # no comment\n2:4 b quoted q\"q\n"},
    {"null_in_its_forms", "a: ~\nb: null\nc: ''\n",
     "1:1  map\n1:4 a null\n2:4 b null\n3:4 c quoted \n"},
    {"an_alias_is_a_copy_at_its_own_place", "a: &x [1]\nb: *x\n",
     "1:1  map\n1:4 a list\n1:8 a[0] plain 1\n2:4 b list\n1:8 b[0] plain 1\n"},
    {"a_byte_order_mark_is_skipped",
     "\xef\xbb\xbf"
     "a: 1\n",
     "1:1  map\n1:4 a plain 1\n"},
    {"text_of_other_alphabets", "a: \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n",
     "1:1  map\n1:4 a plain \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n"},
    {"line_ends_of_windows", "a: 1\r\nb: 2\r\n", "1:1  map\n1:4 a plain 1\n2:4 b plain 2\n"},
};

TEST(Document, TreesOfTheTable) {
  for (const TreeCase& c : kTreeCases) {
    Problems problems;
    const std::optional<Node> root = ParseDocument(c.text, problems);
    EXPECT_TRUE(problems.empty()) << c.name;
    ASSERT_TRUE(root.has_value()) << c.name;
    std::string tree;
    Dump(*root, "", tree);
    EXPECT_EQ(tree, c.tree) << c.name;
  }
}

struct BadCase {
  const char* name;
  std::string text;
  std::vector<std::string> problems;  // LINE:COLUMN PATH MESSAGE
};

using std::string_literals::operator""s;

const BadCase kBadCases[] = {
    {"empty", "", {"1:1  the file is empty"}},
    {"comments_alone", "# nothing\n", {"1:1  the file is empty"}},
    {"an_open_list",
     "version: 1\nserver: [unclosed\n",
     {"3:1  not valid YAML: end of sequence flow not found"}},
    {"an_open_mapping", "a: {b: 1", {"1:1  not valid YAML: end of map flow not found"}},
    {"an_open_quote", "a: \"b", {"1:6  not valid YAML: illegal EOF in scalar"}},
    {"a_brace_too_many", "a: 1\n}\n", {"2:1  not valid YAML: illegal flow end"}},
    {"a_nul_byte",
     "a: \0"s,
     {"1:4  the control character 0x00 is not allowed in a configuration "
      "file"}},
    {"an_escape_character",
     "a: 1\nb: \x1b[2J",
     {"2:4  the control character 0x1b is not allowed in a configuration file"}},
    {"a_c1_control_character",
     "a: \xc2\x9b",
     {"1:4  the control character 0x9b is not allowed in a configuration file"}},
    {"the_end_of_input_mark_of_the_library",
     "a: \x04",
     {"1:4  the control character 0x04 is not allowed in a configuration file"}},
    {"no_utf8", "a: \xff", {"1:4  the byte 0xff is not UTF-8 text"}},
    {"an_overlong_character", "a: \xc0\xaf", {"1:4  the byte 0xc0 is not UTF-8 text"}},
    {"a_surrogate", "a: \xed\xa0\x80", {"1:4  the byte 0xed is not UTF-8 text"}},
    {"a_character_cut_short", "a: \xe2\x82", {"1:4  the byte 0xe2 is not UTF-8 text"}},
    {"beyond_unicode", "a: \xf4\x90\x80\x80", {"1:4  the byte 0xf4 is not UTF-8 text"}},
    {"utf16",
     "\xff\xfe"
     "a",
     {"1:1  the byte 0xff is not UTF-8 text"}},
    {"two_documents",
     "---\na: 1\n---\nb: 2\n",
     {"3:1  a second YAML document starts here; one is allowed"}},
    {"a_key_twice", "a: 1\nb: 2\na: 3\n", {"3:1 a this key is given twice"}},
    {"a_key_twice_inside", "x: [{a: 1}, {a: 1, a: 2}]", {"1:20 x[1].a this key is given twice"}},
    {"a_key_twice_in_two_spellings", "a: 1\n\"a\": 2\n", {"2:1 a this key is given twice"}},
    {"a_key_three_times",
     "a: 1\na: 2\na: 3\n",
     {"2:1 a this key is given twice", "3:1 a this key is given twice"}},
    {"a_list_as_key", "x:\n  ? [b]\n  : c\n", {"2:5 x a key must be text"}},
    {"no_key", ": c\n", {"1:1  a key must be text"}},
    {"a_merge_key",
     "a: &x {b: 1}\nc: {<<: *x}\n",
     {"2:5 c.<< merge keys are not supported; use an alias for a whole value"}},
    {"a_tag", "a: !!binary abc\n", {"1:4 a tags (!...) are not supported"}},
    {"an_alias_to_nothing",
     "key: *sk-secret\n",
     {"1:6  not valid YAML: no anchor of this name; quote text that starts with *"}},
    {"an_alias_to_what_is_around_it",
     "a: &x [1, *x]\n",
     {"1:11  this alias stands inside the value that it names"}},
};

TEST(Document, ProblemsOfTheTable) {
  for (const BadCase& c : kBadCases) {
    Problems problems;
    (void)ParseDocument(c.text, problems);
    std::vector<std::string> found;
    for (const Problem& p : problems.list()) {
      found.push_back(std::to_string(p.line) + ":" + std::to_string(p.column) + " " + p.path + " " +
                      p.message);
    }
    EXPECT_EQ(found, c.problems) << c.name;
  }
}

std::string Nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') +
         std::string(static_cast<size_t>(depth), ']');
}

// Nine anchors, each a list of nine aliases of the one before: the billion laughs.
std::string Laughs() {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 8; ++j) {
      text += ", " + before;
    }
    text += "]\n";
  }
  return text;
}

std::string LongScalarManyTimes() {
  std::string text = "a: &a " + std::string(1 << 20, 'x') + "\nb:\n";
  for (int i = 0; i < 20; ++i) {
    text += "  - *a\n";
  }
  return text;
}

struct LimitCase {
  const char* name;
  std::string text;
  const char* message;  // part of it; null: no problem
};

TEST(Document, Limits) {
  const LimitCase kCases[] = {
      {"deepest_allowed", Nested(100), nullptr},
      {"one_deeper", Nested(101), "nested deeper than 100 levels"},
      {"far_deeper_does_not_overflow_the_stack", std::string(200'000, '['),
       "nested deeper than 100 levels"},
      {"depth_through_aliases",
       "a: &a " + Nested(60) + "\nb: " + std::string(60, '[') + "*a" + std::string(60, ']') + "\n",
       "nested deeper than 100 levels"},
      {"aliases_of_aliases", Laughs(), "more than 1000000 values"},
      {"aliases_of_long_text", LongScalarManyTimes(), "over 16777216 bytes"},
      {"a_file_that_is_too_long", std::string((16 << 20) + 1, ' '), "over 16777216 bytes"},
  };
  for (const LimitCase& c : kCases) {
    Problems problems;
    const bool parsed = ParseDocument(c.text, problems).has_value();
    EXPECT_EQ(parsed, c.message == nullptr) << c.name;
    if (c.message != nullptr) {
      ASSERT_EQ(problems.list().size(), 1u) << c.name;
      EXPECT_NE(problems.list()[0].message.find(c.message), std::string::npos)
          << c.name << ": " << problems.list()[0].message;
    }
  }
}

TEST(Document, ManyProblemsAreNotCollectedWithoutEnd) {
  std::string text = "a: 1\n";
  for (int i = 0; i < 3'000; ++i) {
    text += "a: 1\n";
  }
  Problems problems;
  ASSERT_TRUE(ParseDocument(text, problems).has_value());
  EXPECT_EQ(problems.list().size(), DocumentLimits().problems);
}

struct LocateCase {
  const char* name;
  const char* path;
  int line;
  int column;
};

const LocateCase kLocateCases[] = {
    {"the_whole", "", 1, 1},
    {"a_value", "a", 1, 4},
    {"a_value_inside", "b.c", 3, 6},
    {"an_empty_value_is_found_at_its_key", "b.empty", 4, 3},
    {"an_item", "list[1]", 7, 5},
    {"inside_an_item", "list[1].x", 7, 8},
    {"a_missing_key_is_what_should_hold_it", "list[1].y", 7, 5},
    {"a_missing_item_is_the_list", "list[9].y", 6, 3},
    {"nothing_of_it_exists", "zzz.y[3]", 1, 1},
    {"deeper_than_a_scalar", "a.b.c", 1, 4},
    {"a_path_that_is_broken", "list[", 6, 3},
};

TEST(Document, Locate) {
  Problems problems;
  const std::optional<Node> root =
      ParseDocument("a: 1\nb:\n  c: 2\n  empty:\nlist:\n  - y\n  - x: 1\n", problems);
  ASSERT_TRUE(root.has_value());
  for (const LocateCase& c : kLocateCases) {
    const Position position = Locate(*root, c.path);
    EXPECT_EQ(position.line, c.line) << c.name;
    EXPECT_EQ(position.column, c.column) << c.name;
  }
}

TEST(Document, PrintableTextIsSafeForTerminals) {
  EXPECT_EQ(Printable("plain"), "plain");
  EXPECT_EQ(Printable("a\x1b[2J\n"), "a\\x1b[2J\\x0a");
  EXPECT_EQ(Printable("\xc3\xa4\xff\xc2\x9b"), "\xc3\xa4\\xff\\xc2\\x9b");
  EXPECT_EQ(Printable(std::string(100, 'k')), std::string(80, 'k') + "...");
}

}  // namespace
}  // namespace mainstay::config
