#include "http/framing.h"

#include <gtest/gtest.h>

#include <string>

#include "http/head.h"

namespace mainstay::http {
namespace {

constexpr ParseStatus kDone = ParseStatus::kDone;

class Input final {
 public:
  explicit Input(const std::string& text) : bytes_(text), size_(text.size()) {
    bytes_.append(kPadding, '\0');
  }
  std::string_view view() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::string bytes_;
  size_t size_;
};

struct PersistenceCase {
  const char* name;
  const char* version;
  const char* lines;
  bool keep_alive;
  bool upgrade = false;
  bool nominates = false;
};
const PersistenceCase kPersistenceCases[] = {
    {"http11", "1.1", "", true},
    {"http11_close", "1.1", "Connection: close\r\n", false},
    {"http11_close_any_case", "1.1", "connection: CLOSE\r\n", false},
    {"http11_close_in_list", "1.1", "Connection: te , close,\r\nTE: x\r\n", false},
    {"http11_close_in_second_header", "1.1", "Connection: te\r\nConnection: close\r\n", false},
    {"http11_closed_is_not_close", "1.1", "Connection: closed\r\n", true, false, true},
    {"http11_close_beats_keep_alive", "1.1", "Connection: keep-alive, close\r\n", false},
    {"http11_keep_alive", "1.1", "Connection: keep-alive\r\n", true},
    {"http10", "1.0", "", false},
    {"http10_keep_alive", "1.0", "Connection: Keep-Alive\r\n", true},
    {"http10_keep_alive_and_close", "1.0", "Connection: keep-alive, close\r\n", false},
    {"upgrade", "1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", true, true},
    {"upgrade_without_connection", "1.1", "Upgrade: websocket\r\n", true},
    {"connection_upgrade_alone", "1.1", "Connection: upgrade\r\n", true},
    {"nominates", "1.1", "Connection: keep-alive, X-Secret\r\n", true, false, true},
};
TEST(RequestFraming, KnowsWhetherTheConnectionStays) {
  for (const PersistenceCase& row : kPersistenceCases) {
    SCOPED_TRACE(row.name);
    const Input input("GET / HTTP/" + std::string(row.version) + "\r\nHost: h\r\n" + row.lines +
                      "\r\n");
    RequestHead head;
    ASSERT_EQ(ParseRequestHead(input.view(), head).status, kDone);
    EXPECT_EQ(head.keep_alive, row.keep_alive);
    EXPECT_EQ(head.upgrade, row.upgrade);
    EXPECT_EQ(head.nominates_headers, row.nominates);
  }
}

TEST(RequestFraming, NamesNominatedHeaders) {
  const Input input(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-A ,\r\nConnection: x-b\r\n\r\n");
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(input.view(), head).status, kDone);
  EXPECT_TRUE(IsNominated(head, "x-a"));
  EXPECT_TRUE(IsNominated(head, "X-B"));
  EXPECT_FALSE(IsNominated(head, "x-"));
  EXPECT_FALSE(IsNominated(head, ""));
}

struct ExpectCase {
  const char* name;
  const char* version;
  const char* value;
  bool is_continue;
  bool is_unknown;
};
TEST(RequestFraming, KnowsExpectations) {
  const ExpectCase rows[] = {
      {"continue", "1.1", "100-continue", true, false},
      {"continue_any_case", "1.1", "100-Continue", true, false},
      {"continue_in_http10_is_ignored", "1.0", "100-continue", false, false},
      {"other", "1.1", "200-ok", false, true},
      {"longer", "1.1", "100-continue;x", false, true},
      {"empty", "1.1", "", false, true},
  };
  for (const ExpectCase& row : rows) {
    SCOPED_TRACE(row.name);
    const Input input("PUT / HTTP/" + std::string(row.version) +
                      "\r\nHost: h\r\nExpect: " + row.value + "\r\n\r\n");
    RequestHead head;
    ASSERT_EQ(ParseRequestHead(input.view(), head).status, kDone);
    EXPECT_EQ(head.expect_continue, row.is_continue);
    EXPECT_EQ(head.expect_unknown, row.is_unknown);
  }
}

struct BodyCase {
  const char* name;
  const char* head;
  Method method;
  BodyKind want;
  bool keep_alive = true;
};
TEST(ResponseFraming, KnowsHowTheBodyEnds) {
  const BodyCase rows[] = {
      {"length", "200 OK\r\nContent-Length: 5\r\n", Method::kPost, BodyKind::kLength},
      {"length_zero", "200 OK\r\nContent-Length: 0\r\n", Method::kPost, BodyKind::kNone},
      {"chunked", "200 OK\r\nTransfer-Encoding: chunked\r\n", Method::kPost, BodyKind::kChunked},
      {"neither", "200 OK\r\n", Method::kPost, BodyKind::kUntilClose},
      {"head_with_length", "200 OK\r\nContent-Length: 5\r\n", Method::kHead, BodyKind::kNone},
      {"head_chunked", "200 OK\r\nTransfer-Encoding: chunked\r\n", Method::kHead, BodyKind::kNone},
      {"connect_ok", "200 OK\r\n", Method::kConnect, BodyKind::kNone},
      {"connect_refused", "403 No\r\nContent-Length: 2\r\n", Method::kConnect, BodyKind::kLength},
      {"continue", "100 Continue\r\n", Method::kPost, BodyKind::kNone},
      {"no_content", "204 No Content\r\n", Method::kPost, BodyKind::kNone},
      {"no_content_with_zero", "204 x\r\nContent-Length: 0\r\n", Method::kGet, BodyKind::kNone},
      {"no_content_announces", "204 x\r\nContent-Length: 3\r\n", Method::kGet, BodyKind::kNone,
       false},
      {"no_content_chunked", "204 x\r\nTransfer-Encoding: chunked\r\n", Method::kGet,
       BodyKind::kNone, false},
      {"not_modified", "304 x\r\nContent-Length: 5\r\n", Method::kGet, BodyKind::kNone},
      {"not_modified_chunked", "304 x\r\nTransfer-Encoding: chunked\r\n", Method::kGet,
       BodyKind::kNone, false},
      {"close", "200 OK\r\nConnection: close\r\nContent-Length: 1\r\n", Method::kGet,
       BodyKind::kLength, false},
  };
  for (const BodyCase& row : rows) {
    SCOPED_TRACE(row.name);
    const Input input("HTTP/1.1 " + std::string(row.head) + "\r\n");
    ResponseHead head;
    ASSERT_EQ(ParseResponseHead(input.view(), head).status, kDone);
    EXPECT_EQ(ResponseBody(head, row.method), row.want);
    EXPECT_EQ(head.keep_alive, row.keep_alive);
  }
}

}  // namespace
}  // namespace mainstay::http
