#include "http/head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "http/scan.h"

namespace mainstay::http {
namespace {

using std::string_literals::operator""s;

// A copy with exactly kPadding bytes behind it, so that the address sanitizer sees every byte that
// is read beyond them. `filler` repeats over the padding.
class Input final {
 public:
  explicit Input(std::string_view text, std::string_view filler = std::string_view("\0", 1))
      : size_(text.size()), bytes_(std::make_unique<char[]>(text.size() + kPadding)) {
    text.copy(bytes_.get(), text.size());
    for (size_t i = 0; i < kPadding; ++i) {
      bytes_[text.size() + i] = filler[i % filler.size()];
    }
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// What follows the input in memory must not matter: bytes that would complete or break a line.
const std::string kFillers[] = {"\0"s,
                                "\r\n"s,
                                "\n"s,
                                "\r"s,
                                ":"s,
                                "a"s,
                                " "s,
                                "\t"s,
                                "\xff"s,
                                "a: b\r\n"s,
                                " HTTP/1.1\r\nHost: x\r\n\r\n"s};

struct HeadCase {
  std::string name;
  std::string text;
  ParseStatus want = ParseStatus::kDone;
  std::string problem = {};  // a part of it
};

void PrintTo(const HeadCase& row, std::ostream* out) {
  *out << row.name;
}

constexpr ParseStatus kBad = ParseStatus::kBad;
constexpr ParseStatus kDone = ParseStatus::kDone;
constexpr ParseStatus kMany = ParseStatus::kTooManyHeaders;

std::string Headers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += "X-" + std::to_string(i) + ": v\r\n";
  }
  return text;
}

// A good request with this header line in its middle.
std::string With(const std::string& line) {
  return "POST /v1/messages HTTP/1.1\r\nHost: h\r\n" + line + "\r\nAccept: */*\r\n\r\n";
}
std::string Line(const std::string& line) {
  return line + "\r\nHost: h\r\n\r\n";
}

const HeadCase kRequestCases[] = {
    // ---- Request lines
    {"plain_get", Line("GET / HTTP/1.1")},
    {"every_method_is_a_token", Line("M-SEARCH / HTTP/1.1")},
    {"method_of_odd_token_characters", Line("!#$%&'*+-.^_`|~ / HTTP/1.1")},
    {"lower_case_method_is_another_method", Line("get / HTTP/1.1")},
    {"options_asterisk", Line("OPTIONS * HTTP/1.1")},
    {"connect_authority", Line("CONNECT api.example.com:443 HTTP/1.1")},
    {"connect_ipv6", Line("CONNECT [::1]:443 HTTP/1.1")},
    {"absolute_form", Line("GET http://example.com/v1/models?a=b HTTP/1.1")},
    {"absolute_form_without_path", Line("GET https://example.com HTTP/1.1")},
    {"absolute_form_with_port_and_query", Line("GET HTTP://example.com:80?x HTTP/1.1")},
    {"http10_without_host", "GET / HTTP/1.0\r\n\r\n"},
    {"one_empty_line_before", "\r\n" + Line("GET / HTTP/1.1")},
    {"two_empty_lines_before", "\r\n\r\n" + Line("GET / HTTP/1.1"), kBad, "method"},
    {"lf_before", "\n" + Line("GET / HTTP/1.1"), kBad, "method"},
    {"cr_before", "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", kBad, "CR without LF"},
    {"blank_before", Line(" GET / HTTP/1.1"), kBad, "method"},
    {"no_method", Line("/ HTTP/1.1"), kBad, "method"},
    {"method_with_control", Line("G\x01T / HTTP/1.1"), kBad, "method"},
    {"method_with_nul", Line("GE\0T / HTTP/1.1"s), kBad, "method"},
    {"method_with_colon", Line("GET: / HTTP/1.1"), kBad, "method"},
    {"method_in_quotes", Line("\"GET\" / HTTP/1.1"), kBad, "method"},
    {"method_with_high_byte", Line("G\xc3\x89T / HTTP/1.1"), kBad, "method"},
    {"tab_after_method", Line("GET\t/ HTTP/1.1"), kBad, "method"},
    {"two_blanks_after_method", Line("GET  / HTTP/1.1"), kBad, "no target"},
    {"two_blanks_before_version", Line("GET /  HTTP/1.1"), kBad, "version"},
    {"blank_in_target", Line("GET /a b HTTP/1.1"), kBad, "version"},
    {"tab_in_target", Line("GET /a\tb HTTP/1.1"), kBad, "target"},
    {"nul_in_target", Line("GET /a\0b HTTP/1.1"s), kBad, "target"},
    {"del_in_target", Line("GET /a\x7f HTTP/1.1"), kBad, "target"},
    {"high_byte_in_target", Line("GET /\xc3\xa9 HTTP/1.1"), kBad, "target"},
    {"fragment_in_target", Line("GET /a#b HTTP/1.1"), kBad, "target"},
    {"target_without_slash", Line("GET v1/models HTTP/1.1"), kBad, "neither a path"},
    {"target_of_other_scheme", Line("GET ftp://h/ HTTP/1.1"), kBad, "neither a path"},
    {"asterisk_for_get", Line("GET * HTTP/1.1"), kBad, "OPTIONS"},
    {"absolute_form_without_host", Line("GET http:///x HTTP/1.1"), kBad, "invalid host"},
    {"absolute_form_with_user", Line("GET http://u@h/x HTTP/1.1"), kBad, "invalid host"},
    {"connect_without_port", Line("CONNECT example.com HTTP/1.1"), kBad, "host:port"},
    {"connect_ipv6_without_port", Line("CONNECT [::1] HTTP/1.1"), kBad, "host:port"},
    {"connect_path", Line("CONNECT /x HTTP/1.1"), kBad, "host:port"},
    {"no_version", Line("GET /"), kBad, "no version"},
    {"http09", "GET /\r\n\r\n", kBad, "no version"},
    {"blank_and_no_version", Line("GET / "), kBad, "version"},
    {"http2_version", Line("GET / HTTP/2.0"), kBad, "version"},
    {"http2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", kBad, "OPTIONS"},
    {"http12", Line("GET / HTTP/1.2"), kBad, "version"},
    {"http3", Line("GET / HTTP/3"), kBad, "version"},
    {"version_in_lower_case", Line("GET / http/1.1"), kBad, "version"},
    {"version_with_two_digits", Line("GET / HTTP/1.10"), kBad, "after the version"},
    {"version_with_leading_zero", Line("GET / HTTP/01.1"), kBad, "version"},
    {"version_of_other_protocol", Line("GET / ICAP/1.1"), kBad, "version"},
    {"short_version", Line("GET / HTTP"), kBad, "version"},
    {"blank_after_version", Line("GET / HTTP/1.1 "), kBad, "after the version"},
    {"fourth_word", Line("GET / HTTP/1.1 x"), kBad, "after the version"},
    {"request_line_ends_in_lf", "GET / HTTP/1.1\nHost: h\r\n\r\n", kBad, "LF without CR"},
    {"request_line_ends_in_cr", "GET / HTTP/1.1\rHost: h\r\n\r\n", kBad, "CR without LF"},
    {"request_line_ends_in_cr_cr_lf", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", kBad, "CR without"},
    {"tls_hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, kBad, "method"},
    // ---- Host
    {"no_host", "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", kBad, "no Host"},
    {"no_headers_at_all", "GET / HTTP/1.1\r\n\r\n", kBad, "no Host"},
    {"two_hosts", With("Host: h"), kBad, "more than one Host"},
    {"two_hosts_in_http10", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", kBad, "more than one"},
    {"empty_host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", kBad, "Host is not"},
    {"host_with_port", "GET / HTTP/1.1\r\nHost: a.b-c_d.example:12000\r\n\r\n"},
    {"host_of_sixteen_bytes", "GET / HTTP/1.1\r\nHost: abcdefgh.example\r\n\r\n"},
    {"host_of_seventeen_bytes", "GET / HTTP/1.1\r\nHost: abcdefghi.example\r\n\r\n"},
    {"host_ipv4", "GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"},
    {"host_ipv6", "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:443\r\n\r\n"},
    {"host_ipv6_without_port", "GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]\r\n\r\n"},
    {"host_port_65535", "GET / HTTP/1.1\r\nHost: h:65535\r\n\r\n"},
    {"host_port_65536", "GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n", kBad, "Host is not"},
    {"host_port_of_six_digits", "GET / HTTP/1.1\r\nHost: h:000080\r\n\r\n", kBad, "Host is not"},
    {"host_with_empty_port", "GET / HTTP/1.1\r\nHost: h:\r\n\r\n", kBad, "Host is not"},
    {"host_with_signed_port", "GET / HTTP/1.1\r\nHost: h:+80\r\n\r\n", kBad, "Host is not"},
    {"host_with_two_ports", "GET / HTTP/1.1\r\nHost: h:80:81\r\n\r\n", kBad, "Host is not"},
    {"host_is_a_port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", kBad, "Host is not"},
    {"host_list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", kBad, "Host is not"},
    {"host_with_comma", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", kBad, "Host is not"},
    {"host_with_blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", kBad, "Host is not"},
    {"host_with_tab", "GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n", kBad, "Host is not"},
    {"host_with_user", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", kBad, "Host is not"},
    {"host_with_path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", kBad, "Host is not"},
    {"host_with_scheme", "GET / HTTP/1.1\r\nHost: http://h\r\n\r\n", kBad, "Host is not"},
    {"host_with_high_byte", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", kBad, "Host is not"},
    {"host_with_percent", "GET / HTTP/1.1\r\nHost: h%00\r\n\r\n", kBad, "Host is not"},
    {"host_open_bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", kBad, "Host is not"},
    {"host_zone", "GET / HTTP/1.1\r\nHost: [fe80::1%eth0]\r\n\r\n", kBad, "Host is not"},
    // ---- Names
    {"odd_token_name", With("!#$%&'*+-.^_`|~09az: v")},
    {"name_of_one_byte", With("x: v")},
    {"name_of_sixteen_bytes", With("abcdefghijklmnop: v")},
    {"name_of_a_hundred_bytes", With(std::string(100, 'n') + ": v")},
    {"space_before_colon", With("Content-Length : 5"), kBad, "white space"},
    {"tab_before_colon", With("Transfer-Encoding\t: chunked"), kBad, "white space"},
    {"space_in_name", With("Content Length: 5"), kBad, "white space"},
    {"vertical_tab_before_colon", With("Transfer-Encoding\x0b: chunked"), kBad, "header name"},
    {"space_after_known_name", With("Accept : x"), kBad, "white space"},
    {"empty_name", With(": v"), kBad, "empty header name"},
    {"no_colon", With("Content-Length 5"), kBad, "white space"},
    {"no_colon_at_all", With("chunked"), kBad, "without a colon"},
    {"no_colon_long", With(std::string(40, 'x')), kBad, "without a colon"},
    {"obs_fold_space", With("X: a\r\n b"), kBad, "folded"},
    {"obs_fold_tab", With("X: a\r\n\tb"), kBad, "folded"},
    {"obs_fold_of_framing", With("Transfer-Encoding:\r\n chunked"), kBad, "exactly chunked"},
    {"obs_fold_with_colon", With("X: a\r\n Content-Length: 5"), kBad, "folded"},
    {"first_line_indented", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", kBad, "folded"},
    {"nul_in_name", With("X\0Y: v"s), kBad, "header name"},
    {"cr_in_name_for_hyphen", With("content\rlength: 5"), kBad, "without a colon"},
    {"control_in_name", With("X\x01: v"), kBad, "header name"},
    {"high_byte_in_name", With("X\xc3\xa9: v"), kBad, "header name"},
    {"quote_in_name", With("\"X\": v"), kBad, "header name"},
    {"bracket_in_name", With("X[0]: v"), kBad, "header name"},
    {"slash_in_name", With("X/Y: v"), kBad, "header name"},
    {"bom_before_name", With("\xef\xbb\xbfTransfer-Encoding: chunked"), kBad, "header name"},
    {"soft_hyphen_for_hyphen",
     With("Transfer\xad"
          "Encoding: chunked"),
     kBad, "header name"},
    // ---- Values
    {"no_blank_after_colon", With("X:v")},
    {"many_blanks_around_value", With("X: \t  v \t ")},
    {"empty_value", With("X:")},
    {"blank_value", With("X: \t ")},
    {"high_bytes_in_value", With("X: caf\xc3\xa9 \xff")},
    {"tab_in_value", With("X: a\tb")},
    {"value_of_many_tabs", With("X: a" + std::string(100, '\t') + "b")},
    {"colon_first_in_value", With("X::v")},
    {"nul_in_value", With("X: a\0b"s), kBad, "NUL"},
    {"nul_ends_value", With("X: a\0"s), kBad, "NUL"},
    {"bell_in_value", With("X: a\x07"), kBad, "control"},
    {"del_in_value", With("X: a\x7f"), kBad, "control"},
    {"escape_after_high_byte", With("X: \xc3\x1b"), kBad, "control"},
    {"cr_in_value", With("X: a\rTransfer-Encoding: chunked"), kBad, "CR without LF"},
    {"lf_in_value", With("X: a\nTransfer-Encoding: chunked"), kBad, "LF without CR"},
    {"lf_lf_ends_head", "GET / HTTP/1.1\r\nHost: h\n\n", kBad, "LF without CR"},
    {"cr_cr_lf_in_value", With("X: a\r\r\nY: b"), kBad, "CR without LF"},
    {"head_ends_in_lf", "GET / HTTP/1.1\r\nHost: h\r\n\n", kBad, "LF without CR"},
    {"head_ends_in_cr_x", "GET / HTTP/1.1\r\nHost: h\r\n\rX: y\r\n\r\n", kBad, "CR without LF"},
    // ---- Content-Length
    {"length", With("Content-Length: 5")},
    {"length_zero", With("Content-Length: 0")},
    {"length_leading_zeros", With("Content-Length: 005")},
    {"length_of_18_digits", With("Content-Length: 999999999999999999")},
    {"length_of_19_digits", With("Content-Length: 1000000000000000000"), kBad, "Content-Length"},
    {"length_overflow", With("Content-Length: 18446744073709551621"), kBad, "Content-Length"},
    {"length_empty", With("Content-Length:"), kBad, "empty Content-Length"},
    {"length_plus", With("Content-Length: +5"), kBad, "Content-Length"},
    {"length_minus", With("Content-Length: -5"), kBad, "Content-Length"},
    {"length_hex", With("Content-Length: 0x5"), kBad, "Content-Length"},
    {"length_blank_inside", With("Content-Length: 1 2"), kBad, "Content-Length"},
    {"length_tab_inside", With("Content-Length: 1\t2"), kBad, "Content-Length"},
    {"length_fraction", With("Content-Length: 5.0"), kBad, "Content-Length"},
    {"length_underscore", With("Content-Length: 1_0"), kBad, "Content-Length"},
    {"length_quoted", With("Content-Length: \"5\""), kBad, "Content-Length"},
    {"length_list_equal", With("Content-Length: 5, 5"), kBad, "Content-Length"},
    {"length_list_different", With("Content-Length: 5,6"), kBad, "Content-Length"},
    {"length_twice_equal", With("Content-Length: 5\r\nContent-Length: 5"), kBad, "more than one"},
    {"length_twice_different", With("Content-Length: 5\r\ncontent-length: 6"), kBad, "more than"},
    {"length_high_digit", With("Content-Length: \xef\xbc\x95"), kBad, "Content-Length"},
    // ---- Transfer-Encoding
    {"chunked", With("Transfer-Encoding: chunked")},
    {"chunked_any_case", With("transfer-ENCODING: ChunKed")},
    {"chunked_blanks", With("Transfer-Encoding: \t chunked \t")},
    {"te_empty", With("Transfer-Encoding:"), kBad, "exactly chunked"},
    {"te_identity", With("Transfer-Encoding: identity"), kBad, "exactly chunked"},
    {"te_gzip_chunked", With("Transfer-Encoding: gzip, chunked"), kBad, "exactly chunked"},
    {"te_chunked_gzip", With("Transfer-Encoding: chunked, gzip"), kBad, "exactly chunked"},
    {"te_chunked_twice_in_list", With("Transfer-Encoding: chunked, chunked"), kBad, "exactly"},
    {"te_comma", With("Transfer-Encoding: chunked,"), kBad, "exactly chunked"},
    {"te_parameter", With("Transfer-Encoding: chunked;q=1"), kBad, "exactly chunked"},
    {"te_quoted", With("Transfer-Encoding: \"chunked\""), kBad, "exactly chunked"},
    {"te_xchunked", With("Transfer-Encoding: xchunked"), kBad, "exactly chunked"},
    {"te_cow", With("Transfer-Encoding: cow"), kBad, "exactly chunked"},
    {"te_vertical_tab", With("Transfer-Encoding: \x0b"s + "chunked"), kBad, "control"},
    {"te_nbsp", With("Transfer-Encoding: chunked\xa0"), kBad, "exactly chunked"},
    {"te_twice", With("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), kBad, "more"},
    {"te_and_identity", With("Transfer-Encoding: chunked\r\nTransfer-encoding: identity"), kBad,
     "more than one"},
    {"length_then_te", With("Content-Length: 5\r\nTransfer-Encoding: chunked"), kBad, "together"},
    {"te_then_length", With("Transfer-Encoding: chunked\r\nContent-Length: 5"), kBad, "together"},
    {"te_and_length_zero", With("Transfer-Encoding: chunked\r\nContent-Length: 0"), kBad, "togeth"},
    {"te_in_http10", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", kBad,
     "HTTP/1.0"},
    {"te_folded_by_underscore_is_another_name", With("Transfer_Encoding: cow")},
    // ---- Number of headers
    {"headers_128", "GET / HTTP/1.1\r\nHost: h\r\n" + Headers(127) + "\r\n"},
    {"headers_129", "GET / HTTP/1.1\r\nHost: h\r\n" + Headers(128) + "\r\n", kMany, "128"},
    {"headers_1000", "GET / HTTP/1.1\r\nHost: h\r\n" + Headers(1000) + "\r\n", kMany, "128"},
};

const HeadCase kResponseCases[] = {
    {"ok", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
    {"no_headers", "HTTP/1.1 200 OK\r\n\r\n"},
    {"http10", "HTTP/1.0 200 OK\r\n\r\n"},
    {"empty_reason", "HTTP/1.1 200 \r\n\r\n"},
    {"absent_reason", "HTTP/1.1 200\r\n\r\n"},
    {"long_reason_of_any_text", "HTTP/1.1 429 Too \t many \xc3\xa9 requests, really\r\n\r\n"},
    {"unusual_status", "HTTP/1.1 999 x\r\n\r\n"},
    {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"any_host_header", "HTTP/1.1 200 OK\r\nHost: a b\r\nHost: c\r\n\r\n"},
    {"high_bytes", "HTTP/1.1 200 OK\r\nX: \xff\xfe\r\n\r\n"},
    {"status_of_two_digits", "HTTP/1.1 20 OK\r\n\r\n", kBad, "three digits"},
    {"status_of_four_digits", "HTTP/1.1 2000 OK\r\n\r\n", kBad, "three digits"},
    {"status_below_100", "HTTP/1.1 099 OK\r\n\r\n", kBad, "three digits"},
    {"status_signed", "HTTP/1.1 -20 OK\r\n\r\n", kBad, "three digits"},
    {"no_status", "HTTP/1.1\r\n\r\n", kBad, "three digits"},
    {"two_blanks", "HTTP/1.1  200 OK\r\n\r\n", kBad, "three digits"},
    {"http2", "HTTP/2 200\r\n\r\n", kBad, "version"},
    {"icy", "ICY 200 OK\r\n\r\n", kBad, "version"},
    {"a_request", "GET / HTTP/1.1\r\n\r\n", kBad, "version"},
    {"empty_line_before", "\r\nHTTP/1.1 200 OK\r\n\r\n", kBad, "version"},
    {"control_in_reason", "HTTP/1.1 200 O\x01K\r\n\r\n", kBad, "control"},
    {"lf_ends_line", "HTTP/1.1 200 OK\nX: y\r\n\r\n", kBad, "LF without CR"},
    {"lf_after_status", "HTTP/1.1 200\n\r\n", kBad, "LF without CR"},
    {"folded", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", kBad, "folded"},
    {"length_and_te", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
     kBad, "together"},
    {"two_lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", kBad,
     "more than one"},
    {"te_gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", kBad, "exactly chunked"},
    {"te_in_http10", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", kBad, "HTTP/1.0"},
    {"too_many", "HTTP/1.1 200 OK\r\n" + Headers(129) + "\r\n", kMany, "128"},
};

ParseResult ParseRequest(std::string_view bytes) {
  static RequestHead head;
  return ParseRequestHead(bytes, head);
}
ParseResult ParseResponse(std::string_view bytes) {
  static ResponseHead head;
  return ParseResponseHead(bytes, head);
}

void CheckCase(const HeadCase& row, ParseResult (*parse)(std::string_view)) {
  for (const std::string& filler : kFillers) {
    const Input input(row.text, filler);
    const ParseResult got = parse(input.view());
    ASSERT_EQ(got.status, row.want) << got.problem;
    EXPECT_EQ(got.head_bytes, row.want == kDone ? row.text.size() : 0);
    EXPECT_THAT(std::string(got.problem), testing::HasSubstr(row.problem));
    EXPECT_EQ(got.problem.empty(), row.want == kDone);
  }
  // However little has come, the answer is "more" until it is the final one, and then stays.
  const size_t step = row.text.size() > 2000 ? 7 : 1;
  bool refused = false;
  for (size_t size = 0; size < row.text.size(); size += step) {
    const std::string& filler = kFillers[size % std::size(kFillers)];
    const Input input(std::string_view(row.text).substr(0, size), filler);
    const ParseResult got = parse(input.view());
    ASSERT_NE(got.status, kDone) << "after " << size << " bytes";
    if (refused || row.want == kDone) {
      ASSERT_EQ(got.status, refused ? row.want : ParseStatus::kNeedMore) << size << got.problem;
    }
    refused = got.status != ParseStatus::kNeedMore;
  }
  // What follows belongs to the next message.
  const Input longer(row.text + "\r\n GET \n\0 x: y\r\n\r\n"s);
  const ParseResult got = parse(longer.view());
  ASSERT_EQ(got.status, row.want);
  EXPECT_EQ(got.head_bytes, row.want == kDone ? row.text.size() : 0);
}

std::string CaseName(const testing::TestParamInfo<HeadCase>& param) {
  return param.param.name;
}

class RequestHeadTest : public testing::TestWithParam<HeadCase> {};
TEST_P(RequestHeadTest, IsReadOrRefused) {
  CheckCase(GetParam(), &ParseRequest);
}
INSTANTIATE_TEST_SUITE_P(Table, RequestHeadTest, testing::ValuesIn(kRequestCases), CaseName);

class ResponseHeadTest : public testing::TestWithParam<HeadCase> {};
TEST_P(ResponseHeadTest, IsReadOrRefused) {
  CheckCase(GetParam(), &ParseResponse);
}
INSTANTIATE_TEST_SUITE_P(Table, ResponseHeadTest, testing::ValuesIn(kResponseCases), CaseName);

TEST(RequestHead, ReportsEveryPart) {
  const Input input(
      "POST /v1/chat/completions?explain=1 HTTP/1.1\r\n"
      "Host: gateway:12000\r\n"
      "CONTENT-TYPE:application/json\r\n"
      "x-session-id: \t s 1 \t\r\n"
      "X-Session-Id: second\r\n"
      "Content-Length: 1234\r\n"
      "X-Empty:\r\n"
      "\r\nbody");
  RequestHead head;
  const ParseResult got = ParseRequestHead(input.view(), head);
  ASSERT_EQ(got.status, kDone);
  EXPECT_TRUE(got.request_line_seen);
  EXPECT_EQ(input.view().substr(got.head_bytes), "body");
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.method_text, "POST");
  EXPECT_EQ(head.target, "/v1/chat/completions?explain=1");
  EXPECT_EQ(head.version, Version::kHttp11);
  EXPECT_EQ(head.host, "gateway:12000");
  EXPECT_EQ(head.content_length, 1234u);
  EXPECT_FALSE(head.chunked);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(RequestBody(head), BodyKind::kLength);
  ASSERT_EQ(head.headers.size(), 6u);
  EXPECT_EQ(head.headers[1].name, "CONTENT-TYPE");
  EXPECT_EQ(head.headers[1].value, "application/json");
  EXPECT_EQ(head.headers[1].id, HeaderId::kContentType);
  EXPECT_EQ(head.headers.Value(HeaderId::kXSessionId), "s 1");
  EXPECT_EQ(head.headers.Find("X-SESSION-ID")->value, "s 1");
  EXPECT_EQ(head.headers.Find("x-empty")->value, "");
  EXPECT_EQ(head.headers.Find("x-empty")->id, HeaderId::kUnknown);
  EXPECT_EQ(head.headers.Find("x-none"), nullptr);
  EXPECT_EQ(head.headers.Find(HeaderId::kCookie), nullptr);
  EXPECT_EQ(head.headers.Value(HeaderId::kCookie), "");
  EXPECT_FALSE(head.headers.Has(HeaderId::kCookie));

  const HeaderList copy = head.headers;
  EXPECT_EQ(copy.size(), 6u);
  EXPECT_EQ(copy.Value(HeaderId::kHost), "gateway:12000");
}

TEST(RequestHead, ForgetsTheHeadBefore) {
  const Input first(
      With("Transfer-Encoding: chunked\r\nConnection: close, x-a\r\nExpect: "
           "100-continue"));
  const Input second("GET / HTTP/1.0\r\n\r\n");
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(first.view(), head).status, kDone);
  EXPECT_TRUE(head.chunked && head.nominates_headers && head.expect_continue);
  ASSERT_EQ(ParseRequestHead(second.view(), head).status, kDone);
  EXPECT_EQ(head.headers.size(), 0u);
  EXPECT_FALSE(head.headers.Has(HeaderId::kHost));
  EXPECT_FALSE(head.chunked || head.nominates_headers || head.expect_continue || head.keep_alive);
  EXPECT_EQ(head.host, "");
  EXPECT_EQ(RequestBody(head), BodyKind::kNone);
}

TEST(RequestHead, NamesEveryMethod) {
  for (int i = 0; i < static_cast<int>(Method::kOther); ++i) {
    const auto method = static_cast<Method>(i);
    const std::string target = method == Method::kConnect ? "h:1" : "/";
    const Input input(Line(std::string(MethodName(method)) + " " + target + " HTTP/1.1"));
    RequestHead head;
    ASSERT_EQ(ParseRequestHead(input.view(), head).status, kDone) << MethodName(method);
    EXPECT_EQ(head.method, method);
    EXPECT_EQ(head.method_text, MethodName(method));
  }
  const Input input(Line("POSTS / HTTP/1.1"));
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(input.view(), head).status, kDone);
  EXPECT_EQ(head.method, Method::kOther);
  EXPECT_EQ(head.method_text, "POSTS");
}

TEST(RequestHead, TellsWhenTheRequestLineHasCome) {
  const std::string text = "\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n";
  const size_t line_end = text.find("Host");
  for (size_t size = 0; size < text.size(); ++size) {
    const Input input(std::string_view(text).substr(0, size));
    EXPECT_EQ(ParseRequest(input.view()).request_line_seen, size >= line_end) << size;
  }
}

TEST(ResponseHead, ReportsTheStatusLine) {
  const Input input("HTTP/1.0 429 Too Many Requests \r\nRetry-After: 7\r\n\r\n");
  ResponseHead head;
  ASSERT_EQ(ParseResponseHead(input.view(), head).status, kDone);
  EXPECT_EQ(head.version, Version::kHttp10);
  EXPECT_EQ(head.status, 429);
  EXPECT_EQ(head.reason, "Too Many Requests ");
  EXPECT_FALSE(head.keep_alive);
  EXPECT_EQ(head.headers.Value(HeaderId::kRetryAfter), "7");
}

TEST(HeaderList, AddsUpToItsCapacity) {
  auto list = std::make_unique<HeaderList>();
  for (size_t i = 0; i < kHeadersMax; ++i) {
    ASSERT_TRUE(list->Add({.name = "a", .value = "b", .id = HeaderId::kUnknown}));
  }
  EXPECT_FALSE(list->Add({.name = "host", .value = "b", .id = HeaderId::kHost}));
  EXPECT_EQ(list->size(), kHeadersMax);
  EXPECT_FALSE(list->Has(HeaderId::kHost));
  list->Clear();
  EXPECT_TRUE(list->empty());
  EXPECT_TRUE(list->Add({.name = "Host", .value = "b", .id = HeaderId::kHost}));
  EXPECT_EQ(list->Find(HeaderId::kHost)->name, "Host");
}

struct HeadEndCase {
  const char* name;
  std::string text;
  size_t found_at;  // bytes needed; 0: never
};
TEST(HeadEnd, FindsTheEmptyLineHoweverItComes) {
  const HeadEndCase rows[] = {
      {"complete", "GET / HTTP/1.1\r\nHost: h\r\n\r\nbody", 27},
      {"lf_lf", "GET / HTTP/1.1\nHost: h\n\nbody", 24},
      {"lf_cr_lf", "GET / HTTP/1.1\nHost: h\n\r\nbody", 25},
      {"cr_lf_lf", "GET / HTTP/1.1\r\nHost: h\r\n\nbody", 26},
      {"never", "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n", 0},
      {"cr_alone", "GET / HTTP/1.1\r\r\r\rHost: h", 0},
      {"after_leading_line", "\r\nGET / HTTP/1.0\r\n\r\n", 20},
  };
  for (const HeadEndCase& row : rows) {
    SCOPED_TRACE(row.name);
    for (size_t step = 1; step <= row.text.size(); ++step) {
      HeadEnd end;
      size_t found_at = 0;
      for (size_t size = 0; size <= row.text.size() && found_at == 0; size += step) {
        if (end.Find(std::string_view(row.text).substr(0, size))) {
          found_at = size;
        }
      }
      const size_t last = row.text.size() / step * step;
      const size_t want = (row.found_at + step - 1) / step * step;
      EXPECT_EQ(found_at, row.found_at == 0 || want > last ? 0 : want) << step;
      end.Reset();
      EXPECT_EQ(end.Find(row.text), row.found_at != 0);
    }
  }
}

// The vector loops and the portable table agree on every byte at every place.
TEST(Scan, VectorAndPortableClassesAgree) {
  for (int c = 0; c < 256; ++c) {
    for (size_t place = 0; place < scan::kStep; ++place) {
      char bytes[scan::kStep];
      std::memset(bytes, 'a', sizeof bytes);
      bytes[place] = static_cast<char>(c);
      ASSERT_EQ(scan::NameStops(bytes), scan::portable::Stops(bytes, scan::kPlainName)) << c;
      ASSERT_EQ(scan::HostStops(bytes), scan::portable::Stops(bytes, scan::kHost)) << c;
      ASSERT_EQ(scan::ValueStops(bytes), scan::portable::Stops(bytes, scan::kPlainValue)) << c;
      ASSERT_EQ(scan::RareInValue(bytes), scan::portable::Stops(bytes, scan::kVisibleValue)) << c;
      ASSERT_EQ(scan::TargetStops(bytes), scan::portable::Stops(bytes, scan::kTarget)) << c;
      ASSERT_EQ(scan::LineEnds(bytes), scan::portable::LineEnds(bytes)) << c;
      ASSERT_EQ(scan::Colons(bytes), scan::portable::Equal(bytes, ':')) << c;
    }
  }
}

}  // namespace
}  // namespace mainstay::http
