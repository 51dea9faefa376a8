#include "http/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace mainstay::http {
namespace {

using std::string_literals::operator""s;

struct UrlCase {
  const char* name;
  std::string text;
  const char* problem = nullptr;  // a part of it; else the url is good
  Url want = {};
  const char* host_header = "";
};

const UrlCase kUrlCases[] = {
    {"https",
     "https://api.openai.com/v1",
     nullptr,
     {"https", "api.openai.com", 443, "/v1", true},
     "api.openai.com"},
    {"http", "http://h", nullptr, {"http", "h", 80, "", false}, "h"},
    {"root_path", "http://h/", nullptr, {"http", "h", 80, "", false}, "h"},
    {"slashes_at_the_end", "http://h/a/b//", nullptr, {"http", "h", 80, "/a/b", false}, "h"},
    {"slashes_inside_stay", "http://h//a//b", nullptr, {"http", "h", 80, "//a//b", false}, "h"},
    {"dots_stay", "http://h/a/../b/.", nullptr, {"http", "h", 80, "/a/../b/.", false}, "h"},
    {"port",
     "http://127.0.0.1:11434/v1",
     nullptr,
     {"http", "127.0.0.1", 11434, "/v1", false},
     "127.0.0.1:11434"},
    {"default_port_is_not_named", "https://h:443", nullptr, {"https", "h", 443, "", true}, "h"},
    {"other_scheme_port_is_named", "https://h:80", nullptr, {"https", "h", 80, "", true}, "h:80"},
    {"upper_case",
     "HTTPS://API.Example.COM/V1",
     nullptr,
     {"https", "api.example.com", 443, "/V1", true},
     "api.example.com"},
    {"ipv6", "http://[::1]:8080/x", nullptr, {"http", "::1", 8080, "/x", false}, "[::1]:8080"},
    {"ipv6_without_port",
     "http://[2001:DB8::1]",
     nullptr,
     {"http", "2001:db8::1", 80, "", false},
     "[2001:db8::1]"},
    {"underscore",
     "http://my_service:1",
     nullptr,
     {"http", "my_service", 1, "", false},
     "my_service:1"},
    {"dot_at_the_end",
     "http://example.com.",
     nullptr,
     {"http", "example.com.", 80, "", false},
     "example.com."},
    {"empty", "", "must begin with http"},
    {"no_scheme", "api.openai.com/v1", "must begin with http"},
    {"other_scheme", "ftp://h", "must begin with http"},
    {"one_slash", "http:/h", "must begin with http"},
    {"no_host", "http://", "no host"},
    {"no_host_but_path", "http:///v1", "no host"},
    {"no_host_but_port", "http://:80", "no host"},
    {"user", "http://u@h", "user name"},
    {"password", "http://u:p@h", "user name"},
    {"query", "http://h/?a=b", "query"},
    {"query_without_path", "http://h?a", "query"},
    {"fragment", "http://h/#a", "fragment"},
    {"blank", "http://h/a b", "blanks"},
    {"blank_at_the_end", "http://h ", "blanks"},
    {"nul", "http://h\0"s, "blanks"},
    {"line_end", "http://h/\r\nX: y", "blanks"},
    {"non_ascii", "http://\xc3\xa9.example", "non-ASCII"},
    {"port_0", "http://h:0", "port"},
    {"port_65536", "http://h:65536", "port"},
    {"port_empty", "http://h:", "port"},
    {"port_signed", "http://h:+1", "port"},
    {"port_name", "http://h:http", "port"},
    {"ipv6_without_brackets", "http://::1", "no host"},
    {"ipv6_without_brackets_long", "http://fe80::1", "port"},
    {"ipv6_not_closed", "http://[::1", "brackets"},
    {"ipv6_then_text", "http://[::1]x", "brackets"},
    {"ipv6_bad", "http://[::g]", "not an IPv6 address"},
    {"ipv6_empty", "http://[]", "no host"},
    {"ipv4_short", "http://127.1", "neither a name"},
    {"ipv4_as_number", "http://2130706433", "neither a name"},
    {"ipv4_too_large", "http://1.2.3.256", "neither a name"},
    {"two_dots", "http://a..b", "neither a name"},
    {"dot_first", "http://.a", "neither a name"},
    {"percent", "http://a%2eb", "neither a name"},
    {"backslash", "http://a\\b", "neither a name"},
};

TEST(ParseUrl, Table) {
  for (const UrlCase& row : kUrlCases) {
    SCOPED_TRACE(row.name);
    const Result<Url> got = ParseUrl(row.text);
    ASSERT_EQ(got.has_value(), row.problem == nullptr)
        << (got.has_value() ? got->host : got.error().message);
    if (row.problem != nullptr) {
      EXPECT_THAT(got.error().message, testing::HasSubstr(row.problem));
      EXPECT_EQ(got.error().kind, ErrorKind::kInvalidField);
      continue;
    }
    EXPECT_TRUE(*got == row.want) << got->scheme << "|" << got->host << "|" << got->port << "|"
                                  << got->path_prefix;
    EXPECT_EQ(got->HostHeader(), row.host_header);
  }
}

TEST(ParseUrl, DoesNotRepeatAPassword) {
  EXPECT_THAT(ParseUrl("http://user:hunter2@h").error().message,
              testing::Not(testing::HasSubstr("hunter2")));
}

struct TargetCase {
  const char* target;
  const char* path;
  const char* query;
};
TEST(SplitTarget, Table) {
  const TargetCase rows[] = {
      {"/", "/", ""},
      {"/a/b", "/a/b", ""},
      {"/a?b=c", "/a", "b=c"},
      {"/a?", "/a", ""},
      {"/a?b?c", "/a", "b?c"},
      {"/a%3Fb", "/a%3Fb", ""},
      {"//h/x?y", "//h/x", "y"},
      {"*", "*", ""},
      {"http://h", "/", ""},
      {"http://h/", "/", ""},
      {"HTTPS://h:1/a?b", "/a", "b"},
      {"http://h?b", "/", "b"},
  };
  for (const TargetCase& row : rows) {
    EXPECT_EQ(SplitTarget(row.target).path, row.path) << row.target;
    EXPECT_EQ(SplitTarget(row.target).query, row.query) << row.target;
  }
}

TEST(Percent, DecodeTable) {
  EXPECT_EQ(PercentDecode(""), "");
  EXPECT_EQ(PercentDecode("a+b"), "a+b");
  EXPECT_EQ(PercentDecode("%41%2f%2F%00"), "A//\0"s);
  EXPECT_EQ(PercentDecode("%"), std::nullopt);
  EXPECT_EQ(PercentDecode("%4"), std::nullopt);
  EXPECT_EQ(PercentDecode("a%4g"), std::nullopt);
  EXPECT_EQ(PercentDecode("%+1"), std::nullopt);
  EXPECT_EQ(PercentDecode("%c3%A9"), "\xc3\xa9");
}

TEST(Percent, EncodeUndoesDecode) {
  EXPECT_EQ(PercentEncode("models/gpt-4.1_x~"), "models%2Fgpt-4.1_x~");
  std::string all;
  for (int c = 0; c < 256; ++c) {
    all.push_back(static_cast<char>(c));
  }
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
}

struct ListenCase {
  const char* name;
  std::string text;
  const char* problem = nullptr;
  const char* host = "";
  uint16_t port = 0;
  bool loopback = false;
  const char* shown = nullptr;  // when not as it was written
};
TEST(ParseListenAddress, Table) {
  const ListenCase rows[] = {
      {"ipv4", "127.0.0.1:12000", nullptr, "127.0.0.1", 12000, true},
      {"ipv4_other_loopback", "127.8.0.1:1", nullptr, "127.8.0.1", 1, true},
      {"ipv4_all", "0.0.0.0:80", nullptr, "0.0.0.0", 80, false},
      {"ipv4_public", "192.0.2.1:80", nullptr, "192.0.2.1", 80, false},
      {"port_0", "127.0.0.1:0", nullptr, "127.0.0.1", 0, true},
      {"ipv6", "[::1]:80", nullptr, "::1", 80, true},
      {"ipv6_all", "[::]:80", nullptr, "::", 80, false},
      {"ipv6_mapped_loopback", "[::ffff:127.0.0.1]:80", nullptr, "::ffff:127.0.0.1", 80, true},
      {"ipv6_mapped_public", "[::ffff:192.0.2.1]:80", nullptr, "::ffff:192.0.2.1", 80, false},
      {"localhost", "localhost:80", nullptr, "127.0.0.1", 80, true, "127.0.0.1:80"},
      {"unix", "unix:/run/x.sock", nullptr, "", 0, true},
      {"empty", "", "no port"},
      {"no_port", "127.0.0.1", "no port"},
      {"ipv6_no_port", "[::1]", "no port"},
      {"port_alone", ":80", "no host"},
      {"bare_port", "80", "no port"},
      {"empty_port", "127.0.0.1:", "port must"},
      {"port_too_large", "127.0.0.1:65536", "port must"},
      {"port_with_blank", "127.0.0.1: 80", "port must"},
      {"port_with_leading_zero", "127.0.0.1:080", "port must"},
      {"name", "example.com:80", "not resolved"},
      {"ipv4_with_blank", " 127.0.0.1:80", "not resolved"},
      {"ipv4_with_nul", "127.0.0.1\0:80"s, "not resolved"},
      {"ipv6_bare", "fe80::1:80", "needs brackets"},
      {"ipv6_bad", "[x]:80", "not an IPv6"},
      {"localhost_in_brackets", "[localhost]:80", "not an IPv6"},
      {"unix_relative", "unix:x.sock", "absolute path"},
      {"unix_empty", "unix:", "absolute path"},
      {"unix_too_long", "unix:/" + std::string(107, 'x'), "107"},
  };
  for (const ListenCase& row : rows) {
    SCOPED_TRACE(row.name);
    const Result<ListenAddress> got = ParseListenAddress(row.text);
    ASSERT_EQ(got.has_value(), row.problem == nullptr);
    if (row.problem != nullptr) {
      EXPECT_THAT(got.error().message, testing::HasSubstr(row.problem));
      continue;
    }
    EXPECT_EQ(got->host, row.host);
    EXPECT_EQ(got->port, row.port);
    EXPECT_EQ(got->loopback, row.loopback);
    EXPECT_EQ(got->ToString(), row.shown != nullptr ? row.shown : row.text);
  }
}

}  // namespace
}  // namespace mainstay::http
