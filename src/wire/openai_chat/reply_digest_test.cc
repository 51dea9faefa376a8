#include "wire/openai_chat/reply_digest.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "http/sse.h"
#include "wire/openai_chat/reply.h"
#include "wire/openai_chat/request.h"
#include "wire/openai_chat/testing.h"

namespace mainstay::wire::openai_chat {
namespace {

const HistoryRules& Rules() {
  static const HistoryRules rules({}, HashKey(std::array<uint8_t, HashKey::kBytes>{7}));
  return rules;
}

History HistoryOf(std::string_view messages) {
  const PaddedText body(R"({"model":"m","messages":[)" + std::string(messages) + "]}");
  HistoryBuilder builder;
  History history;
  builder.Start(Rules(), history);
  std::string scratch;
  Request request;
  EXPECT_TRUE(DecodeRequest(Operation::kChat, body.view(), scratch, &builder, request).has_value())
      << messages;
  return history;
}

// A link as a text that can be compared; "none" when there is none.
std::string Text(const Link* link) {
  return link == nullptr
             ? "none"
             : std::to_string(static_cast<int>(link->role)) + " " +
                   std::to_string(link->digest.high) + ":" + std::to_string(link->digest.low) +
                   " bytes " + std::to_string(link->text_bytes) + " messages " +
                   std::to_string(link->messages);
}

constexpr std::string_view kQuestion = R"({"role":"user","content":"q"})";

// What the next request says about a message of the assistant.
std::string Echo(std::string_view message) {
  const History history = HistoryOf(std::string(kQuestion) + "," + std::string(message));
  return Text(&history.links.back());
}

std::string OfWhole(std::string_view message, size_t step = 1'000'000,
                    const History& before = HistoryOf(kQuestion)) {
  const std::string answer = R"({"id":"x","choices":[{"index":1,"message":{"content":"no"}},)"
                             R"({"index":0,"message":)" +
                             std::string(message) +
                             R"(,"finish_reason":"stop"}],"usage":{"prompt_tokens":1}})";
  ReplyDigest digest;
  digest.Start(Rules(), before);
  for (size_t at = 0; at < answer.size(); at += step) {
    EXPECT_EQ(digest.link(), nullptr);
    digest.TakeBytes(std::string_view(answer).substr(at, step));
  }
  digest.Complete();
  return Text(digest.link());
}

std::string Event(std::string_view delta, std::string_view finish = "null") {
  return R"({"id":"chatcmpl-9zXk2f7Qm0","object":"chat.completion.chunk","choices":[{"index":0,)"
         R"("delta":)" +
         std::string(delta) + R"(,"logprobs":null,"finish_reason":)" + std::string(finish) +
         R"(}],"obfuscation":"k3j"})";
}

struct Streamed {
  std::vector<std::string> deltas;
  std::string finish = R"("stop")";
};

std::string OfEvents(const Streamed& reply, const History& before = HistoryOf(kQuestion)) {
  ReplyDigest digest;
  digest.Start(Rules(), before);
  for (const std::string& delta : reply.deltas) {
    const PaddedText event(Event(delta));
    digest.TakeEvent(event.view());
    EXPECT_EQ(digest.link(), nullptr) << delta;
  }
  digest.TakeEvent(Event("{}", reply.finish));
  return Text(digest.link());
}

// The content of a reply as deltas of `step` bytes each, cut between escapes.
std::vector<std::string> Deltas(std::string_view text, size_t step) {
  std::vector<std::string> deltas = {R"({"role":"assistant","content":"","refusal":null})"};
  size_t at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.size(), at + step);
    while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) {
      ++end;
    }
    std::string delta = R"({"content":)";
    json::AppendString(delta, text.substr(at, end - at));
    deltas.push_back(delta + "}");
    at = end;
  }
  return deltas;
}

const std::string_view kTexts[] = {
    "yes",
    "  Of course!  \n\n\n```c++\nif (a < b && \"x\") {\n\treturn 1;\n}\n``` \r\n",
    "<think>\nhm, <b>that</b>\n</think>\n\nThe answer is 42.",
    "<think>never ends <environment_details>x</environment_details> and goes on",
    ("<function_calls>\n<invoke name=\"read_file\">\n<parameter name=\"path\">a.txt</parameter>\n"
     "</invoke>\n</function_calls>\n"),
    "a <system-reminder>one</system-reminder><thinking>two</thinking> b < c </ d <",
    "\u00fcn\u00efc\u00f6de \U0001F600 \\ / \" ' \t end",
    "",
    "   ",
};

TEST(ReplyDigest, WholeStreamedAndEchoedAreEqual) {
  for (const std::string_view text : kTexts) {
    std::string message = R"({"role":"assistant","content":)";
    json::AppendString(message, text);
    message += "}";
    const std::string want = Echo(message);
    EXPECT_EQ(OfWhole(message), want) << text;
    for (const size_t step : {1u, 2u, 3u, 5u, 7u, 16u, 100u}) {
      EXPECT_EQ(OfEvents({Deltas(text, step)}), want) << text << " by " << step;
    }
  }
}

TEST(ReplyDigest, LongTextsAreEqualToo) {
  for (const size_t block : {100u, 4'000u, 8'100u, 8'300u, 40'000u}) {
    for (const std::string_view end : {"</think>", ""}) {
      std::string text(3'000, 'a');
      text += " <think>";
      while (text.size() < 3'000 + block) {
        text += "so it is <b> that </b> ";
      }
      text += end;
      text += std::string(70'000, 'z') + "  <x>  y";
      std::string message = R"({"role":"assistant","content":)";
      json::AppendString(message, text);
      message += "}";
      const std::string want = Echo(message);
      EXPECT_EQ(OfWhole(message), want) << block << end;
      for (const size_t step : {13u, 997u, 20'000u}) {
        EXPECT_EQ(OfEvents({Deltas(text, step)}), want) << block << end << " by " << step;
      }
    }
  }
}

struct ReplyCase {
  const char* name;
  std::string whole;
  Streamed streamed;
  std::string echo;
};

const ReplyCase kReplies[] = {
    {"one call",
     R"({"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",)"
     R"("function":{"name":"edit","arguments":"{\"path\": \"a\", \"line\": 3}"}}]})",
     {{R"({"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"1","type":"function",)"
       R"("function":{"name":"edit","arguments":""}}]})",
       R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"pa"}}]})",
       R"({"tool_calls":[{"index":0,"function":{"arguments":"th\": \"a\","}}]})",
       R"({"tool_calls":[{"index":0,"function":{"arguments":" \"line\": 3}"}}]})"},
      R"("tool_calls")"},
     R"({"role":"assistant","content":null,"tool_calls":[{"id":"9","type":"function",)"
     R"("function":{"name":"edit","arguments":"{\"line\":3,\"path\":\"a\"}"}}]})"},
    {"calls in parallel, out of order",
     R"({"content":"","tool_calls":[{"function":{"name":"a","arguments":"[1]"}},)"
     R"({"function":{"name":"b","arguments":"[2]"}}]})",
     {{R"({"tool_calls":[{"index":1,"function":{"name":"b","arguments":"["}}]})",
       R"({"tool_calls":[{"index":0,"function":{"name":"a","arguments":"[1"}}]})",
       R"({"tool_calls":[{"index":1,"function":{"arguments":"2]"}},)"
       R"({"index":0,"function":{"arguments":"]"}}]})"}},
     R"({"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":"[1]"}},)"
     R"({"function":{"name":"b","arguments":"[2]"}}]})"},
    {"calls without an index",
     R"({"tool_calls":[{"function":{"name":"a","arguments":"[1]"}},)"
     R"({"function":{"name":"a","arguments":"[2]"}}]})",
     {{R"({"tool_calls":[{"id":"1","function":{"name":"a","arguments":"[1]"}}]})",
       R"({"tool_calls":[{"id":"2","function":{"name":"a","arguments":"[2"}}]})",
       R"({"tool_calls":[{"function":{"arguments":"]"}}]})"}},
     R"({"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":"[1]"}},)"
     R"({"function":{"name":"a","arguments":"[2]"}}]})"},
    {"arguments as a value",
     R"({"tool_calls":[{"function":{"name":"a","arguments":{"x":1}}}]})",
     {{R"({"tool_calls":[{"index":0,"function":{"name":"a","arguments":{"x":1}}}]})"}},
     R"({"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":"{\"x\":1}"}}]})"},
    {"free text for a tool",
     R"({"tool_calls":[{"type":"custom","custom":{"name":"exec","input":"{ ls }"}}]})",
     {{R"({"tool_calls":[{"index":0,"custom":{"name":"exec","input":"{ l"}}]})",
       R"({"tool_calls":[{"index":0,"custom":{"input":"s }"}}]})"}},
     R"({"role":"assistant","tool_calls":[{"custom":{"name":"exec","input":"{ ls }"}}]})"},
    {"text and a call",
     R"({"content":"I look.","tool_calls":[{"function":{"name":"ls","arguments":""}}]})",
     {{R"({"content":"I "})", R"({"content":"look."})",
       R"({"tool_calls":[{"index":0,"id":"1","function":{"name":"ls","arguments":""}}]})"}},
     R"({"role":"assistant","content":[{"type":"text","text":"I look."}],)"
     R"("tool_calls":[{"function":{"name":"ls","arguments":"{}"}}]})"},
    {"the old form",
     R"({"content":null,"function_call":{"name":"ls","arguments":"{\"a\":1}"}})",
     {{R"({"content":null,"function_call":{"name":"ls","arguments":""}})",
       R"({"function_call":{"arguments":"{\"a\""}})", R"({"function_call":{"arguments":":1}"}})"}},
     R"({"role":"assistant","function_call":{"name":"ls","arguments":"{\"a\":1}"}})"},
    {"a refusal",
     R"({"content":null,"refusal":"I will not."})",
     {{R"({"content":"","refusal":null})", R"({"refusal":"I will"})", R"({"refusal":" not."})"}},
     R"({"role":"assistant","content":"I will not."})"},
    {"thinking beside the text",
     R"({"reasoning_content":"hm","content":"yes"})",
     {{R"({"content":null,"reasoning_content":"h"})", R"({"content":null,"reasoning_content":"m"})",
       R"({"content":"y","reasoning_content":null})",
       R"({"content":"es","reasoning_content":null})"}},
     R"({"role":"assistant","content":"yes"})"},
    {"content in parts",
     R"({"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"yes"}]})",
     {{R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]})",
       R"({"content":[{"type":"text","text":"ye"}]})", R"({"content":"s"})"}},
     R"({"role":"assistant","content":"yes"})"},
    {"half a character in each of two events",
     R"({"content":"a\ud83d\ude00b"})",
     {{R"({"content":"a\ud83d"})", R"({"content":"\ude00b"})"}},
     R"({"role":"assistant","content":"a😀b"})"},
    {"nothing", R"({"content":null})", {{R"({"content":null})"}}, R"({"role":"assistant"})"},
};

TEST(ReplyDigest, RepliesOfTheTable) {
  for (const ReplyCase& row : kReplies) {
    const std::string want = Echo(row.echo);
    EXPECT_EQ(OfWhole(row.whole), want) << row.name;
    EXPECT_EQ(OfEvents(row.streamed), want) << row.name;
    for (size_t step = 1; step <= row.whole.size(); ++step) {
      ASSERT_EQ(OfWhole(row.whole, step), want) << row.name << " by " << step;
    }
  }
}

TEST(ReplyDigest, DifferentRepliesDiffer) {
  for (const ReplyCase& one : kReplies) {
    for (const ReplyCase& other : kReplies) {
      const bool same = Echo(one.echo) == Echo(other.echo);
      EXPECT_EQ(OfWhole(one.whole) == OfWhole(other.whole), same) << one.name << other.name;
    }
  }
}

// A stream through the scanner, cut at every place.
TEST(ReplyDigest, StreamsCutAnywhereAreEqual) {
  for (const ReplyCase& row : kReplies) {
    std::string stream = ": hello\n\n";
    for (const std::string& delta : row.streamed.deltas) {
      stream += "data: " + Event(delta) + "\n\n";
    }
    stream += "data: " + Event("{}", row.streamed.finish) + "\r\n\r\ndata: [DONE]\n\n";
    const std::string want = Echo(row.echo);
    for (size_t cut = 0; cut <= stream.size(); ++cut) {
      ReplyDigest digest;
      digest.Start(Rules(), HistoryOf(kQuestion));
      StreamScanner scanner(UsageEvent::kForward, 1 << 20, &digest);
      for (const std::string_view piece :
           {std::string_view(stream).substr(0, cut), std::string_view(stream).substr(cut)}) {
        const PaddedText padded(piece);
        scanner.Feed(padded.view());
        std::string_view forward;
        while (scanner.Next(forward) == StreamScanner::Step::kForward) {
          // The link is there before the event that ends the answer is given out.
          ASSERT_EQ(digest.link() != nullptr,
                    forward.find(R"("finish_reason":null)") == std::string_view::npos &&
                        !forward.starts_with(":"));
        }
      }
      ASSERT_EQ(Text(digest.link()), want) << row.name << " at " << cut;
    }
  }
}

TEST(ReplyDigest, OnlyTheFirstChoiceCounts) {
  ReplyDigest digest;
  digest.Start(Rules(), HistoryOf(kQuestion));
  digest.TakeEvent(R"({"choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":null}]})");
  digest.TakeEvent(R"({"choices":[{"delta":{"content":"no"},"index":1,"finish_reason":null}]})");
  digest.TakeEvent(R"({"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]})");
  EXPECT_EQ(digest.link(), nullptr);
  digest.TakeEvent("[DONE]");
  EXPECT_EQ(Text(digest.link()), Echo(R"({"role":"assistant","content":"yes"})"));
}

// Each event differs from the one before in more than its text.
TEST(ReplyDigest, EventsOfAnyForm) {
  const std::string_view events[] = {
      R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]})",
      R"({"choices":[{"index":0,"delta":{"content":"\""},"finish_reason":null}]})",
      R"({"choices":[{"index":0,"delta":{"content":"\\"},"finish_reason":null}]})",
      R"({"choices":[{"index":0,"delta":{"content":"\\\"},"},"finish_reason":null}]})",
      R"({"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":null}],"usage":null})",
      R"({"choices":[{"index":0,"delta":{"content":"c","x":1},"finish_reason":null}]})",
      R"({"choices":[]})",
      R"({"choices":[{"index":0,"delta":{"content":"d"},"finish_reason":null})",
      R"({"error":{"message":"x"}})",
      R"([1])",
      "",
      R"({"choices":[{"index":0,"delta":{"content":"e"},"finish_reason":"length"}]})",
      R"({"choices":[{"index":0,"delta":{"content":"f"},"finish_reason":null}]})",
  };
  ReplyDigest digest;
  digest.Start(Rules(), HistoryOf(kQuestion));
  for (const std::string_view event : events) {
    digest.TakeEvent(PaddedText(event).view());
  }
  EXPECT_EQ(Text(digest.link()), Echo(R"({"role":"assistant","content":"a\"\\\\\"},bce"})"));
}

TEST(ReplyDigest, GoesOnFromTheTextThatTheRequestEndsIn) {
  const struct {
    const char* name;
    std::string prefill;  // all as they stand in JSON
    std::string reply;
    std::string echo;
  } rows[] = {
      {"a word", "Ans", "wer: 42", "Answer: 42"},
      {"a blank between", "Answer: ", "42", "Answer: 42"},
      {"two blanks", "Answer: ", " 42", "Answer: 42"},
      {"thinking that was begun", "<think>\\n", "hm</think>\\nyes", "yes"},
      {"a tag", "<a> ", " b</a>", "<a>b</a>"},
      {"part of a tag", "go <", "b> c", "go<b>c"},
      {"nothing", "", "yes", "yes"},
  };
  for (const auto& row : rows) {
    const auto message = [](std::string_view text) {
      return R"({"role":"assistant","content":")" + std::string(text) + R"("})";
    };
    const History before = HistoryOf(std::string(kQuestion) + "," + message(row.prefill));
    const std::string want = Echo(message(row.echo));
    EXPECT_EQ(OfWhole(message(row.reply), 1'000, before), want) << row.name;
    EXPECT_EQ(OfEvents({{R"({"content":")" + row.reply + R"("})"}}, before), want) << row.name;
  }
}

TEST(ReplyDigest, AReplyToCallsIsUnknown) {
  const History before = HistoryOf(
      R"({"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":"{}"}}]})");
  EXPECT_EQ(OfWhole(R"({"content":"yes"})", 1'000, before), "none");
  ReplyDigest digest;
  digest.Start(Rules(), before);
  digest.TakeEvent("[DONE]");
  EXPECT_EQ(digest.link(), nullptr);
}

TEST(ReplyDigest, BrokenOffAnswers) {
  const struct {
    const char* name;
    std::vector<std::string> deltas;
    std::string want;
  } rows[] = {
      {"text",
       {R"({"content":"so "})", R"({"content":"far"})"},
       Echo(R"({"role":"assistant","content":"so far"})")},
      {"text and a part of a call",
       {R"({"content":"so"})",
        R"({"tool_calls":[{"index":0,"function":{"name":"a","arguments":"{"}}]})"},
       Echo(R"({"role":"assistant","content":"so"})")},
      {"a part of a call",
       {R"({"tool_calls":[{"index":0,"function":{"name":"a","arguments":"{"}}]})"},
       "none"},
      {"nothing", {R"({"role":"assistant","content":""})"}, "none"},
  };
  for (const auto& row : rows) {
    ReplyDigest digest;
    digest.Start(Rules(), HistoryOf(kQuestion));
    for (const std::string& delta : row.deltas) {
      digest.TakeEvent(Event(delta));
    }
    digest.Break();
    EXPECT_EQ(Text(digest.link()), row.want) << row.name;
    digest.TakeEvent(Event(R"({"content":"late"})"));
    digest.Complete();
    EXPECT_EQ(Text(digest.link()), row.want) << row.name;
  }
  ReplyDigest whole;
  whole.Start(Rules(), HistoryOf(kQuestion));
  whole.TakeBytes(R"({"choices":[{"message":{"content":"x"}}]})");
  whole.Break();
  EXPECT_EQ(whole.link(), nullptr);
}

TEST(ReplyDigest, WhatIsNoAnswerHasNoLink) {
  for (const std::string_view body :
       {"", "{}", "[]", "null", R"({"choices":[]})", R"({"choices":[null]})", R"({"choices":)",
        R"({"choices":[{"message":{"content":"x"}}]} x)",
        R"({"choices":[{"index":1,"message":{"content":"x"}}]})"}) {
    ReplyDigest digest;
    digest.Start(Rules(), HistoryOf(kQuestion));
    digest.TakeBytes(body);
    digest.Complete();
    EXPECT_EQ(digest.link(), nullptr) << body;
  }
}

TEST(ReplyDigest, Limits) {
  const std::string fragment(ReplyDigest::kCallBytesMax / 4, '1');
  const auto call = [&](int index, std::string_view arguments) {
    return Event(R"({"tool_calls":[{"index":)" + std::to_string(index) +
                 R"(,"function":{"name":"a","arguments":")" + std::string(arguments) + R"("}}]})");
  };
  struct Run {
    const char* name;
    int calls;
    int fragments;
    bool known;
  };
  for (const Run& run : {Run{"one at the limit", 1, 4, true}, Run{"one above it", 1, 5, false},
                         Run{"all at the limit", 4, 4, true}, Run{"all above it", 5, 4, false},
                         Run{"many", 128, 0, true}, Run{"too many", 129, 0, false}}) {
    ReplyDigest digest;
    digest.Start(Rules(), HistoryOf(kQuestion));
    for (int i = 0; i < run.calls; ++i) {
      digest.TakeEvent(call(i, ""));
      for (int j = 0; j < run.fragments; ++j) {
        digest.TakeEvent(call(i, fragment));
      }
    }
    digest.TakeEvent("[DONE]");
    EXPECT_EQ(digest.link() != nullptr, run.known) << run.name;
  }
  for (const size_t bytes : {ReplyDigest::kHeldBytesMax, ReplyDigest::kHeldBytesMax + 1}) {
    std::string body = R"({"choices":[{"index":0,"message":{"content":")";
    body += std::string(bytes - body.size() - 5, 'x') + "\"}}]}";
    ASSERT_EQ(body.size(), bytes);
    ReplyDigest digest;
    digest.Start(Rules(), HistoryOf(kQuestion));
    digest.TakeBytes(body);
    digest.Complete();
    EXPECT_EQ(digest.link() != nullptr, bytes == ReplyDigest::kHeldBytesMax);
  }
}

TEST(ReplyDigest, AnEventThatIsTooLongEndsIt) {
  ReplyDigest digest;
  digest.Start(Rules(), HistoryOf(kQuestion));
  StreamScanner scanner(UsageEvent::kForward, 100, &digest);
  const std::string stream = "data: " + Event(R"({"content":"yes"})") + "\n\ndata: [DONE]\n\n";
  const PaddedText padded(stream);
  scanner.Feed(padded.view());
  std::string_view forward;
  while (scanner.Next(forward) == StreamScanner::Step::kForward) {
  }
  EXPECT_EQ(digest.link(), nullptr);
}

}  // namespace
}  // namespace mainstay::wire::openai_chat
