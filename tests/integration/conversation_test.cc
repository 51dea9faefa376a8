// Conversations through the whole gateway: what a client is told, and what is remembered of answers
// that pass whole, in events, encoded, cut off or not at all.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Answer;
using support::Client;
using support::Post;
using support::World;

enum class Mode : uint8_t { kWhole, kStream };

std::string Message(std::string_view role, std::string_view text) {
  return R"({"role":")" + std::string(role) + R"(","content":")" + std::string(text) + R"("})";
}

// What the provider does with every request from now on.
void Always(World& world, const fake_provider::Action& action) {
  world.provider().fake.SetScript({});
  world.provider().On().Do(action);
}

// A client that sends its history again with each turn.
class Talk {
 public:
  Talk(World& world, Mode mode, std::string headers = "")
      : world_(world), mode_(mode), headers_(std::move(headers)) {}

  std::string Body() const {
    return R"({"model":"demo/small",)" +
           std::string(mode_ == Mode::kStream ? R"("stream":true,)" : "") + extra +
           R"("messages":[)" + history_ + "]}";
  }
  Talk& User(std::string_view text) { return Add("user", text); }
  Talk& Assistant(std::string_view text) { return Add("assistant", text); }

  Answer Send() { return world_.Ask(Post(Body(), headers_)).answer(); }
  // One turn: the model says `reply`, and the history grows by both.
  Answer Say(std::string_view text, std::string_view reply) {
    Always(world_, {.text = std::string(reply)});
    User(text);
    Answer answer = Send();
    Assistant(reply);
    return answer;
  }

  std::string extra;  // further members of the body, each with its comma

 private:
  Talk& Add(std::string_view role, std::string_view text) {
    history_ += (history_.empty() ? "" : ",") + Message(role, text);
    return *this;
  }

  World& world_;
  const Mode mode_;
  const std::string headers_;
  std::string history_;
};

// "class conversation" with the conversations in the order of their appearance.
class Labels {
 public:
  std::string Of(const Answer& answer) {
    const std::string key(answer.Header("x-mainstay-conversation"));
    const auto known = std::ranges::find(keys_, key);
    const auto at = static_cast<size_t>(known - keys_.begin());
    if (known == keys_.end()) {
      keys_.push_back(key);
    }
    return std::string(answer.Header("x-mainstay-continuity")) + " c" + std::to_string(at + 1);
  }

 private:
  std::vector<std::string> keys_;
};

class ConversationTest : public ::testing::TestWithParam<Mode> {
 protected:
  World world;
  Labels labels;
};
INSTANTIATE_TEST_SUITE_P(Modes, ConversationTest, ::testing::Values(Mode::kWhole, Mode::kStream),
                         [](const auto& row) {
                           return row.param == Mode::kWhole ? "Whole" : "Stream";
                         });

TEST_P(ConversationTest, GoesOnByWhatWasAnswered) {
  Talk one(world, GetParam());
  Talk two(world, GetParam());
  EXPECT_EQ(labels.Of(one.Say("open the door", "It is open.")), "new c1");
  EXPECT_EQ(labels.Of(two.Say("open the door", "Which door?")), "new c2");
  EXPECT_EQ(labels.Of(one.Say("close it", "It is closed.")), "extend c1");
  EXPECT_EQ(labels.Of(two.Say("the red one", "It is open.")), "extend c2");
}

TEST_P(ConversationTest, SaysThatItIsInferred) {
  const Answer answer = Talk(world, GetParam()).Say("hello", "hi");
  EXPECT_EQ(answer.Header("x-mainstay-session"), answer.Header("x-mainstay-conversation"));
  EXPECT_EQ(answer.Header("x-mainstay-session").size(), 32U);
  EXPECT_EQ(answer.Header("x-mainstay-session-source"), "inferred");
}

TEST_P(ConversationTest, AClientThatDropsItsIdKeepsItsSession) {
  Talk named(world, GetParam(), "x-session-id: s1\r\n");
  const Answer first = named.Say("hello", "hi");
  EXPECT_EQ(labels.Of(first), "explicit c1");
  Talk bare(world, GetParam());
  bare.User("hello").Assistant("hi");
  const Answer second = bare.Say("how are you", "well");
  EXPECT_EQ(labels.Of(second), "extend c1");
  EXPECT_EQ(second.Header("x-mainstay-session"), first.Header("x-mainstay-session"));
  EXPECT_EQ(second.Header("x-mainstay-session-source"), "inferred");
}

TEST_P(ConversationTest, AnAnswerThatComesEncodedIsReadAside) {
  Always(world, {.text = "packed", .gzip = fake_provider::Gzip::kAlways});
  Talk talk(world, GetParam());
  talk.User("pack it");
  EXPECT_EQ(labels.Of(talk.Send()), "new c1");
  talk.Assistant("packed");
  EXPECT_EQ(labels.Of(talk.Say("unpack it", "unpacked")), "extend c1");
}

TEST_P(ConversationTest, AnAnswerInSmallPiecesIsTheSame) {
  Always(world, {.text = "one two three", .write_bytes = 7});
  Talk talk(world, GetParam());
  talk.User("piece by piece");
  EXPECT_EQ(labels.Of(talk.Send()), "new c1");
  talk.Assistant("one two three");
  EXPECT_EQ(labels.Of(talk.Say("more", "four")), "extend c1");
}

TEST_P(ConversationTest, ARequestThatFailedIsTriedAgain) {
  Always(world, {.status = 400});
  Talk talk(world, GetParam());
  talk.User("break it");
  EXPECT_EQ(labels.Of(talk.Send()), "new c1");
  world.provider().fake.SetScript({});
  EXPECT_EQ(labels.Of(talk.Send()), "retry c1");
}

TEST_P(ConversationTest, AnIdempotencyKeyIsForOneConversation) {
  Talk talk(world, GetParam(), "idempotency-key: k\r\n");
  talk.User("pay");
  Always(world, {.text = "paid", .delay = 5s});
  Client first = world.Connect();
  first.Send(Post(talk.Body(), "idempotency-key: k\r\n"));
  world.Run();
  Client second = world.Connect();
  second.Send(Post(talk.Body(), "idempotency-key: k\r\n"));
  world.Advance(6s);
  EXPECT_EQ(labels.Of(first.answer()), "new c1");
  EXPECT_EQ(labels.Of(second.answer()), "retry c1");
}

// What was cut off is in nobody's history as it would have been.
TEST_P(ConversationTest, AnAnswerThatBreaksIsATryThatFailed) {
  Always(world,
         {.text = "a long way to go", .end = fake_provider::Ending::kReset, .after_bytes = 300});
  Talk talk(world, GetParam());
  talk.User("break off");
  talk.Send();
  world.provider().fake.SetScript({});
  const Answer again = talk.Send();
  EXPECT_EQ(again.Header("x-mainstay-continuity"), "retry");
}

TEST_F(ConversationTest, WhatAClientSawBeforeItLeftMayComeBack) {
  Always(world,
         {.text = "one two three four", .end = fake_provider::Ending::kHang, .after_events = 3});
  Talk talk(world, Mode::kStream);
  talk.User("count");
  Client client = world.Connect();
  client.Send(Post(talk.Body()));
  world.Run();
  const Answer seen = client.answer();
  EXPECT_EQ(labels.Of(seen), "new c1");
  std::string text;
  for (size_t at = seen.body.find(R"("content":")"); at != std::string::npos;
       at = seen.body.find(R"("content":")", at)) {
    at += 11;
    text += seen.body.substr(at, seen.body.find('"', at) - at);
  }
  ASSERT_FALSE(text.empty());
  client.Close();
  world.Run();
  world.provider().fake.SetScript({});
  talk.Assistant(text);
  EXPECT_EQ(labels.Of(talk.Say("go on", "five")), "extend c1");
}

// Two providers with a model each, two routes, and their router as the third.
gateway::Options Routed() {
  gateway::Options options;
  for (const auto& [name, number] :
       {std::pair("openai", 1), std::pair("acme", 2), std::pair("judge", 3)}) {
    options.catalog.providers.push_back({.name = name, .base_url = support::ReplicaUrl(number)});
  }
  options.catalog.models = {{.name = "openai/big", .provider = "openai"},
                            {.name = "acme/coder", .provider = "acme"}};
  support::AddRoutes(options, "acme/coder", "openai/big", 3);
  return options;
}

TEST_F(ConversationTest, ATitleLeavesThePinAlone) {
  World routed(Routed());
  routed.provider(3).Route("#code", "code");
  routed.provider(3).Route("#think", "think");
  const auto ask = [&](std::string_view body) {
    return routed.Ask(Post(std::string(body), "x-session-id: s1\r\n")).answer();
  };
  constexpr std::string_view kMain =
      R"({"model":"openai/big","tools":[{"type":"function","function":{"name":"sh"}}],"messages":[)"
      R"({"role":"system","content":"coder"},{"role":"user","content":"#code it"}]})";
  constexpr std::string_view kTitle =
      R"({"model":"openai/big","messages":[{"role":"system","content":"title"},)"
      R"({"role":"user","content":"#code it"}]})";
  EXPECT_EQ(ask(kMain).Header("x-mainstay-pin"), "set");
  EXPECT_EQ(ask(kTitle).Header("x-mainstay-pin"), "hit");
  routed.clock().Advance(599'999ms);
  EXPECT_EQ(ask(kTitle).Header("x-mainstay-pin"), "hit") << "and it is no use of the pin";
  routed.clock().Advance(1ms);
  EXPECT_NE(ask(kTitle).Header("x-mainstay-pin"), "hit");
}

TEST_F(ConversationTest, InferredConversationsMayBePinned) {
  gateway::Options options = Routed();
  options.pins.sessions = session::PinSessions::kAll;
  World routed(std::move(options));
  routed.provider(3).Route("#code", "code");
  routed.provider(2).On({.contains = "#code"}).Do({.text = "done"});
  const auto ask = [&](std::string_view messages) {
    return routed.Ask(Post(R"({"model":"openai/big","messages":[)" + std::string(messages) + "]}"))
        .answer();
  };
  const std::string opening = Message("user", "#code it");
  EXPECT_EQ(ask(opening).Header("x-mainstay-pin"), "set");
  const Answer next =
      ask(opening + "," + Message("assistant", "done") + "," + Message("user", "now think"));
  EXPECT_EQ(next.Header("x-mainstay-pin"), "hit");
  EXPECT_EQ(next.Header("x-mainstay-model"), "acme/coder");
}

TEST_F(ConversationTest, IdsOfTheBodyThatCameTogetherStayTogether) {
  Talk both(world, Mode::kWhole);
  both.extra = R"("session_id":"s","prompt_cache_key":"p",)";
  const Answer first = both.User("one").Send();
  EXPECT_EQ(first.Header("x-mainstay-session-source"), "body:session_id");
  EXPECT_EQ(first.Header("x-mainstay-continuity"), "new");
  Talk lower(world, Mode::kWhole);
  lower.extra = R"("prompt_cache_key":"p",)";
  const Answer second = lower.User("two").Send();
  EXPECT_EQ(second.Header("x-mainstay-session"), first.Header("x-mainstay-session"));
  EXPECT_NE(second.Header("x-mainstay-conversation"), first.Header("x-mainstay-conversation"));
}

TEST_F(ConversationTest, ANamedConversationIsTheOneOfItsName) {
  const auto ask = [&](std::string_view name, std::string_view text) {
    return Talk(world, Mode::kWhole,
                "x-session-id: s1\r\nx-conversation-id: " + std::string(name) + "\r\n")
        .User(text)
        .Send();
  };
  EXPECT_EQ(labels.Of(ask("a", "one")), "explicit c1");
  EXPECT_EQ(labels.Of(ask("b", "two")), "explicit c2");
  EXPECT_EQ(labels.Of(ask("a", "three")), "explicit c1");
}

TEST_F(ConversationTest, MayBeOff) {
  gateway::Options options = support::Replicas(1);
  options.continuity.enabled = false;
  World off(std::move(options));
  const Answer answer = Talk(off, Mode::kWhole).Say("hello", "hi");
  EXPECT_EQ(answer.Header("x-mainstay-continuity"), "off");
  EXPECT_FALSE(answer.Has("x-mainstay-conversation"));
  EXPECT_FALSE(answer.Has("x-mainstay-session"));
}

}  // namespace
}  // namespace mainstay
