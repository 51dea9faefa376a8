#include "http/sse.h"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace mainstay::http {
namespace {

using std::string_literals::operator""s;
using Step = EventScanner::Step;

// What a scanner said, by value. Parts of a long event are joined.
struct Seen {
  Step step = Step::kEvent;
  std::string raw;
  std::string data = {};
  std::string name = {};
  std::string id = {};
  bool has_data = false;
  bool is_comment_only = false;
  bool operator==(const Seen&) const = default;
};
void PrintTo(const Seen& seen, std::ostream* out) {
  *out << static_cast<int>(seen.step) << " raw=" << testing::PrintToString(seen.raw)
       << " data=" << testing::PrintToString(seen.data) << " name=" << seen.name
       << " id=" << seen.id << (seen.has_data ? " has_data" : "")
       << (seen.is_comment_only ? " comment" : "");
}

class Collector final {
 public:
  explicit Collector(size_t event_bytes_max) : scanner_(event_bytes_max) {}

  void Feed(std::string_view piece) {
    // A copy that is gone afterwards: what the scanner keeps must be its own.
    const auto copy = std::make_unique<char[]>(piece.size());
    piece.copy(copy.get(), piece.size());
    scanner_.Feed({copy.get(), piece.size()});
    StreamEvent event;
    Step step;
    while ((step = scanner_.Next(event)) != Step::kMore) {
      Note(step, event);
    }
    scanner_.Feed({});
    EXPECT_EQ(scanner_.Next(event), Step::kMore);
    held_bytes_max_ = std::max(held_bytes_max_, scanner_.held_bytes());
  }
  std::vector<Seen> Finish() {
    StreamEvent event;
    Step step;
    while ((step = scanner_.Finish(event)) != Step::kMore) {
      Note(step, event);
    }
    return seen_;
  }
  size_t held_bytes_max() const { return held_bytes_max_; }

 private:
  void Note(Step step, const StreamEvent& event) {
    EXPECT_EQ(event.offset, bytes_);
    EXPECT_FALSE(event.raw.empty());
    bytes_ += event.raw.size();
    if (step == Step::kTooLong && !seen_.empty() && seen_.back().step == Step::kTooLong) {
      seen_.back().raw += event.raw;
      return;
    }
    seen_.push_back({.step = step,
                     .raw = std::string(event.raw),
                     .data = std::string(event.data),
                     .name = std::string(event.name),
                     .id = std::string(event.id),
                     .has_data = event.has_data,
                     .is_comment_only = event.is_comment_only});
  }

  EventScanner scanner_;
  std::vector<Seen> seen_;
  uint64_t bytes_ = 0;
  size_t held_bytes_max_ = 0;
};

std::vector<Seen> Scan(const std::vector<std::string_view>& pieces, size_t limit) {
  Collector collector(limit);
  for (const std::string_view piece : pieces) {
    collector.Feed(piece);
  }
  std::vector<Seen> seen = collector.Finish();
  EXPECT_LE(collector.held_bytes_max(), limit);
  return seen;
}

struct SseCase {
  std::string name;
  std::string text;
  std::vector<Seen> want;
  size_t limit = 64;
};
void PrintTo(const SseCase& row, std::ostream* out) {
  *out << row.name;
}

Seen Data(std::string raw, std::string data) {
  return {.step = Step::kEvent, .raw = std::move(raw), .data = std::move(data), .has_data = true};
}
Seen Comment(std::string raw) {
  return {.step = Step::kEvent, .raw = std::move(raw), .is_comment_only = true};
}
Seen TooLong(std::string raw) {
  return {.step = Step::kTooLong, .raw = std::move(raw)};
}
Seen Tail(std::string raw) {
  return {.step = Step::kTail, .raw = std::move(raw)};
}

const SseCase kCases[] = {
    {"nothing", "", {}},
    {"lf", "data: a\n\n", {Data("data: a\n\n", "a")}},
    {"cr_lf", "data: a\r\n\r\n", {Data("data: a\r\n\r\n", "a")}},
    {"cr", "data: a\r\r", {Data("data: a\r\r", "a")}},
    {"lf_cr_is_two_line_ends",
     "data: a\n\rdata: b\n\n",
     {Data("data: a\n\r", "a"), Data("data: b\n\n", "b")}},
    {"cr_lf_then_lf",
     "data: a\r\n\ndata: b\r\n\n",
     {Data("data: a\r\n\n", "a"), Data("data: b\r\n\n", "b")}},
    {"lf_then_cr_lf",
     "data: a\n\r\ndata: b\n\n",
     {Data("data: a\n\r\n", "a"), Data("data: b\n\n", "b")}},
    {"cr_then_cr_lf",
     "data: a\r\r\ndata: b\r\r\n",
     {Data("data: a\r\r\n", "a"), Data("data: b\r\r\n", "b")}},
    {"two_events", "data: a\n\ndata: b\n\n", {Data("data: a\n\n", "a"), Data("data: b\n\n", "b")}},
    {"no_blank_after_colon", "data:a\n\n", {Data("data:a\n\n", "a")}},
    {"one_blank_is_removed", "data:  a \n\n", {Data("data:  a \n\n", " a ")}},
    {"tab_stays", "data:\ta\n\n", {Data("data:\ta\n\n", "\ta")}},
    {"data_without_colon", "data\n\n", {Data("data\n\n", "")}},
    {"empty_data", "data:\n\n", {Data("data:\n\n", "")}},
    {"two_data_lines", "data: a\ndata: b\n\n", {Data("data: a\ndata: b\n\n", "a\nb")}},
    {"three_data_lines_one_empty",
     "data: a\r\ndata\r\ndata: c\r\n\r\n",
     {Data("data: a\r\ndata\r\ndata: c\r\n\r\n", "a\n\nc")}},
    {"colons_in_data", "data: {\"a\":1}\n\n", {Data("data: {\"a\":1}\n\n", "{\"a\":1}")}},
    {"name_and_id",
     "event: message_start\nid: 7\ndata: {}\n\n",
     {{.step = Step::kEvent,
       .raw = "event: message_start\nid: 7\ndata: {}\n\n",
       .data = "{}",
       .name = "message_start",
       .id = "7",
       .has_data = true}}},
    {"last_name_wins",
     "event: a\nevent: b\ndata: x\n\n",
     {{.step = Step::kEvent,
       .raw = "event: a\nevent: b\ndata: x\n\n",
       .data = "x",
       .name = "b",
       .has_data = true}}},
    {"id_with_nul_is_ignored", "id: \0\ndata: x\n\n"s, {Data("id: \0\ndata: x\n\n"s, "x")}},
    {"name_is_of_its_own_event",
     "event: a\n\ndata: x\n\n",
     {{.step = Step::kEvent, .raw = "event: a\n\n", .name = "a"}, Data("data: x\n\n", "x")}},
    {"comment", ": ping\n\n", {Comment(": ping\n\n")}},
    {"bare_colon", ":\n\n", {Comment(":\n\n")}},
    {"comment_and_data", ": OPENROUTER\ndata: x\n\n", {Data(": OPENROUTER\ndata: x\n\n", "x")}},
    {"retry_alone", "retry: 10\n\n", {{.step = Step::kEvent, .raw = "retry: 10\n\n"}}},
    {"unknown_field", "foo: bar\n\n", {{.step = Step::kEvent, .raw = "foo: bar\n\n"}}},
    {"field_names_are_exact", "Data: x\n\n", {{.step = Step::kEvent, .raw = "Data: x\n\n"}}},
    {"blank_before_name", " data: x\n\n", {{.step = Step::kEvent, .raw = " data: x\n\n"}}},
    {"empty_lines",
     "\n\r\n\rdata: x\n\n",
     {Comment("\n"), Comment("\r\n"), Comment("\r"), Data("data: x\n\n", "x")}},
    {"byte_order_mark",
     "\xef\xbb\xbf"
     "data: x\n\n",
     {Data("\xef\xbb\xbf"
           "data: x\n\n",
           "x")}},
    {"second_byte_order_mark_is_text",
     "data: x\n\n\xef\xbb\xbf"
     "data: y\n\n",
     {Data("data: x\n\n", "x"),
      {.step = Step::kEvent,
       .raw = "\xef\xbb\xbf"
              "data: y\n\n"}}},
    {"broken_off", "data: a\n\ndata: b\n", {Data("data: a\n\n", "a"), Tail("data: b\n")}},
    {"broken_off_in_line", "data: a", {Tail("data: a")}},
    {"broken_off_after_cr", "data: a\r", {Tail("data: a\r")}},
    {"done",
     "data: {}\n\ndata: [DONE]\n\n",
     {Data("data: {}\n\n", "{}"), Data("data: [DONE]\n\n", "[DONE]")}},
    {"data_of_sixteen_bytes",
     "data: 0123456789abcdef\n\n",
     {Data("data: 0123456789abcdef\n\n", "0123456789abcdef")}},
    {"at_limit",
     "data: 2345\n\ndata: b\n\n",
     {Data("data: 2345\n\n", "2345"), Data("data: b\n\n", "b")},
     12},
    {"over_limit",
     "data: 23456\n\ndata: b\n\n",
     {TooLong("data: 23456\n\n"), Data("data: b\n\n", "b")},
     12},
    {"over_limit_by_lf_of_cr_lf",
     "data: 23\r\n\r\ndata: b\n\n",
     {TooLong("data: 23\r\n\r\n"), Data("data: b\n\n", "b")},
     11},
    {"over_limit_broken_off", "data: 2345678901234", {TooLong("data: 2345678901234")}, 12},
    {"over_limit_after_many_lines",
     "data: 1\ndata: 2\ndata: 3\n\n: x\n\n",
     {TooLong("data: 1\ndata: 2\ndata: 3\n\n"), Comment(": x\n\n")},
     12},
    {"over_limit_with_cr",
     "data: 23456\r\rdata: b\r\r",
     {TooLong("data: 23456\r\r"), Data("data: b\r\r", "b")},
     12},
};

class SseTest : public testing::TestWithParam<SseCase> {};
TEST_P(SseTest, GivesTheSameEventsHoweverItIsSplit) {
  const SseCase& row = GetParam();
  const std::string_view text = row.text;
  EXPECT_EQ(Scan({text}, row.limit), row.want);
  std::string raw;
  for (const Seen& seen : row.want) {
    raw += seen.raw;
  }
  EXPECT_EQ(raw, text);
  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); ++second) {
      ASSERT_EQ(
          Scan({text.substr(0, first), text.substr(first, second - first), text.substr(second)},
               row.limit),
          row.want)
          << first << ", " << second;
    }
  }
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    bytes.push_back(text.substr(i, 1));
  }
  EXPECT_EQ(Scan(bytes, row.limit), row.want);
}
INSTANTIATE_TEST_SUITE_P(Table, SseTest, testing::ValuesIn(kCases),
                         [](const auto& param) { return param.param.name; });

TEST(EventScanner, DoesNotCopyWhatIsInOnePiece) {
  const std::string piece = ": x\n\nevent: e\ndata: {\"a\":1}\n\n";
  EventScanner scanner(1024);
  scanner.Feed(piece);
  StreamEvent event;
  ASSERT_EQ(scanner.Next(event), Step::kEvent);
  EXPECT_EQ(event.raw.data(), piece.data());
  ASSERT_EQ(scanner.Next(event), Step::kEvent);
  EXPECT_EQ(event.raw.data(), piece.data() + 5);
  EXPECT_EQ(event.data.data(), piece.data() + piece.find('{'));
  EXPECT_EQ(event.offset, 5u);
  ASSERT_EQ(scanner.Next(event), Step::kMore);
  EXPECT_EQ(scanner.held_bytes(), 0u);
}

TEST(EventScanner, HandsOutAnEventAtItsLastByte) {
  EventScanner scanner(1024);
  StreamEvent event;
  scanner.Feed("data: a\n");
  ASSERT_EQ(scanner.Next(event), Step::kMore);
  scanner.Feed("\n");
  ASSERT_EQ(scanner.Next(event), Step::kEvent);
  EXPECT_EQ(event.raw, "data: a\n\n");
  ASSERT_EQ(scanner.Next(event), Step::kMore);
}

}  // namespace
}  // namespace mainstay::http
