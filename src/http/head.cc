#include "http/head.h"

#include <bit>

#include "http/framing.h"
#include "http/header_lookup.h"
#include "http/scan.h"

namespace mainstay::http {
namespace {

using lookup::FindHeaderIdBeforeColon;
using scan::Between;
using scan::IsBlank;
using scan::StopAt;
using scan::TokenEnd;
using scan::ValueEnd;

// Where a step ended. `at` is meaningful when there is no problem and nothing is missing.
struct Step {
  ParseStatus status = ParseStatus::kDone;
  const char* at = nullptr;
  std::string_view problem;
};
constexpr Step kNeedMore{.status = ParseStatus::kNeedMore, .at = nullptr, .problem = {}};
constexpr Step kTooManyHeaders{
    .status = ParseStatus::kTooManyHeaders, .at = nullptr, .problem = "more than 128 headers"};
Step Bad(std::string_view problem) {
  return {.status = ParseStatus::kBad, .at = nullptr, .problem = problem};
}
Step Done(const char* at) {
  return {.status = ParseStatus::kDone, .at = at, .problem = {}};
}

constexpr uint64_t Word(const char (&text)[9]) {
  return std::bit_cast<uint64_t>(
      std::array<char, 8>{text[0], text[1], text[2], text[3], text[4], text[5], text[6], text[7]});
}
constexpr uint16_t kColonBlank = std::bit_cast<uint16_t>(std::array<char, 2>{':', ' '});
constexpr uint16_t kCrLf = std::bit_cast<uint16_t>(std::array<char, 2>{'\r', '\n'});

// ---- Explanations: the parser has stopped at something that it refuses. ----

[[gnu::cold, gnu::noinline]] std::string_view WhyNoLineEnd(const char* p, const char* end) {
  switch (*p) {
    case '\n':
      return "a line ends in LF without CR";
    case '\r':
      return end - p > 1 ? "CR without LF" : "";
    case '\0':
      return "NUL in a line";
    default:
      return "control character in a line";
  }
}

// A line end is CR LF. `p` is where ValueEnd stopped.
inline Step LineEnd(const char* p, const char* end) {
  if (end - p < 2) [[unlikely]] {
    return p >= end || *p == '\r' ? kNeedMore : Bad(WhyNoLineEnd(p, end));
  }
  if (scan::Load16(p) != kCrLf) [[unlikely]] {
    return Bad(WhyNoLineEnd(p, end));
  }
  return Done(p + 2);
}

[[gnu::cold, gnu::noinline]] std::string_view WhyNoName(const char* name, const char* stop) {
  if (name == stop) {
    switch (*stop) {
      case ' ':
      case '\t':
        return "folded or indented header line";
      case ':':
        return "empty header name";
      case '\n':
        return "a line ends in LF without CR";
      default:
        return "invalid character in a header name";
    }
  }
  switch (*stop) {
    case ' ':
    case '\t':
      return "white space in or after a header name";
    case '\r':
    case '\n':
      return "header line without a colon";
    default:
      return "invalid character in a header name";
  }
}

// ---- Header lines ----

// Facts of requests that ReadHeaders notes on the way. Responses have none of them.
struct RequestFacts {
  std::string_view host;
  bool expect_continue = false;
  bool expect_unknown = false;
};

// The ids that Note has something to say about.
constexpr uint64_t IdBit(HeaderId id) {
  return uint64_t{1} << static_cast<unsigned>(id);
}
constexpr uint64_t kNotedIds = IdBit(HeaderId::kContentLength) |
                               IdBit(HeaderId::kTransferEncoding) | IdBit(HeaderId::kConnection) |
                               IdBit(HeaderId::kHost) | IdBit(HeaderId::kExpect);

// Called for those names only, before the header joins the list.
std::string_view Note(const Header& header, MessageHead& head, framing::ConnectionOptions& options,
                      RequestFacts* request) {
  switch (header.id) {
    case HeaderId::kContentLength:
      return framing::ReadContentLength(header.value, head);
    case HeaderId::kTransferEncoding:
      return framing::ReadTransferEncoding(header.value, head);
    case HeaderId::kConnection:
      framing::ReadConnection(header.value, head, options);
      return {};
    case HeaderId::kHost:
      if (request == nullptr) {
        return {};
      }
      if (!request->host.empty()) {
        return "more than one Host";
      }
      if (!framing::IsAuthority(header.value)) {
        return "Host is not a host name or address with an optional port";
      }
      request->host = header.value;
      return {};
    case HeaderId::kExpect:
      if (request != nullptr) {
        const bool is_continue =
            header.value.size() == 12 && scan::IsWord(header.value.data(), "100-continue");
        (is_continue ? request->expect_continue : request->expect_unknown) = true;
      }
      return {};
    default:
      return {};
  }
}

// One header line at p: exact about everything. Done().at is the next line.
[[gnu::noinline]] Step ReadLine(const char* p, const char* end, Header& out) {
  const char* const name_end = TokenEnd(p, end);
  if (name_end >= end) {
    return kNeedMore;
  }
  if (*name_end != ':' || name_end == p) {
    return Bad(WhyNoName(p, name_end));
  }
  const char* value = name_end + 1;
  while (value < end && IsBlank(*value)) {
    ++value;
  }
  const char* const stop = ValueEnd(value, end);
  const Step line = LineEnd(stop, end);
  if (line.status != ParseStatus::kDone) {
    return line;
  }
  const char* value_end = stop;
  while (value_end > value && IsBlank(value_end[-1])) {
    --value_end;
  }
  out.name = Between(p, name_end);
  out.value = Between(value, value_end);
  out.id = FindHeaderIdBeforeColon(out.name);
  return line;
}

// The same for the lines that real messages are made of: a name of at most 32 bytes, ": ", a value
// of visible ASCII and single blanks, CR LF. Returns the next line, or nullptr when the line is
// unusual, incomplete or wrong, which ReadLine then tells apart. A known name needs no look at its
// characters, and one comparison with `end` covers all steps: none of them strays by more than
// kPadding before it.
inline const char* ReadUsualLine(const char* p, const char* end, Header& out) {
  uint32_t colons = scan::Colons(p);
  if (colons == 0) [[unlikely]] {
    colons = scan::Colons(p + scan::kStep) << scan::kStep;
    if (colons == 0) [[unlikely]] {
      return nullptr;
    }
  }
  const char* const name_end = p + scan::FirstBit(colons);
  const std::string_view name = Between(p, name_end);
  const HeaderId id = FindHeaderIdBeforeColon(name);
  if (id == HeaderId::kUnknown && (name.empty() || TokenEnd(p, end) != name_end)) [[unlikely]] {
    return nullptr;
  }
  const char* const value = name_end + 2;
  const char* const stop = StopAt<scan::RareInValue>(value, end);
  if (scan::Load16(stop) != kCrLf || scan::Load16(name_end) != kColonBlank || *value == ' ' ||
      stop[-1] == ' ' || stop + 2 > end) [[unlikely]] {
    return nullptr;
  }
  out.name = name;
  out.value = Between(value, stop);
  out.id = id;
  return stop + 2;
}

// From the first header line up to and including the empty line.
inline Step ReadHeaders(const char* p, const char* end, MessageHead& head,
                        framing::ConnectionOptions& options, RequestFacts* request) {
  HeaderWriter headers(head.headers);
  for (;;) {
    if (*p == '\r') [[unlikely]] {  // or a byte of the padding, which LineEnd tells apart
      headers.Commit();
      return LineEnd(p, end);
    }
    if (headers.full()) [[unlikely]] {
      return p < end ? kTooManyHeaders : kNeedMore;
    }
    Header header;
    const char* next = ReadUsualLine(p, end, header);
    if (next == nullptr) [[unlikely]] {
      Header unusual;
      const Step line = ReadLine(p, end, unusual);
      if (line.status != ParseStatus::kDone) {
        return line;
      }
      header = unusual;
      next = line.at;
    }
    if ((kNotedIds & IdBit(header.id)) != 0) {
      if (const std::string_view problem = Note(header, head, options, request); !problem.empty())
          [[unlikely]] {
        return Bad(problem);
      }
    }
    headers.Put(header);
    p = next;
  }
}

// What the headers say only together.
std::string_view CheckFraming(MessageHead& head, const framing::ConnectionOptions& options) {
  if (head.chunked && head.content_length) {
    return "Content-Length together with Transfer-Encoding";
  }
  if (head.chunked && head.version == Version::kHttp10) {
    return "Transfer-Encoding in HTTP/1.0";
  }
  head.keep_alive = !options.close && (head.version == Version::kHttp11 || options.keep_alive);
  return {};
}

void ClearHead(MessageHead& head) {
  head.headers.Clear();
  head.content_length.reset();
  head.chunked = false;
  head.keep_alive = false;
  head.nominates_headers = false;
}

// ---- First lines ----

constexpr std::string_view kMethodNames[] = {"GET",   "HEAD",    "POST",    "PUT",   "DELETE",
                                             "PATCH", "OPTIONS", "CONNECT", "TRACE", ""};

Method MethodOf(std::string_view text) {
  for (size_t i = 0; i + 1 < std::size(kMethodNames); ++i) {
    if (text == kMethodNames[i]) {
      return static_cast<Method>(i);
    }
  }
  return Method::kOther;
}

// The version at p and what ends it. A version that cannot become a good one any more is refused
// at once, however little of it has come.
inline Step ReadVersion(const char* p, const char* end, Version& version) {
  if (end - p >= 8) [[likely]] {
    const uint64_t word = scan::Load64(p);
    if (word == Word("HTTP/1.1")) [[likely]] {
      version = Version::kHttp11;
      return Done(p + 8);
    }
    if (word == Word("HTTP/1.0")) {
      version = Version::kHttp10;
      return Done(p + 8);
    }
    return Bad("the version is not HTTP/1.1 or HTTP/1.0");
  }
  const std::string_view rest = p < end ? Between(p, end) : std::string_view();
  if (std::string_view("HTTP/1.").substr(0, rest.size()) != rest) {
    return Bad("the version is not HTTP/1.1 or HTTP/1.0");
  }
  return kNeedMore;
}

std::string_view CheckTargetForm(Method method, std::string_view target) {
  if (method == Method::kConnect) {
    const bool ok = framing::IsAuthority(target) && target.rfind(':') != std::string_view::npos &&
                    target.back() != ']';
    return ok ? std::string_view() : "the target of CONNECT is not host:port";
  }
  if (target == "*") {
    return method == Method::kOptions ? std::string_view() : "the target * is for OPTIONS alone";
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (StartsWithIgnoreCase(target, scheme)) {
      const std::string_view rest = target.substr(scheme.size());
      const bool ok = framing::IsAuthority(rest.substr(0, rest.find_first_of("/?")));
      return ok ? std::string_view() : "the target names an invalid host";
    }
  }
  return "the target is neither a path nor an http URL";
}

inline Step ReadMethod(const char* p, const char* end, RequestHead& out) {
  const char* stop = nullptr;
  const uint64_t word = scan::Load64(p);
  if (std::endian::native == std::endian::little && (word << 24) == (Word("POST \0\0\0") << 24))
      [[likely]] {
    stop = p + 4;
    out.method = Method::kPost;
  } else {
    stop = TokenEnd(p, end);
    out.method = stop < end ? MethodOf(Between(p, stop)) : Method::kOther;
  }
  if (stop >= end) [[unlikely]] {
    return kNeedMore;
  }
  if (*stop != ' ' || stop == p) [[unlikely]] {
    return Bad("the request line does not begin with a method and a blank");
  }
  out.method_text = Between(p, stop);
  return Done(stop + 1);
}

inline Step ReadRequestLine(const char* p, const char* end, RequestHead& out) {
  if (p < end && *p == '\r') [[unlikely]] {
    const Step empty_line = LineEnd(p, end);
    if (empty_line.status != ParseStatus::kDone) {
      return empty_line;
    }
    p = empty_line.at;
  }
  const Step method = ReadMethod(p, end, out);
  if (method.status != ParseStatus::kDone) [[unlikely]] {
    return method;
  }
  const char* const target = method.at;
  const char* const stop = StopAt<scan::TargetStops>(target, end);
  if (stop >= end) [[unlikely]] {
    return kNeedMore;
  }
  if (stop == target) [[unlikely]] {
    return Bad("the request line has no target");
  }
  if (*stop != ' ') [[unlikely]] {
    return Bad(*stop == '\r' || *stop == '\n' ? "the request line has no version"
                                              : "invalid character in the target");
  }
  out.target = Between(target, stop);
  if (*target != '/' || out.method == Method::kConnect) [[unlikely]] {
    if (const std::string_view problem = CheckTargetForm(out.method, out.target);
        !problem.empty()) {
      return Bad(problem);
    }
  }
  const Step version = ReadVersion(stop + 1, end, out.version);
  if (version.status != ParseStatus::kDone) [[unlikely]] {
    return version;
  }
  if (version.at < end && *version.at != '\r' && *version.at != '\n') [[unlikely]] {
    return Bad("the request line does not end after the version");
  }
  return LineEnd(version.at, end);
}

inline Step ReadStatusLine(const char* p, const char* end, ResponseHead& out) {
  const Step version = ReadVersion(p, end, out.version);
  if (version.status != ParseStatus::kDone) [[unlikely]] {
    return version;
  }
  p = version.at;
  out.status = 0;
  for (int at = 0; at < 4; ++at, ++p) {
    if (p >= end) [[unlikely]] {
      return kNeedMore;
    }
    const bool good = at == 0 ? *p == ' ' : (*p >= (at == 1 ? '1' : '0') && *p <= '9');
    if (!good) [[unlikely]] {
      return Bad("the status line has no status of three digits");
    }
    out.status = at == 0 ? 0 : out.status * 10 + (*p - '0');
  }
  if (p >= end) [[unlikely]] {
    return kNeedMore;
  }
  if (*p == ' ') [[likely]] {
    ++p;
  } else if (*p != '\r' && *p != '\n') {
    return Bad("the status line has no status of three digits");
  }
  const char* const stop = ValueEnd(p, end);
  const Step line = LineEnd(stop, end);
  if (line.status == ParseStatus::kDone) [[likely]] {
    out.reason = Between(p, stop);
  }
  return line;
}

ParseResult Stopped(const Step& step, bool first_line_seen) {
  return {.status = step.status,
          .head_bytes = 0,
          .problem = step.problem,
          .request_line_seen = first_line_seen};
}
ParseResult Refused(std::string_view problem) {
  return {
      .status = ParseStatus::kBad, .head_bytes = 0, .problem = problem, .request_line_seen = true};
}
ParseResult Complete(size_t head_bytes) {
  return {.status = ParseStatus::kDone,
          .head_bytes = head_bytes,
          .problem = {},
          .request_line_seen = true};
}

bool HasNoBody(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace

ParseResult ParseRequestHead(std::string_view bytes, RequestHead& out) {
  ClearHead(out);
  const char* const end = bytes.data() + bytes.size();
  const Step first = ReadRequestLine(bytes.data(), end, out);
  if (first.status != ParseStatus::kDone) [[unlikely]] {
    return Stopped(first, false);
  }
  framing::ConnectionOptions options;
  RequestFacts facts;
  const Step rest = ReadHeaders(first.at, end, out, options, &facts);
  if (rest.status != ParseStatus::kDone) [[unlikely]] {
    return Stopped(rest, true);
  }
  if (const std::string_view problem = CheckFraming(out, options); !problem.empty()) [[unlikely]] {
    return Refused(problem);
  }
  if (out.version == Version::kHttp11 && facts.host.empty()) [[unlikely]] {
    return Refused("no Host");
  }
  out.host = facts.host;
  // RFC 9110 10.1.1: a client of HTTP/1.0 does not know the interim answer.
  out.expect_continue = facts.expect_continue && out.version == Version::kHttp11;
  out.expect_unknown = facts.expect_unknown;
  out.upgrade = options.upgrade && out.headers.Has(HeaderId::kUpgrade);
  return Complete(static_cast<size_t>(rest.at - bytes.data()));
}

ParseResult ParseResponseHead(std::string_view bytes, ResponseHead& out) {
  ClearHead(out);
  const char* const end = bytes.data() + bytes.size();
  const Step first = ReadStatusLine(bytes.data(), end, out);
  if (first.status != ParseStatus::kDone) [[unlikely]] {
    return Stopped(first, false);
  }
  framing::ConnectionOptions options;
  const Step rest = ReadHeaders(first.at, end, out, options, nullptr);
  if (rest.status != ParseStatus::kDone) [[unlikely]] {
    return Stopped(rest, true);
  }
  if (const std::string_view problem = CheckFraming(out, options); !problem.empty()) [[unlikely]] {
    return Refused(problem);
  }
  // A 304 may tell the length that the 200 would have; the others have nothing to announce.
  const bool announces_body =
      out.chunked || (out.status != 304 && out.content_length.value_or(0) != 0);
  if (HasNoBody(out.status) && announces_body) {
    out.keep_alive = false;
  }
  return Complete(static_cast<size_t>(rest.at - bytes.data()));
}

BodyKind RequestBody(const RequestHead& head) {
  if (head.chunked) {
    return BodyKind::kChunked;
  }
  return head.content_length.value_or(0) != 0 ? BodyKind::kLength : BodyKind::kNone;
}

BodyKind ResponseBody(const ResponseHead& head, Method method) {
  const bool connected = method == Method::kConnect && head.status / 100 == 2;
  if (HasNoBody(head.status) || method == Method::kHead || connected) {
    return BodyKind::kNone;
  }
  if (head.chunked) {
    return BodyKind::kChunked;
  }
  if (!head.content_length) {
    return BodyKind::kUntilClose;
  }
  return *head.content_length != 0 ? BodyKind::kLength : BodyKind::kNone;
}

bool IsNominated(const MessageHead& head, std::string_view name) {
  if (!head.nominates_headers) {
    return false;
  }
  bool found = false;
  for (const Header& header : head.headers) {
    if (header.id == HeaderId::kConnection) {
      framing::ForEachItem(header.value, [&](std::string_view item) {
        found = found || EqualsIgnoreCase(item, name);
        return !found;
      });
    }
  }
  return found;
}

std::string_view MethodName(Method method) {
  return kMethodNames[static_cast<size_t>(method)];
}

const Header* HeaderList::Find(HeaderId id) const {
  if (!Has(id)) {
    return nullptr;
  }
  for (const Header& header : *this) {
    if (header.id == id) {
      return &header;
    }
  }
  return nullptr;
}

const Header* HeaderList::Find(std::string_view name) const {
  for (const Header& header : *this) {
    if (EqualsIgnoreCase(header.name, name)) {
      return &header;
    }
  }
  return nullptr;
}

std::string_view HeaderList::Value(HeaderId id) const {
  const Header* const header = Find(id);
  return header != nullptr ? header->value : std::string_view();
}

bool HeadEnd::Find(std::string_view bytes) {
  while (scanned_ < bytes.size()) {
    const size_t line_feed = bytes.find('\n', scanned_);
    if (line_feed == std::string_view::npos) {
      scanned_ = bytes.size();
      return false;
    }
    scanned_ = line_feed;  // until the bytes after it have come
    const std::string_view after = bytes.substr(line_feed + 1, 2);
    if (after.starts_with('\n') || after == "\r\n") {
      scanned_ = line_feed + 1;
      return true;
    }
    if (after.empty() || after == "\r") {
      return false;
    }
    scanned_ = line_feed + 1;
  }
  return false;
}

}  // namespace mainstay::http
