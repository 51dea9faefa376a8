// Which conversation a request goes on with: spec 03 §2 and the cases E as dialogues. A history is
// written as its messages, one letter for who says it and what is said: "u:hi a:yo u:q2".
#include "session/conversations.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "session/testing.h"

namespace mainstay::session {
namespace {

using std::chrono::milliseconds;

History HistoryOf(std::string_view text, std::string_view system, bool has_tools) {
  History history;
  history.system = system.empty() ? 0 : HashOf(system, 1).low;
  history.has_tools = has_tools;
  uint32_t messages = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const LinkRole role = one[0] == 'a'   ? LinkRole::kAssistant
                          : one[0] == 't' ? LinkRole::kTool
                                          : LinkRole::kUser;
    history.links.push_back({.digest = HashOf(one, 7),
                             .text_bytes = static_cast<uint32_t>(one.size() - 2),
                             .messages = ++messages,
                             .role = role});
  }
  return history;
}

struct Step {
  std::string_view history;
  std::string_view reply;  // "!": the request fails; "?": it is not known
  std::string_view want;   // class and label: labels are given in the order of appearance
  int64_t later_ms = 0;    // that pass before it
  std::string_view system = "S";
  bool tools = false;
  std::string_view session;
  std::string_view caller = "p";
  uint64_t idempotency = 0;
  uint64_t client = 0;
};

struct Dialogue {
  const char* name;
  std::vector<Step> steps;
  ContinuityOptions rules = {};
  bool restarts = false;  // before each step
};

void PrintTo(const Dialogue& dialogue, std::ostream* out) {
  *out << dialogue.name;
}

constexpr int64_t kLater = 130'000;
#define LONG(word) word "-is-a-reply-with-enough-of-its-own-words"

class ConversationsTest : public ::testing::TestWithParam<Dialogue> {
 protected:
  KeptStore store_;
  Random random_{1};
};

SessionKey KeyOf(std::string_view text) {
  const Hash128 hash = HashOf(text, 3);
  return {.digest = {.low = hash.low, .high = hash.high}};
}

TEST_P(ConversationsTest, Follows) {
  const Dialogue& dialogue = GetParam();
  auto table = std::make_unique<Conversations>(store_, dialogue.rules, kNow);
  std::map<std::string, std::string> labels;
  WallTime now = kNow;
  for (size_t i = 0; i < dialogue.steps.size(); ++i) {
    const Step& step = dialogue.steps[i];
    if (dialogue.restarts) {
      table = std::make_unique<Conversations>(store_, dialogue.rules, now);
    }
    now += milliseconds(step.later_ms);
    const History history = HistoryOf(step.history, step.system, step.tools);
    Conversations::Question question{.scope = HashOf(step.caller, 5),
                                     .history = &history,
                                     .caller = step.caller,
                                     .session = {},
                                     .source = "header:x-session-id",
                                     .named = {},
                                     .client = step.client,
                                     .idempotency = step.idempotency};
    if (!step.session.empty()) {
      question.session = KeyOf(step.session);
    }
    Conversations::Place place;
    table->Find(question, dialogue.rules, now, random_, place);
    const SessionKeyText key = TextOf(place.view().key);
    const std::string label = "c" + std::to_string(labels.size() + 1);
    const auto [found, is_new] = labels.emplace(std::string(key.data(), key.size()), label);
    EXPECT_EQ(std::string(ContinuityText(place.view().evidence)) + " " + found->second, step.want)
        << "step " << i + 1 << ": " << step.history;
    if (step.reply == "!") {
      table->Fail(place, question, dialogue.rules, now);
      continue;
    }
    const std::string reply = "a:" + std::string(step.reply);
    const Link link{.digest = HashOf(reply, 7),
                    .text_bytes = static_cast<uint32_t>(reply.size() - 2),
                    .messages = 1,
                    .role = LinkRole::kAssistant};
    table->Commit(place, question, {.reply = step.reply == "?" ? nullptr : &link, .model = "m"},
                  dialogue.rules, now);
  }
}

const Dialogue kDialogues[] = {
    {"GrowsFromOneMessage",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo u:q2", "r2", "extend c1"},
      {"u:hi a:yo u:q2 a:r2 u:q3", "r3", "extend c1"}}},
    {"EqualOpeningsSplitByTheirReplies",
     {{"u:hi", "one", "new c1"},
      {"u:hi", "two", "new c2"},
      {"u:hi a:one u:x", "r", "extend c1"},
      {"u:hi a:two u:y", "r", "extend c2"}}},
    {"EqualOpeningsAndReplies",
     {{"u:hi", "Sure", "new c1"},
      {"u:hi", "Sure", "new c2"},
      {"u:hi a:Sure u:x", "r", "ambiguous c3"},
      {"u:hi a:Sure u:x a:r u:y", "r", "extend c3"}}},
    {"AHeadIsNotPreferredToAnEarlierPoint",
     {{"u:hi", "Sure", "new c1"},
      {"u:hi a:Sure u:x", "r", "extend c1"},
      {"u:hi", "Sure", "new c2"},
      {"u:hi a:Sure u:z", "r", "ambiguous c3"}}},
    {"ATurnThatMayBeTheEndOfAnother",
     {{"u:one", "r", "new c1"},
      {"u:one a:r u:go", "call", "extend c1"},
      {"u:go", "call", "new c2"},
      {"u:go a:call t:ok", "x", "ambiguous c3"},
      {"u:one a:r u:go a:call t:ok", "y", "extend c1"}}},
    {"CallersAreApart",
     {{"u:hi", "yo", "new c1"},
      {.history = "u:hi a:yo u:q2", .reply = "r", .want = "new c2", .caller = "q"},
      {"u:hi a:yo u:q2", "r", "extend c1"}}},
    {"SystemTextMayChange",
     {{.history = "u:hi", .reply = "yo", .want = "new c1", .system = "d1"},
      {.history = "u:hi a:yo u:q2", .reply = "r2", .want = "extend c1", .system = "d2"}}},
    {"SystemTextBreaksATie",
     {{.history = "u:hi", .reply = "yo", .want = "new c1", .system = "A"},
      {.history = "u:hi", .reply = "yo", .want = "new c2", .later_ms = kLater, .system = "B"},
      {.history = "u:hi a:yo u:x", .reply = "r", .want = "extend c1", .system = "A"},
      {.history = "u:hi a:yo u:y", .reply = "r", .want = "extend c2", .system = "B"}}},
    {"TheClientBreaksATie",
     {{.history = "u:hi", .reply = "yo", .want = "new c1", .client = 1},
      {.history = "u:hi", .reply = "yo", .want = "new c2", .client = 2},
      {.history = "u:hi a:yo u:y", .reply = "r", .want = "extend c2", .client = 2}}},
    {"MoreEqualOnesThanAreKept",
     {{.history = "u:hi", .reply = "yo", .want = "new c1", .client = 1},
      {.history = "u:hi", .reply = "yo", .want = "new c2", .client = 2},
      {.history = "u:hi", .reply = "yo", .want = "new c3", .client = 3},
      {.history = "u:hi", .reply = "yo", .want = "new c4", .client = 4},
      {.history = "u:hi", .reply = "yo", .want = "new c5", .client = 5},
      {.history = "u:hi a:yo u:y", .reply = "r", .want = "ambiguous c6", .client = 5}}},
    {"RetryInTheWindow",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo u:q2", "r2", "extend c1"},
      {"u:hi a:yo u:q2", "r2b", "retry c1", kLater - 20'000},
      {"u:hi a:yo u:q2 a:r2 u:q3", "r3", "extend c1"},
      {"u:hi a:yo u:q2 a:r2b u:q3", "r3", "extend c1"}}},
    {"TheSameAfterTheWindowIsABranch",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo u:q2", "r2", "extend c1"},
      {"u:hi a:yo u:q2", "other", "branch c1", kLater}}},
    {"AnEditIsABranch",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo u:q2", "r2", "extend c1"},
      {"u:hi a:yo u:edited", "r2", "branch c1"},
      {"u:hi a:yo u:q2 a:r2 u:q3", "r", "extend c1"},
      {"u:hi a:yo u:edited a:r2 u:q3", "r", "extend c1"}}},
    {"AnEditedOpeningIsNew", {{"u:hi", "yo", "new c1"}, {"u:good a:never u:q2", "r", "new c2"}}},
    {"AnEditedReplyIsABranch",
     {{"u:q1", "r1", "new c1"},
      {"u:q1 a:r1 u:q2", "r2", "extend c1"},
      {"u:q1 a:r1 u:q2 a:edited u:q3", "r3", "branch c1"}}},
    {"AShorterHistoryKeepsTheHead",
     {{"u:q1", "r1", "new c1"},
      {"u:q1 a:r1 u:q2", "r2", "extend c1"},
      {"u:q1 a:r1 u:q2 a:r2 u:q3", "r3", "extend c1"},
      {"u:q1 a:r1 u:q2", "again", "branch c1"},
      {"u:q1 a:r1 u:q2 a:r2 u:q3 a:r3 u:q4", "r4", "extend c1"}}},
    {"ClientsOwnRepliesAreNoEvidence",
     {{"u:shot a:example u:3+3", "6", "new c1"}, {"u:shot a:example u:4+4", "8", "new c2"}}},
    {"CompactedHistory",
     {{"u:q1", LONG("r1"), "new c1"},
      {"u:q1 a:" LONG("r1") " u:q2", LONG("r2"), "extend c1"},
      {"u:q1 a:" LONG("r1") " u:q2 a:" LONG("r2") " u:q3", LONG("r3"), "extend c1"},
      {"u:summary u:q3 a:" LONG("r3") " u:now", "n", "compact c1"},
      {"u:summary u:q3 a:" LONG("r3") " u:now a:n u:then", "n", "extend c1"}}},
    {"CompactionMayBeOff",
     {{"u:q1", LONG("r1"), "new c1"}, {"u:summary u:q1 a:" LONG("r1") " u:now", "n", "new c2"}},
     {.fuzzy_matching = false}},
    {"GrowthIsNotFuzzy",
     {{"u:hi", "yo", "new c1"}, {"u:hi a:yo u:q2", "r", "extend c1"}},
     {.fuzzy_matching = false}},
    {"ARunThatSaysLittle", {{"u:q1", "ok", "new c1"}, {"u:sum u:q1 a:ok u:now", "n", "new c2"}}},
    {"ARunOfTwoConversations",
     {{"u:one", LONG("r"), "new c1"},
      {"u:two", LONG("other"), "new c2"},
      {"u:one a:" LONG("r") " u:thanks", LONG("bye"), "extend c1"},
      {"u:two a:" LONG("other") " u:thanks", LONG("bye"), "extend c2"},
      {"u:summary u:thanks a:" LONG("bye") " u:now", "n", "ambiguous c3"}}},
    {"AnEarlierRunTells",
     {{"u:one", LONG("r"), "new c1"},
      {"u:two", LONG("other"), "new c2"},
      {"u:one a:" LONG("r") " u:thanks", LONG("bye"), "extend c1"},
      {"u:two a:" LONG("other") " u:thanks", LONG("bye"), "extend c2"},
      {"u:summary u:two a:" LONG("other") " u:thanks a:" LONG("bye") " u:now", "n", "compact c2"}}},
    {"TrimmedInTheMiddle",
     {{"u:q1", "call", "new c1"},
      {"u:q1 a:call t:long", LONG("r2"), "extend c1"},
      {"u:q1 a:call t:long a:" LONG("r2") " u:q2", LONG("r3"), "extend c1"},
      {"u:q1 a:call t:stub a:" LONG("r2") " u:q2 a:" LONG("r3") " u:q3", "n", "compact c1"}}},
    {"ATitleBesideTheOpening",
     {{.history = "u:fix", .reply = "will", .want = "new c1", .system = "coder", .tools = true},
      {.history = "u:fix", .reply = "Fixing", .want = "auxiliary c2", .system = "title"},
      {.history = "u:fix a:will u:go",
       .reply = "r",
       .want = "extend c1",
       .system = "coder",
       .tools = true}}},
    {"ASummaryOfTheHistory",
     {{.history = "u:fix", .reply = "will", .want = "new c1", .system = "coder", .tools = true},
      {.history = "u:fix a:will u:sum", .reply = "s", .want = "auxiliary c2", .system = "sum"},
      {.history = "u:fix a:will u:go",
       .reply = "r",
       .want = "extend c1",
       .system = "coder",
       .tools = true}}},
    {"AFailedOpening",
     {{"u:hi", "!", "new c1"}, {"u:hi", "yo", "retry c1"}, {"u:hi a:yo u:q", "r", "extend c1"}}},
    {"AFailedOpeningAfterTheWindow", {{"u:hi", "!", "new c1"}, {"u:hi", "yo", "new c2", kLater}}},
    {"AFailedOpeningIsNotExtended",
     {{"u:hi", "!", "new c1"}, {"u:hi a:never u:then", "r", "new c2"}}},
    {"AFailedTurn",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo u:q2", "!", "extend c1"},
      {"u:hi a:yo u:q2", "r2", "retry c1"},
      {"u:hi a:yo u:q2 a:r2 u:q3", "r3", "extend c1"}}},
    {"AnIdempotencyKey",
     {{.history = "u:hi", .reply = "yo", .want = "new c1", .idempotency = 9},
      {.history = "u:hi", .reply = "yo", .want = "retry c1", .later_ms = kLater, .idempotency = 9},
      {.history = "u:hi", .reply = "yo", .want = "new c2", .idempotency = 8}}},
    {"AnIdempotencyKeyOfAnotherOpeningThatFailed",
     {{.history = "u:hi", .reply = "!", .want = "new c1", .idempotency = 9},
      {.history = "u:hi", .reply = "yo", .want = "new c2", .idempotency = 8},
      {.history = "u:hi", .reply = "yo", .want = "retry c1", .idempotency = 9}}},
    {"AFailedOpeningOfASession",
     {{.history = "u:hi", .reply = "!", .want = "new c1", .session = "s1"},
      {.history = "u:hi", .reply = "!", .want = "new c2", .session = "s2"},
      {"u:hi", "yo", "new c3"},
      {.history = "u:hi", .reply = "yo", .want = "retry c1", .session = "s1"},
      {.history = "u:hi", .reply = "yo", .want = "retry c2", .session = "s2"}}},
    {"AFailedTurnLeavesTheOneBefore",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo u:q2", "r2", "extend c1"},
      {"u:hi a:yo u:q2 a:r2 u:q3", "!", "extend c1"},
      {"u:hi a:yo u:q2", "r2b", "retry c1"}}},
    {"AHistoryThatEndsWithAReply",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo", "more", "extend c1"},
      {"u:hi a:yo a:more u:q2", "r2", "extend c1"},
      {"u:hi a:yo u:instead", "r", "branch c1"}}},
    {"AnEditOfOneThatHasGoneOn",
     {{.history = "u:hi", .reply = "Sure", .want = "new c1", .client = 1},
      {.history = "u:hi a:Sure u:x", .reply = "r", .want = "extend c1", .client = 1},
      {.history = "u:hi", .reply = "Sure", .want = "new c2", .client = 2},
      {.history = "u:hi a:Sure u:edit", .reply = "r", .want = "branch c1", .client = 1},
      {.history = "u:hi a:Sure u:y", .reply = "r", .want = "extend c2", .client = 2}}},
    {"ATailThatAnybodySays",
     {{"u:q1", LONG("r1"), "new c1"},
      {"u:q1 a:" LONG("r1") " u:" LONG("go-on"), "done", "extend c1"},
      {"u:other u:" LONG("go-on") " a:done u:" LONG("go-on"), "r", "new c2"}}},
    {"TooOld",
     {{"u:hi", "yo", "new c1"}, {"u:hi a:yo u:q2", "r", "new c2", 11'000}},
     {.age_max = milliseconds(10'000)}},
    {"UseExtendsTheAge",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo u:q2", "r", "extend c1", 7'000},
      {"u:hi a:yo u:q2 a:r u:q3", "r", "extend c1", 7'000}},
     {.age_max = milliseconds(10'000)}},
    {"TheSameAfterTheAgeIsNew",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo u:q2", "r", "extend c1"},
      {"u:hi a:yo u:q2", "r", "new c2", 11'000}},
     {.age_max = milliseconds(10'000)}},
    {"AnotherSessionIsAnotherConversation",
     {{.history = "u:hi", .reply = "yo", .want = "new c1", .session = "s1"},
      {.history = "u:hi a:yo u:q2", .reply = "r", .want = "new c2", .session = "s2"},
      {.history = "u:hi a:yo u:q2", .reply = "r", .want = "extend c1", .session = "s1"}}},
    {"ADroppedSessionIdKeepsTheConversation",
     {{.history = "u:hi", .reply = "yo", .want = "new c1", .session = "s1"},
      {"u:hi a:yo u:q2", "r", "extend c1"}}},
    {"AReplyThatIsNotKnown",
     {{"u:hi", "yo", "new c1"},
      {"u:hi a:yo u:q2", "?", "extend c1"},
      {"u:hi a:yo u:q2 a:r2 u:q3", "r", "extend c1"}}},
    {"TheLeastRecentlyUsedGivesWay",
     {{"u:one", "r1", "new c1"},
      {"u:two", "r2", "new c2"},
      {"u:one a:r1 u:on", "r", "extend c1"},
      {"u:three", "r3", "new c3"},
      {"u:one a:r1 u:on a:r u:on", "r", "extend c1"},
      {"u:two a:r2 u:on", "r", "new c4"}},
     {.conversations_max = 2}},
    {"ACallerGivesWayToItself",
     {{"u:one", "r1", "new c1"},
      {.history = "u:a", .reply = "r", .want = "new c2", .caller = "q"},
      {.history = "u:b", .reply = "r", .want = "new c3", .caller = "q"},
      {.history = "u:c", .reply = "r", .want = "new c4", .caller = "q"},
      {.history = "u:d", .reply = "r", .want = "new c5", .caller = "q"},
      {"u:one a:r1 u:on", "r", "extend c1"}},
     {.conversations_max = 3}},
    {"ARestartLosesNothing",
     {{"u:hi", "root", "new c1"},
      {"u:hi a:root u:left", "l", "extend c1"},
      {"u:hi a:root u:right", "r", "branch c1"},
      {"u:hi a:root u:left a:l u:on", "x", "extend c1"},
      {"u:hi a:root u:right a:r u:on", LONG("y"), "extend c1"},
      {"u:summary u:on a:" LONG("y") " u:on", "z", "compact c1"},
      {"u:hi", "root", "new c2"}},
     {},
     true},
};
INSTANTIATE_TEST_SUITE_P(Dialogues, ConversationsTest, ::testing::ValuesIn(kDialogues),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace mainstay::session
