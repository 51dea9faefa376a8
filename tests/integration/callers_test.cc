// Who may do what, how often, and how much at once.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using fake_provider::Ending;
using support::Chat;
using support::Client;
using support::End;
using support::Get;
using support::Post;
using support::World;
using ::testing::HasSubstr;

gateway::Options Config() {
  gateway::Options options = support::Replicas(2);
  identity::CallerOptions small{.name = "small", .allow_models = {"demo/small"}};
  small.keys.emplace_back("key-small");
  identity::CallerOptions all{.name = "all"};
  all.keys.emplace_back("key-all");
  identity::CallerOptions paced{.name = "paced", .requests_per_minute = 2};
  paced.keys.emplace_back("key-paced");
  identity::CallerOptions single{.name = "single", .max_concurrency = 1};
  single.keys.emplace_back("key-single");
  options.identity.callers = {small, all, paced, single};
  options.catalog.providers[0].timeouts = {.first_byte = 3s, .idle = 4s};
  return options;
}

std::string Bearer(std::string_view key) {
  return "authorization: Bearer " + std::string(key) + "\r\n";
}

// --- credentials and models ---

struct AccessCase {
  const char* name;
  std::string request;
  int status;
  std::string_view code = {};
};

TEST(AccessTest, IsDecidedBeforeAProviderIsAsked) {
  const std::string large = Chat("", "hello", "demo/large");
  const AccessCase rows[] = {
      {"no key", Post(Chat()), 401, "invalid_api_key"},
      {"unknown key", Post(Chat(), Bearer("key-unknown")), 401, "invalid_api_key"},
      {"empty key", Post(Chat(), "authorization: Bearer \r\n"), 401, "invalid_api_key"},
      {"another scheme", Post(Chat(), "authorization: Basic key-all\r\n"), 401, "invalid_api_key"},
      {"a good key", Post(Chat(), Bearer("key-all")), 200},
      {"the scheme in other letters", Post(Chat(), "authorization: bEARER key-all\r\n"), 200},
      {"x-api-key", Post(Chat(), "x-api-key: key-all\r\n"), 200},
      {"x-goog-api-key", Post(Chat(), "x-goog-api-key: key-all\r\n"), 200},
      {"model allowed", Post(Chat(), Bearer("key-small")), 200},
      {"model not allowed", Post(large, Bearer("key-small")), 403, "model_not_allowed"},
      {"the models need a key too", Get("/v1/models"), 401, "invalid_api_key"},
      {"one model needs one", Get("/v1/models/demo/small"), 401, "invalid_api_key"},
      {"a model that is not allowed is not there",
       Get("/v1/models/demo/large", Bearer("key-small")), 404, "model_not_found"},
      {"health needs none", Get("/healthz"), 200},
  };
  for (const AccessCase& row : rows) {
    SCOPED_TRACE(row.name);
    World world(Config());
    Client client = world.Ask(row.request);
    EXPECT_EQ(client.answer().status, row.status);
    EXPECT_THAT(client.answer().body, HasSubstr(row.code));
    EXPECT_EQ(client.end(), End::kOpen);
    const bool reaches = row.status == 200 && row.request.starts_with("POST");
    EXPECT_EQ(world.calls(), reaches ? 1 : 0);
    EXPECT_EQ(client.answer().body.find("key-"), std::string::npos);
    for (int number = 1; reaches && number <= 2; ++number) {
      for (const fake_provider::Call& call : world.provider(number).calls()) {
        EXPECT_FALSE(call.Header("authorization").ends_with("key-all")) << "is not the provider's";
        EXPECT_EQ(call.Header("x-api-key"), "");
      }
    }
  }
}

TEST(AccessTest, AListShowsWhatMayBeUsed) {
  World world(Config());
  Client client = world.Ask(Get("/v1/models", Bearer("key-small")));
  EXPECT_THAT(client.answer().body, HasSubstr("demo/small"));
  EXPECT_EQ(client.answer().body.find("demo/large"), std::string::npos);
}

// --- requests a minute ---

TEST(RateTest, OpensAgainWhenTheMinuteIsOver) {
  World world(Config());
  Client client = world.Connect();
  auto status = [&] {
    client.Forget();
    client.Send(Post(Chat(), Bearer("key-paced")));
    world.Run();
    return client.answer().status;
  };
  EXPECT_EQ(status(), 200);
  world.clock().Advance(10s);
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(status(), 429);
  EXPECT_EQ(client.answer().Header("retry-after"), "50");
  EXPECT_THAT(client.answer().body, HasSubstr("caller_rate_limited"));
  EXPECT_EQ(client.end(), End::kOpen);
  world.clock().Advance(49'900ms);
  EXPECT_EQ(status(), 429);
  EXPECT_EQ(client.answer().Header("retry-after"), "1") << "a part of a second is a second";
  // The minute is counted in steps of 10 ms.
  world.clock().Advance(90ms);
  EXPECT_EQ(status(), 429);
  world.clock().Advance(10ms);
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(status(), 429);
  EXPECT_EQ(world.calls(), 4);
}

TEST(RateTest, SocketTimeDoesNotMoveIt) {
  World world(Config());
  Client client = world.Connect();
  for (int i = 0; i < 3; ++i) {
    client.Send(Post(Chat(), Bearer("key-paced")));
    world.Advance(50s);
  }
  const support::Answers answers = client.answers();
  ASSERT_EQ(answers.list.size(), 3U);
  EXPECT_EQ(answers.list[1].status, 200);
  EXPECT_EQ(answers.list[2].status, 429) << "100 s later, but policy time stood still";
}

TEST(RateTest, AReloadKeepsTheCount) {
  World world(Config());
  Client client = world.Ask(Post(Chat(), Bearer("key-paced")) + Post(Chat(), Bearer("key-paced")));
  world.Reload(Config());
  client.Forget();
  client.Send(Post(Chat(), Bearer("key-paced")));
  world.Run();
  EXPECT_EQ(client.answer().status, 429);
}

// --- concurrency ---

// Every way in which a request ends has to give the place back.
struct LeaseCase {
  const char* name;
  std::string body;
  fake_provider::Action action;
  enum class Then : uint8_t { kWait, kClose, kReset, kStuck } then = Then::kWait;
};

void PrintTo(const LeaseCase& row, std::ostream* out) {
  *out << row.name;
}

class LeaseTest : public ::testing::TestWithParam<LeaseCase> {};

TEST_P(LeaseTest, IsGivenBack) {
  const LeaseCase& row = GetParam();
  World world(Config());
  world.SetClientLink({.queue_bytes = 4096});
  fake_provider::Action action = row.action;
  world.provider(1).On({.contains = "first"}).Do(action);
  world.provider(2).On({.contains = "first"}).Do(action);
  Client first = world.Connect();
  if (row.then == LeaseCase::Then::kStuck) {
    first.Pause();
  }
  first.Send(Post(row.body, Bearer("key-single")));
  world.Run();
  if (world.exchanges().empty()) {  // it is running: nobody else may
    Client second = world.Ask(Post(Chat(), Bearer("key-single")));
    EXPECT_EQ(second.answer().status, 429);
    EXPECT_EQ(second.answer().Header("retry-after"), "1");
    Client other = world.Ask(Post(Chat(), Bearer("key-all")));
    EXPECT_EQ(other.answer().status, 200);
  }
  switch (row.then) {
    case LeaseCase::Then::kWait:
      world.Advance(30s);
      break;
    case LeaseCase::Then::kStuck:
      world.Advance(80s);
      break;
    case LeaseCase::Then::kClose:
      first.Close();
      break;
    case LeaseCase::Then::kReset:
      first.Reset();
      break;
  }
  world.Run();
  for (int i = 0; i < 3; ++i) {
    Client next = world.Ask(Post(Chat(), Bearer("key-single")));
    EXPECT_EQ(next.answer().status, 200);
  }
}

std::vector<LeaseCase> LeaseCases() {
  using Then = LeaseCase::Then;
  const std::string whole = Chat("", "first");
  const std::string stream = Chat(R"(,"stream":true)", "first");
  return {
      {"answered", whole, {}},
      {"answered_late", whole, {.delay = 1s}},
      {"a_stream", stream, {.text = "a b", .gap = 1s}},
      {"an_error_of_the_request", whole, {.status = 400}},
      {"errors_everywhere", whole, {.status = 500}},
      {"resets_everywhere", whole, {.end = Ending::kReset}},
      {"time_outs_everywhere", whole, {.end = Ending::kHang}},
      {"bad_json", "{\"first\"", {}},
      {"no_such_model", Chat("", "first", "nope"), {}},
      {"a_stream_that_breaks",
       stream,
       {.text = "a b", .gap = 1s, .end = Ending::kReset, .after_events = 2}},
      {"a_stream_that_hangs", stream, {.text = "a b", .end = Ending::kHang, .after_events = 2}},
      {"an_answer_that_is_cut",
       whole,
       {.body = std::string(99, 'x'), .end = Ending::kReset, .after_bytes = 50}},
      {"the_client_leaves_before_the_answer", whole, {.end = Ending::kHang}, Then::kClose},
      {"the_client_resets_before_the_answer", whole, {.end = Ending::kHang}, Then::kReset},
      {"the_client_leaves_a_stream", stream, {.text = "a b c", .gap = 10s}, Then::kClose},
      {"the_client_is_stuck", whole, {.body = std::string(1'000'000, 'x')}, Then::kStuck},
      {"the_client_is_stuck_and_leaves",
       whole,
       {.body = std::string(1'000'000, 'x')},
       Then::kReset},
  };
}

INSTANTIATE_TEST_SUITE_P(All, LeaseTest, ::testing::ValuesIn(LeaseCases()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace mainstay
