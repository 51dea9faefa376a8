#include "identity/id_sources.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mainstay::identity {
namespace {

// Each place of the ladder, as name and header or field.
std::vector<std::string> Ladder(const SessionOptions& options) {
  std::vector<std::string> ladder;
  for (const IdSource& source : IdSourcesOf(options)) {
    ladder.push_back(source.name + " " + (source.header.empty() ? "body" : source.header) +
                     (source.strength == IdStrength::kSoft ? " soft" : ""));
  }
  return ladder;
}

TEST(IdSources, TheDefaultOrder) {
  EXPECT_EQ(Ladder({.headers = {"x-session-id", "x-own"}}),
            (std::vector<std::string>{
                "header:x-session-id x-session-id",
                "header:x-own x-own",
                "client:claude-code x-claude-code-session-id",
                "client:claude-code body",
                "client:codex session-id",
                "client:pi session_id",
                "client:opencode x-session-affinity",
                "client:opencode x-opencode-session",
                "client:codex conversation_id",
                "client:amp x-amp-thread-id",
                "body:conversation body soft",
                "body:session_id body soft",
                "body:metadata.session_id body soft",
                "body:metadata.conversation_id body soft",
                "body:prompt_cache_key body soft",
            }));
}

TEST(IdSources, AnOrderOfTheOperatorsOwn) {
  EXPECT_EQ(Ladder({.sources = {"inferred", "body:prompt_cache_key", "client:codex",
                                "header:x-session-id", "response_id"}}),
            (std::vector<std::string>{
                "body:prompt_cache_key body soft",
                "client:codex session-id",
                "client:codex conversation_id",
                "header:x-session-id x-session-id",
            }));
}

TEST(IdSources, ConversationsAreInferredUnlessTheOrderLeavesItOut) {
  EXPECT_TRUE(InfersConversations({}));
  EXPECT_TRUE(InfersConversations({.sources = {"client:codex", "inferred"}}));
  EXPECT_FALSE(InfersConversations({.sources = {"client:codex"}}));
}

TEST(IdSources, ProblemsOfTheTable) {
  struct Row {
    const char* name;
    SessionOptions options;
    std::vector<std::string> paths;
    std::string says;  // part of the first message
  };
  const Row rows[] = {
      {"defaults", {}, {}, ""},
      {"no_headers", {.headers = {}}, {}, ""},
      {"capitals", {.headers = {"X-Id"}}, {"routing.session_headers[0]"}, "lower case"},
      {"a_blank", {.headers = {"a", "b c"}}, {"routing.session_headers[1]"}, "lower case"},
      {"a_header_twice", {.headers = {"a", "a"}}, {"routing.session_headers[1]"}, "twice"},
      {"tenant", {.tenant_header = "X"}, {"routing.tenant_header"}, "lower case"},
      {"every_kind_of_source",
       {.headers = {"x-own"},
        .sources = {"header:x-own", "client:amp", "body:metadata.session_id", "response_id",
                    "inferred"}},
       {},
       ""},
      {"unknown",
       {.sources = {"client:codx"}},
       {"session.identity_sources[0]"},
       "did you mean client:codex?"},
      {"a_header_that_is_no_session_header",
       {.headers = {"x-own"}, .sources = {"header:x-session-id"}},
       {"session.identity_sources[0]"},
       "routing.session_headers"},
      {"twice",
       {.sources = {"inferred", "client:pi", "inferred"}},
       {"session.identity_sources[2]"},
       "stands twice"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Problems problems;
    Validate(row.options, problems);
    std::vector<std::string> paths;
    for (const Problem& problem : problems.list()) {
      paths.push_back(problem.path);
    }
    EXPECT_EQ(paths, row.paths);
    if (!problems.empty()) {
      EXPECT_NE(problems.list()[0].message.find(row.says), std::string::npos)
          << problems.list()[0].message;
    }
  }
}

}  // namespace
}  // namespace mainstay::identity
