// What the calls about sessions say of conversations.
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "admin/testing.h"

namespace mainstay::admin {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

class SessionsOfConversationsTest : public ::testing::Test, protected SessionsWorld<Json> {};

TEST_F(SessionsOfConversationsTest, ASessionThatIsNotPinnedIsARowToo) {
  const std::string hash = Talk({.id = "s1", .words = "hi", .model = kBig, .vtc = true});
  const int64_t began = clock.Now().time_since_epoch().count();
  clock.Advance(60s);
  Talk({.id = "s1", .words = "hi there"});
  const std::string inferred = Talk({.id = "", .words = "hello", .caller = "p", .model = kBig});
  const Json page = List();
  EXPECT_EQ(page.at("count"), 2);
  const std::vector<std::string> order = Hashes(page);
  ASSERT_EQ(std::set(order.begin(), order.end()), (std::set{hash, inferred}));
  const size_t at = order[0] == hash ? 0 : 1;
  EXPECT_EQ(page.at("sessions").at(at), Json::parse(R"({
    "sessionId": ")" + hash + R"(", "alias": null, "model": "acme/coder", "decision": null,
    "source": "header:x-session-id", "caller": "anonymous",
    "createdAt": )" + std::to_string(began) + R"(,
    "lastUsedAt": )" + std::to_string(began + 60'000) +
                                                    R"(,
    "expiresAt": )" + std::to_string(began + 60'000 + 604'800'000) +
                                                    R"(,
    "turns": 2, "hits": null, "switches": null, "costUsd": 0.0025, "savedUsd": null,
    "vtcEnabled": true})"));
  const Json& other = page.at("sessions").at(1 - at);
  EXPECT_EQ(other.at("source"), "inferred");
  EXPECT_EQ(other.at("caller"), "p");
  EXPECT_EQ(other.at("model"), kBig);
  EXPECT_EQ(other.at("turns"), 1);
  EXPECT_EQ(other.at("vtcEnabled"), false);
}

TEST_F(SessionsOfConversationsTest, APinSaysTheModelAndTheEndOfItsSession) {
  Talk({.id = "s1", .words = "hi", .model = kBig});
  const int64_t began = clock.Now().time_since_epoch().count();
  clock.Advance(1s);
  const std::string hash = Start("s1", kCoder);
  Talk({.id = "s1", .words = "hi there", .model = kBig});  // a failover
  const Json page = List();
  EXPECT_EQ(page.at("count"), 1);
  const Json& row = page.at("sessions").at(0);
  EXPECT_EQ(row.at("sessionId"), hash);
  EXPECT_EQ(row.at("model"), kCoder);
  EXPECT_EQ(row.at("decision"), "code");
  EXPECT_EQ(row.at("turns"), 2);
  EXPECT_EQ(row.at("hits"), 0);
  EXPECT_EQ(row.at("createdAt"), began);
  EXPECT_EQ(row.at("expiresAt"), began + 601'000);
  EXPECT_EQ(List("model=code").at("sessions").size(), 1U);
  EXPECT_EQ(List("model=openai/big").at("sessions").size(), 0U);
  const Json pinned = Show(hash);
  EXPECT_EQ(pinned.at("pinned"), true);
  EXPECT_EQ(pinned.at("pinnedAt"), began + 1000);
  // The pin ends; the session goes on.
  clock.Advance(600s);
  const Json shown = Show(hash);
  EXPECT_EQ(shown.at("pinned"), false);
  EXPECT_TRUE(shown.at("pinnedAt").is_null());
  EXPECT_EQ(shown.at("model"), kBig);
  EXPECT_EQ(shown.at("expiresAt"), began + 1000 + 604'800'000);
  EXPECT_EQ(List().at("count"), 1);
  clock.Advance(168h - 600s);
  EXPECT_EQ(Show(hash).at("status"), 404);
  EXPECT_EQ(List().at("count"), 0);
  EXPECT_EQ(conversations.stats().conversations, 0);
}

TEST_F(SessionsOfConversationsTest, AConversationInASessionIsNoSessionOfItsOwn) {
  const std::string hash = Talk({.id = "s1", .words = "hi"});
  const std::string inner = Show(hash).at("conversations").at(0).at("conversationId");
  EXPECT_EQ(Show(inner).at("status"), 404);
  EXPECT_EQ(Delete(inner).at("status"), 404);
  EXPECT_EQ(SetVtc(inner, R"({"enabled":true})").at("status"), 404);
  EXPECT_EQ(Show(hash).at("vtcEnabled"), false);
}

TEST_F(SessionsOfConversationsTest, PinsASessionThatWasNot) {
  const std::string hash = Talk({.id = "s1", .words = "hi"});
  const std::string inferred = Talk({.id = "", .words = "hello", .caller = "p"});
  EXPECT_EQ(Unpin(hash).at("status"), 200);
  const Json answer = Pin(hash, R"({"model":"openai/big"})");
  EXPECT_EQ(answer.at("status"), 200);
  EXPECT_EQ(answer.at("session").at("model"), kBig);
  EXPECT_EQ(answer.at("session").at("pinned"), true);
  EXPECT_EQ(answer.at("session").at("turns"), 1);
  const Json useless = Pin(inferred, R"({"model":"openai/big"})");
  EXPECT_EQ(useless.at("status"), 400);
  EXPECT_EQ(useless.at("error").at("details").at(0).at("field"), "routing.pin_sessions");
  rules.sessions = session::PinSessions::kAll;
  EXPECT_EQ(Pin(inferred, R"({"model":"openai/big"})").at("status"), 200);
  const auto find = [this](const std::string& of) {
    SessionKey key;
    EXPECT_TRUE(ParseSessionKey(of, key));
    return pins.Find(key, rules, clock.Now()).value_or(mainstay::Pin());
  };
  EXPECT_EQ(find(hash).model, kBig);
  EXPECT_EQ(find(hash).caller, "anonymous");
  EXPECT_EQ(find(hash).source, "header:x-session-id");
  EXPECT_EQ(find(inferred).caller, "p");
  EXPECT_EQ(find(inferred).source, "inferred");
  EXPECT_EQ(Unpin(hash).at("status"), 200);
  EXPECT_EQ(Show(hash).at("pinned"), false);
  EXPECT_EQ(Show(hash).at("model"), kCoder);
}

TEST_F(SessionsOfConversationsTest, ASessionShowsItsConversationsAndTheirBranches) {
  const std::string hash = Talk({.id = "s1", .words = "fix"});
  Talk({.id = "s1", .words = "fix left"});
  clock.Advance(1s);
  Talk({.id = "s1", .words = "fix right"});
  clock.Advance(1s);
  Talk({.id = "s1", .words = "fix sum", .model = kBig, .system = "title", .tools = false});
  const Json session = Show(hash);
  EXPECT_EQ(session.at("turns"), 4);
  EXPECT_EQ(session.at("conversationCount"), 2);
  ASSERT_EQ(session.at("conversations").size(), 2U);
  const Json& side = session.at("conversations").at(0);
  EXPECT_EQ(side.at("auxiliary"), true);
  EXPECT_EQ(side.at("model"), kBig);
  Json main = session.at("conversations").at(1);
  const std::string main_id = main.at("conversationId");
  EXPECT_TRUE(IsHash(main_id));
  const int64_t used = clock.Now().time_since_epoch().count() - 1000;
  EXPECT_EQ(main, Json::parse(R"({"conversationId": ")" + main_id + R"(", "turns": 3,
    "createdAt": )" + std::to_string(used - 1000) +
                              R"(, "lastUsedAt": )" + std::to_string(used) + R"(,
    "model": "acme/coder", "promptTokens": 300, "completionTokens": 30, "costUsd": 0.00375,
    "auxiliary": false, "branches": [
      {"branch": 0, "parentBranch": 0, "replies": 2, "messages": 4},
      {"branch": 1, "parentBranch": 0, "replies": 1, "messages": 4}]})"));
  EXPECT_NE(api.Show({.id = hash}).body.find(R"("costUsd":0.00375,)"), std::string::npos);
  ASSERT_EQ(session.at("branches").size(), 3U);
  Json branch = session.at("branches").at(2);
  EXPECT_EQ(branch.at("conversationId"), main_id);
  branch.erase("conversationId");
  EXPECT_EQ(branch, main.at("branches").at(1));
  const Json pinned = Show(Start("s2"));
  EXPECT_EQ(pinned.at("branches"), Json::array());
  EXPECT_EQ(pinned.at("conversations"), Json::array());
  EXPECT_EQ(pinned.at("conversationCount"), 0);
}

struct BadVtcCase {
  const char* body;
  int status;
  const char* code;
};

constexpr BadVtcCase kBadVtcCases[] = {
    {R"({})", 400, "VALIDATION_ERROR"},
    {R"({"enabled":null})", 400, "VALIDATION_ERROR"},
    {R"({"enabled":"no"})", 400, "VALIDATION_ERROR"},
    {R"({"enabled":0})", 400, "VALIDATION_ERROR"},
    {R"({"enabled":false,"enable":false})", 400, "VALIDATION_ERROR"},
    {R"({"enabled":false,"enabled":false})", 400, "VALIDATION_ERROR"},
    {R"(false)", 400, "INVALID_JSON"},
    {"", 400, "INVALID_JSON"},
};

TEST_F(SessionsOfConversationsTest, TheFlagOfToolsInTextIsSetForTheSession) {
  const std::string hash = Talk({.id = "s1", .words = "hi", .vtc = true});
  for (const BadVtcCase& row : kBadVtcCases) {
    SCOPED_TRACE(row.body);
    const Json answer = SetVtc(hash, row.body);
    EXPECT_EQ(answer.at("status"), row.status);
    EXPECT_EQ(answer.at("error").at("code"), row.code);
    EXPECT_EQ(Show(hash).at("vtcEnabled"), true);
  }
  EXPECT_EQ(SetVtc(hash, R"({"enabled":false})"), Json::parse(R"({"status":200,"ok":true})"));
  EXPECT_EQ(Show(hash).at("vtcEnabled"), false);
  // Later conversations of the session have it from there.
  Talk({.id = "s1", .words = "other", .vtc = true});
  EXPECT_EQ(Show(hash).at("vtcEnabled"), false);
  const std::string inferred = Talk({.id = "", .words = "hello"});
  EXPECT_EQ(SetVtc(inferred, R"({"enabled":true})").at("status"), 200);
  EXPECT_EQ(Show(inferred).at("vtcEnabled"), true);
  const std::string pinned = Start("s2");
  EXPECT_TRUE(Show(pinned).at("vtcEnabled").is_null());
  for (const std::string_view id : {std::string_view(pinned), kNoHash, std::string_view("s1")}) {
    const Json answer = SetVtc(id, R"({"enabled":true})");
    EXPECT_EQ(answer.at("status"), 404);
    EXPECT_EQ(answer.at("error").at("code"), "SESSION_NOT_FOUND");
  }
}

}  // namespace
}  // namespace mainstay::admin
