#include "identity/session_ids.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mainstay::identity {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

http::HeaderList Headers(const Lines& lines) {
  http::HeaderList headers;
  for (const auto& [name, value] : lines) {
    headers.Add({.name = name, .value = value, .id = http::FindHeaderId(name)});
  }
  return headers;
}

struct FindCase {
  std::string name;
  Lines lines;
  std::string id;  // empty: none
  std::string source;
  bool conflicting = false;
  std::vector<std::string> rejected;
};

const FindCase kCases[] = {
    {"no_header", {{"accept", "a"}}, "", ""},
    {"first_header", {{"X-Session-Id", "s1"}}, "s1", "header:x-session-id"},
    {"second_header", {{"x-routing-session-id", "s1"}}, "s1", "header:x-routing-session-id"},
    {"third_header", {{"X-Model-Affinity", "s1"}}, "s1", "header:x-model-affinity"},
    {"the_order_of_the_options_counts",
     {{"x-model-affinity", "b"}, {"x-session-id", "a"}},
     "a",
     "header:x-session-id"},
    {"repeated_and_equal",
     {{"x-session-id", "a"}, {"x-session-id", "a"}},
     "a",
     "header:x-session-id"},
    {"repeated_and_different",
     {{"x-session-id", "a"}, {"x-session-id", "b"}},
     "a",
     "header:x-session-id",
     true},
    {"empty", {{"x-session-id", ""}}, "", "", false, {"header:x-session-id"}},
    {"too_long", {{"x-session-id", std::string(257, 'x')}}, "", "", false, {"header:x-session-id"}},
    {"longest",
     {{"x-session-id", std::string(256, 'x')}},
     std::string(256, 'x'),
     "header:x-session-id"},
    {"with_a_tab", {{"x-session-id", "a\tb"}}, "", "", false, {"header:x-session-id"}},
    {"with_a_blank_inside", {{"x-session-id", "a b"}}, "a b", "header:x-session-id"},
    {"letters_of_any_alphabet", {{"x-session-id", "zażółć"}}, "zażółć", "header:x-session-id"},
    {"bytes_that_are_no_text", {{"x-session-id", "\xff"}}, "", "", false, {"header:x-session-id"}},
    {"the_next_source_is_tried",
     {{"x-session-id", ""}, {"x-model-affinity", "b"}},
     "b",
     "header:x-model-affinity",
     false,
     {"header:x-session-id"}},
};

TEST(SessionIds, FindsTheIdOfTheTable) {
  const SessionIds ids(SessionOptions(), HashKey::FromSystem());
  for (const FindCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const http::HeaderList headers = Headers(c.lines);
    const SessionId found = ids.Find(headers, "team");
    EXPECT_EQ(found.present, !c.id.empty());
    EXPECT_EQ(found.id, c.id);
    EXPECT_EQ(found.source, c.source);
    EXPECT_EQ(found.conflicting, c.conflicting);
    EXPECT_EQ(std::vector<std::string>(found.rejected.begin(),
                                       found.rejected.begin() + found.rejected_count),
              c.rejected);
  }
}

TEST(SessionIds, ANameOfTheOperatorsOwn) {
  const SessionIds ids({.headers = {"x-my-run"}}, HashKey::FromSystem());
  EXPECT_TRUE(ids.Find(Headers({{"X-My-Run", "r"}}), "c").present);
  EXPECT_FALSE(ids.Find(Headers({{"x-session-id", "r"}}), "c").present);
}

TEST(SessionIds, CallersTenantsAndIdsKeepApart) {
  const HashKey key = HashKey::FromSystem();
  const SessionIds ids({.tenant_header = "x-tenant"}, key);
  std::set<std::string> seen;
  size_t count = 0;
  for (const std::string caller : {"a", "b", "a:b"}) {
    for (const std::string tenant : {"", "t", "t:u"}) {
      for (const std::string id : {"s", "u:s", "S"}) {
        Lines lines{{"x-session-id", id}};
        if (!tenant.empty()) {
          lines.emplace_back("X-Tenant", tenant);
        }
        const SessionId found = ids.Find(Headers(lines), caller);
        const SessionKeyText text = TextOf(found.key);
        seen.insert(std::string(text.begin(), text.end()));
        ++count;
        EXPECT_EQ(found.key, ids.KeyOf(caller, tenant, id));
        SessionKey parsed;
        ASSERT_TRUE(ParseSessionKey({text.data(), text.size()}, parsed));
        EXPECT_EQ(parsed, found.key);
      }
    }
  }
  EXPECT_EQ(seen.size(), count);
  const SessionIds elsewhere({.tenant_header = "x-tenant"}, HashKey::FromSystem());
  EXPECT_NE(elsewhere.KeyOf("a", "t", "s"), ids.KeyOf("a", "t", "s"));
}

TEST(SessionKeyTest, OnlyItsOwnFormIsRead) {
  SessionKey key;
  for (const std::string_view text :
       {"", "0123456789abcdef", "0123456789abcdef0123456789abcdeg",
        "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcdef0"}) {
    EXPECT_FALSE(ParseSessionKey(text, key)) << text;
  }
}

TEST(SessionOptionsTest, NamesMustBeHeaders) {
  struct Row {
    SessionOptions options;
    std::vector<std::string> paths;
  };
  const Row rows[] = {
      {{}, {}},
      {{.headers = {}}, {}},
      {{.headers = {"X-Id"}}, {"routing.session_headers[0]"}},
      {{.headers = {"a", "b c"}}, {"routing.session_headers[1]"}},
      {{.headers = {"a", "a"}}, {"routing.session_headers[1]"}},
      {{.tenant_header = "X"}, {"routing.tenant_header"}},
  };
  for (const Row& row : rows) {
    Problems problems;
    Validate(row.options, problems);
    std::vector<std::string> paths;
    for (const Problem& problem : problems.list()) {
      paths.push_back(problem.path);
    }
    EXPECT_EQ(paths, row.paths);
  }
}

}  // namespace
}  // namespace mainstay::identity
