// Answers on their way through: streams of events, usage, and answers that break.
#include "http/content_coding.h"
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using fake_provider::CallState;
using fake_provider::Ending;
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

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
constexpr std::string_view kBroken = "upstream_broken";

// --- passing on ---

TEST(StreamTest, TheHeadLeavesBeforeTheFirstEventExists) {
  World world;
  world.provider().On().Do(
      {.raw = std::string(kStreamHead) + "e\r\n" + std::string(kDone) + "\r\n0\r\n\r\n",
       .gap = 10s,
       .write_bytes = static_cast<int64_t>(kStreamHead.size())});
  Client client = world.Ask(Post(ChatStream()));
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_FALSE(client.answer().whole);
  EXPECT_EQ(client.answer().body, "");
  world.Advance(10s);
  EXPECT_TRUE(client.answer().whole);
  EXPECT_EQ(client.answer().body, kDone);
}

TEST(StreamTest, EachEventLeavesBeforeTheNextExists) {
  World world;
  world.provider().On().Do({.body = Event("one") + Event("two") + std::string(kDone), .gap = 1s});
  const MonoTime start = world.loop().now();
  Client client = world.Ask(Post(ChatStream()));
  EXPECT_EQ(client.answer().body, Event("one"));
  world.Advance(999ms);
  EXPECT_EQ(client.answer().body, Event("one"));
  world.Advance(1ms);
  EXPECT_EQ(client.answer().body, Event("one") + Event("two"));
  EXPECT_EQ(client.last_arrival(), start + 1s);
  EXPECT_FALSE(client.answer().whole);
  world.Advance(1s);
  EXPECT_TRUE(client.answer().whole);
  EXPECT_EQ(client.answer().chunks.size(), 3U);
}

TEST(StreamTest, BytesAreNotTouched) {
  const std::string rows[] = {
      Event("a") + std::string(kDone),
      ": a comment\n\n" + Event("a") + ":\n\n: another\n\n" + std::string(kDone),
      "event: ping\ndata: {}\n\nretry: 10\nid: 7\n\nunknown: x\ndata: 1\ndata: 2\n\n" +
          std::string(kDone),
      "data: {\"a\":1}\r\n\r\n: c\r\n\r\ndata: [DONE]\r\n\r\n",
      "data: cr only\r\rdata: [DONE]\r\r",
      "\xEF\xBB\xBF" + Event("after a byte order mark") + std::string(kDone),
      "data: no json\n\ndata: {\"broken\":\n\n" + std::string(kDone),
      Event("\xFF\xFE not UTF-8") + std::string(kDone),
      "data: {\"error\":{\"message\":\"overloaded\"}}\n\n",
      Event("the last event has no end") + "data: [DONE]",
      Event("an event has no end behind the last one") + std::string(kDone) + "data: x",
      "\n\n\n" + Event("empty lines") + std::string(kDone),
  };
  for (const std::string& body : rows) {
    SCOPED_TRACE(body);
    World world;
    world.provider().On().Do({.body = body, .headers = {{"content-type", "text/event-stream"}}});
    Client client = world.Ask(Post(ChatStream()));
    EXPECT_EQ(client.answer().body, body);
    EXPECT_TRUE(client.answer().whole);
    EXPECT_EQ(client.answer().Header("content-type"), "text/event-stream");
  }
}

TEST(StreamTest, AnEventAboveTheBufferPassesToo) {
  gateway::Options options = support::Replicas(1);
  options.server.limits.stream_buffer_bytes = 4096;
  World world(options);
  const std::string body =
      Event("a") + Event(std::string(100'000, 'x')) + std::string(kUsageEvent) + std::string(kDone);
  world.provider().On().Do({.body = body, .gap = 1ms, .write_bytes = 1000});
  Client client = world.Ask(Post(ChatStream(R"(,"stream_options":{"include_usage":true})")));
  world.Advance(1s);
  EXPECT_EQ(client.answer().body, body);
  EXPECT_EQ(world.exchange().usage.prompt, 7);
}

TEST(StreamTest, AnOldClientReadsItUntilTheEnd) {
  World world;
  world.provider().On().Do({.body = Event("a") + std::string(kDone), .gap = 1s});
  const std::string body = ChatStream();
  Client client =
      world.Ask("POST /v1/chat/completions HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_EQ(client.answer().body, Event("a"));
  world.Advance(1s);
  EXPECT_EQ(client.answer().body, Event("a") + std::string(kDone));
  EXPECT_EQ(client.answer().framing, Answer::Framing::kUntilClose);
  EXPECT_EQ(client.end(), End::kEnded);
}

TEST(StreamTest, ManyStreamsAtOnceStayApart) {
  World world;
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "n" + std::to_string(i) + "x";
    world.provider().On({.contains = name}).Do({.text = name + " b c", .gap = 7ms});
    clients.push_back(world.Ask(Post(Chat(R"(,"stream":true)", name))));
    world.Advance(1ms);
  }
  world.Advance(1s);
  for (size_t i = 0; i < clients.size(); ++i) {
    EXPECT_TRUE(clients[i].answer().whole);
    EXPECT_THAT(clients[i].answer().body, HasSubstr("\"n" + std::to_string(i) + "x\""));
  }
  EXPECT_GT(world.plane().pool().idle(), 20);
}

// --- usage ---

TEST(UsageTest, IsAskedForAndHidden) {
  struct Row {
    const char* name;
    std::string members;
    std::string_view upstream;  // what the provider is asked
    bool shown;
  };
  const Row rows[] = {
      {"not asked for", "", R"("stream_options":{"include_usage":true})", false},
      {"asked for", R"(,"stream_options":{"include_usage":true})",
       R"("stream_options":{"include_usage":true})", true},
      {"asked not to", R"(,"stream_options":{"include_usage":false})",
       R"("stream_options":{"include_usage":true})", false},
      {"other options", R"(,"stream_options":{"x":1})", R"("include_usage":true)", false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    world.provider().On().Do({.text = "a b",
                              .usage = R"({"prompt_tokens":11,)"
                                       R"("completion_tokens":5,"total_tokens":16})"});
    Client client = world.Ask(Post(ChatStream(row.members), "accept-encoding: gzip\r\n"));
    const Answer answer = client.answer();
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.body.find("\"prompt_tokens\":11") != std::string::npos, row.shown);
    EXPECT_TRUE(answer.body.ends_with(kDone));
    EXPECT_THAT(world.provider().calls().back().body, HasSubstr(row.upstream));
    EXPECT_EQ(world.provider().calls().back().Header("accept-encoding"),
              row.shown ? "gzip" : "identity");
    EXPECT_EQ(world.exchange().usage.prompt, 11);
    EXPECT_EQ(world.exchange().usage.completion, 5);
  }
}

TEST(UsageTest, IsReadFromWholeAndEncodedAnswers) {
  for (const bool stream : {false, true}) {
    for (const fake_provider::Gzip gzip :
         {fake_provider::Gzip::kNo, fake_provider::Gzip::kAlways}) {
      World world;
      world.provider().On().Do(
          {.text = "a b", .usage = R"({"prompt_tokens":11,"completion_tokens":5})", .gzip = gzip});
      const std::string members = R"(,"stream_options":{"include_usage":true})";
      Client client = world.Ask(Post(stream ? ChatStream(members) : Chat()));
      EXPECT_TRUE(client.answer().whole);
      EXPECT_EQ(client.answer().Header("content-encoding"),
                gzip == fake_provider::Gzip::kNo ? "" : "gzip");
      EXPECT_EQ(world.exchange().usage.prompt, 11);
      EXPECT_EQ(world.exchange().usage.completion, 5);
    }
  }
}

// --- answers that break ---

struct BreakCase {
  const char* name;
  fake_provider::Action action;
  std::chrono::milliseconds after{0};
};

void PrintTo(const BreakCase& row, std::ostream* out) {
  *out << row.name;
}

class BreakTest : public ::testing::TestWithParam<BreakCase> {
 protected:
  static gateway::Options Config() {
    gateway::Options options = support::Replicas(2);
    options.catalog.providers[0].timeouts = {.idle = 5s, .total = 20s};
    return options;
  }
  // Both the first and the second replica would behave so: which is not to be asked.
  static void Script(World& world, const fake_provider::Action& action) {
    world.provider(1).On().Do(action);
    world.provider(2).On().Do(action);
  }
};

TEST_P(BreakTest, AStreamEndsWithAnErrorEvent) {
  World world(Config());
  fake_provider::Action action = GetParam().action;
  action.body = Event("one") + Event("two") + Event("three");
  action.headers = {{"content-type", "text/event-stream"}};
  Script(world, action);
  Client client = world.Ask(Post(ChatStream(), "x-request-id: the-id\r\n"));
  if (GetParam().after > 0ms) {
    world.Advance(GetParam().after - 1ms);
    EXPECT_EQ(client.end(), End::kOpen);
    world.Advance(1ms);
  }
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.whole) << "the error is a proper end: " << client.received();
  // Whole events only: what was cut within one is not passed on.
  const std::string before = Event("one") + Event("two");
  EXPECT_EQ(answer.body.substr(0, before.size()), before);
  EXPECT_THAT(answer.body.substr(before.size()), ::testing::StartsWith("data: {\"error\":{"));
  const bool late = GetParam().after > 0ms;
  EXPECT_THAT(answer.body, HasSubstr(late ? "upstream_timeout" : kBroken));
  EXPECT_TRUE(answer.body.ends_with("}}\n\n"));
  EXPECT_EQ(client.end(), End::kEnded);
  EXPECT_EQ(world.calls(), 1) << "never a replay";
  EXPECT_EQ(world.provider(1).connections(), 0);
  EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kAborted);
  EXPECT_EQ(world.exchange().error,
            late ? ErrorKind::kUpstreamTimeout : ErrorKind::kUpstreamBroken);
  EXPECT_EQ(world.exchange().attempts.back().event, AttemptEvent::kBroken);
  EXPECT_EQ(world.exchange().events, 2);
}

TEST_P(BreakTest, AWholeAnswerIsSeenToBeCut) {
  World world(Config());
  fake_provider::Action action = GetParam().action;
  action.body = std::string(1000, 'x');
  Script(world, action);
  Client client = world.Ask(Post(Chat()));
  world.Advance(GetParam().after);
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_FALSE(client.answer().whole);
  EXPECT_EQ(client.end(), End::kReset);
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kAborted);
}

const size_t kTwoAndAHalfEvents = Event("one").size() * 2 + 30;

INSTANTIATE_TEST_SUITE_P(
    All, BreakTest,
    ::testing::Values(
        BreakCase{"reset", {.end = Ending::kReset, .after_bytes = kTwoAndAHalfEvents}},
        BreakCase{"closed", {.end = Ending::kClose, .after_bytes = kTwoAndAHalfEvents}},
        BreakCase{
            "garbage",
            {.content_length = 100'000, .end = Ending::kClose, .after_bytes = kTwoAndAHalfEvents}},
        BreakCase{"idle", {.end = Ending::kHang, .after_bytes = kTwoAndAHalfEvents}, 5s},
        BreakCase{"total",
                  {.gap = 4900ms, .write_bytes = static_cast<int64_t>(kTwoAndAHalfEvents / 4)},
                  20s}),
    [](const auto& row) { return row.param.name; });

TEST(BrokenAnswerTest, BrokenChunksEndAStreamToo) {
  World world;
  world.provider().On().Do({.body = Event("one") + Event("two"),
                            .end = Ending::kGarbage,
                            .after_bytes = Event("one").size()});
  Client client = world.Ask(Post(ChatStream()));
  EXPECT_TRUE(client.answer().body.starts_with(Event("one")));
  EXPECT_THAT(client.answer().body, HasSubstr(kBroken));
  EXPECT_TRUE(client.answer().whole);
}

TEST(BrokenAnswerTest, BeforeTheFirstByteOfItsBodyAnAnswerBecomesAnError) {
  World world(support::Replicas(2));
  world.provider(1).On().Do({.body = "x", .end = Ending::kReset, .after_bytes = 0});
  Client client = world.Ask(Post(Chat()));
  EXPECT_EQ(client.answer().status, 502);
  EXPECT_THAT(client.answer().body, HasSubstr(kBroken));
  EXPECT_EQ(client.end(), End::kOpen);
  EXPECT_EQ(world.provider(2).calls().size(), 0U) << "its head had been answered";
  EXPECT_EQ(world.exchange().status, 502);
}

// A length that was announced leaves no place for an error event: it would stand within the body,
// or behind it, where the next answer is expected.
TEST(BrokenAnswerTest, AStreamWithALengthEndsWithAnErrorEventToo) {
  World world;
  const std::string body = Event("one") + Event("two");
  world.provider().On().Do({.body = body,
                            .headers = {{"content-type", "text/event-stream"}},
                            .content_length = body.size(),
                            .end = Ending::kReset,
                            .after_bytes = Event("one").size() + 3});
  Client client = world.Ask(Post(ChatStream(R"(,"stream_options":{"include_usage":true})")));
  EXPECT_TRUE(client.answer().whole) << client.received();
  EXPECT_TRUE(client.answer().body.starts_with(Event("one") + "data: {\"error\""));
  EXPECT_TRUE(client.answer().body.ends_with("}}\n\n"));
}

// Text behind encoded bytes would be no event to anybody.
TEST(BrokenAnswerTest, AnEncodedStreamIsCutWithoutAnErrorEvent) {
  World world;
  world.provider().On().Do({.text = "a b c",
                            .gap = 1ms,
                            .gzip = fake_provider::Gzip::kAlways,
                            .end = Ending::kReset,
                            .after_events = 2});
  Client client = world.Ask(Post(ChatStream(R"(,"stream_options":{"include_usage":true})")));
  world.Advance(1s);
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_FALSE(client.answer().whole);
  EXPECT_EQ(client.end(), End::kReset);
  EXPECT_EQ(client.answer().body.find("error"), std::string::npos);
}

// Of an event above the buffer a part has passed: the error must not become its continuation.
TEST(BrokenAnswerTest, AnErrorEventStandsApartFromHalfAnEvent) {
  gateway::Options options = support::Replicas(1);
  options.server.limits.stream_buffer_bytes = 4096;
  World world(options);
  world.provider().On().Do({.body = Event(std::string(100'000, 'x')),
                            .gap = 1ms,
                            .write_bytes = 1000,
                            .end = Ending::kReset,
                            .after_bytes = 50'000});
  Client client = world.Ask(Post(ChatStream()));
  world.Advance(1s);
  const std::string& body = client.answer().body;
  EXPECT_TRUE(client.answer().whole);
  EXPECT_THAT(body, HasSubstr("x\n\ndata: {\"error\":{"));
}

// --- clients that leave ---

TEST(AbortTest, MidStreamTheProviderIsResetAtOnce) {
  for (const bool reset : {false, true}) {
    World world;
    world.provider().On().Do({.text = "a b c d e f", .gap = 1s});
    Client client = world.Ask(Post(ChatStream()));
    world.Advance(2500ms);
    EXPECT_EQ(world.provider().connections(), 1);
    reset ? client.Reset() : client.Close();
    world.Run();  // no time passes
    EXPECT_EQ(world.provider().connections(), 0);
    EXPECT_EQ(world.provider().calls().back().state, CallState::kCancelled);
    EXPECT_EQ(world.client_connections(), 0);
    EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kAborted);
    EXPECT_EQ(world.exchange().attempts.back().failure, FailureClass::kClientLeft);
    EXPECT_EQ(world.exchange().events, 3);
  }
}

TEST(AbortTest, BeforeTheFirstByteTheProviderIsResetAtOnce) {
  struct Row {
    const char* name;
    std::function<void(World&)> prepare;
    std::chrono::milliseconds after;
    size_t attempts;
  };
  const auto hang = [](World& world, int number) {
    world.provider(number).On().Do({.end = Ending::kHang});
  };
  const Row rows[] = {
      {"waiting for an answer", [&](World& world) { hang(world, 1); }, 10ms, 1},
      {"connecting", [&](World& world) { world.SetProviderLink({.latency = 1s}); }, 10ms, 1},
      {"at the second replica",
       [&](World& world) {
         world.provider(1).On().Error(500);
         hang(world, 2);
       },
       10ms, 2},
      {"sending the body",
       [&](World& world) { world.SetProviderLink({.latency = 1s, .queue_bytes = 10}); }, 2500ms, 1},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world(support::Replicas(2));
    row.prepare(world);
    Client client = world.Ask(Post(Chat()));
    world.Advance(row.after);
    EXPECT_TRUE(world.exchanges().empty());
    client.Close();
    world.Run();
    EXPECT_EQ(world.client_connections(), 0);
    EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kAborted);
    EXPECT_EQ(world.exchange().error, ErrorKind::kClientLeft);
    ASSERT_EQ(world.exchange().attempts.size(), row.attempts);
    EXPECT_EQ(world.exchange().attempts.back().event, AttemptEvent::kClientLeft);
    world.Advance(5s);
    EXPECT_EQ(world.provider(1).connections(), 0);
    EXPECT_EQ(world.provider(2).connections(), 0);
    EXPECT_EQ(world.calls(), row.name == rows[0].name ? 1 : row.name == rows[2].name ? 2 : 0);
  }
}

TEST(AbortTest, AClientThatLeavesWhileItsAnswerWaitsForIt) {
  World world;
  world.SetClientLink({.queue_bytes = 1000});
  world.provider().On().Do({.body = std::string(1'000'000, 'x')});
  Client client = world.Connect();
  client.Pause();
  client.Send(Post(Chat()));
  world.Run();
  EXPECT_EQ(world.provider().connections(), 1);
  client.Close();
  world.Run();
  EXPECT_EQ(world.provider().connections(), 0);
  EXPECT_EQ(world.client_connections(), 0);
  EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kAborted);
}

TEST(AbortTest, APipelinedRequestOfAClientThatLeftIsNotSent) {
  World world;
  world.provider().On().Do({.end = Ending::kHang});
  Client client = world.Ask(Post(Chat()) + Post(Chat()));
  client.Close();
  world.Run();
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.client_connections(), 0);
}

}  // namespace
}  // namespace mainstay
