// The commands about sessions against the admin service itself.
#include "admin/admin_service.h"
#include "cli/testing.h"
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
  session::PinTable pins{*store, rules, clock.Now()};
  admin::AdminService service{
      {},
      {.sessions = {.pins = pins,
                    .clock = clock,
                    .settings =
                        [this] {
                          return admin::SessionSettings{
                              .pins = rules, .catalog = catalog, .ids = ids, .callers = callers};
                        }}},
      Random(7)};
  TestServer server{service};
};

TEST_F(SessionsTest, ListsThem) {
  EXPECT_EQ(Run({"list"}).out, "0 of 0 pinned sessions\n");
  const std::string hash = Start("s1");
  Start("s2", "q");
  const Outcome outcome = Run({"list", "--caller", "p"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(
      outcome.out,
      MatchesRegex("SESSION +MODEL +DECISION +CALLER +HITS +LAST USED +EXPIRES\n" + hash +
                   "  acme/small  code +p +0 +[0-9]+s ago +in 23h59m\n1 of 2 pinned sessions\n"));
  const Outcome page = Run({"list", "--limit", "1"});
  EXPECT_THAT(page.out, HasSubstr("more: --cursor "));
  const std::string cursor = page.out.substr(page.out.rfind(' ') + 1);
  EXPECT_THAT(Run({"list", "--cursor", cursor.substr(0, cursor.size() - 1)}).out,
              HasSubstr("1 of 2 pinned sessions\n"));
  EXPECT_THAT(Run({"list", "--search", "s2", "--json"}).out,
              HasSubstr(R"("nextCursor":null,"count":2})"));
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
    {"nobody", {"show", "s2"}, 1, "no session of this hash or id is pinned"},
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
