#include "upstream/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace mainstay::upstream {
namespace {

constexpr std::string_view kTraceparent = "00-11111111111111111111111111111111-2222222222222222-01";

// A client's head with these lines, parsed.
struct Client {
  explicit Client(std::string_view lines)
      : bytes("POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n" + std::string(lines) +
              "\r\n") {
    const size_t size = bytes.size();
    bytes.append(http::kPadding, '\n');
    const auto result = http::ParseRequestHead(std::string_view(bytes).substr(0, size), head);
    EXPECT_EQ(result.status, http::ParseStatus::kDone) << result.problem << "\n" << lines;
  }
  std::string bytes;
  http::RequestHead head;
};

// The line of our own when the client asked for nothing, or may not be asked.
constexpr std::string_view kIdentity = "accept-encoding: identity\r\n";

struct HeadCase {
  const char* name;
  std::string_view client;  // lines of the client's head behind Host
  std::string_view passed;  // those of them that go on
  std::string_view accept_encoding = kIdentity;
  HeaderOptions configured = {};
  AnswerEncoding answer = AnswerEncoding::kAsClientAsked;
  BodyEncoding body = BodyEncoding::kAsSent;
  Credential credential = Credential::kAccount;
};

const HeadCase kHeadCases[] = {
    {"nothing", "", ""},
    {"order_and_spelling_stay",
     "X-Stainless-Lang: python\r\nContent-Type:application/json\r\naccept:  */* \r\n",
     "X-Stainless-Lang: python\r\nContent-Type:application/json\r\naccept:  */* \r\n"},
    {"repeated_headers_stay", "A-B: 1\r\nx-y: 2\r\nA-B: 3\r\n", "A-B: 1\r\nx-y: 2\r\nA-B: 3\r\n"},
    {"an_empty_value_stays", "X-Empty:\r\nX-Next: 1\r\n", "X-Empty:\r\nX-Next: 1\r\n"},
    {"an_empty_value_at_the_end_stays", "X-Empty:\r\n", "X-Empty:\r\n"},
    {"bytes_beyond_ascii_stay", "X-Name: caf\xc3\xa9\r\n", "X-Name: caf\xc3\xa9\r\n"},
    {"session_headers_go_on", "X-Session-Id: s1\r\nX-Conversation-Id: c1\r\n",
     "X-Session-Id: s1\r\nX-Conversation-Id: c1\r\n"},
    {"idempotency_key_goes_on", "Idempotency-Key: k\r\n", "Idempotency-Key: k\r\n"},
    {"user_agent_goes_on", "User-Agent: OpenAI/Python\r\n", "User-Agent: OpenAI/Python\r\n"},
    {"tracestate_goes_on", "tracestate: a=b\r\n", "tracestate: a=b\r\n"},
    {"content_encoding_goes_on_with_a_body_as_sent", "Content-Encoding: gzip\r\n",
     "Content-Encoding: gzip\r\n"},
    {"content_encoding_ends_with_a_decoded_body",
     "A: 1\r\nContent-Encoding: gzip\r\nB: 2\r\n",
     "A: 1\r\nB: 2\r\n",
     kIdentity,
     {},
     AnswerEncoding::kAsClientAsked,
     BodyEncoding::kDecoded},

    {"hop_by_hop_headers_end_here",
     "Connection: keep-alive, TE\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nUpgrade: h2c\r\n"
     "Proxy-Connection: close\r\nProxy-Authorization: Basic eA==\r\nTrailer: x\r\nA: 1\r\n",
     "A: 1\r\n"},
    {"what_connection_names_ends_here", "X-Hop: 1\r\nConnection: X-Hop\r\nX-Stay: 2\r\n",
     "X-Stay: 2\r\n"},
    {"framing_is_written_anew", "Content-Length: 5\r\nA: 1\r\n", "A: 1\r\n"},
    {"chunks_are_not_passed_on", "Transfer-Encoding: chunked\r\nA: 1\r\n", "A: 1\r\n"},
    {"expect_is_ours", "Expect: 100-continue\r\n", ""},
    {"credentials_end_here",
     "Authorization: Bearer client\r\nX-Api-Key: client\r\nx-goog-api-key: client\r\nA: 1\r\n",
     "A: 1\r\n"},
    {"cookies_end_here", "Cookie: a=b\r\n", ""},
    {"the_clients_own_credential_goes_on",
     "Authorization: Bearer client\r\nX-Api-Key: client\r\nCookie: a=b\r\n",
     "Authorization: Bearer client\r\nX-Api-Key: client\r\n",
     kIdentity,
     {},
     AnswerEncoding::kAsClientAsked,
     BodyEncoding::kAsSent,
     Credential::kClient},
    {"the_gateways_own_headers_end_here",
     "X-Mainstay-Route: off\r\nx-mainstay-pin: off\r\nX-Mainstay-Account: a\r\n"
     "X-Mainstay-Csrf: 1\r\nX-Mainstay-Other: 1\r\nX-VSR-Selected-Model: m\r\nA: 1\r\n",
     "A: 1\r\n"},
    {"what_tells_of_proxies_ends_here",
     "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nx-forwarded-host: h\r\n"
     "Forwarded: for=1.2.3.4\r\nVia: 1.1 p\r\nA: 1\r\n",
     "A: 1\r\n"},
    {"what_a_browser_says_of_its_page_ends_here", "Origin: https://a.example\r\nA: 1\r\n",
     "A: 1\r\n"},
    {"x_forward_is_another_name", "X-Forward: 1\r\n", "X-Forward: 1\r\n"},
    {"ids_are_written_anew", "X-Request-Id: theirs\r\ntraceparent: theirs\r\nA: 1\r\n", "A: 1\r\n"},

    {"an_encoding_that_the_client_asks_for", "Accept-Encoding: gzip, br\r\nA: 1\r\n",
     "Accept-Encoding: gzip, br\r\nA: 1\r\n", ""},
    {"an_encoding_when_the_answer_has_to_be_read",
     "Accept-Encoding: gzip, br\r\nA: 1\r\n",
     "A: 1\r\n",
     kIdentity,
     {},
     AnswerEncoding::kIdentity},
    {"an_encoding_that_connection_names",
     "Accept-Encoding: gzip\r\nConnection: accept-encoding\r\n", ""},
    {"an_accept_encoding_that_accepts_nothing", "Accept-Encoding:\r\n", "Accept-Encoding:\r\n", ""},

    {"configured_headers_replace_the_clients",
     "OpenAI-Organization: theirs\r\nA: 1\r\n",
     "A: 1\r\n",
     kIdentity,
     {{"openai-organization", "ours"}}},
    {"configured_headers_replace_only_their_name",
     "OpenAI-Organizations: theirs\r\n",
     "OpenAI-Organizations: theirs\r\n",
     kIdentity,
     {{"openai-organization", "ours"}}},
};

Target TargetWith(HeaderOptions headers) {
  Target target;
  target.api_key = Secret("sk-account");
  target.headers = std::move(headers);
  return target;
}
std::string ConfiguredLines(const HeaderOptions& headers) {
  std::string lines;
  for (const auto& [name, value] : headers) {
    lines += name + ": " + value + "\r\n";
  }
  return lines;
}

std::string Written(const RequestHeadInput& in) {
  io::BufferPool pool;
  io::Buffer out(pool);
  WriteRequestHead(in, out);
  return std::string(out.view());
}

TEST(RequestHead, HeadersOfTheTable) {
  const wire::ProtocolRow& row = wire::RowOf(Protocol::kOpenAiChat);
  const http::Url url = *http::ParseUrl("https://api.example.com/v1");
  for (const HeadCase& c : kHeadCases) {
    SCOPED_TRACE(c.name);
    const Client client(c.client);
    const Target target = TargetWith(c.configured);
    const std::string fixed = FixedLines(target, url, row, c.credential);
    const std::string account =
        c.credential == Credential::kAccount ? "authorization: Bearer sk-account\r\n" : "";
    EXPECT_EQ(Written({.path = "/chat/completions",
                       .client = &client.head,
                       .target = &target,
                       .url = &url,
                       .fixed_lines = fixed,
                       .request_id = "ours",
                       .traceparent = kTraceparent,
                       .answer_encoding = c.answer,
                       .body_encoding = c.body,
                       .credential = c.credential,
                       .body_bytes = 4096}),
              "POST /v1/chat/completions HTTP/1.1\r\nhost: api.example.com\r\n" + account +
                  ConfiguredLines(c.configured) + "x-request-id: ours\r\ntraceparent: " +
                  std::string(kTraceparent) + "\r\n" + std::string(c.passed) +
                  std::string(c.accept_encoding) + "content-length: 4096\r\n\r\n");
  }
}

struct LineCase {
  const char* name;
  std::string_view query;
  std::string_view url;
  std::string_view want;  // the request line
};

const LineCase kLineCases[] = {
    {"no_query", "", "http://h", "POST /chat/completions HTTP/1.1"},
    {"a_prefix", "", "http://h/openai/v1/", "POST /openai/v1/chat/completions HTTP/1.1"},
    {"a_query", "api-version=2024&x=1", "http://h/v1",
     "POST /v1/chat/completions?api-version=2024&x=1 HTTP/1.1"},
    {"a_key_alone", "key=secret", "http://h/v1", "POST /v1/chat/completions HTTP/1.1"},
    {"a_key_first", "key=secret&x=1", "http://h/v1", "POST /v1/chat/completions?x=1 HTTP/1.1"},
    {"a_key_in_the_middle", "x=1&key=secret&y=2", "http://h/v1",
     "POST /v1/chat/completions?x=1&y=2 HTTP/1.1"},
    {"a_key_last", "x=1&key=secret", "http://h/v1", "POST /v1/chat/completions?x=1 HTTP/1.1"},
    {"two_keys", "key=a&key=b", "http://h/v1", "POST /v1/chat/completions HTTP/1.1"},
    {"names_that_end_or_begin_like_key", "apikey=1&keys=2&key", "http://h/v1",
     "POST /v1/chat/completions?apikey=1&keys=2&key HTTP/1.1"},
    {"empty_items", "&&x=1&&", "http://h/v1", "POST /v1/chat/completions?x=1 HTTP/1.1"},
    {"bytes_stay_encoded", "x=%2F+%20", "http://h/v1",
     "POST /v1/chat/completions?x=%2F+%20 HTTP/1.1"},
};

TEST(RequestHead, RequestLinesOfTheTable) {
  for (const LineCase& c : kLineCases) {
    SCOPED_TRACE(c.name);
    const Client client("");
    const Target target;
    const http::Url url = *http::ParseUrl(c.url);
    const std::string head = Written({.path = "/chat/completions",
                                      .query = c.query,
                                      .client = &client.head,
                                      .target = &target,
                                      .url = &url});
    EXPECT_EQ(head.substr(0, head.find("\r\n")), c.want);
  }
}

TEST(RequestHead, TheLengthOfTheBody) {
  const Client client("");
  const Target target;
  const http::Url url = *http::ParseUrl("http://h");
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{33554432}}) {
    EXPECT_TRUE(
        Written({.client = &client.head, .target = &target, .url = &url, .body_bytes = bytes})
            .ends_with("content-length: " + std::to_string(bytes) + "\r\n\r\n"));
  }
}

TEST(RequestHead, WhatIsAppendedParses) {
  const Client client("A: 1\r\nConnection: close, B\r\nB: 2\r\nC: 3\r\n");
  const Target target = TargetWith({{"X-Org", "o"}});
  const http::Url url = *http::ParseUrl("http://h:8080/v1");
  std::string head =
      Written({.path = "/x",
               .client = &client.head,
               .target = &target,
               .url = &url,
               .fixed_lines = FixedLines(target, url, wire::RowOf(Protocol::kOpenAiChat)),
               .request_id = "id",
               .traceparent = kTraceparent});
  const size_t bytes = head.size();
  head.append(http::kPadding, '\0');
  http::RequestHead parsed;
  ASSERT_EQ(http::ParseRequestHead(std::string_view(head).substr(0, bytes), parsed).status,
            http::ParseStatus::kDone);
  EXPECT_EQ(parsed.host, "h:8080");
  EXPECT_EQ(parsed.content_length, 0u);
  EXPECT_TRUE(parsed.keep_alive);
}

struct FixedCase {
  const char* name;
  std::string_view url;
  std::string_view api_key;
  HeaderOptions headers;
  Credential credential;
  std::string_view want;
};

const FixedCase kFixedCases[] = {
    {"host_and_credential",
     "https://h/v1",
     "sk",
     {},
     Credential::kAccount,
     "host: h\r\nauthorization: Bearer sk\r\n"},
    {"a_port", "http://h:8000/v1", "", {}, Credential::kAccount, "host: h:8000\r\n"},
    {"the_default_port", "https://h:443/v1", "", {}, Credential::kAccount, "host: h\r\n"},
    {"ipv6", "http://[::1]:8000", "", {}, Credential::kAccount, "host: [::1]:8000\r\n"},
    {"no_credential", "https://h", "", {}, Credential::kAccount, "host: h\r\n"},
    {"the_clients_credential", "https://h", "sk", {}, Credential::kClient, "host: h\r\n"},
    {"configured_headers",
     "https://h",
     "sk",
     {{"X-A", "1"}, {"X-B", ""}},
     Credential::kAccount,
     "host: h\r\nauthorization: Bearer sk\r\nX-A: 1\r\nX-B: \r\n"},
    {"the_accounts_header_replaces_the_providers",
     "https://h",
     "",
     {{"X-Org", "provider"}, {"X-B", "2"}, {"x-org", "account"}},
     Credential::kAccount,
     "host: h\r\nX-B: 2\r\nx-org: account\r\n"},
    {"a_configured_credential_replaces_the_key",
     "https://h",
     "sk",
     {{"Authorization", "Basic eA=="}},
     Credential::kAccount,
     "host: h\r\nAuthorization: Basic eA==\r\n"},
};

TEST(RequestHead, FixedLinesOfTheTable) {
  for (const FixedCase& c : kFixedCases) {
    Target target;
    target.api_key = Secret(std::string(c.api_key));
    target.headers = c.headers;
    EXPECT_EQ(FixedLines(target, *http::ParseUrl(c.url), wire::RowOf(Protocol::kOpenAiChat),
                         c.credential),
              c.want)
        << c.name;
  }
}

TEST(RequestHead, ConfiguredIdsReplaceOurs) {
  const Client client("");
  const Target target = TargetWith({{"X-Request-ID", "fixed"}, {"Traceparent", "fixed"}});
  const http::Url url = *http::ParseUrl("http://h");
  const std::string head = Written({.path = "/x",
                                    .client = &client.head,
                                    .target = &target,
                                    .url = &url,
                                    .request_id = "ours",
                                    .traceparent = kTraceparent});
  EXPECT_EQ(head, "POST /x HTTP/1.1\r\naccept-encoding: identity\r\ncontent-length: 0\r\n\r\n");
}

// ---- Lines of an answer.

struct ReplyCase {
  const char* name;
  std::string_view provider;
  std::string_view want;
};

const ReplyCase kReplyCases[] = {
    {"nothing", "", ""},
    {"order_and_spelling_stay",
     "Content-Type: application/json\r\nOpenAI-Processing-Ms: 12\r\ncontent-encoding: gzip\r\n",
     "Content-Type: application/json\r\nOpenAI-Processing-Ms: 12\r\ncontent-encoding: gzip\r\n"},
    {"retry_hints_stay", "Retry-After: 3\r\nx-ratelimit-remaining-requests: 0\r\n",
     "Retry-After: 3\r\nx-ratelimit-remaining-requests: 0\r\n"},
    {"date_and_server_stay", "Date: now\r\nServer: cloudflare\r\n",
     "Date: now\r\nServer: cloudflare\r\n"},
    {"hop_by_hop_headers_end_here",
     "Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nA: 1\r\n"
     "Proxy-Authenticate: Basic\r\n",
     "A: 1\r\n"},
    {"chunks_are_not_passed_on", "Transfer-Encoding: chunked\r\nA: 1\r\n", "A: 1\r\n"},
    {"the_length_is_written_anew", "Content-Length: 0\r\nA: 1\r\n", "A: 1\r\n"},
    {"cookies_end_here", "Set-Cookie: __cf_bm=x\r\nA: 1\r\nset-cookie: y=z\r\n", "A: 1\r\n"},
    {"the_providers_request_id_gets_another_name", "x-request-id: req_1\r\nA: 1\r\n",
     "A: 1\r\nx-provider-request-id: req_1\r\n"},
    {"an_empty_request_id_too", "x-request-id:\r\nA: 1\r\n", "A: 1\r\nx-provider-request-id: \r\n"},
    {"names_of_the_gateway_are_not_for_providers",
     "X-Mainstay-Model: m\r\nx-mainstay-pin: hit\r\nX-Mainstay-Account: a\r\n"
     "x-mainstay-route: off\r\nx-mainstay-csrf: 1\r\nx-vsr-selected-model: m\r\nA: 1\r\n",
     "A: 1\r\n"},
    {"permissions_for_pages_are_the_gateways",
     "Access-Control-Allow-Origin: *\r\naccess-control-expose-headers: X-Request-ID\r\nA: 1\r\n",
     "A: 1\r\n"},
    {"names_that_begin_alike_stay", "access-control: 1\r\nAccess-Controls-X: 1\r\n",
     "access-control: 1\r\nAccess-Controls-X: 1\r\n"},
};

TEST(ReplyLines, HeadersOfTheTable) {
  for (const ReplyCase& c : kReplyCases) {
    SCOPED_TRACE(c.name);
    std::string bytes = "HTTP/1.1 200 OK\r\n" + std::string(c.provider) + "\r\n";
    const size_t size = bytes.size();
    bytes.append(http::kPadding, '\n');
    http::ResponseHead head;
    const auto parsed = http::ParseResponseHead(std::string_view(bytes).substr(0, size), head);
    ASSERT_EQ(parsed.status, http::ParseStatus::kDone) << parsed.problem;
    io::BufferPool pool;
    io::Buffer out(pool);
    WriteReplyLines(head, out);
    EXPECT_EQ(out.view(), c.want);
  }
}

}  // namespace
}  // namespace mainstay::upstream
