// The commands about sessions against the admin service itself.
#include "admin/admin_service.h"
#include "base/hash128.h"
#include "cli/testing.h"
#include "model/history.h"
#include "session/memory_store.h"

namespace mainstay::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

CatalogOptions Models() {
  return {.providers = {{.name = "acme", .base_url = "http://10.0.0.1:80/v1"}},
          .models = {{.name = "acme/big", .provider = "acme"},
                     {.name = "acme/small", .provider = "acme"}}};
}

class SessionsTest : public ::testing::Test {
 protected:
  std::string Start(std::string_view id, std::string_view caller = "p") {
    const SessionKey key = ids.KeyOf(caller, "", id);
    pins.Set(key,
             {.model = "acme/small",
              .decision = "code",
              .caller = caller,
              .source = "header:x-session-id"},
             rules, clock.Now());
    const SessionKeyText text = TextOf(key);
    return {text.data(), text.size()};
  }
  // One exchange in a conversation without an id: the history is its own first words and answers.
  std::string Talk(const std::vector<std::string_view>& texts, std::string_view reply) {
    History history;
    for (const std::string_view text : texts) {
      const bool user = history.links.size() % 2 == 0;
      history.links.push_back({.digest = HashOf(text, 0),
                               .text_bytes = static_cast<uint32_t>(text.size()),
                               .messages = static_cast<uint32_t>(history.links.size() + 1),
                               .role = user ? LinkRole::kUser : LinkRole::kAssistant});
    }
    const session::Conversations::Question question{.history = &history, .caller = "p"};
    session::Conversations::Place place;
    conversations.Find(question, continuity, clock.Now(), random, place);
    const Link link{.digest = HashOf(reply, 0), .messages = 1, .role = LinkRole::kAssistant};
    conversations.Commit(place, question,
                         {.reply = &link,
                          .model = "acme/big",
                          .prompt_tokens = 20,
                          .completion_tokens = 3,
                          .cost_nano = 500'000},
                         continuity, clock.Now());
    const SessionKeyText text = TextOf(place.session());
    return {text.data(), text.size()};
  }
  Outcome Run(std::vector<std::string> words) {
    words.insert(words.begin(), "sessions");
    words.insert(words.begin() + 2, {"--admin", server.url()});
    return RunCommand(std::move(words));
  }

  // The command prints times as seen from now.
  PolicyClock clock{PolicyClock::Mode::kReal};
  std::unique_ptr<session::StateStore> store = session::MakeMemoryStore();
  session::PinOptions rules{.ttl = 24h};
  identity::SessionIds ids{{}, store->install_key()};
  Catalog catalog{Models()};
  std::vector<identity::CallerOptions> callers{{.name = "p"}, {.name = "q"}};
  session::ContinuityOptions continuity;
  Random random{3};
  session::PinTable pins{*store, rules, clock.Now()};
  session::Conversations conversations{*store, continuity, clock.Now()};
  session::Aliases aliases{*store, continuity, clock.Now()};
  admin::AdminService service{{},
                              {.sessions = {.pins = pins,
                                            .conversations = conversations,
                                            .aliases = aliases,
                                            .clock = clock,
                                            .settings =
                                                [this] {
                                                  return admin::SessionSettings{
                                                      .pins = rules,
                                                      .continuity = continuity,
                                                      .catalog = catalog,
                                                      .ids = ids,
                                                      .callers = callers};
                                                }}},
                              Random(7)};
  TestServer server{service};
};

TEST_F(SessionsTest, ListsThem) {
  EXPECT_EQ(Run({"list"}).out, "0 of 0 sessions\n");
  const std::string hash = Start("s1");
  Start("s2", "q");
  const Outcome outcome = Run({"list", "--caller", "p"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(
      outcome.out,
      MatchesRegex("SESSION +MODEL +DECISION +CALLER +SOURCE +TURNS +HITS +LAST USED +EXPIRES\n" +
                   hash +
                   "  acme/small  code +p +header:x-session-id +- +0 +[0-9]+s ago +in 23h59m\n1 of "
                   "2 sessions\n"));
  const Outcome page = Run({"list", "--limit", "1"});
  EXPECT_THAT(page.out, HasSubstr("more: --cursor "));
  const std::string cursor = page.out.substr(page.out.rfind(' ') + 1);
  EXPECT_THAT(Run({"list", "--cursor", cursor.substr(0, cursor.size() - 1)}).out,
              HasSubstr("1 of 2 sessions\n"));
  EXPECT_THAT(Run({"list", "--search", "s2", "--json"}).out,
              HasSubstr(R"("nextCursor":null,"count":2})"));
}

TEST_F(SessionsTest, ShowsConversationsAndTheirBranches) {
  const std::string hash = Talk({"fix it"}, "done");
  Talk({"fix it", "done", "and that"}, "so be it");
  Talk({"fix it", "done", "no, this"}, "as you like");
  EXPECT_THAT(
      Run({"list"}).out,
      MatchesRegex("SESSION .*\n" + hash +
                   "  acme/big  - +p +inferred +3 +- +[0-9]+s ago +in 6d23h\n1 of 1 sessions\n"));
  const Outcome shown = Run({"show", hash});
  EXPECT_THAT(shown.out, HasSubstr("source         inferred\n"));
  EXPECT_THAT(shown.out, HasSubstr("pinned         no\n"));
  EXPECT_THAT(shown.out, HasSubstr("turns          3\n"));
  EXPECT_THAT(shown.out, HasSubstr("cost USD       0.0015\n"));
  EXPECT_THAT(
      shown.out.substr(shown.out.find("conversations\n")),
      MatchesRegex("conversations\n"
                   "  CONVERSATION +MODEL +TURNS +TOKENS +COST USD +LAST USED +BRANCH +FROM +"
                   "REPLIES +MESSAGES\n  " +
                   hash + "  acme/big  3 +60.9 +0.0015 +[0-9]+s ago +0 +-  +2 +4\n +1 +0 +1 +4\n"));
  const std::string pinned = Start("s1");
  EXPECT_EQ(Run({"show", pinned}).out.find("conversations"), std::string::npos);
}

TEST_F(SessionsTest, SwitchesToolsInTextOnAndOff) {
  const std::string hash = Talk({"hello"}, "hi");
  EXPECT_THAT(Run({"show", hash}).out, HasSubstr("tools in text  no\n"));
  EXPECT_THAT(Run({"vtc", hash, "on"}).out, HasSubstr("count from now on"));
  EXPECT_THAT(Run({"show", hash}).out, HasSubstr("tools in text  yes\n"));
  EXPECT_EQ(Run({"vtc", hash, "off", "--json"}).out, "{\"ok\":true}\n");
  EXPECT_THAT(Run({"show", hash}).out, HasSubstr("tools in text  no\n"));
  EXPECT_EQ(Run({"vtc", hash, "maybe"}).code, 2);
  EXPECT_EQ(Run({"vtc", hash}).code, 2);
}

TEST_F(SessionsTest, ShowsPinsAndEvictsByHashOrId) {
  const std::string hash = Start("s1");
  for (const std::string& id : {hash, std::string("s1")}) {
    SCOPED_TRACE(id);
    Start("s1");
    EXPECT_THAT(Run({"show", id}).out, HasSubstr("session    " + hash + "\n"));
    EXPECT_THAT(Run({"pin", id, "--model", "big", "--ttl", "60"}).out,
                HasSubstr("model      acme/big\n"));
    EXPECT_THAT(Run({"show", id}).out, HasSubstr("60 s after it was pinned"));
    EXPECT_EQ(Run({"evict", id}).out, "1 session evicted\n");
    EXPECT_EQ(Run({"show", id}).code, 1);
    Start("s1");
    EXPECT_EQ(Run({"unpin", id, "--json"}).out, "{\"ok\":true}\n");
    EXPECT_EQ(Run({"unpin", id}).code, 1);
  }
}

TEST_F(SessionsTest, AnIdThatLooksLikeAHashIsAnIdAllTheSame) {
  const std::string id = "0123456789abcdef0123456789abcdef";
  const std::string hash = Start(id);
  EXPECT_THAT(Run({"show", id}).out, HasSubstr(hash));
}

TEST_F(SessionsTest, AnIdOfSeveralCallersHasToBeTold) {
  Start("s1", "p");
  const std::string hash = Start("s1", "q");
  const Outcome outcome = Run({"evict", "s1"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("say which with --caller: p, q"));
  EXPECT_THAT(Run({"show", "s1", "--caller", "q"}).out, HasSubstr(hash));
  EXPECT_EQ(Run({"evict", "--all-of", "p"}).out, "1 session evicted\n");
  EXPECT_EQ(Run({"evict", "s1"}).out, "1 session evicted\n");
}

struct LineCase {
  const char* name;
  std::vector<std::string> words;
  int code;
  const char* err;
};

const LineCase kLineCases[] = {
    {"nobody", {"show", "s2"}, 1, "no session of this hash or id is known"},
    {"an unknown model", {"pin", "s1", "--model", "bg"}, 1, "one of acme/big, acme/small"},
    {"no model", {"pin", "s1"}, 2, "--model is required"},
    {"no time", {"pin", "s1", "--model", "big", "--ttl", "0"}, 2, "--ttl"},
    {"no id", {"show"}, 2, "ID is required"},
    {"an empty id", {"evict", ""}, 2, "must not be empty"},
    {"an empty caller", {"evict", "--all-of", ""}, 2, "must not be empty"},
    {"nothing to evict", {"evict"}, 2, "ID or --all-of is required"},
    {"too much to evict", {"evict", "s1", "--all-of", "p"}, 2, "excludes"},
    {"a bad limit", {"list", "--limit", "0"}, 1, "limit must be a whole number from 1 to 1000\n"},
    {"a bad cursor", {"list", "--cursor", "x"}, 1, "cursor must be the nextCursor"},
};

TEST_F(SessionsTest, SaysWhatIsWrongAndChangesNothing) {
  Start("s1");
  for (const LineCase& row : kLineCases) {
    SCOPED_TRACE(row.name);
    const Outcome outcome = Run(row.words);
    EXPECT_EQ(outcome.code, row.code);
    EXPECT_THAT(outcome.err, HasSubstr(row.err));
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_THAT(Run({"show", "s1"}).out, HasSubstr("switches   0"));
}

}  // namespace
}  // namespace mainstay::cli
