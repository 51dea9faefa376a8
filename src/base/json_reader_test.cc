#include "base/json_reader.h"

#include <gmock/gmock.h>
#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"

namespace mainstay::json {
namespace {

using internal::ScanVersion;
using internal::UseScanVersion;
using std::string_view_literals::operator""sv;

// A text in an allocation that ends with its padding, so that a sanitizer sees each read beyond.
class Padded final {
 public:
  explicit Padded(std::string_view text, char fill = ' ')
      : size_(text.size()), bytes_(std::make_unique<char[]>(text.size() + kPadding)) {
    std::memcpy(bytes_.get(), text.data(), text.size());
    std::memset(bytes_.get() + text.size(), fill, kPadding);
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// Runs the function once with every version of the scan that this machine has.
template <typename Function>
void WithEachVersion(Function function) {
  for (const ScanVersion v : {ScanVersion::kPortable, ScanVersion::kSse2, ScanVersion::kAvx2}) {
    if (UseScanVersion(v)) {
      function();
    }
  }
  UseScanVersion(ScanVersion::kWidest);
}

// --- A text as one line that says what every value is. The two functions share no code, so equal
// lines mean that reader and judge agree on everything.

std::string DoubleLine(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return "double " + std::to_string(bits);
}

std::string StringLine(std::string_view text) {
  return std::to_string(text.size()) + ":" + std::string(text);
}

// "large" when the judge has no type for it.
std::string NumberLine(Reader& reader) {
  Reader copy = reader;
  std::string_view raw;
  uint64_t integer = 0;
  int64_t signed_integer = 0;
  double real = 0;
  reader.ReadNumber(raw);
  if (raw.find_first_of(".eE") != std::string_view::npos) {
    return copy.ReadDouble(real) ? DoubleLine(real) : "large";
  }
  if (copy.ReadInt64(signed_integer)) {
    return "int " + std::to_string(signed_integer);
  }
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), integer);
  return error == std::errc{} ? "int " + std::to_string(integer) : "large";
}

void Describe(Reader& reader, std::string& out) {
  StringToken token;
  std::string value;
  bool truth = false;
  switch (reader.Peek()) {
    case Type::kObject:
      out += '{';
      for (reader.EnterObject(); reader.NextMember(token); out += ',') {
        value.clear();
        AppendValue(token, value);
        out += StringLine(value) + "=";
        Describe(reader, out);
      }
      out += '}';
      return;
    case Type::kArray:
      out += '[';
      for (reader.EnterArray(); reader.NextElement(); out += ',') {
        Describe(reader, out);
      }
      out += ']';
      return;
    case Type::kString:
      if (reader.ReadString(token)) {
        EXPECT_EQ(token.has_escapes, token.raw.find('\\') != std::string_view::npos);
        EXPECT_TRUE(Unescape(token.raw, value));
        out += StringLine(value);
      }
      return;
    case Type::kNumber:
      out += NumberLine(reader);
      return;
    case Type::kNull:
      out += reader.ReadNull() ? "null" : "";
      return;
    case Type::kNone:
      reader.SkipValue();
      return;
    default:
      out += !reader.ReadBool(truth) ? "" : truth ? "true" : "false";
      return;
  }
}

std::string Describe(simdjson::dom::element element) {
  using simdjson::dom::element_type;
  std::string out;
  switch (element.type()) {
    case element_type::OBJECT:
      for (const auto& [key, value] : simdjson::dom::object(element)) {
        out += StringLine(key) + "=" + Describe(value) + ",";
      }
      return "{" + out + "}";
    case element_type::ARRAY:
      for (const simdjson::dom::element child : simdjson::dom::array(element)) {
        out += Describe(child) + ",";
      }
      return "[" + out + "]";
    case element_type::STRING:
      return StringLine(std::string_view(element));
    case element_type::INT64:
      return "int " + std::to_string(int64_t(element));
    case element_type::UINT64:
      return "int " + std::to_string(uint64_t(element));
    case element_type::DOUBLE:
      return DoubleLine(double(element));
    case element_type::BOOL:
      return bool(element) ? "true" : "false";
    case element_type::NULL_VALUE:
      return "null";
  }
  return "?";
}

// What one way of reading makes of a text: the problem, or the line of its values.
struct Outcome {
  size_t offset = 0;
  std::string what = {};
  std::string line = {};
  Outcome WithoutLine() const { return {.offset = offset, .what = what}; }
  bool operator==(const Outcome&) const = default;
};

void PrintTo(const Outcome& o, std::ostream* out) {
  *out << o.offset << ": " << o.what << o.line;
}

Outcome End(Reader& reader, std::string line) {
  const bool accepted = reader.Finish();
  const auto& [offset, what] = reader.problem();
  return {.offset = offset, .what = std::string(what), .line = accepted ? std::move(line) : ""};
}

Outcome ReadAll(std::string_view text) {
  Reader reader(text);
  std::string line;
  Describe(reader, line);
  return End(reader, line);
}

Outcome SkipAll(std::string_view text) {
  Reader reader(text);
  reader.SkipValue();
  return End(reader, "");
}

// Reads and skips the text with every version of the scan and with paddings that look like the
// text's continuation, and expects the same outcome of all.
Outcome ReadInAllWays(std::string_view text) {
  const Padded reference(text);
  const Outcome outcome = ReadAll(reference.view());
  WithEachVersion([&] {
    for (const char fill : "\"\\}],:0aeu \n\x80\x1F"sv) {
      const Padded padded(text, fill);
      EXPECT_EQ(ReadAll(padded.view()), outcome) << text << " padded with " << int{fill};
      EXPECT_EQ(SkipAll(padded.view()), outcome.WithoutLine()) << text;
    }
  });
  return outcome;
}

// The judge has no numbers beyond 64 bits and refuses lone surrogates, which the grammar allows.
void ExpectJudgeAgrees(std::string_view text, const Outcome& outcome) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  const auto error = parser.parse(text.data(), text.size()).get(element);
  const bool abstains =
      (error == simdjson::NUMBER_ERROR && outcome.line.find("large") != std::string::npos) ||
      outcome.line.find("\xEF\xBF\xBD") != std::string::npos;
  if (!abstains) {
    EXPECT_EQ(outcome.line, error == simdjson::SUCCESS ? Describe(element) : "")
        << text << "\n"
        << outcome.what << " at " << outcome.offset;
  }
}

struct Case {
  const char* name;
  std::string_view text;
  size_t offset = 0;
  std::string_view what = {};  // empty: the text is JSON
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

constexpr Case kCases[] = {
    {"NestedEmpties", "[[],[[]],{},[{}]]"},
    {"EscapedBackslash", R"("\\")"},
    {"Null", "null"},
    {"True", "true"},
    {"False", "false"},
    {"Zero", "0"},
    {"MinusZero", "-0"},
    {"Int64Max", "9223372036854775807"},
    {"Int64Min", "-9223372036854775808"},
    {"Uint64Max", "18446744073709551615"},
    {"IntegerOfThirtyDigits", "123456789012345678901234567890"},
    {"Fraction", "0.5"},
    {"Exponent", "1e5"},
    {"ExponentUpper", "1E5"},
    {"ExponentMinus", "25e-3"},
    {"ZeroWithExponent", "0e1"},
    {"HugeExponent", "1e99999999"},
    {"TinyExponent", "1e-99999999"},
    {"ManyDigits", "3.141592653589793238462643383279502884197"},
    {"SmallestDouble", "4.9406564584124654e-324"},
    {"LargestDouble", "1.7976931348623157e308"},
    {"EmptyString", R"("")"},
    {"OneLetter", R"("a")"},
    {"LongString", R"("abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij")"},
    {"EscapedBackslashThenQuote", R"("\\\"")"},
    {"EverySimpleEscape", R"("\"\\\/\b\f\n\r\t")"},
    {"UnicodeEscape", R"("\u00e9")"},
    {"UnicodeEscapeZero", R"("\u0000")"},
    {"SurrogatePair", R"("\ud83d\ude00")"},
    {"LoneHighSurrogateEscape", R"("\ud800")"},
    {"LoneLowSurrogateEscape", R"("\udc00")"},
    {"SurrogatesInWrongOrder", R"("\ude00\ud83d")"},
    {"Delete", "\"\177\""},
    {"FourByteUtf8", "\"\360\237\230\200\""},
    {"LastCodePoint", "\"\364\217\277\277\""},
    {"BeforeSurrogates", "\"\355\237\277\""},
    {"LongStringWithLateUtf8", "\"abcdefghijabcdefghijabcdefghij\303\251\""},
    {"EmptyObject", "{}"},
    {"EmptyArray", "[]"},
    {"SpacedEmptyObject", "{ }"},
    {"SpacedEmptyArray", "[\n]"},
    {"DuplicateKeys", R"({"a":1,"a":2})"},
    {"EscapedKey", R"({"\u0061\"":1})"},
    {"KeyWithUtf8", "{\"\303\251\":1}"},
    {"LongKey", R"({"a_key_that_is_longer_than_one_block":1})"},
    {"ArrayOfAll", R"([null,true,false,1,"a",[],{}])"},
    {"SpacesAround", " \t\r\n1 \t\r\n"},
    {"SpacesEverywhere", R"( { "a" : [ 1 , 2 ] , "b" : { } } )"},
    {"PrettyPrinted", "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": \"c\"\n}\n"},
    {"ManySpaces", "                    []                    "},
    {"TabsAfterColon", "{\"a\":\t\t1}"},
    {"ChatBody", R"({"model":"auto","messages":[{"role":"user","content":"Hi\n"}],"n":0.2})"},
    {"ChatBodySpaced", R"({"model": "auto", "messages": [{"role": "user"}], "stop": null})"},
    {"NoFraction", "1.", 2, "unexpected end of the text"},
    {"Empty", "", 0, "unexpected end of the text"},
    {"OnlySpaces", " \n", 2, "unexpected end of the text"},
    {"OnlyComma", ",", 0, "expected a value"},
    {"OpenBrace", "{", 1, "unexpected end of the text"},
    {"CloseBrace", "}", 0, "expected a value"},
    {"CloseBracket", "]", 0, "expected a value"},
    {"OpenQuote", R"(")", 1, "unexpected end of the text"},
    {"ByteOrderMark", "\357\273\277{}", 0, "expected a value"},
    {"NulAfterValue", "1\000"sv, 1, "only white space may follow the value"},
    {"FormFeedAsSpace", "\0141", 0, "expected a value"},
    {"NoBreakSpace", "\302\2401", 0, "expected a value"},
    {"TwoValues", "1 2", 2, "only white space may follow the value"},
    {"CommaAfterValue", "1,", 1, "only white space may follow the value"},
    {"CommentAfterValue", "1 // one", 2, "only white space may follow the value"},
    {"TrailingCommaInArray", "[1,]", 3, "expected a value"},
    {"TrailingCommaInObject", R"({"a":1,})", 7, "expected a key in quotes"},
    {"LeadingCommaInArray", "[,1]", 1, "expected a value"},
    {"LeadingCommaInObject", R"({,"a":1})", 1, "expected a key in quotes"},
    {"NoCommaInArray", "[1 2]", 3, "expected ',' or ']'"},
    {"NoCommaInObject", R"({"a":1 "b":2})", 7, "expected ',' or '}'"},
    {"NoColon", R"({"a" 1})", 5, "expected ':'"},
    {"CommaForColon", R"({"a",1})", 4, "expected ':'"},
    {"TwoColons", R"({"a"::1})", 5, "expected a value"},
    {"NoValue", R"({"a":})", 5, "expected a value"},
    {"NoValueAtEnd", R"({"a":)", 5, "unexpected end of the text"},
    {"KeyAlone", R"({"a"})", 4, "expected ':'"},
    {"KeyWithoutQuotes", "{a:1}", 1, "expected a key in quotes"},
    {"BraceClosesArray", "[1}", 2, "expected ',' or ']'"},
    {"BracketClosesObject", R"({"a":1])", 6, "expected ',' or '}'"},
    {"BraceClosesEmptyArray", "[}", 1, "expected a value"},
    {"BracketClosesEmptyObject", "{]", 1, "expected a key in quotes"},
    {"ObjectNotClosedAfterComma", R"({"a":1,)", 7, "unexpected end of the text"},
    {"DeepMismatch", "[[[[1]]}]", 7, "expected ',' or ']'"},
    {"TrueCut", "tru", 3, "unexpected end of the text"},
    {"TrueInArrayLonger", "[truex]", 5, "expected ',' or ']'"},
    {"NullCut", "nul", 3, "unexpected end of the text"},
    {"NaN", "NaN", 0, "expected a value"},
    {"MinusInfinity", "-Infinity", 1, "expected a digit"},
    {"LeadingZero", "01", 0, "a number begins with 0"},
    {"MinusInArray", "[-]", 2, "expected a digit"},
    {"PlusSign", "+1", 0, "expected a value"},
    {"NoWholePart", ".5", 0, "expected a value"},
    {"NoExponent", "1e", 2, "unexpected end of the text"},
    {"ExponentSignAloneInArray", "[1e-]", 4, "expected a digit"},
    {"Hex", "0x10", 1, "only white space may follow the value"},
    {"NulInString", "\"a\000b\""sv, 2, "control character in a string"},
    {"UnitSeparatorInString", "\"\037\"", 1, "control character in a string"},
    {"ControlInKey", "{\"a\n\":1}", 3, "control character in a string"},
    {"ControlInLongString", "\"abcdefghijabcdefghij\001\"", 21, "control character in a string"},
    {"StringNotClosed", R"("abc)", 4, "unexpected end of the text"},
    {"BackslashAtEnd", R"("\)", 2, "unexpected end of the text"},
    {"LongStringNotClosed", R"("abcdefghijabcdefghij)", 21, "unexpected end of the text"},
    {"WrongEscape", R"("\x41")", 1, "invalid escape in a string"},
    {"EscapeInLongString", R"("abcdefghijabcdefghij\q")", 21, "invalid escape in a string"},
    {"UnicodeThreeDigits", R"("\u123")", 1, "invalid escape in a string"},
    {"UnicodeWrongDigit", R"("\u12G4")", 1, "invalid escape in a string"},
    {"UnicodeUpperU", R"("\U0041")", 1, "invalid escape in a string"},
    {"UnicodeCutByEnd", R"("\u12)", 5, "unexpected end of the text"},
    {"UnicodeWrongDigitAtEnd", R"("\u1x)", 1, "invalid escape in a string"},
    {"Utf8Surrogate", "\"\355\240\200\"", 1, "invalid UTF-8"},
    {"Utf8OverLongTwo", "\"\300\200\"", 1, "invalid UTF-8"},
    {"Utf8OverLongFour", "\"\360\217\277\277\"", 1, "invalid UTF-8"},
    {"Utf8AboveLast", "\"\364\220\200\200\"", 1, "invalid UTF-8"},
    {"Utf8InvalidAfterValid", "[\"\303\251\",\"\303\"]", 7, "invalid UTF-8"},
    {"Utf8InvalidInLongString", "\"abcdefghijabcdefghij\342(\241\"", 21, "invalid UTF-8"},
    {"HighByteOutsideString", "[\303\251]", 1, "expected a value"},
    {"ProblemAfterUtf8", "[\"\377\",}", 5, "expected a value"},
};

class JsonTextTest : public testing::TestWithParam<Case> {};

TEST_P(JsonTextTest, IsReadAsTheTableSays) {
  const Case& row = GetParam();
  const Outcome outcome = ReadInAllWays(row.text);
  EXPECT_EQ(outcome.what, row.what);
  EXPECT_EQ(outcome.offset, row.offset);
  ExpectJudgeAgrees(row.text, outcome);
}

INSTANTIATE_TEST_SUITE_P(Table, JsonTextTest, testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

std::string Nested(int depth, std::string_view open, std::string_view inside,
                   std::string_view close) {
  std::string text(inside);
  for (int i = 0; i < depth; ++i) {
    text = std::string(open).append(text).append(close);
  }
  return text;
}

TEST(JsonReader, NestingIsBoundedForReadingAndForSkipping) {
  struct Row {
    const char* name;
    std::string text;
    size_t offset;  // 0: passes
  };
  const Row rows[] = {
      {"1000 arrays", Nested(1000, "[", "", "]"), 0},
      {"1001 arrays", Nested(1001, "[", "", "]"), 1000},
      {"1000 objects", Nested(1000, R"({"a":)", "1", "}"), 0},
      {"1001 objects", Nested(1001, R"({"a":)", "1", "}"), 5000},
      {"1000 of both", Nested(500, R"([{"a":)", "0", "}]"), 0},
      {"1001 of both", Nested(500, R"([{"a":)", "[]", "}]"), 3000},
      {"deep twice side by side",
       "[" + Nested(999, "[", "", "]") + "," + Nested(999, "[", "", "]") + "]", 0},
      {"100000 arrays never closed", std::string(100'000, '['), 1000},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const Padded padded(row.text);
    for (const Outcome& outcome : {ReadAll(padded.view()), SkipAll(padded.view())}) {
      EXPECT_EQ(outcome.offset, row.offset);
      EXPECT_EQ(outcome.what, row.offset == 0 ? "" : "objects and arrays are nested too deeply");
    }
  }
}

TEST(JsonReader, TheCallersOwnDepthCountsWhatWasEntered) {
  for (const auto& [depth_max, passes] : {std::pair{2, false}, {3, true}, {5000, true}}) {
    const Padded padded("[[[1]]]");
    Reader reader(padded.view(), depth_max);
    EXPECT_TRUE(reader.EnterArray() && reader.NextElement());
    EXPECT_EQ(reader.SkipValue(), passes) << depth_max;
    EXPECT_EQ(reader.problem().offset, passes ? 0u : 2u);
  }
}

// All kinds in one container, and closing brackets of the wrong kind at every depth up to beyond
// two words of the skip's bit stack.
TEST(JsonReader, ASkippedBracketMustMatchAtEveryDepth) {
  Random random(3);
  for (size_t depth = 1; depth < 150; ++depth) {
    std::string open;
    std::string close;
    for (size_t i = 0; i < depth; ++i) {
      const bool is_object = random.Below(2) == 0;
      open += is_object ? "{\"\":" : "[";
      close.insert(0, 1, is_object ? '}' : ']');
    }
    EXPECT_EQ(ReadInAllWays(open + "0" + close).what, "");
    const size_t wrong = random.Below(depth);
    close[wrong] = static_cast<char>(close[wrong] == '}' ? ']' : '}');
    const Outcome outcome = ReadInAllWays(open + "0" + close);
    EXPECT_EQ(outcome.offset, open.size() + 1 + wrong);
    EXPECT_THAT(outcome.what, testing::StartsWith("expected ','"));
  }
}

// Every place of a special byte in a string relative to all block sizes.
TEST(JsonReader, StringsOfEveryLengthWithASpecialByteAnywhere) {
  constexpr std::string_view kEscape = "invalid escape in a string";
  constexpr std::string_view kControl = "control character in a string";
  constexpr std::string_view kUtf8 = "invalid UTF-8";
  struct Row {
    std::string_view bytes;
    std::string_view what = {};  // empty: passes
  };
  const Row rows[] = {{"\\n"},          {"\\\""},           {"\\\\"},         {"\\u0041"},
                      {"\\\\\\\"\\\\"}, {"\xC3\xA9"},       {"\\x", kEscape}, {"\\u00g0", kEscape},
                      {"\n", kControl}, {"\x1F", kControl}, {"\xC3", kUtf8},  {"\x80", kUtf8}};
  WithEachVersion([&] {
    for (const Row& row : rows) {
      for (size_t length = 0; length <= 100; ++length) {
        for (size_t at = 0; at <= length; ++at) {
          std::string text = '"' + std::string(length, 'x') + '"';
          text.insert(1 + at, row.bytes);
          const Padded padded(text, '"');
          Reader reader(padded.view());
          StringToken token;
          const bool passes = reader.ReadString(token) && reader.Finish();
          ASSERT_EQ(reader.problem().what, row.what) << text;
          ASSERT_EQ(reader.problem().offset, passes ? 0 : 1 + at) << text;
          if (passes) {
            ASSERT_EQ(token.raw, std::string_view(text).substr(1, text.size() - 2));
            ASSERT_EQ(token.has_escapes, row.bytes.front() == '\\') << text;
          }
          const Padded cut(std::string_view(text).substr(0, text.size() - 1), '"');
          Reader cut_reader(cut.view());
          ASSERT_FALSE(cut_reader.ReadString(token) && cut_reader.Finish()) << text;
        }
      }
    }
  });
}

// Runs of backslashes decide by their length whether the quote behind them ends the string.
TEST(JsonReader, RunsOfBackslashesAcrossBlocks) {
  for (size_t before = 0; before <= 80; ++before) {
    for (size_t run = 1; run <= 70; ++run) {
      const std::string text =
          '"' + std::string(before, 'x') + std::string(run, '\\') + (run % 2 == 1 ? "\"\"" : "\"");
      WithEachVersion([&] {
        const Padded padded(text, '\\');
        EXPECT_EQ(SkipAll(padded.view()).what, "") << text;
        const Padded cut(std::string_view(text).substr(0, text.size() - 1), '"');
        EXPECT_EQ(SkipAll(cut.view()).what, "unexpected end of the text") << text;
      });
    }
  }
}

// Every accepted row that has no white space of its own around it.
TEST(JsonReader, SkippedValuesHaveExactSpans) {
  int64_t next = 0;
  std::string_view raw;
  for (const auto& [name, value, offset, what] : kCases) {
    if (!what.empty() || value.front() == ' ' || value.back() == '\n') {
      continue;
    }
    for (const std::string_view space : {"", " ", "\t\r\n  "}) {
      const std::string text = "[" + std::string(space) + std::string(value) + std::string(space) +
                               "," + std::string(space) + "2]";
      const Padded padded(text);
      Reader reader(padded.view());
      ASSERT_TRUE(reader.EnterArray() && reader.NextElement());
      EXPECT_EQ(reader.offset(), 1 + space.size());
      ASSERT_TRUE(reader.SkipValue(&raw));
      EXPECT_EQ(raw, value);
      EXPECT_EQ(raw.data() - padded.view().data(), static_cast<ptrdiff_t>(1 + space.size()));
      EXPECT_TRUE(reader.NextElement() && reader.ReadInt64(next) && next == 2);
      EXPECT_TRUE(!reader.NextElement() && reader.Finish());
      EXPECT_EQ(reader.offset(), text.size());
    }
  }
}

// Values of the wrong type, numbers at their limits, and calls out of order. A call that fails
// names the value's offset.
TEST(JsonReader, TypedReadsAndMisuse) {
  int64_t integer = 0;
  double real = 0;
  bool truth = false;
  StringToken token;
  std::string_view raw;
  struct Row {
    std::string_view text;
    std::function<bool(Reader&)> read;
    std::string_view what;
  };
  const auto as_int = [&](Reader& r) { return r.ReadInt64(integer) && r.Finish(); };
  const auto as_double = [&](Reader& r) { return r.ReadDouble(real) && r.Finish(); };
  const Row rows[] = {
      {" 9223372036854775807", as_int, ""},
      {" -9223372036854775808", as_int, ""},
      {" 9223372036854775808", as_int, "an integer of more than 64 bits"},
      {" -9223372036854775809", as_int, "an integer of more than 64 bits"},
      {" 1.0", as_int, "expected an integer"},
      {" 1e2", as_int, "expected an integer"},
      {" \"1\"", as_int, "expected a number"},
      {" 1e308", as_double, ""},
      {" 1e309", as_double, "a number too large for a double"},
      {" -1e99999999999999999999", as_double, "a number too large for a double"},
      {" 1e-99999999999999999999", as_double, ""},
      {" 0e99999", as_double, ""},
      {" null", as_double, "expected a number"},
      {" 1", [&](Reader& r) { return r.ReadString(token); }, "expected a string"},
      {" 1", [&](Reader& r) { return r.ReadBool(truth); }, "expected true or false"},
      {" 0", [](Reader& r) { return r.ReadNull(); }, "expected null"},
      {" []", [](Reader& r) { return r.EnterObject(); }, "expected an object"},
      {" {}", [](Reader& r) { return r.EnterArray(); }, "expected an array"},
      {" x", [&](Reader& r) { return r.ReadNumber(raw); }, "expected a number"},
      {" nulx", [](Reader& r) { return r.ReadNull(); }, "expected true, false or null"},
      {" false", [&](Reader& r) { return r.ReadBool(truth) && !truth && r.Finish(); }, ""},
      {" 1", [](Reader& r) { return r.Finish(); }, "the text was not read to its end"},
      {" {}", [&](Reader& r) { return r.NextMember(token); }, "the value here was not read"},
      {" []", [](Reader& r) { return r.NextElement(); }, "the value here was not read"},
      {"[,", [](Reader& r) { return r.EnterArray() && r.Finish(); },
       "the text was not read to its end"},
      {"0,1", [](Reader& r) { return r.SkipValue() && r.NextElement(); },
       "no object or array is open here"},
      {"0,1", [](Reader& r) { return r.SkipValue() && r.SkipValue(); }, "no value is due here"},
  };
  for (const Row& row : rows) {
    const Padded padded(row.text);
    Reader reader(padded.view());
    EXPECT_TRUE(row.read(reader) != reader.failed()) << row.text;
    EXPECT_EQ(reader.problem().what, row.what) << row.text;
    EXPECT_EQ(reader.problem().offset, row.what.empty() ? 0u : 1u) << row.text;
    if (reader.failed()) {
      EXPECT_FALSE(reader.SkipValue() || reader.Finish() || reader.NextElement());
      EXPECT_EQ(reader.Peek(), Type::kNone);
      EXPECT_EQ(reader.problem().what, row.what) << "the first problem stays";
    }
  }
}

// Every prefix of every row, and thousands of rows with a few bytes changed, against the judge.
TEST(JsonReader, AgreesWithSimdjsonOnMutatedTexts) {
  for (const Case& row : kCases) {
    for (size_t size = 0; size < row.text.size(); ++size) {
      const Padded padded(row.text.substr(0, size));
      ExpectJudgeAgrees(padded.view(), ReadAll(padded.view()));
    }
  }
  constexpr std::string_view kBytes =
      "{}[]:,\"\\/tfnu0123456789.eE+-abdr \n\r\t\x1F\x7F\x80\xC3\xA9";
  Random random(20'240'611);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(kCases[random.Below(std::size(kCases))].text);
    for (uint64_t change = random.Below(4); change < 4; ++change) {
      const size_t at = random.Below(text.size() + 1);
      const char byte = kBytes[random.Below(kBytes.size())];
      // Insert, replace or erase.
      text.replace(at, random.Below(2), random.Below(3) > 0 ? 1 : 0, byte);
    }
    const Padded padded(text, kBytes[random.Below(kBytes.size())]);
    const Outcome outcome = ReadAll(padded.view());
    ExpectJudgeAgrees(text, outcome);
    ASSERT_EQ(SkipAll(padded.view()), outcome.WithoutLine()) << text;
  }
}

}  // namespace
}  // namespace mainstay::json
