// What an operator does to sessions while they are used: the admin listener and the data plane
// together.
#include "admin/admin_service.h"
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Answer;
using support::Chat;
using support::Client;
using support::Post;
using support::World;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kOpenAi = 1;
constexpr int kRouter = 2;
constexpr uint16_t kAdminPort = 12'001;
constexpr std::string_view kJson = "content-type: application/json\r\n";

gateway::Options Config() {
  gateway::Options options;
  options.catalog.providers = {{.name = "openai", .base_url = support::ReplicaUrl(kOpenAi)},
                               {.name = "judge", .base_url = support::ReplicaUrl(kRouter)}};
  options.catalog.models = {{.name = "openai/big", .provider = "openai"},
                            {.name = "openai/small", .provider = "openai"}};
  support::AddRoutes(options, "openai/small", "openai/big", kRouter);
  return options;
}

class OperatorTest : public ::testing::Test {
 protected:
  OperatorTest() {
    world.provider(kRouter).Route("#code", "code");
    world.provider(kRouter).Route("#think", "think");
    listener = world.loop()
                   .Listen({.host = std::string(World::kHost), .port = kAdminPort}, server)
                   .value();
  }
  ~OperatorTest() override {
    listener.reset();
    server.CloseAll();
    world.Run();
  }

  static std::string Turn(std::string_view text, std::string_view id) {
    return Post(Chat("", text, "openai/big"), "x-session-id: " + std::string(id) + "\r\n");
  }
  Answer Say(std::string_view text, std::string_view id) {
    return world.Ask(Turn(text, id)).answer();
  }
  // "model pin" of an answer.
  static std::string Told(const Answer& answer) {
    return std::string(answer.Header("x-mainstay-model")) + " " +
           std::string(answer.Header("x-mainstay-pin"));
  }
  static std::string HashOf(const Answer& answer) {
    return std::string(answer.Header("x-mainstay-session"));
  }

  Answer Admin(std::string_view method, std::string_view path, std::string_view headers = kJson,
               std::string_view body = "", std::string_view host = "localhost:12001") {
    Client client(world.loop(), std::string(World::kHost), kAdminPort);
    client.Send(std::string(method) + " " + std::string(path) +
                " HTTP/1.1\r\nhost: " + std::string(host) + "\r\n" + std::string(headers) +
                "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    world.Run();
    return client.answer(method == "HEAD" ? "H" : "");
  }
  Answer Pin(const std::string& hash, std::string_view body) {
    return Admin("POST", "/api/sessions/" + hash + "/pin", kJson, body);
  }
  int64_t count() { return world.pins().Count(world.snapshot().options.pins, world.clock().Now()); }

  World world{Config()};
  http::Limits limits;
  http::SharedCounts connections;
  admin::AdminService service{{},
                              {.metrics = [] { return std::string("# none\n"); },
                               .state_json = [] { return std::string("{}"); },
                               .config_text = [] { return std::string("version: 1\n"); },
                               .reload = [] { return admin::ReloadOutcome{.hash = "0"}; },
                               .sessions = {.pins = world.pins(),
                                            .conversations = world.conversations(),
                                            .aliases = world.aliases(),
                                            .clock = world.clock(),
                                            .settings =
                                                [this] {
                                                  const gateway::Snapshot& snapshot =
                                                      world.snapshot();
                                                  return admin::SessionSettings{
                                                      .pins = snapshot.options.pins,
                                                      .continuity = snapshot.options.continuity,
                                                      .catalog = snapshot.catalog,
                                                      .ids = snapshot.session_ids,
                                                      .callers = snapshot.options.identity.callers};
                                                }}},
                              Random(7)};
  http::Server server{world.loop(), limits, service, connections};
  std::unique_ptr<io::Listener> listener;
};

TEST_F(OperatorTest, WhatTheHeaderSaysIsWhatTheListShows) {
  const std::string hash = HashOf(Say("#code", "needle-42"));
  const Answer list = Admin("GET", "/api/sessions?search=needle-42");
  EXPECT_EQ(list.status, 200);
  EXPECT_THAT(list.body, HasSubstr(hash));
  EXPECT_THAT(Admin("GET", "/api/sessions/" + hash).body, HasSubstr("openai/small"));
  EXPECT_THAT(Admin("POST", "/api/sessions/lookup", kJson, R"({"session_id":"needle-42"})").body,
              HasSubstr(hash));
  for (const std::string& path :
       {std::string("/api/sessions"), "/api/sessions/" + hash,
        std::string("/api/sessions/needle-42"), std::string("/api/sessions?cursor=needle-42")}) {
    EXPECT_THAT(Admin("GET", path).body, Not(HasSubstr("needle-42"))) << path;
  }
}

TEST_F(OperatorTest, EverySessionIsThereWithItsTurns) {
  const Answer first = world.Ask(Post(Chat("", "hello", "openai/big"))).answer();
  const std::string inferred = HashOf(first);
  EXPECT_EQ(first.Header("x-mainstay-conversation"), inferred);
  const std::string named = HashOf(Say("#code", "s1"));
  Say("#code more", "s1");
  for (const auto& [hash, part] :
       {std::pair(inferred, R"("turns":1,"hits":null)"),
        std::pair(inferred, R"("source":"inferred")"), std::pair(inferred, R"("pinned":false)"),
        std::pair(inferred, R"("branches":[{"conversationId":)"),
        std::pair(inferred, R"("model":"openai/big")"), std::pair(named, R"("turns":2,"hits":1)"),
        std::pair(named, R"("conversationCount":2)"), std::pair(named, R"("vtcEnabled":false)")}) {
    EXPECT_THAT(Admin("GET", "/api/sessions/" + hash).body, HasSubstr(part));
  }
  const std::string list = Admin("GET", "/api/sessions").body;
  EXPECT_THAT(list, HasSubstr(inferred));
  EXPECT_THAT(list, HasSubstr(named));
  EXPECT_THAT(list, HasSubstr(R"("count":2)"));
  EXPECT_EQ(Admin("POST", "/api/sessions/" + named + "/vtc", kJson, R"({"enabled":true})").status,
            200);
  EXPECT_THAT(Admin("GET", "/api/sessions/" + named).body, HasSubstr(R"("vtcEnabled":true)"));
  EXPECT_EQ(Admin("DELETE", "/api/sessions/" + inferred).status, 200);
  EXPECT_EQ(Admin("GET", "/api/sessions/" + inferred).status, 404);
}

TEST_F(OperatorTest, ASessionThatWasNeverPinnedCanBe) {
  const std::string hash = HashOf(Say("hello", "s1"));
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(Pin(hash, R"({"model":"openai/small"})").status, 200);
  EXPECT_EQ(Told(Say("#think", "s1")), "openai/small hit");
}

TEST_F(OperatorTest, ADeletedSessionBeginsAnew) {
  const std::string hash = HashOf(Say("#code", "s1"));
  EXPECT_EQ(Admin("DELETE", "/api/sessions/" + hash).body, R"({"ok":true,"deleted":1})");
  EXPECT_EQ(Told(Say("#think", "s1")), "openai/big set");
}

TEST_F(OperatorTest, APinHoldsForItsTime) {
  const std::string hash = HashOf(Say("#code", "s1"));
  EXPECT_EQ(Pin(hash, R"({"model":"openai/big","ttlSeconds":30})").status, 200);
  EXPECT_EQ(Told(Say("#code", "s1")), "openai/big hit");
  world.clock().Advance(29'999ms);
  EXPECT_EQ(Told(Say("#code", "s1")), "openai/big hit");
  world.clock().Advance(1ms);
  EXPECT_EQ(Told(Say("#code", "s1")), "openai/small set");
}

TEST_F(OperatorTest, APinOutlivesTheRouterAndFallsBack) {
  const std::string hash = HashOf(Say("#code", "s1"));
  EXPECT_EQ(Pin(hash, R"({"model":"openai/big"})").status, 200);
  world.provider(kOpenAi).On({.model = "big"}).Do({.status = 503});
  EXPECT_EQ(Told(Say("#code", "s1")), "openai/small failover");
  EXPECT_THAT(Admin("GET", "/api/sessions/" + hash).body, HasSubstr(R"("failovers":1)"));
}

TEST_F(OperatorTest, UnpinRoutesAnew) {
  const std::string hash = HashOf(Say("#code", "s1"));
  EXPECT_EQ(Admin("POST", "/api/sessions/" + hash + "/unpin", kJson, "{}").status, 200);
  EXPECT_EQ(Told(Say("#think", "s1")), "openai/big set");
}

// What an operator does while a turn is under way, and what that turn may have left behind.
struct InFlightCase {
  const char* name;
  bool pinned_before;
  const char* method;
  const char* path;  // %: the hash
  int status;
  int status_after;  // of the session
};

constexpr InFlightCase kInFlightCases[] = {
    {"a later turn, deleted", true, "DELETE", "/api/sessions/%", 200, 404},
    {"a later turn, unpinned", true, "POST", "/api/sessions/%/unpin", 200, 200},
    {"a later turn, its caller deleted", true, "DELETE", "/api/sessions?caller=anonymous", 200,
     404},
    // Nothing is there yet to be deleted; the turn leaves nothing all the same.
    {"the first turn, deleted", false, "DELETE", "/api/sessions/%", 404, 404},
};

TEST_F(OperatorTest, ATurnInFlightFinishesAndDoesNotBringTheSessionBack) {
  int turn = 0;
  for (const InFlightCase& row : kInFlightCases) {
    SCOPED_TRACE(row.name);
    const std::string id = "s" + std::to_string(++turn);
    const SessionKeyText text = TextOf(world.snapshot().session_ids.KeyOf("anonymous", "", id));
    const std::string hash(text.data(), text.size());
    if (row.pinned_before) {
      EXPECT_EQ(HashOf(Say("#code", id)), hash);
    }
    world.provider(kOpenAi).On({.contains = "slowly"}).Do({.delay = 400ms});
    Client running = world.Ask(Turn("#code slowly", id));
    ASSERT_EQ(running.answers().list.size(), 0U);
    std::string path = row.path;
    if (const size_t at = path.find('%'); at != std::string::npos) {
      path.replace(at, 1, hash);
    }
    EXPECT_EQ(Admin(row.method, path).status, row.status);
    world.Advance(1s);
    EXPECT_EQ(running.answer().status, 200);
    EXPECT_EQ(Admin("GET", "/api/sessions/" + hash).status, row.status_after);
    EXPECT_EQ(Told(Say("#think", id)), "openai/big set");
  }
}

TEST_F(OperatorTest, APinWhileATurnIsInFlightStays) {
  const std::string hash = HashOf(Say("#code", "s1"));
  world.provider(kOpenAi).On({.contains = "slowly"}).Do({.delay = 400ms});
  Client running = world.Ask(Turn("#code slowly", "s1"));
  EXPECT_EQ(Pin(hash, R"({"model":"openai/big"})").status, 200);
  world.Advance(1s);
  EXPECT_EQ(Told(running.answer()), "openai/small hit");
  EXPECT_EQ(Told(Say("#code", "s1")), "openai/big hit");
}

// --- who may, and where ---

struct AccessCase {
  const char* name;
  const char* method;
  const char* path;
  const char* headers;
  int status;
  const char* host = "localhost:12001";
};

constexpr AccessCase kAccessCases[] = {
    {"a list", "GET", "/api/sessions", "", 200},
    {"its head", "HEAD", "/api/sessions", "", 200},
    {"a foreign host", "GET", "/api/sessions", "", 403, "evil.example"},
    {"a foreign origin", "GET", "/api/sessions", "origin: https://evil.example\r\n", 403},
    {"a form of another page", "DELETE", "/api/sessions?caller=anonymous",
     "content-type: application/x-www-form-urlencoded\r\n", 403},
    {"no content type", "DELETE", "/api/sessions?caller=anonymous", "", 403},
    {"the csrf header", "DELETE", "/api/sessions?caller=anonymous", "x-mainstay-csrf: 1\r\n", 200},
    {"all at once", "DELETE", "/api/sessions", "x-mainstay-csrf: 1\r\n", 400},
    {"an empty id", "DELETE", "/api/sessions/", "x-mainstay-csrf: 1\r\n", 400},
    {"an empty id to pin", "POST", "/api/sessions//pin", "x-mainstay-csrf: 1\r\n", 400},
    {"a broken escape", "DELETE", "/api/sessions/%E0%A4%A", "x-mainstay-csrf: 1\r\n", 400},
    {"an escape", "GET", "/api/sessions/%66%66", "", 404},
    {"an escaped slash", "GET", "/api/sessions/a%2Fpin", "", 404},
    {"a flag by GET", "GET", "/api/sessions/ff/vtc", "", 405},
    {"too deep", "GET", "/api/sessions/a/b", "", 404},
    {"a lookup by GET", "GET", "/api/sessions/lookup", "", 404},
    {"no such action", "POST", "/api/sessions/ff/vanish", "x-mainstay-csrf: 1\r\n", 404},
};

TEST_F(OperatorTest, AnswersThoseWhoMay) {
  for (const AccessCase& row : kAccessCases) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(Admin(row.method, row.path, row.headers, "", row.host).status, row.status);
  }
}

TEST_F(OperatorTest, NobodyGetsInWithoutTheToken) {
  Say("#code", "s1");
  service.SetToken(Secret("let-me-in"));
  for (const std::string_view headers :
       {std::string_view(""), std::string_view("authorization: Bearer wrong\r\n"),
        std::string_view("authorization: let-me-in\r\n")}) {
    EXPECT_EQ(Admin("GET", "/api/sessions", headers).status, 401) << headers;
    EXPECT_EQ(
        Admin("DELETE", "/api/sessions?caller=anonymous", std::string(kJson) + std::string(headers))
            .status,
        401)
        << headers;
  }
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(Admin("GET", "/api/sessions", "authorization: Bearer let-me-in\r\n").status, 200);
}

struct MethodCase {
  const char* path;
  const char* allow;
};

TEST_F(OperatorTest, WrongMethodsAreToldTheRightOnes) {
  for (const auto& [path, allow] :
       {MethodCase{"/api/sessions", "GET, HEAD, DELETE"}, MethodCase{"/api/state", "GET, HEAD"},
        MethodCase{"/api/sessions/ff", "GET, HEAD, DELETE"},
        MethodCase{"/api/sessions/ff/pin", "POST"}, MethodCase{"/api/sessions/ff/vtc", "POST"},
        MethodCase{"/api/sessions/lookup", "POST, GET, HEAD, DELETE"}}) {
    const Answer answer = Admin("PUT", path);
    EXPECT_EQ(answer.status, 405) << path;
    EXPECT_EQ(answer.Header("allow"), allow) << path;
  }
}

}  // namespace
}  // namespace mainstay
