// Every fault that an action can ask for, as a client sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fake_provider/testing/provider_world.h"

namespace mainstay::fake_provider {
namespace {

using namespace std::chrono_literals;
using http::HeadOutcome;
using io::IoStatus;
using testing::Chat;
using testing::Got;
using ::testing::HasSubstr;
using testing::World;

enum class Mode { kWhole, kStream };

struct FaultCase {
  const char* name;
  Action action;
  Mode mode;
  HeadOutcome head;
  IoStatus end = IoStatus::kOk;
  size_t body_bytes = std::string::npos;  // npos: not looked at
  CallState state = CallState::kFinished;
  int64_t connections = 2;  // after another request
};

void PrintTo(const FaultCase& row, std::ostream* out) {
  *out << row.name;
}

class FaultTest : public ::testing::TestWithParam<FaultCase> {};

TEST_P(FaultTest, ReachesTheClient) {
  const FaultCase& row = GetParam();
  World world;
  world.provider().On({}).Sequence({row.action, Action{}});
  const Got got = world.Chat(Chat("hello", row.mode == Mode::kStream ? R"(,"stream":true)" : ""));
  EXPECT_EQ(got.head, row.head);
  EXPECT_EQ(got.end, row.end);
  if (row.body_bytes != std::string::npos) {
    EXPECT_EQ(got.body.size(), row.body_bytes) << got.body;
  }
  const Got next = world.Chat(Chat("hello"));
  EXPECT_TRUE(next.whole()) << "the provider serves on";
  EXPECT_EQ(world.connections(), row.connections);
  EXPECT_EQ(world.provider().calls().front().state, row.state);
}

std::vector<FaultCase> Cases() {
  using enum Mode;
  const auto no_head = HeadOutcome::kClosed;
  const auto good = HeadOutcome::kOk;
  return {
      {"none",
       {.text = "abc"},
       kWhole,
       good,
       IoStatus::kOk,
       std::string::npos,
       CallState::kFinished,
       1},
      {"reset_before_the_head", {.end = Ending::kReset}, kWhole, no_head},
      {"close_before_the_head", {.end = Ending::kClose}, kWhole, no_head},
      {"garbage_for_a_head", {.end = Ending::kGarbage}, kWhole, HeadOutcome::kBad},
      {"hang_before_the_head",
       {.end = Ending::kHang},
       kWhole,
       HeadOutcome::kTimeout,
       IoStatus::kOk,
       0,
       CallState::kCancelled},
      {"reset_after_the_head",
       {.end = Ending::kReset, .after_bytes = 0},
       kWhole,
       good,
       IoStatus::kReset,
       0},
      {"reset_after_10_bytes",
       {.end = Ending::kReset, .after_bytes = 10},
       kWhole,
       good,
       IoStatus::kReset,
       10},
      {"close_after_10_bytes",
       {.end = Ending::kClose, .after_bytes = 10},
       kWhole,
       good,
       IoStatus::kEnd,
       10},
      {"hang_after_10_bytes",
       {.end = Ending::kHang, .after_bytes = 10},
       kWhole,
       good,
       IoStatus::kTimeout,
       10,
       CallState::kCancelled},
      {"whole_answer_cut_in_the_middle",
       {.body = "0123456789", .end = Ending::kReset, .after_events = 1},
       kWhole,
       good,
       IoStatus::kReset,
       5},
      {"stream_reset_within_an_event",
       {.end = Ending::kReset, .after_bytes = 300},
       kStream,
       good,
       IoStatus::kReset,
       300},
      {"stream_closed_before_the_first_event",
       {.end = Ending::kClose, .after_events = 0},
       kStream,
       good,
       IoStatus::kEnd,
       0},
      {"stream_hangs_after_its_head",
       {.end = Ending::kHang, .after_bytes = 0},
       kStream,
       good,
       IoStatus::kTimeout,
       0,
       CallState::kCancelled},
      {"length_too_long",
       {.body = "0123456789", .content_length = 12},
       kWhole,
       good,
       IoStatus::kEnd,
       10},
      {"length_too_short",
       {.body = "0123456789", .content_length = 8},
       kWhole,
       good,
       IoStatus::kOk,
       8},
      {"raw",
       {.raw = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"},
       kWhole,
       good,
       IoStatus::kOk,
       3},
      {"raw_cut",
       {.raw = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
        .end = Ending::kReset,
        .after_bytes = 39},
       kWhole,
       good,
       IoStatus::kReset,
       1},
      {"raw_two_lengths",
       {.raw = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc"},
       kWhole,
       HeadOutcome::kBad},
      {"raw_nothing", {.raw = ""}, kWhole, no_head},
      {"head_too_large", {.head_bytes = 100'000}, kWhole, HeadOutcome::kBad},
  };
}

INSTANTIATE_TEST_SUITE_P(All, FaultTest, ::testing::ValuesIn(Cases()),
                         [](const auto& row) { return row.param.name; });

TEST(FaultTest, EventsAreCountedFromOne) {
  World world;
  const std::string request = Chat("hello", R"(,"stream":true)");
  world.provider().On({}).Do({.text = "a b c d", .end = Ending::kReset, .after_events = 3});
  const Got got = world.Chat(request);
  EXPECT_EQ(got.end, IoStatus::kReset);
  // The role, " a", " b".
  EXPECT_TRUE(got.body.ends_with("\n\n"));
  EXPECT_THAT(got.body, HasSubstr("\" b\""));
  EXPECT_EQ(got.body.find("\" c\""), std::string::npos);
}

TEST(FaultTest, GarbageWithinAStreamBreaksItsFraming) {
  World world;
  world.provider().On({}).Do({.end = Ending::kGarbage, .after_events = 2});
  const Got got = world.Chat(Chat("hello", R"(,"stream":true)"));
  EXPECT_EQ(got.head, HeadOutcome::kOk);
  EXPECT_TRUE(got.broken);
}

TEST(FaultTest, OverloadComesFirstInTheStream) {
  World world;
  world.provider().On({}).Do({.overload = true});
  const Got got = world.Chat(Chat("hello", R"(,"stream":true)"));
  EXPECT_TRUE(got.whole());
  EXPECT_EQ(got.status, 200);
  EXPECT_THAT(got.body, ::testing::StartsWith("data: {\"error\":{"));
  EXPECT_EQ(world.Chat(Chat("hello")).status, 503);
}

TEST(FaultTest, DelaysAndDrips) {
  World world;
  world.provider().On({}).Do({.body = "0123456789", .delay = 250ms, .gap = 5ms, .write_bytes = 3});
  const Got got = world.Chat(Chat("hello"));
  EXPECT_EQ(got.head_after, 250ms);
  EXPECT_EQ(got.reads, (std::vector<std::string>{"012", "345", "678", "9"}));
  EXPECT_EQ(got.after, 250ms + 15ms);
}

TEST(FaultTest, AStreamIsCutAnywhere) {
  World world;
  const std::string request = Chat("hello", R"(,"stream":true)");
  world.provider().On({}).Do({.id = "x", .gap = 1ms, .write_bytes = 7});
  const Got got = world.Chat(request);
  EXPECT_TRUE(got.whole());
  ASSERT_GT(got.reads.size(), 100U);
  for (size_t i = 0; i + 1 < got.reads.size(); ++i) {
    EXPECT_EQ(got.reads[i].size(), 7U);
  }
  EXPECT_TRUE(got.body.ends_with("data: [DONE]\n\n"));
}

TEST(FaultTest, AnErrorCarriesItsHeaders) {
  World world;
  world.provider().On({}).Error(429, {{"retry-after", "30"}, {"content-type", "text/html"}});
  const Got got = world.Chat(Chat("hello"));
  EXPECT_EQ(got.status, 429);
  EXPECT_EQ(got.Header("retry-after"), "30");
  EXPECT_EQ(got.Header("content-type"), "text/html");
  EXPECT_THAT(got.body, HasSubstr("rate_limit_exceeded"));
}

TEST(FaultTest, ABodyOfEventsIsAStream) {
  World world;
  world.provider().On({}).Do({.body = "data: 1\n\ndata: 2\n\n: tail", .gap = 1ms});
  const Got got = world.Chat(Chat("hello"));
  EXPECT_EQ(got.Header("content-type"), "text/event-stream");
  EXPECT_EQ(got.reads, (std::vector<std::string>{"data: 1\n\n", "data: 2\n\n", ": tail"}));
}

TEST(FaultTest, ASlowReaderGetsAll) {
  // The link takes 4 KB at a time, and the stream is far larger.
  World world({}, {.latency = 1ms, .queue_bytes = 4096, .chunk_bytes = 1000});
  world.provider().On({}).Do({.text_tokens = 20'000});
  const Got got = world.Chat(Chat("hello", R"(,"stream":true)"));
  EXPECT_TRUE(got.whole());
  EXPECT_TRUE(got.body.ends_with("data: [DONE]\n\n"));
}

TEST(FaultTest, WhoLeavesIsRecorded) {
  World world;
  world.provider().On({}).Do({.gap = 1s});
  world.SendAndLeave({.body = Chat("hello", R"(,"stream":true)")}, 2500ms);
  EXPECT_EQ(world.provider().calls().back().state, CallState::kCancelled);
  EXPECT_EQ(world.provider().calls().back().status, 200);
}

}  // namespace
}  // namespace mainstay::fake_provider
