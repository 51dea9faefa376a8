// Whatever our parser accepts, an independent one (http_parser) accepts too and sees the same
// method, target, headers and framing: a request that two readers understand differently is how
// requests are smuggled. The reverse need not hold: we are stricter. Also: no answer depends on
// the bytes behind the input, and no prefix of a good head is refused.
#include <http_parser.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/head.h"

namespace mainstay::http {
namespace {

// http_parser has a limit of its own for heads.
constexpr size_t kInputBytesMax = 32'768;

void Require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
  }
}

struct Padded {
  Padded(std::string_view text, char filler)
      : size(text.size()), bytes(std::make_unique<char[]>(text.size() + kPadding)) {
    text.copy(bytes.get(), text.size());
    std::memset(bytes.get() + text.size(), filler, kPadding);
  }
  std::string_view view() const { return {bytes.get(), size}; }
  size_t size;
  std::unique_ptr<char[]> bytes;
};

struct Reference {
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  bool in_value = true;
  bool complete = false;
  bool chunked = false;
  bool keep_alive = false;
  uint64_t content_length = 0;
};
Reference& Of(http_parser* parser) {
  return *static_cast<Reference*>(parser->data);
}

int OnUrl(http_parser* parser, const char* at, size_t size) {
  Of(parser).target.append(at, size);
  return 0;
}
int OnField(http_parser* parser, const char* at, size_t size) {
  Reference& seen = Of(parser);
  if (std::exchange(seen.in_value, false)) {
    seen.headers.emplace_back();
  }
  seen.headers.back().first.append(at, size);
  return 0;
}
int OnValue(http_parser* parser, const char* at, size_t size) {
  Reference& seen = Of(parser);
  seen.in_value = true;
  seen.headers.back().second.append(at, size);
  return 0;
}
int OnHeadersComplete(http_parser* parser) {
  Reference& seen = Of(parser);
  seen.complete = true;
  seen.chunked = (parser->flags & F_CHUNKED) != 0;
  seen.content_length = parser->content_length;
  seen.keep_alive = http_should_keep_alive(parser) != 0;
  return 1;  // no body: the input ends here
}

// The reference takes every name that begins with "transfer-encoding" for that header as far as its
// notes on framing go: it forgets that a body is chunked, or refuses a length beside it.
bool ConfusesReference(const MessageHead& head) {
  for (const Header& header : head.headers) {
    if (header.id == HeaderId::kUnknown && StartsWithIgnoreCase(header.name, "transfer-encoding")) {
      return true;
    }
  }
  return false;
}

std::string_view TrimEnd(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

void CompareWithReference(std::string_view bytes, const MessageHead& head, http_parser_type type,
                          http_parser& parser, Reference& seen) {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_url = &OnUrl;
  settings.on_header_field = &OnField;
  settings.on_header_value = &OnValue;
  settings.on_headers_complete = &OnHeadersComplete;
  http_parser_init(&parser, type);
  parser.data = &seen;
  http_parser_execute(&parser, &settings, bytes.data(), bytes.size());
  Require(seen.complete, "the reference accepts what we accept");
  Require(parser.http_major == 1, "major version");
  Require(parser.http_minor == (head.version == Version::kHttp11 ? 1 : 0), "minor version");
  Require(seen.headers.size() == head.headers.size(), "number of headers");
  for (size_t i = 0; i < seen.headers.size(); ++i) {
    Require(seen.headers[i].first == head.headers[i].name, "header name");
    Require(TrimEnd(seen.headers[i].second) == head.headers[i].value, "header value");
  }
  Require(seen.chunked == head.chunked, "chunked");
  Require((seen.content_length != UINT64_MAX) == head.content_length.has_value(), "has a length");
  Require(!head.content_length || *head.content_length == seen.content_length, "length");
}

void CheckRequest(std::string_view text) {
  const Padded input(text, '\0');
  static RequestHead head;
  const ParseResult result = ParseRequestHead(input.view(), head);
  for (const char filler : {'\r', '\n', ':', ' ', 'a', '\xff'}) {
    static RequestHead other;
    const Padded again(text, filler);
    const ParseResult same = ParseRequestHead(again.view(), other);
    Require(same.status == result.status && same.head_bytes == result.head_bytes &&
                same.request_line_seen == result.request_line_seen,
            "the padding does not matter");
  }
  if (result.status != ParseStatus::kDone) {
    return;
  }
  static RequestHead partial;
  for (size_t size = 0; size < result.head_bytes; size += 1 + result.head_bytes / 64) {
    const Padded prefix(text.substr(0, size), '\n');
    Require(ParseRequestHead(prefix.view(), partial).status == ParseStatus::kNeedMore,
            "a part of a good head needs more");
  }
  HeadEnd end;
  Require(end.Find(text), "HeadEnd finds the end of what is accepted");

  if (ConfusesReference(head)) {
    return;
  }
  // The reference knows a fixed list of methods; another one is replaced by GET for it.
  std::string bytes(text.substr(0, result.head_bytes));
  if (head.method == Method::kOther) {
    const size_t at = static_cast<size_t>(head.method_text.data() - input.view().data());
    bytes.replace(at, head.method_text.size(), "GET");
  }
  http_parser parser;
  Reference seen;
  CompareWithReference(bytes, head, HTTP_REQUEST, parser, seen);
  Require(seen.target == head.target, "target");
  if (head.method != Method::kOther) {
    Require(http_method_str(static_cast<http_method>(parser.method)) == head.method_text, "method");
  }
  // The reference also obeys Proxy-Connection, which means nothing to a server.
  if (!head.headers.Has(HeaderId::kProxyConnection)) {
    Require(!head.keep_alive || seen.keep_alive, "what we keep open, the reference keeps open");
  }
}

void CheckResponse(std::string_view text) {
  const Padded input(text, '\0');
  static ResponseHead head;
  const ParseResult result = ParseResponseHead(input.view(), head);
  const Padded again(text, '\n');
  static ResponseHead other;
  Require(ParseResponseHead(again.view(), other).status == result.status,
          "the padding does not matter");
  if (result.status != ParseStatus::kDone || ConfusesReference(head)) {
    return;
  }
  http_parser parser;
  Reference seen;
  CompareWithReference(text.substr(0, result.head_bytes), head, HTTP_RESPONSE, parser, seen);
  Require(static_cast<int>(parser.status_code) == head.status, "status");
}

}  // namespace
}  // namespace mainstay::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size <= mainstay::http::kInputBytesMax) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    mainstay::http::CheckRequest(text);
    mainstay::http::CheckResponse(text);
  }
  return 0;
}
