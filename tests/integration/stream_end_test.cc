// Streams that the provider ends in an orderly way, although the answer may not be complete.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Answer;
using support::Chat;
using support::ChatStream;
using support::Client;
using support::End;
using support::Event;
using support::kDone;
using support::kUsageEvent;
using support::Post;
using support::World;
using ::testing::HasSubstr;

constexpr std::string_view kBroken = "upstream_broken";

struct OrderlyCase {
  const char* name;
  std::string body;
  bool complete;
  std::string passed;  // of a stream that is not: what goes on of it; empty: all
};

const std::string kLast =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
// Some providers count with each event.
const std::string kCounting =
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":7}}\n\n";
const std::string kComment = ": ping\n\n";

std::vector<OrderlyCase> OrderlyCases() {
  const std::string a = Event("a");
  const std::string done(kDone);
  const std::string usage(kUsageEvent);
  const std::string large = Event(std::string(50'000, 'x'));
  // Its parts have passed by the time that it ends: the error must not become its continuation.
  const std::string half_large = Event(std::string(200'000, 'x')).substr(0, 150'000);
  std::string large_last = kLast;
  large_last.insert(large_last.find("},\"fin"), "\"content\":\"" + std::string(50'000, 'x') + '"');
  return {
      {"done", a + done, true},
      {"done_without_an_empty_line", a + "data: [DONE]\n", true},
      {"done_and_more", a + done + a, true},
      {"a_reason", a + kLast, true},
      {"a_reason_and_comments", a + kLast + kComment + kComment, true},
      {"a_reason_and_usage", a + kLast + usage, true},
      {"a_reason_in_a_large_event", a + large_last, true},
      {"an_event_above_the_buffer_that_nobody_read", a + Event(std::string(200'000, 'x')), true},
      {"half_an_event_above_the_buffer", a + half_large, false, a + half_large + "\n\n"},
      {"usage", a + usage, true},
      {"usage_and_a_comment", a + usage + kComment, true},
      {"an_error_of_its_own", a + "data: {\"error\":{\"message\":\"overloaded\"}}\n\n", true},
      {"a_last_event_without_its_empty_line", a + kLast.substr(0, kLast.size() - 2), true},
      {"text", a, false},
      {"a_large_event", a + large, false},
      {"usage_beside_text", a + kCounting, false},
      {"a_comment", a + kComment, false},
      {"half_an_event", a + "data: {\"choices\":[", false, a},
      {"half_a_reason", a + kLast.substr(0, kLast.size() - 10), false, a},
      {"words", a + "data: done\n\n", false},
  };
}

// How the stream is split over reads.
struct ReadsCase {
  const char* name;
  size_t chunk_bytes = SIZE_MAX;
  std::chrono::milliseconds gap{0};
};

void PrintTo(const ReadsCase& row, std::ostream* out) {
  *out << row.name;
}

// The provider's last chunk came, so HTTP has nothing to complain about.
class OrderlyTest : public ::testing::TestWithParam<ReadsCase> {
 protected:
  static gateway::Options Config() {
    gateway::Options options = support::Replicas(1);
    options.server.limits.stream_buffer_bytes = 100'000;
    return options;
  }
};

TEST_P(OrderlyTest, AStreamThatIsNotCompleteEndsWithAnErrorEvent) {
  for (const OrderlyCase& row : OrderlyCases()) {
    SCOPED_TRACE(row.name);
    World world(Config());
    world.SetProviderLink({.chunk_bytes = GetParam().chunk_bytes});
    world.provider().On().Do({.body = row.body,
                              .headers = {{"content-type", "text/event-stream"}},
                              .gap = GetParam().gap});
    Client client = world.Ask(Post(ChatStream(R"(,"stream_options":{"include_usage":true})")));
    world.Advance(1s);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.whole);
    const std::string passed = row.passed.empty() ? row.body : row.passed;
    EXPECT_TRUE(answer.body.starts_with(passed));
    const std::string rest = answer.body.substr(std::min(passed.size(), answer.body.size()));
    const support::SeenAttempt& attempt = world.exchange().attempts.back();
    if (row.complete) {
      EXPECT_EQ(rest, "");
      EXPECT_EQ(client.end(), End::kOpen);
      EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kCompleted);
      EXPECT_EQ(attempt.event, AttemptEvent::kAnswered);
    } else {
      EXPECT_TRUE(rest.starts_with("data: {\"error\":{")) << rest;
      EXPECT_TRUE(rest.ends_with("}}\n\n")) << rest;
      EXPECT_THAT(rest, HasSubstr(kBroken));
      EXPECT_EQ(client.end(), End::kEnded);
      EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kAborted);
      EXPECT_EQ(world.exchange().error, ErrorKind::kUpstreamBroken);
      EXPECT_EQ(attempt.event, AttemptEvent::kBroken);
      EXPECT_EQ(attempt.failure, FailureClass::kAfterFirstByte);
    }
    EXPECT_EQ(world.calls(), 1) << "never a replay";
    EXPECT_EQ(world.plane().pool().idle(), 1) << "the connection itself is sound";
  }
}

INSTANTIATE_TEST_SUITE_P(ByReads, OrderlyTest,
                         ::testing::Values(ReadsCase{"whole"}, ReadsCase{"of_1000_bytes", 1'000},
                                           ReadsCase{"of_61_bytes", 61},
                                           ReadsCase{"of_an_event", SIZE_MAX, 1ms}),
                         [](const auto& row) { return row.param.name; });

// The gateway asked for the usage and keeps it to itself: it still tells that the answer is there.
TEST(OrderlyEndTest, AHiddenUsageEventIsAnEnd) {
  struct Row {
    const char* name;
    std::string body;
    bool complete;
    std::string passed;
  };
  const std::string a = Event("a");
  const std::string usage(kUsageEvent);
  const Row rows[] = {
      {"usage", a + usage, true, a},
      {"usage and a comment", a + usage + kComment, true, a + kComment},
      {"usage in each event", a + kCounting, false, a + kCounting},
      {"usage in each event, and a reason", a + kCounting + kLast, true, a + kCounting + kLast},
      {"no usage", a, false, a},
  };
  for (const Row& row : rows) {
    for (const size_t chunk_bytes : {SIZE_MAX, size_t{61}}) {
      SCOPED_TRACE(row.name);
      World world;
      world.SetProviderLink({.chunk_bytes = chunk_bytes});
      world.provider().On().Do(
          {.body = row.body, .headers = {{"content-type", "text/event-stream"}}});
      Client client = world.Ask(Post(ChatStream()));
      EXPECT_TRUE(client.answer().whole);
      EXPECT_TRUE(client.answer().body.starts_with(row.passed));
      EXPECT_EQ(client.answer().body == row.passed, row.complete) << client.answer().body;
    }
  }
}

// Nothing of the answer has been sent yet, so it can still be a proper error.
TEST(OrderlyEndTest, AnEmptyStreamIsAnError) {
  World world;
  world.provider().On().Do({.body = "", .headers = {{"content-type", "text/event-stream"}}});
  Client client = world.Ask(Post(ChatStream()));
  EXPECT_EQ(client.answer().status, 502);
  EXPECT_THAT(client.answer().body, HasSubstr(kBroken));
  EXPECT_EQ(client.answer().Header("content-type"), "application/json");
  EXPECT_EQ(client.end(), End::kOpen);
  EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kFailed);
  EXPECT_EQ(world.exchange().attempts.back().event, AttemptEvent::kBroken);
}

// An end of the connection is the end of such a body, and the end of a process too.
TEST(OrderlyEndTest, AStreamUntilTheEndOfItsConnectionToo) {
  for (const bool complete : {true, false}) {
    World world;
    const std::string body = Event("a") + (complete ? std::string(kDone) : "");
    world.provider().On().Do(
        {.raw = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + body});
    Client client = world.Ask(Post(ChatStream()));
    EXPECT_TRUE(client.answer().whole);
    EXPECT_EQ(client.answer().body == body, complete) << client.answer().body;
    EXPECT_EQ(client.end(), complete ? End::kOpen : End::kEnded);
  }
}

// Only a stream of a chat that went well has such an end.
TEST(OrderlyEndTest, IsAskedOfNothingElse) {
  struct Row {
    const char* name;
    std::string request;
    fake_provider::Action action;
  };
  const fake_provider::Headers stream = {{"content-type", "text/event-stream"}};
  const Row rows[] = {
      {"an error", Post(ChatStream()), {.status = 400, .body = Event("a"), .headers = stream}},
      {"not asked to be a stream", Post(Chat()), {.body = Event("a"), .headers = stream}},
      {"no stream", Post(ChatStream()), {.body = "{}"}},
      {"another operation",
       Post(R"({"model":"demo/small","prompt":"a","stream":true})", "", "/v1/completions"),
       {.body = Event("a"), .headers = stream}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    world.provider().On().Do(row.action);
    Client client = world.Ask(row.request);
    EXPECT_EQ(client.answer().status, row.action.status);
    EXPECT_EQ(client.answer().body, *row.action.body);
    EXPECT_TRUE(client.answer().whole);
    EXPECT_EQ(client.end(), End::kOpen);
  }
}

// Text behind encoded bytes would be no event to anybody.
TEST(OrderlyEndTest, AnEncodedStreamIsCut) {
  struct Row {
    const char* name;
    std::string body;
    bool complete;
  };
  // Little of it repeats itself, so that it is long when it is encoded, too.
  std::string comments;
  for (uint32_t i = 1; i <= 100; ++i) {
    comments += ": " + std::to_string(i * 2'654'435'761U) + "\n\n";
  }
  const Row rows[] = {
      {"done", Event("a") + std::string(kDone), true},
      {"a reason and comments", Event("a") + kLast + comments, true},
      {"text", Event("a"), false},
      {"half an event", Event("a") + "data: ", false},
  };
  for (const Row& row : rows) {
    for (const int64_t write_bytes : {10, 60, 300}) {
      if (!row.complete && write_bytes > 10) {
        continue;  // nothing would have been sent by then, so that it would be a proper error
      }
      SCOPED_TRACE(row.name);
      World world;
      // With a latency all of its chunks arrive in one read.
      world.SetProviderLink({.latency = write_bytes > 10 ? 1s : 0s});
      world.provider().On().Do({.body = row.body,
                                .headers = {{"content-type", "text/event-stream"}},
                                .write_bytes = write_bytes,
                                .gzip = fake_provider::Gzip::kAlways});
      Client client = world.Ask(Post(ChatStream(R"(,"stream_options":{"include_usage":true})"),
                                     "accept-encoding: gzip\r\n"));
      world.Advance(10s);
      EXPECT_EQ(client.answer().status, 200);
      EXPECT_EQ(client.answer().Header("content-encoding"), "gzip");
      EXPECT_EQ(client.answer().whole, row.complete);
      EXPECT_EQ(client.end(), row.complete ? End::kOpen : End::kReset);
      EXPECT_EQ(client.answer().body.find("error"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace mainstay
