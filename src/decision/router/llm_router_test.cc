#include "decision/router/llm_router.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_writer.h"
#include "http/io/memory_loop.h"

namespace mainstay::decision {
namespace {

using namespace std::chrono_literals;
using Outcome = RouterOutcome;

const std::array<uint8_t, HashKey::kBytes> kKey{7};
constexpr WallTime kNow{std::chrono::hours(500'000)};
const RouteSet kRoutes({{.name = "code_generation", .description = "new code"},
                        {.name = "complex_reasoning", .description = "analysis"}});

std::string Http(int status, const std::string& body, const std::string& lines = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + lines +
         "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string Says(const std::string& text) {
  std::string body = R"({"choices":[{"message":{"role":"assistant","content":)";
  json::AppendString(body, text);
  return body + "}}]}";
}

// A router model whose connections are played by hand.
class World final : private io::AcceptHandler {
 public:
  explicit World(RouterOptions options = {}) {
    options.base_url = "http://router:1/v1";
    options_ = options;
    listener_ = loop_.Listen({.host = "router", .port = 1}, *this).value();
    router_ = std::make_unique<LlmRouter>(loop_, nullptr, options_, cache_);
  }
  ~World() {
    scope_.Cancel();
    loop_.RunUntilIdle();
  }

  io::MemoryLoop& loop() { return loop_; }
  LlmRouter& router() { return *router_; }
  io::CancelScope& scope() { return scope_; }
  void StopListening() { listener_.reset(); }

  // Begins to ask; the answer comes when the model is done.
  void Ask(const std::string& text = "write a parser", WallTime now = kNow) {
    answer_.reset();
    conversation_ = {{{Role::kUser, text}}};
    io::Spawn(RunAsk(now));
    loop_.RunUntilIdle();
  }
  const std::optional<RouterAnswer>& answer() {
    loop_.RunUntilIdle();
    return answer_;
  }
  // Asks, lets the model answer with these bytes, and gives what came out.
  std::optional<RouterAnswer> AskAndReply(const std::string& bytes,
                                          const std::string& text = "write a parser",
                                          WallTime now = kNow) {
    Ask(text, now);
    if (!answer_) {
      last_request_ = Receive();
      Reply(bytes);
    }
    return answer();
  }

  // --- the model's side, on its newest connection

  size_t connections() const { return streams_.size(); }
  std::string Receive() {
    std::string all;
    char bytes[4096];
    io::IoResult result;
    while (!streams_.empty() && streams_.back() != nullptr &&
           (result = streams_.back()->TryRead(bytes, sizeof bytes)).status == io::IoStatus::kOk) {
      all.append(bytes, result.bytes);
      loop_.RunUntilIdle();
    }
    return all;
  }
  void Reply(std::string_view bytes) {
    while (!bytes.empty() && streams_.back() != nullptr) {
      const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
      const io::IoResult result = streams_.back()->TryWrite(&piece, 1);
      if (result.status == io::IoStatus::kReset || (result.bytes == 0 && stalled_++ > 100)) {
        return;
      }
      bytes.remove_prefix(result.bytes);
      loop_.RunUntilIdle();
    }
  }
  void Close() {
    streams_.back().reset();
    loop_.RunUntilIdle();
  }
  void Reset() {
    streams_.back()->ResetOnClose();
    Close();
  }
  const std::string& last_request() const { return last_request_; }

 private:
  io::Task<void> RunAsk(WallTime now) {
    answer_ = co_await router_->Ask(kRoutes, conversation_, now, scope_);
  }
  void OnAccept(std::unique_ptr<io::Stream> stream) override {
    streams_.push_back(std::move(stream));
  }

  io::MemoryLoop loop_;
  RouterOptions options_;
  AnswerCache cache_{HashKey(kKey)};
  std::unique_ptr<io::Listener> listener_;
  std::deque<std::unique_ptr<io::Stream>> streams_;
  std::unique_ptr<LlmRouter> router_;
  io::CancelScope scope_;
  Conversation conversation_;
  std::optional<RouterAnswer> answer_;
  std::string last_request_;
  int stalled_ = 0;
};

RouterAnswer Failed(RouterOutcome outcome) {
  return {.outcome = outcome};
}

TEST(LlmRouterTest, SendsOneChatCompletion) {
  RouterOptions options;
  options.api_key = Secret("k-1");
  World world(options);
  const auto answer = world.AskAndReply(Http(200, Says(R"({"route":"complex_reasoning"})")));
  EXPECT_EQ(answer, (RouterAnswer{.outcome = Outcome::kMatch, .route = 1, .confidence = 1}));
  const std::string& request = world.last_request();
  EXPECT_TRUE(
      request.starts_with("POST /v1/chat/completions HTTP/1.1\r\nhost: router:1\r\n"
                          "authorization: Bearer k-1\r\n"))
      << request;
  const size_t end = request.find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos);
  const std::string body = request.substr(end + 4);
  EXPECT_NE(request.find("\r\ncontent-length: " + std::to_string(body.size()) + "\r\n"),
            std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(body)["model"], "arch-router");
  EXPECT_NE(body.find("write a parser"), std::string::npos);
}

TEST(LlmRouterTest, SendsNoKeyWhenThereIsNone) {
  World world;
  world.AskAndReply(Http(200, Says("other")));
  EXPECT_EQ(world.last_request().find("authorization"), std::string::npos);
}

struct ReplyCase {
  const char* name;
  std::string reply;
  RouterAnswer want;
};

TEST(LlmRouterTest, Replies) {
  const RouterAnswer match{.outcome = Outcome::kMatch, .route = 0, .confidence = 1};
  const RouterAnswer none{.outcome = Outcome::kNoMatch};
  const std::string object = Says(R"({"route":"code_generation"})");
  const ReplyCase cases[] = {
      {"an object", Http(200, object), match},
      {"a list", Http(200, Says(R"({"route":["code_generation"]})")), match},
      {"fenced", Http(200, Says("```json\n{\"route\": \"code_generation\"}\n```")), match},
      {"single quotes", Http(200, Says("{'route': 'code_generation'}")), match},
      {"the bare name", Http(200, Says("code_generation")), match},
      {"other", Http(200, Says(R"({"route":"other"})")), none},
      {"an unknown name", Http(200, Says(R"({"route":"made_up"})")), none},
      {"any 2xx", Http(201, object), match},
      {"in chunks",
       "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n" + object.substr(0, 5) + "\r\n" +
           [&] {
             char size[32];
             snprintf(size, sizeof size, "%zx", object.size() - 5);
             return std::string(size);
           }() +
           "\r\n" + object.substr(5) + "\r\n0\r\n\r\n",
       match},
      {"after an interim answer", "HTTP/1.1 100 Continue\r\n\r\n" + Http(200, object), match},
      {"500", Http(500, object), Failed(Outcome::kBadStatus)},
      {"401", Http(401, R"({"error":{}})"), Failed(Outcome::kBadStatus)},
      {"a redirection", Http(302, "", "location: /\r\n"), Failed(Outcome::kBadStatus)},
      {"no JSON", Http(200, "<html>hello</html>"), Failed(Outcome::kGarbage)},
      {"no choices", Http(200, R"({"choices":[]})"), Failed(Outcome::kGarbage)},
      {"prose", Http(200, Says("Let me think about it.")), Failed(Outcome::kGarbage)},
      {"nothing", Http(200, ""), Failed(Outcome::kGarbage)},
      {"no HTTP", "hello there\r\n\r\n", Failed(Outcome::kGarbage)},
      {"as long as allowed",
       Http(200, object + std::string(LlmRouter::kAnswerBytesMax - object.size(), ' ')), match},
      {"too long",
       Http(200, object + std::string(LlmRouter::kAnswerBytesMax + 1 - object.size(), ' ')),
       Failed(Outcome::kGarbage)},
  };
  for (const ReplyCase& c : cases) {
    SCOPED_TRACE(c.name);
    World world;
    EXPECT_EQ(world.AskAndReply(c.reply), c.want);
  }
}

TEST(LlmRouterTest, NothingToAskIsNoMatch) {
  World world;
  io::CancelScope scope;
  std::vector<RouterAnswer> answers;
  auto run = [&]() -> io::Task<void> {
    const Conversation hi = {{{Role::kUser, "hi"}}};
    const Conversation silence;
    answers.push_back(co_await world.router().Ask({}, hi, kNow, scope));
    answers.push_back(co_await world.router().Ask(kRoutes, silence, kNow, scope));
  };
  io::Spawn(run());
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].outcome, Outcome::kNoMatch);
  EXPECT_EQ(answers[1].outcome, Outcome::kNoMatch);
  EXPECT_EQ(world.connections(), 0U);
}

// --- time

TEST(LlmRouterTest, TheTimeOutCoversEveryPhase) {
  struct Row {
    const char* name;
    io::MemoryLink link;
    const char* reply;
  };
  const Row rows[] = {
      {"connecting", {.dial = io::MemoryLink::Dial::kBlackHole}, ""},
      {"no answer", {}, ""},
      {"half a head", {}, "HTTP/1.1 200 OK\r\n"},
      {"half a body", {}, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"},
      {"a question that is not taken", {.queue_bytes = 16}, ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    RouterOptions options;
    options.timeout = 300ms;
    World world(options);
    world.loop().SetLink("router:1", row.link);
    world.Ask();
    if (*row.reply != '\0') {
      world.Receive();
      world.loop().Advance(100ms);
      world.Reply(row.reply);
    }
    world.loop().Advance(*row.reply != '\0' ? 199ms : 299ms);
    EXPECT_FALSE(world.answer().has_value());
    world.loop().Advance(1ms);
    EXPECT_EQ(world.answer(), Failed(Outcome::kTimeout));
    EXPECT_EQ(world.router().idle_connections(), 0U);
  }
}

TEST(LlmRouterTest, AnAnswerJustInTimeCounts) {
  World world;
  world.Ask();
  world.Receive();
  world.loop().Advance(1999ms);
  world.Reply(Http(200, Says("code_generation")));
  ASSERT_TRUE(world.answer().has_value());
  EXPECT_EQ(world.answer()->outcome, Outcome::kMatch);
}

// --- connections

TEST(LlmRouterTest, FailuresOfTheConnection) {
  struct Row {
    const char* name;
    void (*happens)(World&);
  };
  const Row rows[] = {
      {"an end instead of an answer", [](World& world) { world.Close(); }},
      {"a reset", [](World& world) { world.Reset(); }},
      {"an end within the head",
       [](World& world) {
         world.Reply("HTTP/1.1 200");
         world.Close();
       }},
      {"an end within the body",
       [](World& world) {
         world.Reply("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{");
         world.Close();
       }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    world.Ask();
    world.Receive();
    row.happens(world);
    EXPECT_EQ(world.answer(), Failed(Outcome::kUnreachable));
    EXPECT_EQ(world.connections(), 1U) << "a fresh connection is not tried again";
  }
}

TEST(LlmRouterTest, ARefusedConnection) {
  World world;
  world.StopListening();
  world.Ask();
  EXPECT_EQ(world.answer(), Failed(Outcome::kUnreachable));
}

TEST(LlmRouterTest, KeepsTheConnection) {
  World world;
  for (int i = 0; i < 3; ++i) {
    world.AskAndReply(Http(i == 1 ? 500 : 200, Says("other")), "text " + std::to_string(i));
    EXPECT_EQ(world.router().idle_connections(), 1U);
  }
  EXPECT_EQ(world.connections(), 1U);
}

TEST(LlmRouterTest, DoesNotKeepWhatTheModelCloses) {
  World world;
  world.AskAndReply(Http(200, Says("other"), "connection: close\r\n"));
  EXPECT_EQ(world.router().idle_connections(), 0U);
  world.AskAndReply(Http(200, Says("other")), "another");
  EXPECT_EQ(world.connections(), 2U);
}

TEST(LlmRouterTest, ForgetsAConnectionThatIsClosedAtRest) {
  World world;
  world.AskAndReply(Http(200, Says("other")));
  world.Close();
  EXPECT_EQ(world.router().idle_connections(), 0U);
}

TEST(LlmRouterTest, ClosesAConnectionThatNobodyNeeds) {
  World world;
  world.AskAndReply(Http(200, Says("other")));
  world.loop().Advance(LlmRouter::kIdleTime - 1ms);
  EXPECT_EQ(world.router().idle_connections(), 1U);
  world.loop().Advance(1ms);
  EXPECT_EQ(world.router().idle_connections(), 0U);
}

TEST(LlmRouterTest, ADeadKeptConnectionCostsOneMoreTry) {
  World world;
  world.AskAndReply(Http(200, Says("other")));
  // The model closes when the question is already on its way.
  world.Ask("another");
  EXPECT_EQ(world.connections(), 1U);
  world.Close();
  ASSERT_EQ(world.connections(), 2U);
  EXPECT_NE(world.Receive().find("another"), std::string::npos);
  world.Reply(Http(200, Says("code_generation")));
  ASSERT_TRUE(world.answer().has_value());
  EXPECT_EQ(world.answer()->outcome, Outcome::kMatch);
}

TEST(LlmRouterTest, TheSecondTryIsTheLast) {
  World world;
  world.AskAndReply(Http(200, Says("other")));
  world.Ask("another");
  world.Close();
  ASSERT_EQ(world.connections(), 2U);
  world.Close();
  EXPECT_EQ(world.answer(), Failed(Outcome::kUnreachable));
  EXPECT_EQ(world.connections(), 2U);
}

TEST(LlmRouterTest, CancelledWhereverItWaits) {
  for (const bool connects : {true, false}) {
    World world;
    if (!connects) {
      world.loop().SetLink("router:1", {.dial = io::MemoryLink::Dial::kBlackHole});
    }
    world.Ask();
    EXPECT_FALSE(world.answer().has_value());
    world.scope().Cancel();
    EXPECT_EQ(world.answer(), Failed(Outcome::kCancelled));
    EXPECT_EQ(world.router().idle_connections(), 0U);
    world.Ask("when it was cancelled before");
    EXPECT_EQ(world.answer(), Failed(Outcome::kCancelled));
  }
}

// --- remembered answers

TEST(LlmRouterTest, DoesNotAskTwiceWithinAMinute) {
  World world;
  const auto first = world.AskAndReply(Http(200, Says("code_generation")));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->source, AnswerSource::kAsked);
  const auto second = world.AskAndReply("", "write a parser", kNow + 59s);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->source, AnswerSource::kCached);
  EXPECT_EQ(second->route, first->route);
  EXPECT_EQ(second->outcome, Outcome::kMatch);
  const auto third = world.AskAndReply(Http(200, Says("other")), "write a parser", kNow + 61s);
  ASSERT_TRUE(third.has_value());
  EXPECT_EQ(third->source, AnswerSource::kAsked);
  EXPECT_EQ(third->outcome, Outcome::kNoMatch);
  const auto fourth = world.AskAndReply("", "write a parser", kNow + 62s);
  ASSERT_TRUE(fourth.has_value());
  EXPECT_EQ(fourth->source, AnswerSource::kCached);
  EXPECT_EQ(fourth->outcome, Outcome::kNoMatch);
}

TEST(LlmRouterTest, DoesNotRememberFailures) {
  World world;
  EXPECT_EQ(world.AskAndReply(Http(500, "")), Failed(Outcome::kBadStatus));
  const auto second = world.AskAndReply(Http(200, Says("code_generation")));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->outcome, Outcome::kMatch);
}

TEST(LlmRouterTest, LimitsLeaveRoomForTheQuestion) {
  RouterOptions options;
  options.max_turns = 5;
  options.max_prompt_tokens = 1000;
  World world(options);
  const TrimLimits limits = world.router().Limits(kRoutes);
  EXPECT_EQ(limits.turns_max, 5);
  EXPECT_LT(limits.tokens_max, 800);
  EXPECT_GT(limits.tokens_max, 300);
  const RouteSet many(
      std::vector<Route>(1000, {.name = "r", .description = "many words are needed"}));
  EXPECT_EQ(world.router().Limits(many).tokens_max, 128);
}

}  // namespace
}  // namespace mainstay::decision
