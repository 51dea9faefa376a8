// Which outcomes of an attempt go to the client, and which to the next target.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using fake_provider::Ending;
using support::Answer;
using support::Chat;
using support::ChatStream;
using support::Client;
using support::End;
using support::Post;
using support::World;
using ::testing::HasSubstr;

gateway::Options Config(int replicas) {
  gateway::Options options = support::Replicas(replicas);
  options.catalog.providers[0].timeouts = {.connect = 2s, .first_byte = 3s, .idle = 4s};
  return options;
}

// What happens at a replica, and what the gateway makes of it.
struct Fault {
  const char* name;
  fake_provider::Action action;
  io::MemoryLink link;
  AttemptEvent event;
  int status = 0;
  std::chrono::milliseconds after{0};  // when it is known
};

void PrintTo(const Fault& fault, std::ostream* out) {
  *out << fault.name;
}

void Break(World& world, int number, const Fault& fault) {
  world.provider(number).On().Do(fault.action);
  world.SetProviderLink(fault.link, number);
}

std::vector<Fault> Faults() {
  using enum AttemptEvent;
  using Dial = io::MemoryLink::Dial;
  std::vector<Fault> faults = {
      {"refused", {}, {.dial = Dial::kRefused}, kConnectError},
      {"unknown_name", {}, {.dial = Dial::kUnknownName}, kConnectError},
      {"connect_timeout", {}, {.dial = Dial::kBlackHole}, kConnectError, 0, 2s},
      {"reset_before_the_status_line", {.end = Ending::kReset}, {}, kReset},
      {"closed_before_the_status_line", {.end = Ending::kClose}, {}, kReset},
      {"reset_within_the_head", {}, {.reset_after_to_dialler = 30}, kReset},
      {"reset_at_the_request", {}, {.reset_after_to_acceptor = 50}, kReset},
      {"first_byte_timeout", {.end = Ending::kHang}, {}, kTimeout, 0, 3s},
      {"late_answer", {.delay = 3s}, {}, kTimeout, 0, 3s},
      {"head_that_drips",
       {.raw = "HTTP/1.1 200 OK\r\n\r\n", .gap = 1s, .write_bytes = 2},
       {},
       kTimeout,
       0,
       3s},
      {"garbage", {.end = Ending::kGarbage}, {}, kBadAnswer},
      {"garbage_of_text", {.raw = "SSH-2.0-OpenSSH_9.2\r\n\r\n"}, {}, kBadAnswer},
      {"two_lengths",
       {.raw = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"},
       {},
       kBadAnswer},
      {"length_and_chunked",
       {.raw = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: "
               "chunked\r\n\r\n0\r\n\r\n"},
       {},
       kBadAnswer},
      {"switching_protocols",
       {.raw = "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n"},
       {},
       kBadAnswer},
      {"oversized_head", {.head_bytes = 100'000}, {}, kBadAnswer},
  };
  static const std::string kNames[] = {"status_408", "status_429", "status_500", "status_502",
                                       "status_503", "status_504", "status_529"};
  for (const std::string& name : kNames) {
    const int status = std::stoi(name.substr(7));
    faults.push_back({name.c_str(), {.status = status}, {}, kAnswered, status});
  }
  return faults;
}

class FaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(FaultTest, TheNextReplicaAnswers) {
  for (const bool stream : {false, true}) {
    World world(Config(3));
    Break(world, 1, GetParam());
    Client client = world.Ask(Post(stream ? ChatStream() : Chat()));
    if (GetParam().after > 0ms) {
      world.Advance(GetParam().after - 1ms);
      EXPECT_EQ(client.received(), "");
      world.Advance(1ms);
    }
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.Header("x-mainstay-attempts"), "2");
    EXPECT_EQ(answer.Header("x-mainstay-reason"), "requested_model");
    EXPECT_LE(world.provider(1).fake.call_count(), 1);
    EXPECT_EQ(world.provider(2).fake.call_count(), 1);
    EXPECT_EQ(world.provider(3).fake.call_count(), 0);
    ASSERT_EQ(world.exchange().attempts.size(), 2U);
    const support::SeenAttempt& first = world.exchange().attempts[0];
    EXPECT_EQ(first.endpoint, support::ReplicaUrl(1));
    EXPECT_EQ(first.event, GetParam().event);
    EXPECT_EQ(first.failure, FailureClass::kTemporary);
    EXPECT_EQ(first.status, GetParam().status);
    EXPECT_EQ(world.exchange().attempts[1].failure, FailureClass::kNone);
    EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kCompleted);
    world.Advance(10s);
    EXPECT_EQ(world.provider(1).connections(), 0);
    EXPECT_EQ(world.plane().pool().idle(), 1);
  }
}

TEST_P(FaultTest, EverywhereIsTheLastAnswerOrAnError) {
  World world(Config(3));
  for (int number = 1; number <= 3; ++number) {
    Break(world, number, GetParam());
  }
  Client client = world.Ask(Post(Chat()));
  world.Advance(3 * GetParam().after);
  const Answer answer = client.answer();
  const bool timeout = GetParam().event == AttemptEvent::kTimeout;
  EXPECT_EQ(answer.status, GetParam().status != 0 ? GetParam().status : timeout ? 504 : 502);
  EXPECT_EQ(answer.Header("x-mainstay-attempts"), "3");
  if (GetParam().status == 0) {
    EXPECT_THAT(answer.body, HasSubstr(timeout ? "upstream_timeout" : "upstream_unreachable"));
  }
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(client.end(), End::kOpen);
  EXPECT_EQ(world.exchange().attempts.size(), 3U);
  EXPECT_EQ(world.exchange().lifecycle, Lifecycle::kFailed);
  for (int number = 1; number <= 3; ++number) {
    EXPECT_LE(world.provider(number).fake.call_count(), 1) << "the body at most once";
  }
}

INSTANTIATE_TEST_SUITE_P(All, FaultTest, ::testing::ValuesIn(Faults()),
                         [](const auto& row) { return row.param.name; });

TEST(FailoverTest, TheRequestsOwnFaultPassesUnchanged) {
  for (const int status : {400, 404, 409, 413, 418, 422}) {
    SCOPED_TRACE(status);
    World world(Config(2));
    world.provider(1).On().Do({.status = status,
                               .body = R"({"error":"exactly this"})",
                               .headers = {{"x-own", "1"}, {"content-type", "text/x"}}});
    Client client = world.Ask(Post(Chat()));
    EXPECT_EQ(client.answer().status, status);
    EXPECT_EQ(client.answer().body, R"({"error":"exactly this"})");
    EXPECT_EQ(client.answer().Header("x-own"), "1");
    EXPECT_EQ(client.answer().Header("content-type"), "text/x");
    EXPECT_EQ(client.end(), End::kOpen);
    EXPECT_EQ(world.provider(2).fake.call_count(), 0);
    EXPECT_EQ(world.plane().pool().idle(), 1) << "the connection is as good as before";
  }
}

TEST(FailoverTest, MaxAttemptsCountsTargets) {
  for (int max_attempts = 1; max_attempts <= 5; ++max_attempts) {
    SCOPED_TRACE(max_attempts);
    gateway::Options options = Config(4);
    options.failover.max_attempts = max_attempts;
    World world(options);
    for (int number = 1; number <= 4; ++number) {
      world.provider(number).On().Error(503);
    }
    Client client = world.Ask(Post(Chat()));
    EXPECT_EQ(client.answer().status, 503);
    EXPECT_EQ(world.calls(), std::min(4, max_attempts));
  }
}

TEST(FailoverTest, SwitchedOffOneTargetIsAsked) {
  gateway::Options options = Config(3);
  options.failover.enabled = false;
  World world(options);
  world.provider(1).On().Reset();
  Client client = world.Ask(Post(Chat()));
  EXPECT_EQ(client.answer().status, 502);
  EXPECT_EQ(world.calls(), 1);
}

TEST(FailoverTest, EachRequestBeginsAtAnotherReplica) {
  World world(Config(3));
  Client client = world.Connect();
  for (int i = 0; i < 9; ++i) {
    client.Send(Post(Chat()));
    world.Run();
  }
  for (int number = 1; number <= 3; ++number) {
    EXPECT_EQ(world.provider(number).fake.call_count(), 3);
  }
}

TEST(FailoverTest, WhenAllFailTheLastAnswerWins) {
  struct Row {
    const char* name;
    std::vector<std::string> faults;  // names of Faults()
    int status;
  };
  const Row rows[] = {
      {"an answer, then none", {"status_500", "refused", "refused"}, 500},
      {"two answers", {"status_500", "status_429", "garbage"}, 429},
      {"an answer, then a time-out", {"status_503", "refused", "first_byte_timeout"}, 503},
      {"a time-out, then none", {"first_byte_timeout", "refused", "refused"}, 502},
      {"none, then a time-out", {"refused", "garbage", "first_byte_timeout"}, 504},
  };
  const std::vector<Fault> faults = Faults();
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world(Config(3));
    for (int number = 1; number <= 3; ++number) {
      for (const Fault& fault : faults) {
        if (fault.name == row.faults[static_cast<size_t>(number - 1)]) {
          Break(world, number, fault);
        }
      }
    }
    Client client = world.Ask(Post(Chat()));
    world.Advance(10s);
    EXPECT_EQ(client.answer().status, row.status);
    EXPECT_EQ(world.exchange().status, row.status);
    EXPECT_TRUE(client.answer().whole);
  }
}

// The attempt whose answer broke is the one that is said to have broken.
TEST(FailoverTest, TheAttemptThatServedIsTheOneThatBroke) {
  World world(Config(2));
  world.provider(1).On().Do(
      {.status = 500, .body = std::string(1000, 'x'), .end = Ending::kReset, .after_bytes = 10});
  world.SetProviderLink({.dial = io::MemoryLink::Dial::kRefused}, 2);
  Client client = world.Ask(Post(Chat()));
  EXPECT_FALSE(client.answer().whole);
  ASSERT_EQ(world.exchange().attempts.size(), 2U);
  EXPECT_EQ(world.exchange().attempts[0].event, AttemptEvent::kBroken);
  EXPECT_EQ(world.exchange().attempts[0].failure, FailureClass::kAfterFirstByte);
  EXPECT_EQ(world.exchange().attempts[1].event, AttemptEvent::kConnectError);
  EXPECT_EQ(world.exchange().attempts[1].failure, FailureClass::kTemporary);
}

// `total` limits each attempt for itself, with its answer.
TEST(FailoverTest, TheTotalTimeIsThatOfAnAttempt) {
  gateway::Options options = support::Replicas(3);
  options.catalog.providers[0].timeouts = {
      .connect = 9s, .first_byte = 99s, .idle = 99s, .total = 5s};
  World world(options);
  world.provider(1).On().Hang();
  world.SetProviderLink({.dial = io::MemoryLink::Dial::kBlackHole}, 2);
  world.provider(3).On().Do(
      {.body = std::string(10, 'x'), .gap = 1s, .write_bytes = 2});  // takes 4 s
  Client client = world.Ask(Post(Chat()));
  world.Advance(4999ms);
  EXPECT_EQ(world.calls(), 1);
  world.Advance(5001ms);
  EXPECT_EQ(world.calls(), 2);
  world.Advance(4s);
  EXPECT_TRUE(client.answer().whole) << "14 s after the request, but 4 s after the attempt";
  ASSERT_EQ(world.exchange().attempts.size(), 3U);
  EXPECT_EQ(world.exchange().attempts[0].event, AttemptEvent::kTimeout);
  EXPECT_EQ(world.exchange().attempts[1].event, AttemptEvent::kConnectError);
}

TEST(FailoverTest, ABodyIsTheSameAtEveryTarget) {
  World world(Config(3));
  world.provider(1).On().Error(500);
  world.provider(2).On().Error(500);
  Client client = world.Ask(Post(ChatStream(R"(,"x":[1,2,3])")));
  EXPECT_TRUE(client.answer().whole);
  const std::string& body = world.provider(1).calls()[0].body;
  EXPECT_THAT(body, HasSubstr("\"small\""));
  EXPECT_THAT(body, HasSubstr("include_usage"));
  EXPECT_EQ(world.provider(2).calls()[0].body, body);
  EXPECT_EQ(world.provider(3).calls()[0].body, body);
  EXPECT_EQ(world.provider(2).calls()[0].Header("host"), "10.0.0.2");
}

}  // namespace
}  // namespace mainstay
