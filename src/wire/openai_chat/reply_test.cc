#include "wire/openai_chat/reply.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/openai_chat/testing.h"

namespace mainstay::wire::openai_chat {
namespace {

// A piece in memory of its own, which is gone afterwards: nothing may still point at it.
template <typename Scanner, typename Take>
void FeedPiece(Scanner& scanner, std::string_view piece, Take take) {
  const PaddedText copy(piece);
  scanner.Feed(copy.view());
  take();
}

std::string Show(const Usage& usage) {
  std::string text;
  const auto add = [&](std::string_view name, const std::optional<int64_t>& count) {
    if (count) {
      text += (text.empty() ? "" : " ") + std::string(name) + "=" + std::to_string(*count);
    }
  };
  add("prompt", usage.prompt);
  add("cached", usage.cached);
  add("cache_write", usage.cache_write);
  add("completion", usage.completion);
  add("reasoning", usage.reasoning);
  return text.empty() ? "none" : text;
}

// ---- Whole answers.

std::string UsageInPieces(std::string_view text, const std::vector<size_t>& cuts) {
  WholeReplyScanner scanner;
  size_t from = 0;
  for (const size_t cut : cuts) {
    FeedPiece(scanner, text.substr(from, cut - from), [] {});
    from = cut;
  }
  FeedPiece(scanner, text.substr(from), [] {});
  return Show(scanner.usage());
}

struct WholeCase {
  const char* name;
  std::string text;
  std::string want;
};

std::string Spaces(size_t count) {
  return std::string(count, ' ');
}

const WholeCase kWholeCases[] = {
    {"nothing", "", "none"},
    {"no_usage", R"({"id":"x","choices":[]})", "none"},
    {"usage_last", R"({"id":"x","usage":{"prompt_tokens":3}})", "prompt=3"},
    {"usage_first", R"({"usage":{"prompt_tokens":3},"choices":[{"index":0}]})", "prompt=3"},
    {"usage_in_the_middle", R"({"a":[1],"usage":{"prompt_tokens":3},"b":{"c":{}}})", "prompt=3"},
    {"usage_with_white_space", "{ \"usage\" : \n { \"prompt_tokens\" : 3 } \n } \r\n", "prompt=3"},
    {"usage_of_a_pretty_printed_answer",
     "{\n  \"id\": \"x\",\n  \"usage\": {\n    \"prompt_tokens\": 3,\n"
     "    \"prompt_tokens_details\": {\n      \"cached_tokens\": 1\n    }\n  }\n}\n",
     "prompt=3 cached=1"},
    {"usage_null", R"({"usage":null,"x":{"prompt_tokens":3}})", "none"},
    {"usage_a_number", R"({"usage":5,"x":{"prompt_tokens":3}})", "none"},
    {"usage_a_list", R"({"usage":[{"prompt_tokens":3}]})", "none"},
    {"usage_a_string", R"({"usage":"{\"prompt_tokens\":3}"})", "none"},
    {"usage_empty", R"({"usage":{}})", "none"},
    {"usage_as_a_value", R"({"x":"usage","y":{"prompt_tokens":3}})", "none"},
    {"usage_as_a_value_and_a_key", R"({"x":"usage","usage":{"prompt_tokens":3}})", "prompt=3"},
    {"usage_as_its_own_value", R"({"usage":"usage","x":{"prompt_tokens":3}})", "none"},
    {"usage_in_the_text_of_the_answer",
     R"({"choices":[{"message":{"content":"say \"usage\":{\"prompt_tokens\":9}"}}]})", "none"},
    {"usage_in_the_text_and_for_real",
     R"({"content":"\"usage\":{\"prompt_tokens\":9}","usage":{"prompt_tokens":3}})", "prompt=3"},
    {"a_key_that_ends_like_usage", R"({"my \"usage":{"prompt_tokens":9}})", "none"},
    {"a_key_that_begins_like_usage", R"({"usage_breakdown":{"prompt_tokens":9}})", "none"},
    {"a_key_in_upper_case", R"({"Usage":{"prompt_tokens":9}})", "none"},
    {"a_backslash_before_the_closing_quote", R"({"a":"\\","usage":{"prompt_tokens":3}})",
     "prompt=3"},
    {"usage_deeper", R"({"x_groq":{"usage":{"prompt_tokens":9}}})", "none"},
    {"usage_deeper_in_a_list", R"([{"usage":{"prompt_tokens":9}}])", "none"},
    {"usage_deeper_and_then_at_the_top",
     R"({"x":{"usage":{"prompt_tokens":9},"s":"}"},"usage":{"prompt_tokens":3}})", "prompt=3"},
    {"usage_at_the_top_and_then_deeper",
     R"({"usage":{"prompt_tokens":3},"x":{"usage":{"prompt_tokens":9}}})", "prompt=3"},
    {"usage_deep_in_the_choices",
     R"({"choices":[{"usage":{"prompt_tokens":9}}, {"x":1}],"usage":{"prompt_tokens":3}})",
     "prompt=3"},
    {"brackets_in_strings_behind_the_usage", R"({"usage":{"prompt_tokens":3},"x":"]}\"]}"})",
     "prompt=3"},
    {"braces_in_strings_of_the_usage", R"({"usage":{"x":"}}","prompt_tokens":3}})", "prompt=3"},
    {"a_broken_usage", R"({"usage":{"prompt_tokens":3,}})", "none"},
    {"an_answer_cut_off_in_the_usage", R"({"usage":{"prompt_tokens":3)", "none"},
    {"no_json", "upstream connect error \"usage\"", "none"},
    {"html", "<html>{\"usage\":</html>", "none"},
    {"a_usage_of_4096_bytes", R"({"usage":{"prompt_tokens":3)" + Spaces(4096 - 19) + R"(}})",
     "prompt=3"},
    {"a_usage_of_4097_bytes", R"({"usage":{"prompt_tokens":3)" + Spaces(4097 - 19) + R"(}})",
     "none"},
};

TEST(WholeReply, UsageOfTheTable) {
  for (const WholeCase& c : kWholeCases) {
    EXPECT_EQ(UsageInPieces(c.text, {}), c.want) << c.name;
  }
}

TEST(WholeReply, UsageHoweverItIsSplitInTwo) {
  for (const WholeCase& c : kWholeCases) {
    for (size_t cut = 0; cut <= c.text.size(); ++cut) {
      ASSERT_EQ(UsageInPieces(c.text, {cut}), c.want) << c.name << " at " << cut;
    }
  }
}

TEST(WholeReply, UsageHoweverItIsSplitInThree) {
  for (const WholeCase& c : kWholeCases) {
    if (c.text.size() > 100) {
      continue;
    }
    for (size_t second = 0; second <= c.text.size(); ++second) {
      for (size_t first = 0; first <= second; ++first) {
        ASSERT_EQ(UsageInPieces(c.text, {first, second}), c.want)
            << c.name << " at " << first << " and " << second;
      }
    }
  }
}

TEST(WholeReply, UsageByteByByte) {
  for (const WholeCase& c : kWholeCases) {
    std::vector<size_t> cuts;
    for (size_t at = 1; at < c.text.size(); ++at) {
      cuts.push_back(at);
    }
    EXPECT_EQ(UsageInPieces(c.text, cuts), c.want) << c.name;
  }
}

// The key at each place of the blocks that are compared at once.
TEST(WholeReply, UsageAtEachOffset) {
  for (size_t before = 0; before < 130; ++before) {
    for (const size_t behind : {0, 1, 7, 15, 16, 31, 40}) {
      const std::string text =
          "{" + Spaces(before) + R"("usage":{"prompt_tokens":3})" + Spaces(behind) + "}";
      ASSERT_EQ(UsageInPieces(text, {}), "prompt=3") << before << " " << behind;
    }
  }
}

TEST(WholeReply, RealAnswers) {
  struct {
    const char* file;
    const char* want;
  } constexpr kCases[] = {
      {"groq_reply.json", "prompt=336 cached=256 completion=96 reasoning=59"},
      {"openai_cached_reply.json",
       "prompt=4020 cached=4012 cache_write=0 completion=4 reasoning=0"},
  };
  for (const auto& c : kCases) {
    const std::string text = Fixture(c.file);
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      ASSERT_EQ(UsageInPieces(text, {cut}), c.want) << c.file << " at " << cut;
    }
  }
}

// ---- Streams.

struct Passed {
  std::string forwarded;
  std::string usage;
  int64_t events = 0;
  bool complete = false;
  bool operator==(const Passed&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Passed& passed) {
  return out << passed.usage << ", " << passed.events << " events, complete " << passed.complete
             << "\n"
             << passed.forwarded;
}

constexpr size_t kEventBytesMax = 1024;

Passed PassInPieces(std::string_view text, UsageEvent usage_event,
                    const std::vector<size_t>& cuts) {
  StreamScanner scanner(usage_event, kEventBytesMax);
  Passed passed;
  std::string_view forward;
  const auto take = [&] {
    while (scanner.Next(forward) == StreamScanner::Step::kForward) {
      passed.forwarded += forward;
    }
  };
  size_t from = 0;
  for (const size_t cut : cuts) {
    FeedPiece(scanner, text.substr(from, cut - from), take);
    from = cut;
  }
  FeedPiece(scanner, text.substr(from), take);
  while (scanner.Finish(forward) == StreamScanner::Step::kForward) {
    passed.forwarded += forward;
  }
  passed.usage = Show(scanner.usage());
  passed.events = scanner.events();
  passed.complete = scanner.complete();
  return passed;
}

constexpr std::string_view kText = R"(data: {"choices":[{"delta":{"content":"hi"}}]})"
                                   "\n\n";
constexpr std::string_view kUsageEvent =
    R"(data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}})"
    "\n\n";
constexpr std::string_view kDoneEvent = "data: [DONE]\n\n";

std::string Stream(std::initializer_list<std::string_view> events) {
  std::string text;
  for (const std::string_view event : events) {
    text += event;
  }
  return text;
}
std::string WithLineEnds(std::string_view text, std::string_view line_end) {
  std::string result;
  for (const char c : text) {
    result += c == '\n' ? line_end : std::string_view(&c, 1);
  }
  return result;
}
std::string Data(std::string_view json) {
  return "data: " + std::string(json) + "\n\n";
}

struct StreamCase {
  const char* name;
  std::string text;
  std::string hidden;  // what is forwarded when the usage event is to be hidden
  std::string usage;
  int64_t events;
  bool complete;
};

std::vector<StreamCase> StreamCases() {
  const std::string huge = Data(R"({"choices":[],"usage":{"prompt_tokens":3,"x":")" +
                                std::string(kEventBytesMax, 'x') + R"("}})");
  const auto same = [](const char* name, const std::string& text, const char* usage, int64_t events,
                       bool complete) {
    return StreamCase{name, text, text, usage, events, complete};
  };
  return {
      same("nothing", "", "none", 0, false),
      same("no_usage", Stream({kText, kText, kDoneEvent}), "none", 3, true),
      {"usage", Stream({kText, kUsageEvent, kDoneEvent}), Stream({kText, kDoneEvent}),
       "prompt=3 completion=1", 3, true},
      {"usage_and_no_done", Stream({kText, kUsageEvent}), Stream({kText}), "prompt=3 completion=1",
       2, false},
      {"usage_with_cr_lf", WithLineEnds(Stream({kText, kUsageEvent, kDoneEvent}), "\r\n"),
       WithLineEnds(Stream({kText, kDoneEvent}), "\r\n"), "prompt=3 completion=1", 3, true},
      {"usage_with_cr", WithLineEnds(Stream({kText, kUsageEvent, kDoneEvent}), "\r"),
       WithLineEnds(Stream({kText, kDoneEvent}), "\r"), "prompt=3 completion=1", 3, true},
      {"usage_with_comments", Stream({": hello\n\n", kText, ": ping\n\n", kUsageEvent, kDoneEvent}),
       Stream({": hello\n\n", kText, ": ping\n\n", kDoneEvent}), "prompt=3 completion=1", 3, true},
      {"usage_with_spaces",
       Stream({Data(R"({ "choices" : [ ] , "usage" : { "prompt_tokens" : 3 } })"), kDoneEvent}),
       Stream({kDoneEvent}), "prompt=3", 2, true},
      {"usage_over_two_data_lines",
       Stream({"data: {\"choices\":[],\ndata: \"usage\":\ndata: {\"prompt_tokens\":3}}\n\n",
               kDoneEvent}),
       Stream({kDoneEvent}), "prompt=3", 2, true},
      {"usage_without_a_space_behind_the_colon",
       Stream({"data:{\"choices\":[],\"usage\":{\"prompt_tokens\":3}}\n\n"}), "", "prompt=3", 1,
       false},
      {"usage_before_the_choices", Data(R"({"usage":{"prompt_tokens":3},"choices":[]})"), "",
       "prompt=3", 1, false},
      same("usage_null_everywhere",
           Stream({Data(R"({"choices":[{"delta":{}}],"usage":null})"),
                   Data(R"({"choices":[],"usage":null})"), kDoneEvent}),
           "none", 3, true),
      {"usage_null_and_then_usage",
       Stream({Data(R"({"choices":[{"delta":{}}],"usage":null})"), kUsageEvent, kDoneEvent}),
       Stream({Data(R"({"choices":[{"delta":{}}],"usage":null})"), kDoneEvent}),
       "prompt=3 completion=1", 3, true},
      same("usage_beside_a_choice",
           Stream({Data(R"({"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":3}})"),
                   kDoneEvent}),
           "prompt=3", 2, true),
      same("usage_beside_no_choices_at_all", Data(R"({"usage":{"prompt_tokens":3}})"), "prompt=3",
           1, false),
      same("usage_inside_another_object",
           Data(R"({"choices":[],"x_groq":{"usage":{"prompt_tokens":9}}})"), "none", 1, false),
      {"usage_inside_another_object_and_at_the_top",
       Data(R"({"choices":[],"x":{"usage":{"prompt_tokens":9}},"usage":{"prompt_tokens":3}})"), "",
       "prompt=3", 1, false},
      same("usage_in_the_text",
           Data(R"({"choices":[{"delta":{"content":"\"usage\":{\"prompt_tokens\":9}"}}]})"), "none",
           1, false),
      same("usage_of_every_event_the_last_counts",
           Stream({Data(R"({"choices":[{}],"usage":{"completion_tokens":1}})"),
                   Data(R"({"choices":[{}],"usage":{"completion_tokens":2}})")}),
           "completion=2", 2, false),
      same("broken_json", Data(R"({"choices":[],"usage":{"prompt_tokens":3})"), "none", 1, false),
      same("two_documents_in_an_event", Data(R"({"choices":[],"usage":{"prompt_tokens":3}}{})"),
           "none", 1, false),
      same("a_list", Data(R"([{"choices":[],"usage":{"prompt_tokens":3}}])"), "none", 1, false),
      same("no_json", Data("hello \"usage\":{"), "none", 1, false),
      same("an_event_without_data", "event: ping\nid: 7\n\n", "none", 0, false),
      same("an_event_above_the_limit", Stream({kText, huge, kDoneEvent}), "none", 2, true),
      {"usage_behind_an_event_above_the_limit", Stream({huge, kUsageEvent, kDoneEvent}),
       Stream({huge, kDoneEvent}), "prompt=3 completion=1", 2, true},
      same("done_is_not_in_the_text", Data(R"({"choices":[{"delta":{"content":"[DONE]"}}]})"),
           "none", 1, false),
      same("done_with_a_blank_more_is_something_else", "data: [DONE] \n\n", "none", 1, false),
      same("a_tail_without_an_empty_line", Stream({kText, "data: {\"choices\":[]"}), "none", 1,
           false),
      same("an_error_event", Data(R"({"error":{"message":"overloaded"}})"), "none", 1, false),
  };
}

TEST(StreamReply, BytesAndUsageOfTheTable) {
  for (const StreamCase& c : StreamCases()) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(PassInPieces(c.text, UsageEvent::kForward, {}),
              (Passed{c.text, c.usage, c.events, c.complete}));
    EXPECT_EQ(PassInPieces(c.text, UsageEvent::kHide, {}),
              (Passed{c.hidden, c.usage, c.events, c.complete}));
  }
}

TEST(StreamReply, TheSameHoweverItIsSplit) {
  for (const StreamCase& c : StreamCases()) {
    const Passed want{c.hidden, c.usage, c.events, c.complete};
    std::vector<size_t> each;
    for (size_t cut = 0; cut <= c.text.size(); ++cut) {
      ASSERT_EQ(PassInPieces(c.text, UsageEvent::kHide, {cut}), want) << c.name << " at " << cut;
      each.push_back(cut);
    }
    ASSERT_EQ(PassInPieces(c.text, UsageEvent::kHide, each), want) << c.name;
  }
}

TEST(StreamReply, RealStreams) {
  struct {
    const char* file;
    Passed want;
  } const kCases[] = {
      {"groq_tools_reply.sse",
       {.usage = "prompt=304 completion=49 reasoning=23", .complete = true}},
      {"openrouter_reply.sse",
       {.usage = "prompt=43 cached=0 completion=36 reasoning=13", .complete = true}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.file);
    const std::string text = Fixture(c.file);
    Passed want = c.want;
    want.forwarded = text;  // both put the usage beside a choice, so nothing may be hidden
    for (size_t at = 0; (at = text.find("data: ", at)) != std::string::npos; ++at) {
      ++want.events;
    }
    for (size_t cut = 0; cut <= text.size(); cut += 7) {
      ASSERT_EQ(PassInPieces(text, UsageEvent::kHide, {cut}), want) << cut;
    }
  }
}

// Events go on as they come: what is complete does not wait for what follows.
TEST(StreamReply, NoEventWaitsForTheNext) {
  StreamScanner scanner(UsageEvent::kHide, kEventBytesMax);
  std::string_view forward;
  scanner.Feed(kText);
  ASSERT_EQ(scanner.Next(forward), StreamScanner::Step::kForward);
  EXPECT_EQ(forward, kText);
  EXPECT_EQ(scanner.Next(forward), StreamScanner::Step::kMore);
}

// A stream that breaks there cannot be ended by an event of our own at once.
TEST(StreamReply, WithinAnEventAboveTheLimitUntilItEnds) {
  StreamScanner scanner(UsageEvent::kHide, kEventBytesMax);
  const auto pass = [&](std::string_view piece) {
    std::string_view forward;
    FeedPiece(scanner, piece, [&] {
      while (scanner.Next(forward) == StreamScanner::Step::kForward) {
      }
    });
    return scanner.within_event();
  };
  EXPECT_FALSE(pass(kText));
  EXPECT_FALSE(pass("data: a part that is held back"));
  EXPECT_TRUE(pass(std::string(kEventBytesMax, 'x')));
  EXPECT_TRUE(pass("\n"));
  EXPECT_FALSE(pass("\n"));
}

}  // namespace
}  // namespace mainstay::wire::openai_chat
