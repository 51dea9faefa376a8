#include "base/json_writer.h"

#include <gmock/gmock.h>
#include <simdjson.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "base/random.h"

namespace mainstay::json {
namespace {

using std::string_view_literals::operator""sv;

std::string Escaped(std::string_view text) {
  std::string out;
  AppendEscaped(out, text);
  return out;
}

TEST(JsonWriter, EscapesWhatMustBeEscapedAndRepairsUtf8) {
  struct Row {
    const char* name;
    std::string_view text;
    std::string_view want;
  };
  const Row rows[] = {
      {"empty", "", ""},
      {"plain", "model", "model"},
      {"quote and backslash", "\"\\", R"(\"\\)"},
      {"slash and delete stay", "/\x7F", "/\x7F"},
      {"short escapes", "\b\f\n\r\t", R"(\b\f\n\r\t)"},
      {"other control characters", "\0\x01\x1F"sv, R"(\u0000\u0001\u001f)"},
      {"first beyond control", "\x20\x21", " !"},
      {"UTF-8 of all lengths", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
       "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"lone tail", "a\x80z", "a\xEF\xBF\xBDz"},
      {"sequence without its tail", "\xC3", "\xEF\xBF\xBD"},
      {"sequence cut by a quote", "\xE2\x82\"", "\xEF\xBF\xBD\xEF\xBF\xBD\\\""},
      {"surrogate", "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"over-long", "\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"above the last code point", "\xF4\x90\x80\x80",
       "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"last code point", "\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(Escaped(row.text), row.want);
    // At every place relative to the blocks.
    for (size_t before = 0; before < 40; ++before) {
      const std::string letters(before, 'x');
      EXPECT_EQ(Escaped(letters + std::string(row.text) + letters),
                letters + std::string(row.want) + letters);
    }
  }
}

TEST(JsonWriter, WhatIsWrittenReadsBack) {
  Random random(11);
  simdjson::dom::parser parser;
  for (int round = 0; round < 5'000; ++round) {
    std::string text;
    const bool is_ascii = round % 2 == 0;
    for (uint64_t left = random.Below(80); left > 0; --left) {
      text += static_cast<char>(random.Below(is_ascii ? 128 : 256));
    }
    std::string json;
    AppendString(json, text);
    std::string_view value;
    ASSERT_EQ(parser.parse(json).get(value), simdjson::SUCCESS) << json;
    EXPECT_TRUE(!is_ascii || value == text) << json;
    json.append(kPadding, ' ');
    Reader reader(std::string_view(json).substr(0, json.size() - kPadding));
    StringToken token;
    ASSERT_TRUE(reader.ReadString(token) && reader.Finish()) << json;
    std::string unescaped;
    AppendValue(token, unescaped);
    EXPECT_EQ(unescaped, value) << json;
  }
}

TEST(JsonWriter, Integers) {
  const std::pair<int64_t, std::string_view> rows[] = {
      {0, "0"},
      {-1, "-1"},
      {std::numeric_limits<int64_t>::max(), "9223372036854775807"},
      {std::numeric_limits<int64_t>::min(), "-9223372036854775808"},
  };
  for (const auto& [value, want] : rows) {
    std::string out;
    AppendInt(out, value);
    EXPECT_EQ(out, want);
  }
}

TEST(JsonWriter, DoublesAreShortAndReadBackExactly) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::pair<double, std::string_view> rows[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {0.1, "0.1"},
      {0.2 + 0.1, "0.30000000000000004"},
      {1e300, "1e+300"},
      {5e-324, "5e-324"},
      {-1.7976931348623157e308, "-1.7976931348623157e+308"},
      {infinity, "null"},
      {-infinity, "null"},
      {std::nan(""), "null"},
  };
  for (const auto& [value, want] : rows) {
    std::string out;
    AppendDouble(out, value);
    EXPECT_EQ(out, want);
  }
  Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    const uint64_t bits = random.Next();
    const auto value = std::bit_cast<double>(bits);
    if (!std::isfinite(value)) {
      continue;
    }
    std::string out;
    AppendDouble(out, value);
    out.append(kPadding, '9');
    Reader reader(std::string_view(out).substr(0, out.size() - kPadding));
    double back = 0;
    ASSERT_TRUE(reader.ReadDouble(back) && reader.Finish()) << out;
    EXPECT_EQ(std::bit_cast<uint64_t>(back), bits) << out;
  }
}

TEST(JsonWriter, CommasStandWhereTheyMust) {
  struct Row {
    std::string_view want;
    void (*write)(Writer&);
  };
  const Row rows[] = {
      {"{}", [](Writer& w) { w.BeginObject().EndObject(); }},
      {"[]", [](Writer& w) { w.BeginArray().EndArray(); }},
      {"null", [](Writer& w) { w.Null(); }},
      {"[1,2,3]", [](Writer& w) { w.BeginArray().Int(1).Int(2).Int(3).EndArray(); }},
      {R"({"a":1,"b":"c"})",
       [](Writer& w) { w.BeginObject().Key("a").Int(1).Key("b").String("c").EndObject(); }},
      {"[[],{},[[]]]",
       [](Writer& w) {
         w.BeginArray().BeginArray().EndArray().BeginObject().EndObject();
         w.BeginArray().BeginArray().EndArray().EndArray().EndArray();
       }},
      {R"({"a":{"b":[true,null]},"c":[false]})",
       [](Writer& w) {
         w.BeginObject().Key("a").BeginObject().Key("b").BeginArray().Bool(true).Null();
         w.EndArray().EndObject().Key("c").BeginArray().Bool(false).EndArray().EndObject();
       }},
      {R"([0.5,{"x":[ 1 ]},"\"",null])",
       [](Writer& w) {
         w.BeginArray().Double(0.5).BeginObject().Key("x").Raw("[ 1 ]").EndObject();
         w.String("\"").Double(std::nan("")).EndArray();
       }},
      {R"({"k\n":""})", [](Writer& w) { w.BeginObject().Key("k\n").String("").EndObject(); }},
  };
  for (const Row& row : rows) {
    std::string out = "before ";
    Writer writer(out);
    row.write(writer);
    EXPECT_EQ(out, "before " + std::string(row.want));
  }
}

// The other direction, which the reader offers.
TEST(JsonWriter, UnescapeAndKeyEqualsUndoEscapes) {
  struct Row {
    std::string_view raw;
    std::string_view value;
  };
  const Row rows[] = {
      {"", ""},
      {"model", "model"},
      {R"(mod\u0065l)", "model"},
      {R"(\u006d\u006F\u0064\u0065\u006c)", "model"},
      {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
      {R"(a\u0000b)", "a\0b"sv},
      {R"(\u007f\u0080\u07ff\u0800\uffff)", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"},
      {R"(\ud83d\ude00!)", "\xF0\x9F\x98\x80!"},
      {R"(\uD800\uDC00\uDBFF\uDFFF)", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
      {R"(\ud800)", "\xEF\xBF\xBD"},
      {R"(\udc00x)", "\xEF\xBF\xBDx"},
      {R"(\ud800\n)", "\xEF\xBF\xBD\n"},
      {R"(\ud800\u0041)",
       "\xEF\xBF\xBD"
       "A"},
      {R"(\ud800\ud83d\ude00)", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
      {"\xC3\xA9\\n", "\xC3\xA9\n"},
  };
  for (const Row& row : rows) {
    std::string value = "before ";
    EXPECT_TRUE(Unescape(row.raw, value)) << row.raw;
    EXPECT_EQ(value, "before " + std::string(row.value)) << row.raw;
    const StringToken key{.raw = row.raw,
                          .has_escapes = row.raw.find('\\') != std::string_view::npos};
    EXPECT_TRUE(KeyEquals(key, row.value)) << row.raw;
    EXPECT_FALSE(KeyEquals(key, std::string(row.value) + "x")) << row.raw;
    EXPECT_FALSE(!row.value.empty() && KeyEquals(key, row.value.substr(1))) << row.raw;
    EXPECT_FALSE(!row.value.empty() && KeyEquals(key, row.value.substr(0, row.value.size() - 1)));
  }
  for (const std::string_view raw : {"\\", "\\x", "\\u", "\\u123", "\\u12g4", "a\\ud800\\"}) {
    std::string value;
    EXPECT_FALSE(Unescape(raw, value)) << raw;
    EXPECT_FALSE(KeyEquals({.raw = raw, .has_escapes = true}, "a")) << raw;
  }
}

}  // namespace
}  // namespace mainstay::json
