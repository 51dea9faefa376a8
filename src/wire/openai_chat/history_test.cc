// Which requests have the same history, and which do not: docs/formats/history_digest.md as rows.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "wire/digest/history_builder.h"
#include "wire/openai_chat/request.h"
#include "wire/openai_chat/testing.h"

namespace mainstay::wire::openai_chat {
namespace {

HashKey TestKey(uint8_t first = 7) {
  std::array<uint8_t, HashKey::kBytes> bytes{};
  bytes[0] = first;
  return HashKey(bytes);
}

History HistoryWith(const HistoryRules& rules, std::string_view messages) {
  const PaddedText body(R"({"model":"m","messages":[)" + std::string(messages) + "]}");
  HistoryBuilder builder;
  History history;
  builder.Start(rules, history);
  std::string scratch;
  Request request;
  EXPECT_TRUE(DecodeRequest(Operation::kChat, body.view(), scratch, &builder, request).has_value())
      << messages;
  return history;
}

History HistoryOf(std::string_view messages) {
  static const HistoryRules rules({}, TestKey());
  return HistoryWith(rules, messages);
}

std::string Hex(const Hash128& hash) {
  return std::to_string(hash.high) + ":" + std::to_string(hash.low);
}

// Everything that a client could change without changing the conversation is left out.
std::string Text(const History& history) {
  std::string text = "system " + std::to_string(history.system);
  for (const Link& link : history.links) {
    text += "\n" + std::to_string(static_cast<int>(link.role)) + " " + Hex(link.digest) + " " +
            std::to_string(link.text_bytes);
  }
  return text;
}

std::string Message(std::string_view role, std::string_view text) {
  std::string json;
  json::Writer writer(json);
  writer.BeginObject().Key("role").String(role).Key("content").String(text).EndObject();
  return json;
}
std::string User(std::string_view text) {
  return Message("user", text);
}
std::string Assistant(std::string_view text) {
  return Message("assistant", text);
}
// Behind an opening, so that no rule for openings applies.
std::string Later(std::string_view message) {
  return User("opening") + "," + Assistant("answer") + "," + std::string(message);
}
std::string Raw(std::string_view role, std::string_view members) {
  return R"({"role":")" + std::string(role) + R"(",)" + std::string(members) + "}";
}
std::string Parts(std::string_view role, std::string_view parts) {
  return Raw(role, R"("content":[)" + std::string(parts) + "]");
}
std::string Call(std::string_view id, std::string_view name, std::string_view arguments) {
  std::string json;
  json::Writer writer(json);
  writer.BeginObject().Key("id").String(id).Key("type").String("function");
  writer.Key("function").BeginObject().Key("name").String(name);
  writer.Key("arguments").String(arguments).EndObject().EndObject();
  return json;
}
std::string Calls(std::string_view calls) {
  return Raw("assistant", R"("content":null,"tool_calls":[)" + std::string(calls) + "]");
}
std::string CallWith(std::string_view arguments) {
  return Calls(Call("c1", "edit", arguments));
}
std::string Result(std::string_view id, std::string_view text) {
  return Raw("tool", R"("tool_call_id":")" + std::string(id) + R"(","content":")" +
                         std::string(text) + R"(")");
}

enum class Want { kEqual, kDifferent };

struct Row {
  const char* name;
  std::string one;
  std::string other;
  Want want = Want::kEqual;
};

void Check(const Row& row) {
  const std::string one = Text(HistoryOf(row.one));
  const std::string other = Text(HistoryOf(row.other));
  if (row.want == Want::kEqual) {
    EXPECT_EQ(one, other) << row.name;
  } else {
    EXPECT_NE(one, other) << row.name;
  }
}

TEST(History, Texts) {
  const Row rows[] = {
      {"the same", User("hi"), User("hi")},
      {"another text", User("hi"), User("ho"), Want::kDifferent},
      {"another case", User("hi"), User("Hi"), Want::kDifferent},
      {"another role", User("hi"), Assistant("hi"), Want::kDifferent},
      {"blank at the end", User("hi"), User("hi ")},
      {"white space at both ends", User("hi"), User("\r\n\t hi \n\n")},
      {"line ends", User("a\r\nb"), User("a\nb")},
      {"runs of white space", User("a  \n\n   b"), User("a b")},
      {"vertical tab and form feed", User("a\v\fb"), User("a b")},
      {"white space in a word", User("a b"), User("ab"), Want::kDifferent},
      {"a blank that is no ASCII counts", User("a\u00a0b"), User("a b"), Want::kDifferent},
      {"no normalisation", User("e\u0301"), User("\u00e9"), Want::kDifferent},
      {"escapes", Raw("user", R"("content":"\u0068\u0069 \/ \u00e9 \ud83d\ude00")"),
       User("hi / é 😀")},
      {"blank as an escape", Raw("user", R"("content":"a\u0020\u0009b")"), User("a b")},
      {"a lone surrogate", Raw("user", R"("content":"a\ud83d")"), User("a\uFFFD")},
      {"order of members", R"({"content":"hi","role":"user"})", User("hi")},
      {"string and list", User("hi there"), Parts("user", R"({"type":"text","text":"hi there"})")},
      {"parts are joined by one blank", User("a b"),
       Parts("user", R"({"type":"text","text":"a"},{"text":"b","type":"text"})")},
      {"parts are not joined without", User("ab"),
       Parts("user", R"({"type":"text","text":"a"},{"type":"text","text":"b"})"), Want::kDifferent},
      {"empty parts", User("a b"),
       Parts("user", R"({"type":"text","text":"a"},{"type":"text","text":" "},)"
                     R"({"type":"text","text":""},{"type":"text","text":"b"})")},
      {"a list before the role", R"({"content":[{"type":"text","text":"hi"}],"role":"user"})",
       User("hi")},
      {"null content", Raw("user", R"("content":null)"), User("")},
      {"absent content", R"({"role":"user"})", User("")},
      {"cache_control", User("hi"),
       Parts("user", R"({"type":"text","text":"hi","cache_control":{"type":"ephemeral"}})")},
      {"names and null fields", User("hi"),
       Raw("user", R"("name":"joe","content":"hi","refusal":null,"annotations":[])")},
      {"two user messages are one", User("a") + "," + User("b"), User("a b")},
      {"two assistants' messages are one", Later(Assistant("a") + "," + Assistant("b")),
       Later(Assistant("a b"))},
      {"a system message between does not count",
       User("a") + "," + Message("system", "x") + "," + User("b"), User("a b")},
      {"a later system message does not count", User("a") + "," + Assistant("b"),
       User("a") + "," + Assistant("b") + "," + Message("developer", "x")},
      {"refusal is text", Raw("assistant", R"("content":null,"refusal":"I will not")"),
       Assistant("I will not")},
      {"a refusal part is text", Parts("assistant", R"({"type":"refusal","refusal":"I will not"})"),
       Assistant("I will not")},
      {"thinking parts", Assistant("yes"),
       Parts("assistant", R"({"type":"thinking","thinking":"hm","signature":"c2ln"},)"
                          R"({"text":"so","type":"reasoning"},{"type":"text","text":"yes"})")},
      {"reasoning fields", Assistant("yes"),
       Raw("assistant", R"("reasoning_content":"hm","reasoning":"hm","content":"yes")")},
  };
  for (const Row& row : rows) {
    Check(row);
  }
}

TEST(History, Blocks) {
  const std::string long_text(30'000, 'x');
  const Row rows[] = {
      {"a reminder", User("<system-reminder>10:01</system-reminder>fix it"), User("fix it")},
      {"a reminder in between joins no words", User("a<system-reminder>x</system-reminder>b"),
       User("a b")},
      {"... and does not split them", User("a <system-reminder>x</system-reminder> b"),
       User("a b")},
      {"an environment block", User("go <environment_details>3\nfiles</environment_details>"),
       User("go")},
      {"written with escapes",
       Raw("user", R"("content":"\u003csystem-reminder\u003ex<\/system-reminder>go")"), User("go")},
      {"in a part of its own", User("go"),
       Parts("user", R"({"type":"text","text":"<system-reminder>x</system-reminder>"},)"
                     R"({"type":"text","text":"go"})")},
      {"in a tool's result",
       Later(Calls(Call("1", "f", "{}")) + "," +
             Result("1", "ok<system-reminder>x</system-reminder>")),
       Later(Calls(Call("1", "f", "{}")) + "," + Result("1", "ok"))},
      {"two of them",
       User("<system-reminder>x</system-reminder> a "
            "<environment_details>y</environment_details>"),
       User("a")},
      {"one that is long", User("a<system-reminder>" + long_text + "</system-reminder>b"),
       User("a b")},
      {"two that are long, in a long text",
       User(long_text + "<system-reminder>" + long_text + "</system-reminder>" + long_text +
            "<system-reminder>" + long_text + "y</system-reminder>b"),
       User(long_text + " " + long_text + " b")},
      {"one without an end counts", User("<system-reminder>x"), User("<system-reminder>y"),
       Want::kDifferent},
      {"... also when it is long", User("a<system-reminder>" + long_text + "x"),
       User("a<system-reminder>" + long_text + "y"), Want::kDifferent},
      {"another block behind one without an end",
       User("<system-reminder> a <environment_details>1</environment_details> b"),
       User("<system-reminder> a b")},
      {"no block reaches into the next message",
       User("<system-reminder> a") + "," + User("b</system-reminder> c"),
       User("<system-reminder> d") + "," + User("b</system-reminder> c"), Want::kDifferent},
      {"thinking of an assistant", Assistant("<think>hm</think>\n\nyes"), Assistant("yes")},
      {"... by its other name", Assistant("<thinking>hm</thinking>yes"), Assistant("yes")},
      {"thinking without an end", Assistant("<think>hm"), Assistant("<think>ha"), Want::kDifferent},
      {"a user's thinking counts", User("<think>a</think>"), User("<think>b</think>"),
       Want::kDifferent},
      {"white space at an assistant's tags",
       Assistant("Go.\n<a>\n  <b c=\"d\">\n e f \n</b>\n</a>\n"),
       Assistant("Go.<a><b c=\"d\">e f</b></a>")},
      {"... but not within its text", Assistant("<b>e f</b>"), Assistant("<b>ef</b>"),
       Want::kDifferent},
      {"white space at what is no tag", Assistant("1 < 2"), Assistant("1<2"), Want::kDifferent},
      {"white space at a user's tags", User("<a> b</a>"), User("<a>b</a>"), Want::kDifferent},
      {"thinking between tags", Assistant("<a> <think>x</think> <b>"), Assistant("<a><b>")},
  };
  for (const Row& row : rows) {
    Check(row);
  }
}

TEST(History, Dates) {
  const Row rows[] = {
      {"today", User("Today's date is 2026-11-21. Hi"), User("Today's date is 2026-11-22. Hi")},
      {"in a tag", User("<current_date>2026-11-21</current_date>"),
       User("<current_date>2026-12-01</current_date>")},
      {"in full", User("Today's date is Saturday, November 21, 2026 (local). Hi"),
       User("Today's date is Sunday, November 22, 2026 (local). Hi")},
      {"with a time", User("Current time: 2026-11-21T10:01:33.123Z go"),
       User("Current time: 2026-11-22T11:00:00Z go")},
      {"with a clock", User("The date is now 11/21/2026, 2:03:11 PM (UTC)"),
       User("The date is now 11/22/2026, 10:03:11 AM (UTC)")},
      {"day first", User("date: 21 Nov 2026"), User("date: 3 Dec. 2026")},
      {"in JavaScript", User("now: Sat Nov 21 2026 10:01:00 GMT+0100"),
       User("now: Mon Nov 23 2026 09:00:01 GMT+0100")},
      {"in the second message", User("hi") + "," + User("date: 2026-11-21"),
       User("hi") + "," + User("date: 2026-11-22")},
      {"the text around it counts", User("date: 2026-11-21 a"), User("date: 2026-11-21 b"),
       Want::kDifferent},
      {"not announced", User("since 2026-11-21"), User("since 2026-11-22"), Want::kDifferent},
      {"part of another word", User("an update 2026-11-21"), User("an update 2026-11-22"),
       Want::kDifferent},
      {"announced too early", User("the date, as everybody here knows so well: 2026-11-21"),
       User("the date, as everybody here knows so well: 2026-11-22"), Want::kDifferent},
      {"in the sentence before", User("Which date? In 2026-11-21"),
       User("Which date? In 2026-11-22"), Want::kDifferent},
      {"a number", User("time 1234567"), User("time 1234568"), Want::kDifferent},
      {"no month", User("date: 2026-13-41"), User("date: 2026-13-42"), Want::kDifferent},
      {"behind the opening", Later(User("date: 2026-11-21")), Later(User("date: 2026-11-22")),
       Want::kDifferent},
      {"of an assistant", Assistant("date: 2026-11-21"), Assistant("date: 2026-11-22"),
       Want::kDifferent},
      {"of a system text", Message("system", "date: 2026-11-21") + "," + User("a"),
       Message("system", "date: 2026-11-22") + "," + User("a")},
      {"within a word", User("date 2026-11-21now"), User("date now"), Want::kDifferent},
      {"leaves one blank", User("the date 2026-11-21 is"), User("the date is")},
      {"behind a long text",
       User(std::string(40'000, 'x') + " date: 2026-11-21 " + std::string(40'000, 'x')),
       User(std::string(40'000, 'x') + " date: 2026-11-22 " + std::string(40'000, 'x'))},
  };
  for (const Row& row : rows) {
    Check(row);
  }
}

TEST(History, Calls) {
  const Row rows[] = {
      {"ids", CallWith("{}"), Calls(Call("other", "edit", "{}"))},
      {"names", CallWith("{}"), Calls(Call("c1", "read", "{}")), Want::kDifferent},
      {"order of members and white space", CallWith(R"({"path":"a","line":3})"),
       CallWith(R"({ "line" : 3, "path" : "a" })")},
      {"values", CallWith(R"({"path":"a"})"), CallWith(R"({"path":"b"})"), Want::kDifferent},
      {"values of each other", CallWith(R"({"a":1,"b":2})"), CallWith(R"({"a":2,"b":1})"),
       Want::kDifferent},
      {"order of elements", CallWith("[1,2]"), CallWith("[2,1]"), Want::kDifferent},
      {"nesting", CallWith("[[1],2]"), CallWith("[[1,2]]"), Want::kDifferent},
      {"an object and a list", CallWith("{}"), CallWith("[]"), Want::kDifferent},
      {"numbers by value", CallWith("[1.0,10,0,0.5]"), CallWith("[1,1e1,-0.0,5E-1]")},
      {"large numbers exactly", CallWith("9007199254740993"), CallWith("9007199254740992"),
       Want::kDifferent},
      {"a number and its text", CallWith("[1]"), CallWith(R"(["1"])"), Want::kDifferent},
      {"literals", CallWith("[true]"), CallWith("[null]"), Want::kDifferent},
      {"escapes in texts", CallWith(R"({"a":"\u0041\/"})"), CallWith(R"({"a":"A/"})")},
      {"white space in texts counts", CallWith(R"({"a":"x  y"})"), CallWith(R"({"a":"x y"})"),
       Want::kDifferent},
      {"members that stand twice", CallWith(R"({"a":1,"a":1})"), CallWith(R"({"a":1})"),
       Want::kDifferent},
      {"none", CallWith(""), CallWith("{}")},
      {"only white space", CallWith(" \n"), CallWith("{}")},
      {"no JSON, as text", CallWith("{broken  it"), CallWith("{broken it ")},
      {"no JSON, another text", CallWith("{broken it"), CallWith("{broken at"), Want::kDifferent},
      {"a value in place of a string",
       Calls(R"({"type":"function","function":{"arguments":{"b":1,"a":2},"name":"edit"}})"),
       CallWith(R"({"a":2,"b":1})")},
      {"absent arguments", Calls(R"({"function":{"name":"edit"}})"), CallWith("{}")},
      {"order of calls", Calls(Call("1", "a", "{}") + "," + Call("2", "b", "{}")),
       Calls(Call("2", "b", "{}") + "," + Call("1", "a", "{}")), Want::kDifferent},
      {"calls before the role",
       R"({"tool_calls":[)" + Call("c1", "edit", "{}") + R"(],"role":"assistant"})",
       CallWith("{}")},
      {"the old form", Raw("assistant", R"("function_call":{"name":"edit","arguments":"{}"})"),
       CallWith("{}")},
      {"text first, then calls", Calls(Call("1", "a", "{}")) + "," + Assistant("said"),
       Raw("assistant", R"("tool_calls":[)" + Call("1", "a", "{}") + R"(],"content":"said")")},
      {"content null and empty", CallWith("{}"),
       Raw("assistant", R"("content":"","tool_calls":[)" + Call("c1", "edit", "{}") + "]")},
      {"large arguments, as text",
       CallWith(R"({"a":")" + std::string(2'000'000, 'x') + R"(","b":1})"),
       CallWith(R"({"b":1,"a":")" + std::string(2'000'000, 'x') + R"("})"), Want::kDifferent},
      {"free text", Calls(R"({"type":"custom","custom":{"name":"exec","input":"ls  -l"}})"),
       Calls(R"({"type":"custom","custom":{"name":"exec","input":"ls -l"}})")},
  };
  for (const Row& row : rows) {
    Check(row);
  }
}

TEST(History, Results) {
  const std::string begin =
      User("go") + "," + Calls(Call("1", "a", "{}") + "," + Call("2", "b", "{}")) + ",";
  const Row rows[] = {
      {"ids and names", begin + Result("1", "x"),
       begin + Raw("tool", R"("tool_call_id":"9","name":"a","content":"x")")},
      {"texts", begin + Result("1", "x"), begin + Result("1", "y"), Want::kDifferent},
      {"string and list", begin + Result("1", "x y"),
       begin + Parts("tool", R"({"type":"text","text":"x y"})")},
      {"order", begin + Result("1", "x") + "," + Result("2", "y"),
       begin + Result("2", "y") + "," + Result("1", "x")},
      {"how often", begin + Result("1", "x") + "," + Result("2", "x"), begin + Result("1", "x"),
       Want::kDifferent},
      {"where one ends", begin + Result("1", "x y"),
       begin + Result("1", "x") + "," + Result("2", "y"), Want::kDifferent},
      {"the old role", begin + Result("1", "x"), begin + Message("function", "x")},
      {"pictures in them", begin + Parts("tool", R"({"type":"image_url","image_url":"u1"})"),
       begin + Parts("tool", R"({"type":"image_url","image_url":"u2"})"), Want::kDifferent},
  };
  for (const Row& row : rows) {
    Check(row);
  }
}

TEST(History, Media) {
  const auto picture = [](std::string_view url) {
    return Parts("user", R"({"type":"image_url","image_url":{"url":")" + std::string(url) +
                             R"(","detail":"low"}})");
  };
  const Row rows[] = {
      {"pictures", picture("data:image/png;base64,AAAA"), picture("data:image/png;base64,AAAB"),
       Want::kDifferent},
      {"the detail", picture("http://x/a.png"),
       Parts("user", R"({"image_url":{"url":"http://x/a.png"},"type":"image_url"})")},
      {"a URL as such", picture("http://x/a.png"),
       Parts("user", R"({"type":"image_url","image_url":"http:\/\/x\/a.png"})")},
      {"data and the URL around them", picture("data:image/png;base64,AA/A"),
       Parts("user", R"({"type":"input_audio","input_audio":{"data":"AA\/A","format":"wav"}})")},
      {"a picture and none", picture("x"), User(""), Want::kDifferent},
      {"order of pictures", Parts("user", R"({"image_url":"a"},{"image_url":"b"})"),
       Parts("user", R"({"image_url":"b"},{"image_url":"a"})"), Want::kDifferent},
      {"files", Parts("user", R"({"type":"file","file":{"file_data":"AAAA","filename":"x"}})"),
       Parts("user", R"({"type":"file","file":{"file_data":"AAAB","filename":"x"}})"),
       Want::kDifferent},
      {"a picture is no text", picture("hi"), User("hi"), Want::kDifferent},
  };
  for (const Row& row : rows) {
    Check(row);
  }
}

TEST(History, System) {
  const Row rows[] = {
      {"texts", Message("system", "a") + "," + User("x"), Message("system", "b") + "," + User("x"),
       Want::kDifferent},
      {"several, by any name", Message("system", "a") + "," + Message("developer", "b"),
       Parts("system", R"({"type":"text","text":"a"},{"type":"text","text":"b"})")},
      {"the billing line of a client",
       Parts("system", R"({"type":"text","text":"x-anthropic-billing-header: cch=1;"},)"
                       R"({"type":"text","text":"You are terse."})"),
       Message("system", "You are terse.")},
      {"... in one text with the rest",
       Message("system", "x-anthropic-billing-header: cch=1;\n\nYou are terse."),
       Message("system", "You are terse.")},
      {"blocks", Message("system", "a <system-reminder>x</system-reminder>"),
       Message("system", "a")},
      {"nothing", Message("system", " ") + "," + User("x"), User("x")},
  };
  for (const Row& row : rows) {
    Check(row);
  }
  EXPECT_EQ(HistoryOf(User("a")).system, 0u);
  EXPECT_NE(HistoryOf(Message("system", "a")).system, 0u);
}

TEST(History, SaysWhatALinkHolds) {
  const History history =
      HistoryOf(Message("system", "s") + "," + User("  a  b ") + "," + User("c") + "," +
                Raw("assistant", R"("content":null)") + "," + Message("system", "s") + "," +
                Calls(Call("1", "f", R"({"ab": 12})")) + "," + Result("1", "xyz") + "," +
                Parts("user", R"({"image_url":"u"})"));
  const struct {
    LinkRole role;
    uint32_t text_bytes;
    uint32_t messages;
  } want[] = {
      {LinkRole::kUser, 5, 2},
      {LinkRole::kAssistant, 4, 4},
      {LinkRole::kTool, 3, 5},
      {LinkRole::kUser, 64, 6},
  };
  ASSERT_EQ(history.links.size(), std::size(want));
  for (size_t i = 0; i < std::size(want); ++i) {
    EXPECT_EQ(history.links[i].role, want[i].role) << i;
    EXPECT_EQ(history.links[i].text_bytes, want[i].text_bytes) << i;
    EXPECT_EQ(history.links[i].messages, want[i].messages) << i;
  }
  EXPECT_FALSE(history.has_tools);
}

TEST(History, AnEmptyMessageHasAnEmptyDigest) {
  const History history = HistoryOf(User("a") + "," + Raw("assistant", R"("content":null)"));
  ASSERT_EQ(history.links.size(), 2u);
  EXPECT_EQ(history.links[1].digest, Hash128());
  EXPECT_EQ(history.links[1].text_bytes, 0u);
}

TEST(History, KeepsTheTextThatAReplyGoesOnFrom) {
  const struct {
    const char* name;
    std::string messages;
    Prefill want;
    std::string text;
  } rows[] = {
      {"none", User("a"), Prefill::kNone, ""},
      {"a user's message behind it", Assistant("a") + "," + User("b"), Prefill::kNone, ""},
      {"text", User("a") + "," + Assistant("  Answer:  "), Prefill::kText, "Answer: "},
      {"empty", User("a") + "," + Assistant(""), Prefill::kText, ""},
      {"two messages", Assistant("a") + "," + Assistant("b"), Prefill::kText, "a b"},
      {"calls", User("a") + "," + CallWith("{}"), Prefill::kUnknown, ""},
      {"a long text", User("a") + "," + Assistant(std::string(60'000, 'x')), Prefill::kUnknown, ""},
  };
  for (const auto& row : rows) {
    const History history = HistoryOf(row.messages);
    EXPECT_EQ(history.ends_in, row.want) << row.name;
    EXPECT_EQ(history.prefill, row.text) << row.name;
  }
}

TEST(History, DependsOnTheInstallation) {
  const HistoryRules one({}, TestKey(1));
  const HistoryRules same({}, TestKey(1));
  const HistoryRules other({}, TestKey(2));
  EXPECT_EQ(Text(HistoryWith(one, User("a"))), Text(HistoryWith(same, User("a"))));
  EXPECT_NE(Text(HistoryWith(one, User("a"))), Text(HistoryWith(other, User("a"))));
}

TEST(History, PatternsAreConfigured) {
  const HistoryRules rules({.volatile_patterns = {"[[clock:...]]", "Status:…--"}}, TestKey());
  const auto text = [&](std::string_view message) { return Text(HistoryWith(rules, message)); };
  EXPECT_EQ(text(User("a [[clock: 1]] b")), text(User("a b")));
  EXPECT_EQ(text(User("a Status: busy -- b")), text(User("a b")));
  EXPECT_NE(text(User("<system-reminder>x</system-reminder>")), text(User("")));
  EXPECT_EQ(text(Assistant("<think>x</think> a <b> c")), text(Assistant("a<b>c")));
}

TEST(History, IsEmptyWhenTheBodyIsRefused) {
  const HistoryRules rules({}, TestKey());
  HistoryBuilder builder;
  for (const std::string_view text :
       {R"({"model":"m","messages":[{"role":"user","content":"a"}],"messages":[]})",
        R"({"model":"m","messages":[{"role":"user","content":"a"}]} x)",
        R"({"model":"m","messages":[{"role":"user","content":["a")",
        R"({"messages":[{"role":"user","content":"a"}]})"}) {
    const PaddedText body(text);
    History history;
    builder.Start(rules, history);
    std::string scratch;
    Request request;
    EXPECT_FALSE(
        DecodeRequest(Operation::kChat, body.view(), scratch, &builder, request).has_value())
        << text;
    EXPECT_TRUE(history.links.empty()) << text;
    EXPECT_EQ(history.system, 0u) << text;
  }
}

TEST(History, TellsWhetherToolsAreOffered) {
  const HistoryRules rules({}, TestKey());
  HistoryBuilder builder;
  History history;
  for (const auto& [members, want] :
       {std::pair(R"("tools":[{"type":"function"}],)", true), std::pair(R"("tools":[],)", false)}) {
    const PaddedText body("{" + std::string(members) + R"("model":"m","messages":[{}]})");
    builder.Start(rules, history);
    std::string scratch;
    Request request;
    ASSERT_TRUE(
        DecodeRequest(Operation::kChat, body.view(), scratch, &builder, request).has_value());
    EXPECT_EQ(history.has_tools, want) << members;
  }
}

}  // namespace
}  // namespace mainstay::wire::openai_chat
