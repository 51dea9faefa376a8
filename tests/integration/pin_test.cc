// Sessions and their pins through the whole gateway: who is asked, what is remembered.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Answer;
using support::Chat;
using support::Client;
using support::Post;
using support::World;

constexpr int kOpenAi = 1;
constexpr int kAcme = 2;
constexpr int kRouter = 3;

// Two providers with a model each, two routes, and a router model at an address of its own.
gateway::Options Config() {
  gateway::Options options;
  for (const auto& [name, number] :
       {std::pair("openai", kOpenAi), std::pair("acme", kAcme), std::pair("judge", kRouter)}) {
    options.catalog.providers.push_back({.name = name, .base_url = support::ReplicaUrl(number)});
  }
  options.catalog.models = {
      {.name = "openai/big",
       .provider = "openai",
       .capabilities = {Capability::kTools, Capability::kVision}},
      {.name = "acme/coder", .provider = "acme", .capabilities = {Capability::kTools}}};
  support::AddRoutes(options, "acme/coder", "openai/big", kRouter);
  return options;
}

class PinTest : public ::testing::Test {
 protected:
  explicit PinTest(gateway::Options options = Config()) : world(std::move(options)) {
    world.provider(kRouter).Route("#code", "code");
    world.provider(kRouter).Route("#think", "think");
    world.provider(kRouter).Route("#none", "other");
  }

  Answer Say(std::string_view text, std::string_view session = "s1", std::string_view headers = "",
             std::string_view model = "openai/big") {
    std::string lines(headers);
    if (!session.empty()) {
      lines += "x-session-id: " + std::string(session) + "\r\n";
    }
    return world.Ask(Post(Chat("", text, model), lines)).answer();
  }
  // A request of the session s1 that is under way.
  Client Begin(std::string_view text) {
    Client client = world.Connect();
    client.Send(Post(Chat("", text, "openai/big"), "x-session-id: s1\r\n"));
    world.Run();
    return client;
  }
  // "model pin reason" of an answer.
  static std::string Told(const Answer& answer) {
    return std::string(answer.Header("x-mainstay-model")) + " " +
           std::string(answer.Header("x-mainstay-pin")) + " " +
           std::string(answer.Header("x-mainstay-reason"));
  }
  size_t asked() { return world.provider(kRouter).calls().size(); }

  World world;
};

TEST_F(PinTest, TheFirstRequestIsRoutedAndTheOthersFollowIt) {
  EXPECT_EQ(Told(Say("#code one")), "acme/coder set pin_set");
  EXPECT_EQ(Told(Say("#think two")), "acme/coder hit pin_hit");
  EXPECT_EQ(asked(), 1U);
  EXPECT_EQ(Told(Say("#think two", "s2")), "openai/big set pin_set");
  EXPECT_EQ(Told(Say("#think more", "")), "openai/big none decision_matched");
  EXPECT_EQ(Told(Say("#none of the kind", "s3")), "openai/big none no_match");
}

TEST_F(PinTest, SaysWhichSessionItIs) {
  const Answer first = Say("#code one");
  EXPECT_EQ(first.Header("x-mainstay-session").size(), 32U);
  EXPECT_EQ(first.Header("x-mainstay-session-source"), "header:x-session-id");
  EXPECT_EQ(first.Header("x-mainstay-continuity"), "explicit");
  EXPECT_EQ(first.Header("x-mainstay-decision"), "code");
  EXPECT_EQ(Say("#code two").Header("x-mainstay-session"), first.Header("x-mainstay-session"));
  EXPECT_EQ(Say("#code", "").Header("x-mainstay-session-source"), "inferred");
  EXPECT_EQ(Say("#code", "", "x-session-id: a\r\nx-session-id: b\r\n").Header("x-mainstay-warning"),
            "conflicting_session_headers");
}

TEST_F(PinTest, AnIdThatCannotBeOneIsCountedAndNoSession) {
  EXPECT_EQ(Told(Say("#code one", std::string(257, 'x'))), "acme/coder none decision_matched");
  EXPECT_EQ(world.rejected_ids(), 1);
  world.Ask(Post(Chat("", "#code", "openai/big"), "x-session-id: a\tb\r\n",
                 "/routing/v1/chat/completions"));
  EXPECT_EQ(world.rejected_ids(), 2);
}

// The next request may come before the one that was answered has tidied up behind itself.
TEST_F(PinTest, WhatWasDecidedForOneAnswerIsNotForTheNext) {
  world.provider(kOpenAi).On({.contains = "long"}).Do({.text = "x", .delay = 5s});
  world.provider(kRouter).On({.contains = "#broken"}).Do({.status = 500});
  Client first = Begin("#broken long");
  ASSERT_EQ(first.answer().status, 0) << "it is still under way";
  EXPECT_EQ(Told(Say("#code two")), "acme/coder set pin_set");
}

TEST_F(PinTest, ObeysTheSwitchesOfARequest) {
  Say("#code one");
  EXPECT_EQ(Told(Say("#think", "s1", "x-mainstay-pin: off\r\n")),
            "openai/big off decision_matched");
  EXPECT_EQ(Told(Say("#think", "s1")), "acme/coder hit pin_hit");
  EXPECT_EQ(Told(Say("#code", "s1", "x-mainstay-route: off\r\n")), "openai/big none route_off");
  EXPECT_EQ(Told(Say("#think x", "s1", "x-mainstay-pin: reset\r\n")), "openai/big set pin_set");
  EXPECT_EQ(Told(Say("#code", "s1")), "openai/big hit pin_hit");
}

TEST_F(PinTest, EndsWithItsTime) {
  Say("#code one");
  world.clock().Advance(599'999ms);
  EXPECT_EQ(Told(Say("#think")), "acme/coder hit pin_hit");
  world.clock().Advance(600'000ms);
  EXPECT_EQ(Told(Say("#think")), "openai/big set pin_set");
}

TEST_F(PinTest, ARequestThatFailedLeavesNone) {
  for (const int number : {kOpenAi, kAcme}) {
    world.provider(number).On({.contains = "fails"}).Do({.status = 500});
  }
  EXPECT_EQ(Say("#code fails").Header("x-mainstay-pin"), "none");
  EXPECT_EQ(Told(Say("#think")), "openai/big set pin_set");
}

TEST_F(PinTest, AnotherModelStandsInAndThePinStaysUntilThatIsTheRule) {
  Say("#code one");
  world.provider(kAcme).On({.contains = "fails"}).Do({.status = 503});
  EXPECT_EQ(Told(Say("#code fails")), "openai/big failover failover:upstream_error");
  EXPECT_EQ(Told(Say("#code")), "acme/coder hit pin_hit");
  EXPECT_EQ(Told(Say("#code fails")), "openai/big failover failover:upstream_error");
  EXPECT_EQ(Told(Say("#code fails")), "openai/big failover failover:upstream_error");
  EXPECT_EQ(Told(Say("#code fails")), "openai/big repinned failover:upstream_error");
  EXPECT_EQ(Told(Say("#code fails")), "openai/big hit pin_hit");
}

TEST_F(PinTest, WhenNothingServesThePinIsStillSaid) {
  Say("#code one");
  for (const int number : {kOpenAi, kAcme}) {
    world.provider(number).On({.contains = "fails"}).Do({.raw = ""});
  }
  const Answer answer = Say("#code fails");
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.Header("x-mainstay-pin"), "hit");
  EXPECT_EQ(answer.Header("x-mainstay-reason"), "pin_hit");
}

TEST_F(PinTest, AnErrorSaysTheSessionAsFarAsItIsKnown) {
  const Answer answer = Say("#code", "s1", "", "nobody/none");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.Header("x-mainstay-session").size(), 32U);
  EXPECT_FALSE(answer.Has("x-mainstay-model"));
}

// Nothing was tried, so nothing failed: the next one in the list is simply the first that can.
TEST_F(PinTest, AModelWithoutAnEnabledAccountIsPassedOver) {
  Say("#code one", "old");
  gateway::Options options = Config();
  options.catalog.providers[kAcme - 1].accounts = {{.alias = "off", .enabled = false}};
  world.Reload(std::move(options));
  EXPECT_EQ(Told(Say("#code one")), "openai/big set pin_set");
  EXPECT_EQ(Told(Say("#code two")), "openai/big hit pin_hit");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Told(Say("#code", "old")), "openai/big failover failover:disabled");
  }
}

TEST_F(PinTest, AModelThatCannotTakeTheRequestIsPassedOver) {
  Say("#code one");
  const std::string body =
      R"({"model":"openai/big","messages":[{"role":"user","content":[{"type":"image_url",)"
      R"("image_url":{"url":"data:image/png;base64,AA=="}}]}]})";
  for (int i = 0; i < 4; ++i) {
    const Answer answer = world.Ask(Post(body, "x-session-id: s1\r\n")).answer();
    EXPECT_EQ(Told(answer), "openai/big failover failover:capability_vision");
  }
  EXPECT_EQ(Told(Say("#think")), "acme/coder hit pin_hit") << "that was no failure of the model";
}

TEST_F(PinTest, ARouterThatFailsCostsNobodyAnAnswer) {
  world.provider(kRouter).On({.contains = "#broken"}).Do({.status = 500});
  EXPECT_EQ(Told(Say("#broken")), "openai/big none router_unavailable");
  world.provider(kRouter).On({.contains = "#late"}).Do({.delay = 5s});
  Client client = Begin("#late");
  world.Advance(1999ms);
  EXPECT_EQ(client.answer().status, 0);
  world.Advance(1ms);
  EXPECT_EQ(Told(client.answer()), "openai/big none router_unavailable");
}

TEST_F(PinTest, OneOfThoseThatComeTogetherAsks) {
  world.provider(kRouter).On({.contains = "#slow"}).Do({.text = "code", .delay = 500ms});
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(Begin("#slow " + std::to_string(i)));
  }
  EXPECT_EQ(asked(), 1U);
  world.Advance(500ms);
  int set = 0;
  for (Client& client : clients) {
    EXPECT_EQ(client.answer().Header("x-mainstay-model"), "acme/coder");
    set += client.answer().Header("x-mainstay-pin") == "set" ? 1 : 0;
  }
  EXPECT_EQ(set, 1);
  EXPECT_EQ(asked(), 1U);
}

// Nobody waits for the same time-out after somebody else has.
TEST_F(PinTest, ARouterThatFailsFailsForAllThatWait) {
  world.provider(kRouter).On({.contains = "#late"}).Do({.delay = 5s});
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(world.Connect());
    clients.back().Send(Post(Chat("", "#late", "auto"), "x-session-id: s1\r\n"));
    world.Run();
  }
  world.Advance(2000ms);
  for (Client& client : clients) {
    EXPECT_EQ(client.answer().status, 404) << "no model was named, and there is no default";
  }
  EXPECT_EQ(asked(), 1U);
}

TEST_F(PinTest, WhenTheOneWhoAsksLeavesAnotherAsks) {
  world.provider(kRouter).On({.contains = "#slow"}).Do({.text = "code", .delay = 500ms});
  Client leader = Begin("#slow leader");
  Client follower = Begin("#slow follower");
  EXPECT_EQ(asked(), 1U);
  leader.Reset();
  world.Run();
  EXPECT_EQ(asked(), 2U);
  world.Advance(500ms);
  EXPECT_EQ(Told(follower.answer()), "acme/coder set pin_set");
}

TEST_F(PinTest, AClientThatLeavesWhileItWaitsHoldsUpNobody) {
  world.provider(kRouter).On({.contains = "#slow"}).Do({.text = "code", .delay = 500ms});
  Client leader = Begin("#slow leader");
  {
    Client waiting = Begin("#slow waiting");
    waiting.Reset();
    world.Run();
  }
  world.Advance(500ms);
  EXPECT_EQ(Told(leader.answer()), "acme/coder set pin_set");
}

TEST_F(PinTest, APinToAModelThatIsGoneIsRoutedAgain) {
  Say("#code one");
  gateway::Options options = Config();
  options.catalog.models.pop_back();
  for (decision::PreferenceOptions& preference : options.decision.preferences) {
    preference.models = {"openai/big"};
  }
  world.Reload(std::move(options));
  EXPECT_EQ(Told(Say("#code two")), "openai/big set pinned_model_removed");
  EXPECT_EQ(Told(Say("#code three")), "openai/big hit pin_hit");
}

TEST_F(PinTest, PreferencesOfTheRequestReplaceTheConfigured) {
  world.provider(kRouter).Route("#verses", "poetry");
  const std::string inline_preferences =
      R"(,"routing_preferences":[{"name":"poetry","description":"verses",)"
      R"("models":["acme/coder"]}])";
  Client client = world.Ask(Post(Chat(inline_preferences, "some #verses", "openai/big")));
  EXPECT_EQ(Told(client.answer()), "acme/coder none decision_matched");
  EXPECT_EQ(client.answer().Header("x-mainstay-decision"), "poetry");
  const std::string& sent = world.provider(kAcme).calls().back().body;
  EXPECT_EQ(sent.find("routing_preferences"), std::string::npos);
  EXPECT_NE(sent.find("some #verses"), std::string::npos);
}

// The next request may come without preferences of its own, to a gateway that has none either.
TEST_F(PinTest, APinHoldsWithoutThePreferencesThatMadeIt) {
  world.provider(kRouter).Route("#verses", "poetry");
  gateway::Options options = Config();
  options.decision.preferences.clear();
  world.Reload(std::move(options));
  const std::string preferences =
      R"(,"routing_preferences":[{"name":"poetry","description":"verses",)"
      R"("models":["acme/coder"]}])";
  const Answer first =
      world.Ask(Post(Chat(preferences, "#verses", "openai/big"), "x-session-id: s1\r\n")).answer();
  EXPECT_EQ(Told(first), "acme/coder set pin_set");
  EXPECT_EQ(Told(Say("and now this")), "acme/coder hit pin_hit");
  EXPECT_EQ(Told(Say("and now this", "s2")), "openai/big none requested_model");
}

TEST_F(PinTest, WhoFollowsWithPreferencesOfItsOwnKeepsTheirFailover) {
  world.provider(kRouter).On({.contains = "#slow"}).Do({.text = "poetry", .delay = 500ms});
  world.provider(kAcme).On({.contains = "fails"}).Do({.status = 503});
  const std::string preferences =
      R"(,"routing_preferences":[{"name":"poetry","description":"verses",)"
      R"("models":["acme/coder","openai/big"]}])";
  Client leader =
      world.Ask(Post(Chat(preferences, "#slow leader", "openai/big"), "x-session-id: s1\r\n"));
  Client follower =
      world.Ask(Post(Chat(preferences, "#slow, fails", "openai/big"), "x-session-id: s1\r\n"));
  world.Advance(500ms);
  EXPECT_EQ(Told(leader.answer()), "acme/coder set pin_set");
  EXPECT_EQ(Told(follower.answer()), "openai/big none failover:upstream_error");
  EXPECT_EQ(follower.answer().Header("x-mainstay-decision"), "poetry");
}

TEST_F(PinTest, BadPreferencesOfTheRequestAreSaid) {
  for (const std::string_view value :
       {R"("code")", "[]", "[1]", R"([{"name":"x"}])", R"([{"name":"x","models":[]}])",
        R"([{"name":"x","models":["nobody/none"]}])", R"([{"models":["openai/big"]}])",
        R"([{"name":"x","models":["openai/big"],"selection_policy":{"prefer":"best"}}])",
        R"([{"name":"x","models":["openai/big"]},{"name":"x","models":["openai/big"]}])",
        R"([{"name":"a\r\nset-cookie: evil=1","models":["openai/big"]}])"}) {
    SCOPED_TRACE(value);
    const Answer answer = world
                              .Ask(Post(Chat(",\"routing_preferences\":" + std::string(value),
                                             "#code", "openai/big")))
                              .answer();
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(answer.body.find("routing_preferences"), std::string::npos);
  }
  EXPECT_EQ(world.calls(), 0);
}

TEST_F(PinTest, TheDecisionAloneCallsNoProviderAndPins) {
  const Answer answer = world
                            .Ask(Post(Chat("", "#code", "openai/big"), "x-session-id: s1\r\n",
                                      "/routing/v1/chat/completions?explain=1"))
                            .answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(R"("models":["acme/coder","openai/big"],"route":"code")"),
            std::string::npos);
  EXPECT_NE(answer.body.find(R"("session_id":"s1","pinned":false)"), std::string::npos);
  EXPECT_NE(answer.body.find(R"("signals":{"preference":{"outcome":"match","cached":false)"),
            std::string::npos);
  EXPECT_TRUE(world.provider(kAcme).calls().empty());
  EXPECT_EQ(world.exchange().status, 200) << "it is observed like any other";
  EXPECT_EQ(Told(Say("#think")), "acme/coder hit pin_hit");
}

TEST_F(PinTest, TheDecisionAloneStopsWithTheGateway) {
  world.serving().draining = true;
  const Answer answer =
      world.Ask(Post(Chat("", "#code", "openai/big"), "", "/routing/v1/chat/completions")).answer();
  EXPECT_EQ(answer.status, 503);
  world.serving().draining = false;
}

// Streams alone say how soon a model begins; the others come after those that were measured.
TEST_F(PinTest, TheFastestModelIsTheOneWhoseStreamsBeginSoonest) {
  gateway::Options options = Config();
  options.decision.preferences[0].prefer = decision::Prefer::kFastest;
  world.Reload(options);
  EXPECT_EQ(Told(Say("#code one", "")), "acme/coder none decision_matched");
  const auto stream = [&](std::string_view model, std::chrono::milliseconds delay) {
    world.provider(model == "openai/big" ? kOpenAi : kAcme)
        .On({.contains = "measure"})
        .Do({.text = "x", .delay = delay});
    Client client = world.Connect();
    client.Send(Post(Chat(R"(,"stream":true)", "measure", model), "x-mainstay-route: off\r\n"));
    world.Run();
    world.Advance(delay);
    EXPECT_EQ(client.answer().status, 200);
  };
  stream("openai/big", 300ms);
  EXPECT_EQ(Told(Say("#code two", "")), "openai/big none decision_matched");
  stream("acme/coder", 200ms);
  EXPECT_EQ(Told(Say("#code three", "")), "acme/coder none decision_matched");
  world.Reload(options);
  EXPECT_EQ(Told(Say("#code four", "")), "acme/coder none decision_matched");
}

class AutoTest : public PinTest {
 protected:
  static gateway::Options Options() {
    gateway::Options options = Config();
    options.decision.route = decision::RouteMode::kAuto;
    return options;
  }
  AutoTest() : PinTest(Options()) {}
};

TEST_F(AutoTest, OnlyAskingForAnAutoModelIsAskingForAChoice) {
  EXPECT_EQ(Told(Say("#code")), "openai/big none requested_model");
  EXPECT_EQ(Told(Say("#code", "s1", "", "auto")), "acme/coder set pin_set");
  EXPECT_EQ(Told(Say("#think", "s1", "", "mainstay/auto")), "acme/coder hit pin_hit");
  EXPECT_EQ(Told(Say("#think")), "openai/big none requested_model") << "a named model is meant";
  EXPECT_EQ(asked(), 1U);
}

class UnforwardedTest : public PinTest {
 protected:
  static gateway::Options Options() {
    gateway::Options options = Config();
    options.session_headers.forward_header = false;
    return options;
  }
  UnforwardedTest() : PinTest(Options()) {}
};

TEST_F(PinTest, TheSessionHeaderGoesOn) {
  Say("#code", "Run-7");
  EXPECT_EQ(world.provider(kAcme).calls().back().Header("x-session-id"), "Run-7");
}

TEST_F(UnforwardedTest, UnlessItIsToStayHere) {
  Say("#code", "Run-7");
  EXPECT_EQ(world.provider(kAcme).calls().back().Header("x-session-id"), "");
}

}  // namespace
}  // namespace mainstay
