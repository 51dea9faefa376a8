#include "admin/sessions_api.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "admin/testing.h"

namespace mainstay::admin {
namespace {

using namespace std::chrono_literals;

using Json = nlohmann::json;

class SessionsApiTest : public ::testing::Test, protected SessionsWorld<Json> {
 protected:
  // All sessions, page by page.
  std::vector<std::string> Walk(const std::string& query, size_t limit) {
    std::vector<std::string> all;
    std::string cursor;
    for (int pages = 0; pages < 100; ++pages) {
      const Json page = List("limit=" + std::to_string(limit) + "&" + query + "&cursor=" + cursor);
      const std::vector<std::string> some = Hashes(page);
      EXPECT_LE(some.size(), limit);
      all.insert(all.end(), some.begin(), some.end());
      if (page.at("nextCursor").is_null()) {
        return all;
      }
      cursor = page.at("nextCursor");
    }
    ADD_FAILURE() << "the pages never end";
    return all;
  }
};

// --- list ---

TEST_F(SessionsApiTest, ARowSaysWhatIsKnownAndNullForTheRest) {
  const std::string hash = Start("s1");
  const int64_t began = clock.Now().time_since_epoch().count();
  clock.Advance(60s);
  pins.Recall(Key("s1"), rules, clock.Now());
  const Json page = List();
  EXPECT_EQ(page.at("status"), 200);
  EXPECT_EQ(page.at("count"), 1);
  EXPECT_EQ(page.at("sessions").at(0), Json::parse(R"({
    "sessionId": ")" + hash + R"(", "alias": null, "model": "acme/coder", "decision": "code",
    "source": "header:x-session-id", "caller": "anonymous",
    "createdAt": )" + std::to_string(began) + R"(,
    "lastUsedAt": )" + std::to_string(began + 60'000) +
                                                   R"(,
    "expiresAt": )" + std::to_string(began + 660'000) +
                                                   R"(,
    "turns": null, "hits": 1, "switches": 0, "costUsd": null, "savedUsd": null,
    "vtcEnabled": null})"));
}

struct ExpiryCase {
  const char* name;
  session::TtlMode mode;
  std::chrono::milliseconds age_max;
  int64_t own_ttl_seconds;  // 0: none
};

constexpr ExpiryCase kExpiryCases[] = {
    {"sliding", session::TtlMode::kSliding, 0ms, 0},
    {"absolute", session::TtlMode::kAbsolute, 0ms, 0},
    {"capped", session::TtlMode::kSliding, 700s, 0},
    {"its own", session::TtlMode::kSliding, 0ms, 150},
    {"its own, capped", session::TtlMode::kSliding, 140s, 150},
};

TEST_F(SessionsApiTest, ASessionIsThereUntilItsExpiryAndNotLonger) {
  for (const ExpiryCase& row : kExpiryCases) {
    SCOPED_TRACE(row.name);
    rules.ttl_mode = row.mode;
    rules.age_max = row.age_max;
    const std::string hash = Start(row.name);
    if (row.own_ttl_seconds > 0) {
      EXPECT_EQ(
          Pin(hash, R"({"model":"code","ttlSeconds":)" + std::to_string(row.own_ttl_seconds) + "}")
              .at("status"),
          200);
    }
    clock.Advance(120s);
    pins.Recall(Key(row.name), rules, clock.Now());
    const int64_t expiry = Show(hash).at("expiresAt");
    clock.Advance(std::chrono::milliseconds(expiry - 1) - clock.Now().time_since_epoch());
    EXPECT_EQ(Show(hash).at("status"), 200);
    EXPECT_EQ(Hashes(List()), std::vector{hash});
    clock.Advance(1ms);
    EXPECT_EQ(Show(hash).at("status"), 404);
    EXPECT_EQ(Hashes(List()), std::vector<std::string>());
  }
}

struct FilterCase {
  const char* name;
  const char* query;
  std::set<std::string> want;  // names of sessions
};

TEST_F(SessionsApiTest, FindsWhatIsAskedFor) {
  Configure({"p", "q"});
  const std::map<std::string, std::string> hashes = {
      {"p1", Start("s1", kCoder, "p")},
      {"p2", Start("s two", kBig, "p")},
      {"q1", Start("s1", kCoder, "q")},
      {"qt", Start("s1", kBig, "q", "acme inc")},
      {"p4", Talk({.id = "s4", .words = "hi", .caller = "p", .model = kBig})},
      {"qi", Talk({.id = "", .words = "hi", .caller = "q"})},
  };
  Talk({.id = "s two", .words = "hi", .caller = "p"});
  const std::string whole = "search=" + hashes.at("q1");
  const std::string inferred = "search=" + hashes.at("qi");
  const std::string part = "search=" + hashes.at("p2").substr(5, 20);
  const std::string other = whole + "&caller=p";
  const FilterCase cases[] = {
      {"everything", "", {"p1", "p2", "q1", "qt", "p4", "qi"}},
      {"empty values are no filter",
       "account=&caller=&model=&search=",
       {"p1", "p2", "q1", "qt", "p4", "qi"}},
      {"of a caller", "caller=q", {"q1", "qt", "qi"}},
      {"of a caller that nobody is", "caller=z", {}},
      {"of a model", "model=openai/big", {"p2", "qt", "p4"}},
      {"of a model by its alias", "model=code", {"p1", "q1", "qi"}},
      {"of a model that is gone", "model=acme%2Fold", {}},
      {"of both", "caller=p&model=acme%2Fcoder", {"p1"}},
      {"of an account", "account=A", {}},
      {"by raw id, of every caller", "search=s1", {"p1", "q1"}},
      {"by raw id, of one caller", "search=s1&caller=q", {"q1"}},
      {"by raw id, of a model", "search=s1&model=openai/big", {}},
      {"by raw id, in a tenant", "search=s1&tenant=acme+inc", {"qt"}},
      {"by raw id with escapes", "search=s%20two", {"p2"}},
      {"by raw id, not pinned", "search=s4", {"p4"}},
      {"by hash", whole.c_str(), {"q1"}},
      {"by hash, inferred", inferred.c_str(), {"qi"}},
      {"by hash, of another caller", other.c_str(), {}},
      {"by part of the hash", part.c_str(), {"p2"}},
      {"by an id that nobody has", "search=s3", {}},
  };
  for (const FilterCase& row : cases) {
    SCOPED_TRACE(row.name);
    std::set<std::string> want;
    for (const std::string& name : row.want) {
      want.insert(hashes.at(name));
    }
    const std::vector<std::string> got = Walk(row.query, 100);
    EXPECT_EQ(std::set(got.begin(), got.end()), want);
    const std::vector<std::string> slowly = Walk(row.query, 1);
    EXPECT_EQ(slowly, got) << "one by one";
  }
}

TEST_F(SessionsApiTest, AnIdThatIsPartOfItsHashIsGivenOnce) {
  std::string id;
  for (int n = 0; id.empty(); ++n) {
    const std::string candidate = std::to_string(n);
    if (Hash(Key(candidate)).find(candidate) != std::string::npos) {
      id = candidate;
    }
  }
  const std::string hash = Start(id);
  EXPECT_EQ(Walk("search=" + id, 10), std::vector{hash});
  EXPECT_EQ(Walk("search=" + id, 1), std::vector{hash});
}

TEST_F(SessionsApiTest, PagesShowEverySessionOnce) {
  std::vector<std::string> started;
  for (int n = 0; n < 23; ++n) {
    const std::string id = "s" + std::to_string(n);
    // Pinned, known by their conversations, both; with and without an id.
    if (n % 3 != 0) {
      Talk({.id = id, .words = id});
      Talk({.id = id, .words = "again"});
    }
    started.push_back(n % 3 == 1 ? Hash(Key(id)) : Start(id));
  }
  for (int n = 0; n < 7; ++n) {
    started.push_back(Talk({.id = "", .words = "inferred" + std::to_string(n)}));
  }
  std::ranges::sort(started);
  for (const size_t limit : {1U, 5U, 15U, 22U, 23U, 29U, 30U, 31U}) {
    std::vector<std::string> seen = Walk("", limit);
    std::ranges::sort(seen);
    EXPECT_EQ(seen, started) << limit;
    EXPECT_EQ(List().at("count"), started.size());
  }
}

TEST_F(SessionsApiTest, WhatChangesBetweenTwoPagesHidesNothing) {
  for (int n = 0; n < 10; ++n) {
    const std::string id = "s" + std::to_string(n);
    Start(id);
    if (n % 2 == 0) {
      Talk({.id = id, .words = "hi"});
    }
  }
  const Json first = List("limit=5");
  const std::vector<std::string> seen = Hashes(first);
  std::set<std::string> rest;
  for (const std::string& hash : Hashes(List())) {
    rest.insert(hash);
  }
  for (const std::string& hash : seen) {
    rest.erase(hash);
  }
  EXPECT_EQ(Delete(seen[0]).at("status"), 200);
  EXPECT_EQ(Pin(seen[1], R"({"model":"openai/big"})").at("status"), 200);
  EXPECT_EQ(Pin(*rest.begin(), R"({"model":"openai/big"})").at("status"), 200);
  Start("newcomer");
  for (int n = 0; n < 10; n += 2) {
    const std::string id = "s" + std::to_string(n);
    if (Hash(Key(id)) != seen[0]) {
      Talk({.id = id, .words = "something else"});
    }
  }
  const std::vector<std::string> later =
      Hashes(List("limit=50&cursor=" + std::string(first.at("nextCursor"))));
  for (const std::string& hash : later) {
    EXPECT_EQ(std::ranges::count(seen, hash), 0);
    rest.erase(hash);
  }
  EXPECT_TRUE(rest.empty());
}

struct BadQueryCase {
  const char* query;
  const char* field;
};

constexpr BadQueryCase kBadQueryCases[] = {
    {"limit=abc", "limit"},
    {"limit=-1", "limit"},
    {"limit=0", "limit"},
    {"limit=1001", "limit"},
    {"limit=5x", "limit"},
    {"limit=99999999999999999999", "limit"},
    {"cursor=%21%21not-a-cursor", "cursor"},
    {"cursor=t", "cursor"},
    {"cursor=tx", "cursor"},
    {"cursor=t-1", "cursor"},
    {"cursor=x1", "cursor"},
    {"cursor=t99999999999999999999", "cursor"},
    {"caller=%4", "caller"},
    {"caller=p&caller=q", "caller"},
    {"calller=p", "calller"},
};

TEST_F(SessionsApiTest, BadQueriesNameTheField) {
  Start("s1");
  for (const BadQueryCase& row : kBadQueryCases) {
    SCOPED_TRACE(row.query);
    const Json answer = List(row.query);
    EXPECT_EQ(answer.at("status"), 400);
    EXPECT_EQ(answer.at("error").at("code"), "VALIDATION_ERROR");
    EXPECT_EQ(answer.at("error").at("details").at(0).at("field"), row.field);
  }
  EXPECT_EQ(List("limit=x&cursor=x").at("error").at("details").size(), 2U);
  EXPECT_EQ(List("search=" + std::string(257, 'x')).at("status"), 400);
  // Far beyond the end there is nothing, and nothing breaks.
  EXPECT_EQ(Hashes(List("cursor=t18446744073709551615")), std::vector<std::string>());
  EXPECT_EQ(Hashes(List("search=s1&cursor=c18446744073709551615")), std::vector<std::string>());
}

// --- one session ---

TEST_F(SessionsApiTest, LooksIdsUp) {
  const std::string hash = Start("s1");
  EXPECT_EQ(Lookup(R"({"session_id":"s1"})"), Json::parse(R"({"status":200,"sessionId":")" + hash +
                                                          R"(","exists":true,
              "sessions":[{"sessionId":")" + hash + R"(","caller":"anonymous"}]})"));
  EXPECT_EQ(Lookup(R"({"sessionId":"s1"})").at("exists"), true);
  EXPECT_EQ(Lookup(R"({"sessionId":"s\u0031"})").at("exists"), true);
  const Json unknown = Lookup(R"({"session_id":"s2"})");
  EXPECT_EQ(unknown.at("exists"), false);
  EXPECT_EQ(unknown.at("sessionId"), Hash(Key("s2")));
}

TEST_F(SessionsApiTest, LooksIdsOfSeveralCallersUp) {
  Configure({"p", "q"});
  const std::string mine = Start("s1", kCoder, "p");
  const std::string other = Start("s1", kCoder, "q", "acme");
  EXPECT_EQ(Lookup(R"({"session_id":"s1"})").at("sessionId"), mine);
  EXPECT_EQ(Lookup(R"({"session_id":"s1","tenant":"acme"})").at("sessionId"), other);
  EXPECT_EQ(Lookup(R"({"session_id":"s1","caller":"q"})").at("exists"), false);
  EXPECT_EQ(Lookup(R"({"session_id":"s1","caller":"q"})").at("sessionId"), Hash(Key("s1", "q")));
  EXPECT_TRUE(Lookup(R"({"session_id":"s2"})").at("sessionId").is_null());
}

TEST_F(SessionsApiTest, AnUnknownSessionIs404) {
  Start("s1");
  for (const std::string_view id : {kNoHash, std::string_view("0000000000000000"),
                                    std::string_view("s1"), std::string_view("lookup")}) {
    SCOPED_TRACE(id);
    for (const Json& answer : {Show(id), Delete(id), Unpin(id), Pin(id, R"({"model":"code"})")}) {
      EXPECT_EQ(answer.at("status"), 404);
      EXPECT_EQ(answer.at("error").at("code"), "SESSION_NOT_FOUND");
    }
  }
  EXPECT_EQ(List().at("count"), 1);
}

TEST_F(SessionsApiTest, DeletesOneOrAllOfACaller) {
  Configure({"p", "q"});
  const std::string first = Start("s1", kCoder, "p");
  Start("s2", kCoder, "p");
  Start("s3", kCoder, "p");
  const std::string kept = Start("s1", kCoder, "q");
  // Those that are known by conversations count once each.
  Talk({.id = "s1", .words = "hi", .caller = "p"});
  Talk({.id = "s2", .words = "hi", .caller = "p"});
  Talk({.id = "s2", .words = "other", .caller = "p"});
  Talk({.id = "", .words = "hello", .caller = "p"});
  Talk({.id = "s1", .words = "hi", .caller = "q"});
  EXPECT_EQ(Delete(first), Json::parse(R"({"status":200,"ok":true,"deleted":1})"));
  EXPECT_EQ(Delete(first).at("status"), 404);
  EXPECT_EQ(DeleteMany("caller=p"), Json::parse(R"({"status":200,"ok":true,"deleted":3})"));
  EXPECT_EQ(conversations.stats().conversations, 1);
  EXPECT_EQ(DeleteMany("caller=nobody").at("deleted"), 0);
  for (const std::string_view query : {"", "caller=", "model=code", "caller=q&model=code"}) {
    EXPECT_EQ(DeleteMany(query).at("status"), 400) << query;
  }
  EXPECT_EQ(Hashes(List()), std::vector{kept});
  const std::string inferred = Talk({.id = "", .words = "hello", .caller = "p"});
  EXPECT_EQ(Delete(inferred).at("deleted"), 1);
  EXPECT_EQ(Show(inferred).at("status"), 404);
}

// --- pin ---

TEST_F(SessionsApiTest, PinsToAModel) {
  const std::string hash = Start("s1");
  const Json answer = Pin(hash, R"({"model":"openai/big","ttl_seconds":30,"account":null})");
  EXPECT_EQ(answer.at("status"), 200);
  EXPECT_EQ(answer.at("session").at("model"), kBig);
  EXPECT_EQ(answer.at("session").at("ttlSeconds"), 30);
  EXPECT_EQ(answer.at("session").at("switches"), 1);
  Json shown = Show(hash);
  shown.erase("status");
  EXPECT_EQ(answer.at("session"), shown);
  // The decision goes on naming the models to fall back on.
  EXPECT_EQ(shown.at("decision"), "code");
  EXPECT_EQ(shown.at("caller"), "anonymous");
  EXPECT_TRUE(Pin(hash, R"({"model":"code"})").at("session").at("ttlSeconds").is_null());
  EXPECT_EQ(Show(hash).at("model"), kCoder);
  EXPECT_EQ(Unpin(hash), Json::parse(R"({"status":200,"ok":true})"));
  EXPECT_EQ(Show(hash).at("status"), 404);
}

struct BadPinCase {
  const char* body;
  const char* code;
  const char* field;  // null: no details
};

constexpr BadPinCase kBadPinCases[] = {
    {R"({"model":"openai/none-such"})", "VALIDATION_ERROR", "model"},
    {R"({"model":"auto"})", "VALIDATION_ERROR", "model"},
    {R"({"model":""})", "VALIDATION_ERROR", "model"},
    {R"({"model":7})", "VALIDATION_ERROR", "model"},
    {R"({})", "VALIDATION_ERROR", "model"},
    {R"({"model":null})", "VALIDATION_ERROR", "model"},
    {R"({"model":"openai/big","ttlSeconds":-1})", "VALIDATION_ERROR", "ttlSeconds"},
    {R"({"model":"openai/big","ttlSeconds":0})", "VALIDATION_ERROR", "ttlSeconds"},
    {R"({"model":"openai/big","ttlSeconds":1.5})", "VALIDATION_ERROR", "ttlSeconds"},
    {R"({"model":"openai/big","ttl_seconds":"30"})", "VALIDATION_ERROR", "ttlSeconds"},
    {R"({"model":"openai/big","ttlSeconds":31622401})", "VALIDATION_ERROR", "ttlSeconds"},
    {R"({"model":"openai/big","ttl":30})", "VALIDATION_ERROR", "ttl"},
    {R"({"model":"openai/big","ttlSeconds":1,"ttl_seconds":2})", "VALIDATION_ERROR", "ttlSeconds"},
    {R"({"model":"openai/big","account":"A"})", "VALIDATION_ERROR", "account"},
    {R"({"model":"openai/big")", "INVALID_JSON", nullptr},
    {R"(["openai/big"])", "INVALID_JSON", nullptr},
    {"", "INVALID_JSON", nullptr},
};

TEST_F(SessionsApiTest, ABadPinIsRefusedAndTheOldOneStays) {
  const std::string hash = Start("s1");
  for (const BadPinCase& row : kBadPinCases) {
    SCOPED_TRACE(row.body);
    const Json answer = Pin(hash, row.body);
    EXPECT_EQ(answer.at("status"), 400);
    EXPECT_EQ(answer.at("error").at("code"), row.code);
    const Json& details = answer.at("error").at("details");
    EXPECT_EQ(details.empty() ? "" : details.at(0).at("field"),
              row.field == nullptr ? "" : row.field);
  }
  EXPECT_EQ(Show(hash).at("model"), kCoder);
  EXPECT_EQ(Show(hash).at("switches"), 0);
  const Json unknown = Pin(hash, R"({"model":"openai/bg"})").at("error").at("details").at(0);
  EXPECT_EQ(unknown.at("message"), "is not configured; did you mean openai/big?");
  EXPECT_EQ(unknown.at("constraint"), "one of openai/big, acme/coder");
  EXPECT_EQ(Pin(hash, R"({"model":"x","ttlSeconds":0})").at("error").at("details").size(), 2U);
}

TEST_F(SessionsApiTest, APinThatCouldNotHoldIsRefused) {
  Configure({"p"});
  const std::string hash = Start("s1", kCoder, "p");
  callers[0].allow_models = {"acme/*"};
  EXPECT_EQ(Pin(hash, R"({"model":"openai/big"})").at("status"), 400);
  EXPECT_EQ(Pin(hash, R"({"model":"acme/coder"})").at("status"), 200);
  rules.sessions = session::PinSessions::kOff;
  EXPECT_EQ(Pin(hash, R"({"model":"acme/coder"})").at("status"), 400);
}

}  // namespace
}  // namespace mainstay::admin
