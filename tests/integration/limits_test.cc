// server.limits, at the limit and on both sides of it.
#include <malloc.h>

#include "support/world.h"

// Only a sanitizer, whose allocator replaces the system's, has it.
extern "C" __attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes();

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Answer;
using support::Chat;
using support::Client;
using support::End;
using support::Get;
using support::Post;
using support::PostChunked;
using support::World;
using ::testing::HasSubstr;

gateway::Options WithLimits(const http::Limits& limits) {
  gateway::Options options = support::Replicas(1);
  options.server.limits = limits;
  return options;
}

// What the process has from its allocator.
size_t AllocatedBytes() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) {
    return __sanitizer_get_current_allocated_bytes();
  }
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// A request head of exactly so many bytes.
std::string HeadOf(size_t bytes) {
  const std::string rest = "GET /healthz HTTP/1.1\r\nhost: g\r\nx-filler: \r\n\r\n";
  std::string head = rest;
  head.insert(rest.size() - 4, bytes - rest.size(), 'f');
  return head;
}

// --- sizes ---

struct SizeCase {
  const char* name;
  std::string request;
  int status;
};

void PrintTo(const SizeCase& row, std::ostream* out) {
  *out << row.name;
}

class SizeTest : public ::testing::TestWithParam<SizeCase> {};

constexpr size_t kHeadLimit = 1000;
constexpr size_t kBodyLimit = 3000;

TEST_P(SizeTest, IsTakenUpToTheLimit) {
  const SizeCase& row = GetParam();
  for (const size_t chunk_bytes : {SIZE_MAX, size_t{1}, size_t{777}}) {
    if (chunk_bytes == 1 && row.request.size() > 10 * kBodyLimit) {
      continue;  // takes long, and shows nothing new
    }
    SCOPED_TRACE(chunk_bytes);
    World world(WithLimits({.body_bytes = kBodyLimit, .header_bytes = kHeadLimit}));
    world.SetClientLink({.chunk_bytes = chunk_bytes});
    Client client = world.Ask(row.request);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, row.status);
    EXPECT_TRUE(answer.whole);
    const bool refused = row.status == 413 || row.status == 431;
    EXPECT_EQ(answer.closes(), refused);
    if (refused) {
      EXPECT_THAT(answer.body, HasSubstr("request_too_large"));
      EXPECT_EQ(client.end(), End::kEnded) << "in an orderly way, so that the answer arrives";
    }
    EXPECT_EQ(world.calls(), row.status == 200 && row.request.starts_with("POST") ? 1 : 0);
  }
}

std::string BodyOf(size_t bytes) {
  const std::string empty = Chat("", "");
  return Chat("", std::string(bytes - empty.size(), 'x'));
}

std::vector<SizeCase> SizeCases() {
  std::string headers;
  for (int i = 0; i < 127; ++i) {
    headers += "a:1\r\n";
  }
  const std::string start = "GET /healthz HTTP/1.1\r\nhost:g\r\n";
  return {
      {"head_at_the_limit", HeadOf(kHeadLimit), 200},
      {"head_above_the_limit", HeadOf(kHeadLimit + 1), 431},
      {"head_far_above_the_limit", HeadOf(200'000), 431},
      {"head_that_never_ends", HeadOf(5000).substr(0, 4000), 431},
      {"head_at_the_limit_with_more_behind_it", HeadOf(kHeadLimit) + "G", 200},
      {"headers_128", start + headers + "\r\n", 200},
      {"headers_129", start + headers + "a:1\r\n\r\n", 431},
      {"body_at_the_limit", Post(BodyOf(kBodyLimit)), 200},
      {"body_above_the_limit", Post(BodyOf(kBodyLimit + 1)), 413},
      {"body_far_above_the_limit", Post(BodyOf(1'000'000)), 413},
      {"body_that_is_only_announced",
       "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: 3001\r\n\r\n", 413},
      {"chunked_body_at_the_limit", PostChunked(BodyOf(kBodyLimit), 100), 200},
      {"chunked_body_above_the_limit", PostChunked(BodyOf(kBodyLimit + 1), 100), 413},
      {"chunked_body_far_above_the_limit", PostChunked(BodyOf(1'000'000), 5000), 413},
  };
}

INSTANTIATE_TEST_SUITE_P(All, SizeTest, ::testing::ValuesIn(SizeCases()),
                         [](const auto& row) { return row.param.name; });

// Grows on its way, and the head in front of it moves along.
TEST(BodyRoomTest, ABodyOfAnySizeArrivesAsItWasSent) {
  for (const size_t bytes : {(256 << 10) - 1, 256 << 10, (256 << 10) + 1, 1'000'000, 5'000'000}) {
    for (const size_t chunk_bytes : {SIZE_MAX, size_t{9'999}}) {
      SCOPED_TRACE(std::to_string(bytes) + " in " + std::to_string(chunk_bytes));
      World world(support::Replicas(1), {.record_body_bytes_max = 8 << 20});
      world.SetClientLink({.chunk_bytes = chunk_bytes});
      const std::string body = BodyOf(bytes);
      // Another request right behind the body must not be lost either.
      Client client =
          world.Ask(Post(body, "x-request-id: the-id\r\nx-own: own\r\n") + Get("/healthz"));
      ASSERT_EQ(client.answers().list.size(), 2U);
      EXPECT_EQ(client.answers().list[0].status, 200);
      EXPECT_EQ(client.answers().list[0].Header("x-request-id"), "the-id");
      EXPECT_EQ(client.answers().list[1].status, 200);
      ASSERT_EQ(world.calls(), 1);
      EXPECT_EQ(world.provider().calls().back().Header("x-own"), "own");
      std::string want = body;  // but for the model's name upstream
      want.replace(want.find("demo/small"), 10, "small");
      EXPECT_TRUE(world.provider().calls().back().body == want);
    }
  }
}

TEST(BodyRoomTest, AnAnnouncementTakesLittleMemory) {
  constexpr size_t kClients = 20;
  constexpr size_t kAnnounced = 32 << 20;
  World world;
  std::vector<Client> clients;
  const size_t before = AllocatedBytes();
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(
        world.Ask("POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: " +
                  std::to_string(kAnnounced) + "\r\n\r\n{"));
  }
  EXPECT_EQ(world.client_connections(), kClients);
  EXPECT_LT(AllocatedBytes() - before, kClients * (1 << 20));
  for (Client& client : clients) {
    client.Send(std::string(600'000, ' '));
  }
  world.Run();
  EXPECT_LT(AllocatedBytes() - before, kClients * (4 << 20)) << "with its bytes it grows";
}

// A refusal is written while the head's bytes may have moved: what it says of the request must
// still be what the request said.
TEST(RefusalTest, KeepsTheIdOfTheRequest) {
  struct Row {
    const char* name;
    std::string request;
    std::chrono::milliseconds wait;
    int status;
  };
  const std::string id = "x-request-id: the-id\r\n";
  const std::string large = BodyOf(2'000'000);
  const Row rows[] = {
      {"chunked too large", PostChunked(large, 100'000, id), 0ms, 413},
      {"chunked too slow", PostChunked(large, 100'000, id).substr(0, 40'000), 70s, 408},
      {"sized too large", Post(large, id), 0ms, 413},
      {"sized too slow",
       "POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 999999\r\n" + id + "\r\n" +
           std::string(40'000, 'x'),
       70s, 408},
      {"expectation", Post("{}", id + "expect: tea\r\n"), 0ms, 417},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world(WithLimits({.body_bytes = 1'000'000}));
    Client client = world.Ask(Get("/healthz"));
    client.Forget();
    client.Send(row.request);
    world.Advance(row.wait);
    EXPECT_EQ(client.answer().status, row.status);
    EXPECT_EQ(client.answer().Header("x-request-id"), "the-id");
  }
}

// --- times ---

struct TimeCase {
  const char* name;
  std::string start;                // sent at once
  std::string_view drip;            // then one of these every 100 ms
  std::chrono::milliseconds limit;  // when the answer comes, counted from the start
  int status;                       // 0: closed without one
};

void PrintTo(const TimeCase& row, std::ostream* out) {
  *out << row.name;
}

class TimeTest : public ::testing::TestWithParam<TimeCase> {};

TEST_P(TimeTest, IsOverAtTheLimitNotBefore) {
  const TimeCase& row = GetParam();
  World world(WithLimits({.header_timeout = 2s, .body_timeout = 3s, .idle_timeout = 5s}));
  Client client = world.Ask(row.start);
  std::chrono::milliseconds passed{0};
  for (; passed + 100ms < row.limit; passed += 100ms) {
    world.Advance(100ms);
    client.Send(row.drip);
    world.Run();
    ASSERT_EQ(client.end(), End::kOpen);
  }
  world.Advance(row.limit - passed - 1ms);
  EXPECT_EQ(client.received(), "");
  EXPECT_EQ(client.end(), End::kOpen);
  world.Advance(1ms);
  EXPECT_EQ(client.end(), End::kEnded);
  if (row.status == 0) {
    EXPECT_EQ(client.received(), "");
  } else {
    EXPECT_EQ(client.answer().status, row.status) << client.received();
    EXPECT_TRUE(client.answer().closes());
    EXPECT_THAT(client.answer().body, HasSubstr("request_timeout"));
  }
  world.Advance(2s);
  EXPECT_EQ(world.client_connections(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, TimeTest,
    ::testing::Values(
        TimeCase{"nothing_at_all", "", "", 5s, 0},
        TimeCase{"a_part_of_the_request_line", "GET /heal", "", 2s, 0},
        TimeCase{"a_request_line_that_drips", "G", "x", 2s, 0},
        TimeCase{"a_head_without_its_end", "GET /healthz HTTP/1.1\r\nhost: g\r\n", "", 2s, 408},
        TimeCase{"a_head_that_drips", "GET /healthz HTTP/1.1\r\nx-a: ", "x", 2s, 408},
        TimeCase{"a_head_that_drips_lines", "GET /healthz HTTP/1.1\r\n", "a:1\r\n", 2s, 408},
        TimeCase{"a_request_line_in_two_parts", "G", "ET /healthz HTTP/1.1\r\nhost: g\r\n", 2s,
                 408},
        TimeCase{"an_empty_line_only", "\r\n", "", 2s, 0},
        TimeCase{"a_body_without_its_end", Post(Chat()).substr(0, 120), "", 3s, 408},
        TimeCase{"a_body_that_drips", "POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 100\r\n\r\n",
                 "x", 3s, 408},
        TimeCase{"a_body_that_never_begins",
                 "POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 9\r\n\r\n", "", 3s, 408},
        TimeCase{"a_chunked_body_that_drips",
                 "POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n",
                 3s, 408},
        TimeCase{"a_chunked_body_without_its_end",
                 "POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n", "",
                 3s, 408}),
    [](const auto& row) { return row.param.name; });

TEST(TimeTest, AnIdleConnectionEndsAfterTheIdleTime) {
  World world(WithLimits({.header_timeout = 2s, .body_timeout = 3s, .idle_timeout = 5s}));
  Client client = world.Ask(Get("/healthz"));
  world.Advance(4999ms);
  EXPECT_EQ(client.end(), End::kOpen);
  client.Send(Get("/healthz"));
  world.Advance(4999ms);
  EXPECT_EQ(client.answers().list.size(), 2U);
  EXPECT_EQ(client.end(), End::kOpen);
  world.Advance(1ms);
  EXPECT_EQ(client.end(), End::kEnded);
  EXPECT_EQ(client.answers().rest, "");
  EXPECT_EQ(world.client_connections(), 0);
}

TEST(TimeTest, ARequestInTimeIsServed) {
  World world(WithLimits({.header_timeout = 2s, .body_timeout = 3s, .idle_timeout = 5s}));
  const std::string request = Post(Chat());
  const size_t body = request.find("\r\n\r\n") + 4;
  Client client = world.Connect();
  world.Advance(4999ms);
  client.Send(request.substr(0, body - 1));
  world.Advance(1999ms);
  client.Send(request.substr(body - 1, 2));
  world.Advance(2999ms);
  EXPECT_EQ(client.received(), "");
  client.Send(request.substr(body + 1));
  world.Run();
  EXPECT_EQ(client.answer().status, 200);
}

TEST(TimeTest, ARefusedClientGetsTwoSecondsToNotice) {
  World world(WithLimits({.header_timeout = 2s}));
  Client client = world.Ask("GET\r\n\r\n");
  EXPECT_EQ(client.answer().status, 400);
  EXPECT_EQ(client.end(), End::kEnded);
  // The client here closes as soon as it sees the end; one that does not is cut off.
  Client stubborn = world.Connect();
  stubborn.Pause();
  stubborn.Send("GET\r\n\r\n");
  world.Advance(1999ms);
  EXPECT_EQ(world.client_connections(), 1);
  stubborn.Send(std::string(1000, 'x'));
  world.Advance(1ms);
  EXPECT_EQ(world.client_connections(), 0);
  stubborn.Resume();
  world.Run();
  EXPECT_EQ(stubborn.answer().status, 400);
}

// What is left of a refusal that nobody takes must not look like its end.
TEST(TimeTest, ARefusalThatIsNotTakenEndsInAReset) {
  World world(WithLimits({.idle_timeout = 5s}));
  world.SetClientLink({.queue_bytes = 50});
  Client client = world.Connect();
  client.Pause();
  client.Send("GET\r\n\r\n");
  world.Advance(4999ms);
  EXPECT_EQ(world.client_connections(), 1);
  world.Advance(1ms);
  EXPECT_EQ(world.client_connections(), 0);
  client.Resume();
  world.Run();
  EXPECT_EQ(client.end(), End::kReset);
}

TEST(TimeTest, ARefusedClientCannotSendForEver) {
  World world;
  Client client = world.Ask("GET\r\n\r\n" + std::string(20 << 20, 'x'));
  world.Advance(10ms);
  EXPECT_EQ(world.client_connections(), 0);
  EXPECT_EQ(client.answers().list.front().status, 400);
}

// --- connections ---

TEST(ConnectionsTest, AboveTheLimitAreClosedWithoutAnAnswer) {
  World world(WithLimits({.connections = 2}));
  Client first = world.Ask(Get("/healthz"));
  Client second = world.Ask(Get("/healthz"));
  Client third = world.Ask(Get("/healthz"));
  EXPECT_EQ(first.answer().status, 200);
  EXPECT_EQ(second.answer().status, 200);
  EXPECT_EQ(third.received(), "");
  EXPECT_NE(third.end(), End::kOpen);
  EXPECT_EQ(world.plane().server_counts().refused_connections, 1);
  EXPECT_EQ(world.client_connections(), 2);
  first.Close();
  world.Run();
  Client fourth = world.Ask(Get("/healthz"));
  EXPECT_EQ(fourth.answer().status, 200);
  EXPECT_EQ(world.plane().server_counts().accepted, 4);
}

TEST(ConnectionsTest, AClientThatLeavesMidRequestIsForgotten) {
  const std::string request = Post(Chat());
  for (size_t sent = 0; sent < request.size(); sent += 7) {
    World world;
    Client client = world.Ask(request.substr(0, sent));
    sent % 2 == 0 ? client.Close() : client.Reset();
    world.Run();
    EXPECT_EQ(world.client_connections(), 0);
    EXPECT_EQ(world.calls(), 0);
  }
}

}  // namespace
}  // namespace mainstay
