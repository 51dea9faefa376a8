#include "identity/session_ids.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "identity/testing.h"

namespace mainstay::identity {
namespace {

constexpr const char* kUuid = "ac980658-63bd-4fb3-97ba-8da64cb1e344";

struct FindCase {
  std::string name;
  Lines lines;
  BodyWith::Fields fields;
  std::string id;  // empty: none
  std::string source;
  IdStrength strength = IdStrength::kExplicit;
  bool conflicting = false;
  std::vector<std::string> others;
  std::vector<std::string> rejected;
};

std::vector<FindCase> HeaderCases() {
  return {
      {.name = "no_header", .lines = {{"accept", "a"}}},
      {.name = "first_header",
       .lines = {{"X-Session-Id", "s1"}},
       .id = "s1",
       .source = "header:x-session-id"},
      {.name = "second_header",
       .lines = {{"x-routing-session-id", "s1"}},
       .id = "s1",
       .source = "header:x-routing-session-id"},
      {.name = "third_header",
       .lines = {{"X-Model-Affinity", "s1"}},
       .id = "s1",
       .source = "header:x-model-affinity"},
      {.name = "the_order_of_the_options_counts",
       .lines = {{"x-model-affinity", "b"}, {"x-session-id", "a"}},
       .id = "a",
       .source = "header:x-session-id",
       .others = {"b"}},
      {.name = "repeated_and_equal",
       .lines = {{"x-session-id", "a"}, {"x-session-id", "a"}},
       .id = "a",
       .source = "header:x-session-id"},
      {.name = "repeated_and_different",
       .lines = {{"x-session-id", "a"}, {"x-session-id", "b"}},
       .id = "a",
       .source = "header:x-session-id",
       .conflicting = true},
      {.name = "empty", .lines = {{"x-session-id", ""}}, .rejected = {"header:x-session-id"}},
      {.name = "too_long",
       .lines = {{"x-session-id", std::string(257, 'x')}},
       .rejected = {"header:x-session-id"}},
      {.name = "longest",
       .lines = {{"x-session-id", std::string(256, 'x')}},
       .id = std::string(256, 'x'),
       .source = "header:x-session-id"},
      {.name = "with_a_tab",
       .lines = {{"x-session-id", "a\tb"}},
       .rejected = {"header:x-session-id"}},
      {.name = "letters_of_any_alphabet",
       .lines = {{"x-session-id", "zażółć"}},
       .id = "zażółć",
       .source = "header:x-session-id"},
      {.name = "the_next_source_is_tried",
       .lines = {{"x-session-id", ""}, {"x-model-affinity", "b"}},
       .id = "b",
       .source = "header:x-model-affinity",
       .rejected = {"header:x-session-id"}},
      {.name = "claude_code",
       .lines = {{"x-claude-code-session-id", "s"}},
       .id = "s",
       .source = "client:claude-code"},
      {.name = "codex", .lines = {{"session-id", "s"}}, .id = "s", .source = "client:codex"},
      {.name = "pi", .lines = {{"session_id", "s"}}, .id = "s", .source = "client:pi"},
      {.name = "opencode",
       .lines = {{"x-session-affinity", "s"}},
       .id = "s",
       .source = "client:opencode"},
      {.name = "opencode_by_name",
       .lines = {{"x-opencode-session", "s"}},
       .id = "s",
       .source = "client:opencode"},
      {.name = "older_codex",
       .lines = {{"conversation_id", "s"}},
       .id = "s",
       .source = "client:codex"},
      {.name = "amp", .lines = {{"x-amp-thread-id", "s"}}, .id = "s", .source = "client:amp"},
      {.name = "a_parent_is_no_id", .lines = {{"x-parent-session-id", "s"}}},
      {.name = "opencode_sends_one_id_twice",
       .lines = {{"x-session-id", "s"}, {"x-session-affinity", "s"}, {"session-id", "s"}},
       .id = "s",
       .source = "header:x-session-id"},
  };
}

std::vector<FindCase> BodyCases() {
  const std::string claude = std::string("user_1_account__session_") + kUuid;
  return {
      {.name = "claude_code_user",
       .fields = {{BodyId::kMetadataUserId, claude}},
       .id = kUuid,
       .source = "client:claude-code"},
      {.name = "claude_code_user_as_json",
       .fields = {{BodyId::kMetadataUserId, R"({\"session_id\":\"e2\"})"}},
       .id = "e2",
       .source = "client:claude-code"},
      {.name = "a_user_is_no_session_and_nothing_wrong",
       .fields = {{BodyId::kMetadataUserId, "just-a-user"}}},
      {.name = "claude_code_session_that_is_blank",
       .fields = {{BodyId::kMetadataUserId, R"({\"session_id\":\" \"})"}},
       .rejected = {"client:claude-code"}},
      {.name = "conversation",
       .fields = {{BodyId::kConversation, "c"}},
       .id = "c",
       .source = "body:conversation",
       .strength = IdStrength::kSoft},
      {.name = "session_id",
       .fields = {{BodyId::kSessionId, "c"}},
       .id = "c",
       .source = "body:session_id",
       .strength = IdStrength::kSoft},
      {.name = "metadata_session_id",
       .fields = {{BodyId::kMetadataSessionId, "c"}},
       .id = "c",
       .source = "body:metadata.session_id",
       .strength = IdStrength::kSoft},
      {.name = "metadata_conversation_id",
       .fields = {{BodyId::kMetadataConversationId, "c"}},
       .id = "c",
       .source = "body:metadata.conversation_id",
       .strength = IdStrength::kSoft},
      {.name = "prompt_cache_key",
       .fields = {{BodyId::kPromptCacheKey, " p\\u0031 "}},
       .id = "p1",
       .source = "body:prompt_cache_key",
       .strength = IdStrength::kSoft},
      {.name = "prompt_cache_key_with_an_escaped_tab_inside",
       .fields = {{BodyId::kPromptCacheKey, "p\\t1"}},
       .rejected = {"body:prompt_cache_key"}},
      {.name = "blank_falls_through",
       .fields = {{BodyId::kPromptCacheKey, "v"}, {BodyId::kConversation, "   "}},
       .id = "v",
       .source = "body:prompt_cache_key",
       .strength = IdStrength::kSoft,
       .rejected = {"body:conversation"}},
      {.name = "both_too_long",
       .lines = {{"x-session-affinity", std::string(300, 'y')}},
       .fields = {{BodyId::kPromptCacheKey, std::string(300, 'z')}},
       .rejected = {"client:opencode", "body:prompt_cache_key"}},
      {.name = "far_too_long",
       .fields = {{BodyId::kPromptCacheKey, std::string(3'000, 'z')}},
       .rejected = {"body:prompt_cache_key"}},
      {.name = "longest",
       .fields = {{BodyId::kPromptCacheKey, std::string(256, 'z')}},
       .id = std::string(256, 'z'),
       .source = "body:prompt_cache_key",
       .strength = IdStrength::kSoft},
      {.name = "the_ladder_from_its_top",
       .lines = {{"x-amp-thread-id", "8"},
                 {"session-id", "4"},
                 {"x-session-id", "1"},
                 {"x-claude-code-session-id", "2"}},
       .fields = {{BodyId::kMetadataUserId, claude}, {BodyId::kPromptCacheKey, "9"}},
       .id = "1",
       .source = "header:x-session-id",
       .others = {"2", kUuid, "4", "8"}},
      {.name = "a_header_outranks_the_body",
       .lines = {{"x-session-affinity", "h"}},
       .fields = {{BodyId::kPromptCacheKey, "p"}},
       .id = "h",
       .source = "client:opencode",
       .others = {"p"}},
      {.name = "the_first_of_equal_ids_counts",
       .lines = {{"session-id", "same"}},
       .fields = {{BodyId::kPromptCacheKey, "same"}, {BodyId::kSessionId, "same"}},
       .id = "same",
       .source = "client:codex"},
      {.name = "others_are_listed_once",
       .lines = {{"session-id", "a"}},
       .fields = {{BodyId::kPromptCacheKey, "b"}, {BodyId::kSessionId, "b"}},
       .id = "a",
       .source = "client:codex",
       .others = {"b"}},
  };
}

class SessionIdsFind : public testing::TestWithParam<FindCase> {};

TEST_P(SessionIdsFind, FindsTheIdsOfTheTable) {
  const FindCase& c = GetParam();
  const SessionIds ids(SessionOptions(), HashKey::FromSystem());
  const BodyWith body(c.fields);
  std::string scratch;
  const SessionId found = ids.Find(HeadersOf(c.lines), body.request(), "team", scratch);
  EXPECT_EQ(found.present, !c.id.empty());
  EXPECT_EQ(found.id, c.id);
  EXPECT_EQ(found.source, c.source);
  EXPECT_EQ(found.conflicting, c.conflicting);
  std::vector<SessionKey> others;
  for (const std::string& id : c.others) {
    others.push_back(ids.KeyOf("team", "", id));
  }
  EXPECT_EQ(
      std::vector<SessionKey>(found.others.begin(), found.others.begin() + found.others_count),
      others);
  EXPECT_EQ(std::vector<std::string>(found.rejected.begin(),
                                     found.rejected.begin() + found.rejected_count),
            c.rejected);
  if (found.present) {
    EXPECT_EQ(found.key, ids.KeyOf("team", "", c.id));
    EXPECT_EQ(found.strength, c.strength);
  }
}

std::string FindCaseName(const testing::TestParamInfo<FindCase>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Headers, SessionIdsFind, testing::ValuesIn(HeaderCases()), FindCaseName);
INSTANTIATE_TEST_SUITE_P(Bodies, SessionIdsFind, testing::ValuesIn(BodyCases()), FindCaseName);

// The ids in it are views into `lines`.
SessionId FindIn(const SessionIds& ids, const Lines& lines, std::string_view caller = "team") {
  static std::string scratch;
  return ids.Find(HeadersOf(lines), Request(), caller, scratch);
}

TEST(SessionIds, NamesAndAnOrderOfTheOperatorsOwn) {
  const SessionIds ids({.headers = {"x-my-run"}}, HashKey::FromSystem());
  EXPECT_TRUE(FindIn(ids, {{"X-My-Run", "r"}}).present);
  EXPECT_FALSE(FindIn(ids, {{"x-session-id", "r"}}).present);
  const SessionIds turned({.sources = {"client:codex", "header:x-session-id"}},
                          HashKey::FromSystem());
  const SessionId found = FindIn(turned, {{"x-session-id", "a"}, {"session-id", "b"}});
  EXPECT_EQ(found.source, "client:codex");
  EXPECT_EQ(found.others_count, 1);
  EXPECT_FALSE(FindIn(turned, {{"x-model-affinity", "a"}}).present);
}

TEST(SessionIds, CallersTenantsAndIdsKeepApart) {
  const HashKey key = HashKey::FromSystem();
  const SessionIds ids({.tenant_header = "x-tenant"}, key);
  std::set<std::string> seen;
  std::set<std::pair<uint64_t, uint64_t>> scopes;
  size_t count = 0;
  for (const std::string caller : {"a", "b", "a:b"}) {
    for (const std::string tenant : {"", "t", "t:u"}) {
      for (const std::string id : {"s", "u:s", "S"}) {
        Lines lines{{"x-session-id", id}};
        if (!tenant.empty()) {
          lines.emplace_back("X-Tenant", tenant);
        }
        const SessionId found = FindIn(ids, lines, caller);
        const SessionKeyText text = TextOf(found.key);
        seen.insert(std::string(text.begin(), text.end()));
        scopes.emplace(found.scope.low, found.scope.high);
        ++count;
        EXPECT_EQ(found.key, ids.KeyOf(caller, tenant, id));
        SessionKey parsed;
        ASSERT_TRUE(ParseSessionKey({text.data(), text.size()}, parsed));
        EXPECT_EQ(parsed, found.key);
      }
    }
  }
  EXPECT_EQ(seen.size(), count);
  EXPECT_EQ(scopes.size(), count / 3);
  const SessionIds elsewhere({.tenant_header = "x-tenant"}, HashKey::FromSystem());
  EXPECT_NE(elsewhere.KeyOf("a", "t", "s"), ids.KeyOf("a", "t", "s"));
}

TEST(SessionIds, ConversationsInsideASession) {
  const SessionIds ids(SessionOptions(), HashKey::FromSystem());
  const SessionId plain = FindIn(ids, {{"x-session-id", "s"}});
  EXPECT_FALSE(plain.conversation.present);
  const Lines lines = {{"x-session-id", "s"}, {"x-conversation-id", "c"}};
  const SessionId one = FindIn(ids, lines);
  EXPECT_TRUE(one.conversation.present);
  EXPECT_EQ(one.conversation.id, "c");
  EXPECT_EQ(one.conversation.key, ids.ConversationKeyOf(one.key, "c"));
  EXPECT_NE(one.conversation.key, one.key);
  const auto key = [&](const Lines& others, std::string_view caller = "team") {
    return FindIn(ids, others, caller).conversation.key;
  };
  EXPECT_EQ(key({{"session-id", "s"}, {"thread-id", "c"}}), one.conversation.key);
  EXPECT_EQ(key({{"x-claude-code-session-id", "s"}, {"x-claude-code-agent-id", "c"}}),
            one.conversation.key);
  EXPECT_EQ(key({{"x-session-id", "s"}, {"thread-id", "t"}, {"x-conversation-id", "c"}}),
            one.conversation.key);
  EXPECT_NE(key({{"x-session-id", "s"}, {"x-conversation-id", "d"}}), one.conversation.key);
  EXPECT_NE(key({{"x-session-id", "r"}, {"x-conversation-id", "c"}}), one.conversation.key);
  EXPECT_NE(key({{"x-session-id", "s"}, {"x-conversation-id", "c"}}, "other"),
            one.conversation.key);
}

TEST(SessionIds, AConversationWithoutASessionIsTheCallersOwn) {
  const SessionIds ids(SessionOptions(), HashKey::FromSystem());
  const SessionId found = FindIn(ids, {{"x-conversation-id", "c"}});
  EXPECT_FALSE(found.present);
  EXPECT_TRUE(found.conversation.present);
  EXPECT_NE(found.conversation.key,
            FindIn(ids, {{"x-conversation-id", "c"}}, "other").conversation.key);
}

TEST(SessionIds, AConversationThatIsNoIdIsRejected) {
  const SessionIds ids(SessionOptions(), HashKey::FromSystem());
  const SessionId found =
      FindIn(ids, {{"x-session-id", "s"}, {"x-conversation-id", ""}, {"thread-id", "c"}});
  EXPECT_EQ(found.conversation.key, ids.ConversationKeyOf(found.key, "c"));
  ASSERT_EQ(found.rejected_count, 1);
  EXPECT_EQ(found.rejected[0], "header:x-conversation-id");
}

TEST(SessionIds, AParentIsTheKeyOfItsSession) {
  const SessionIds ids(SessionOptions(), HashKey::FromSystem());
  for (const char* header : {"x-parent-session-id", "x-codex-parent-thread-id"}) {
    const SessionId found = FindIn(ids, {{"x-session-id", "child"}, {header, "parent"}});
    EXPECT_TRUE(found.parent.present) << header;
    EXPECT_EQ(found.parent.key, ids.KeyOf("team", "", "parent")) << header;
    EXPECT_EQ(found.others_count, 0) << header;
  }
}

TEST(SessionIds, SourcesBeyondTheRoomForRejectedOnesAreLeftOut) {
  const std::string bad(257, 'x');
  Lines lines;
  for (const char* header :
       {"x-session-id", "x-routing-session-id", "x-model-affinity", "x-claude-code-session-id",
        "session-id", "session_id", "x-session-affinity", "x-opencode-session", "conversation_id",
        "x-amp-thread-id"}) {
    lines.emplace_back(header, bad);
  }
  const SessionIds ids(SessionOptions(), HashKey::FromSystem());
  EXPECT_EQ(FindIn(ids, lines).rejected_count, SessionId::kRejectedMax);
}

TEST(SessionKeyTest, OnlyItsOwnFormIsRead) {
  SessionKey key;
  for (const std::string_view text :
       {"", "0123456789abcdef", "0123456789abcdef0123456789abcdeg",
        "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcdef0"}) {
    EXPECT_FALSE(ParseSessionKey(text, key)) << text;
  }
}

}  // namespace
}  // namespace mainstay::identity
