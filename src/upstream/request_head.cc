#include "upstream/request_head.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "http/pen.h"

namespace mainstay::upstream {
namespace {

using http::Header;
using http::HeaderId;

constexpr uint64_t Set(std::initializer_list<HeaderId> ids) {
  uint64_t bits = 0;
  for (const HeaderId id : ids) {
    bits |= uint64_t{1} << static_cast<unsigned>(id);
  }
  return bits;
}

// Hop-by-hop headers, in both directions.
constexpr uint64_t kHopByHop =
    Set({HeaderId::kConnection, HeaderId::kKeepAlive, HeaderId::kProxyConnection,
         HeaderId::kTransferEncoding, HeaderId::kTe, HeaderId::kTrailer, HeaderId::kUpgrade,
         HeaderId::kProxyAuthorization, HeaderId::kProxyAuthenticate});

// The names in the gateway's own space that have an id; IsGatewayHeader tells the others.
constexpr uint64_t kGatewayHeaders = Set({HeaderId::kXMainstayRoute, HeaderId::kXMainstayPin,
                                          HeaderId::kXMainstayAccount, HeaderId::kXMainstayCsrf});

// Client headers that the gateway writes anew or keeps to itself.
constexpr uint64_t kNotForwarded =
    kHopByHop | kGatewayHeaders |
    Set({HeaderId::kHost, HeaderId::kContentLength, HeaderId::kExpect, HeaderId::kAuthorization,
         HeaderId::kXApiKey, HeaderId::kXGoogApiKey, HeaderId::kCookie, HeaderId::kAcceptEncoding,
         HeaderId::kTraceparent, HeaderId::kXRequestId, HeaderId::kXForwardedFor,
         HeaderId::kForwarded, HeaderId::kVia, HeaderId::kOrigin});
constexpr uint64_t kCredentials =
    Set({HeaderId::kAuthorization, HeaderId::kXApiKey, HeaderId::kXGoogApiKey});

constexpr uint64_t kNotReturned =
    kHopByHop | kGatewayHeaders |
    Set({HeaderId::kContentLength, HeaderId::kSetCookie, HeaderId::kXRequestId});

// Room for everything in a head that is of fixed length.
constexpr size_t kOwnLinesMax = 256;

bool In(uint64_t set, HeaderId id) {
  return (set >> static_cast<unsigned>(id) & 1) != 0;
}

// Where the line of a header ends, its CR LF included. The lines stand one after the other in the
// bytes that were parsed.
const char* LineEnd(const http::HeaderList& headers, size_t at) {
  if (at + 1 < headers.size()) {
    return headers[at + 1].name.data();
  }
  const char* p = headers[at].value.data() + headers[at].value.size();
  while (*p != '\n') {
    ++p;
  }
  return p + 1;
}

// Bytes of all header lines together.
size_t LineBytes(const http::HeaderList& headers) {
  return headers.empty()
             ? 0
             : static_cast<size_t>(LineEnd(headers, headers.size() - 1) - headers[0].name.data());
}

// Appends the lines that `keep` accepts; neighbours go over in one copy.
template <typename Keep>
void CopyLines(const http::HeaderList& headers, http::Pen& out, Keep keep) {
  const char* begin = nullptr;
  const char* end = nullptr;
  for (size_t i = 0; i < headers.size(); ++i) {
    if (!keep(headers[i])) {
      continue;
    }
    const char* line = headers[i].name.data();
    if (line != end) {
      out.Text({begin, static_cast<size_t>(end - begin)});
      begin = line;
    }
    end = LineEnd(headers, i);
  }
  out.Text({begin, static_cast<size_t>(end - begin)});
}

// x-forwarded-host and the like.
bool IsForwardedHeader(std::string_view name) {
  return name.size() > 12 && (name[2] | ' ') == 'f' &&
         http::StartsWithIgnoreCase(name, "x-forwarded-");
}

// What a server tells browsers about pages of other origins: the gateway speaks for itself there.
bool IsCorsHeader(std::string_view name) {
  return name.size() > 15 && (name[14] == '-') && (name[0] | ' ') == 'a' &&
         http::StartsWithIgnoreCase(name, "access-control-");
}

// Whether one of the configured headers from this position on has the name.
bool IsConfigured(const Target& target, std::string_view name, size_t from = 0) {
  for (size_t i = from; i < target.headers.size(); ++i) {
    if (http::EqualsIgnoreCase(target.headers[i].first, name)) {
      return true;
    }
  }
  return false;
}

bool IsWithheld(const RequestHeadInput& in, std::string_view name) {
  return !in.withheld.empty() && std::ranges::any_of(in.withheld, [&](std::string_view withheld) {
    return http::EqualsIgnoreCase(name, withheld);
  });
}

// The query without `key`, which is a credential in some protocols.
void AppendQuery(http::Pen& out, std::string_view query) {
  char separator = '?';
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    if (item.empty() || item.starts_with("key=")) {
      continue;
    }
    out.Text({&separator, 1});
    out.Text(item);
    separator = '&';
  }
}

}  // namespace

std::string FixedLines(const Target& target, const http::Url& url, const wire::ProtocolRow& row,
                       Credential credential) {
  std::string lines = "host: " + url.HostHeader() + "\r\n";
  if (credential == Credential::kAccount && !target.api_key.empty() &&
      !IsConfigured(target, row.credential_header)) {
    lines += row.credential_header;
    lines += ": ";
    lines += row.credential_prefix;
    lines += target.api_key.Expose();
    lines += "\r\n";
  }
  for (size_t i = 0; i < target.headers.size(); ++i) {
    const auto& [name, value] = target.headers[i];
    if (!IsConfigured(target, name, i + 1)) {
      lines += name + ": " + value + "\r\n";
    }
  }
  return lines;
}

void WriteRequestHead(const RequestHeadInput& in, io::Buffer& buffer) {
  const http::RequestHead& client = *in.client;
  http::Pen out(buffer, in.url->path_prefix.size() + in.path.size() + in.query.size() +
                            in.fixed_lines.size() + in.request_id.size() + in.traceparent.size() +
                            LineBytes(client.headers) + kOwnLinesMax);
  out.Literal("POST ");
  out.Text(in.url->path_prefix);
  out.Text(in.path);
  AppendQuery(out, in.query);
  out.Literal(" HTTP/1.1\r\n");
  out.Text(in.fixed_lines);
  const bool has_configured = !in.target->headers.empty();
  const auto is_configured = [&](std::string_view name) {
    return has_configured && IsConfigured(*in.target, name);
  };
  if (!is_configured("x-request-id")) {
    out.Literal("x-request-id: ");
    out.Text(in.request_id);
    out.Literal("\r\n");
  }
  if (!is_configured("traceparent")) {
    out.Literal("traceparent: ");
    out.Text(in.traceparent);
    out.Literal("\r\n");
  }

  const bool as_client_asked =
      in.answer_encoding == AnswerEncoding::kAsClientAsked &&
      client.headers.Has(HeaderId::kAcceptEncoding) &&
      !(client.nominates_headers && http::IsNominated(client, "accept-encoding"));
  uint64_t dropped = kNotForwarded;
  if (as_client_asked) {
    dropped &= ~Set({HeaderId::kAcceptEncoding});
  }
  if (in.credential == Credential::kClient) {
    dropped &= ~kCredentials;
  }
  if (in.body_encoding == BodyEncoding::kDecoded) {
    dropped |= Set({HeaderId::kContentEncoding});
  }
  CopyLines(client.headers, out, [&](const Header& header) {
    if (In(dropped, header.id)) {
      return false;
    }
    if (header.id == HeaderId::kUnknown &&
        (http::IsGatewayHeader(header.name) || IsForwardedHeader(header.name))) {
      return false;
    }
    return !is_configured(header.name) && !IsWithheld(in, header.name) &&
           !(client.nominates_headers && http::IsNominated(client, header.name));
  });

  if (!as_client_asked) {
    out.Literal("accept-encoding: identity\r\n");
  }
  out.Literal("content-length: ");
  out.Number(in.body_bytes);
  out.Literal("\r\n\r\n");
}

void WriteReplyLines(const http::ResponseHead& head, io::Buffer& buffer) {
  http::Pen out(buffer, LineBytes(head.headers) + kOwnLinesMax);
  CopyLines(head.headers, out, [&](const Header& header) {
    if (In(kNotReturned, header.id)) {
      return false;
    }
    if (header.id == HeaderId::kUnknown &&
        (http::IsGatewayHeader(header.name) || IsCorsHeader(header.name))) {
      return false;
    }
    return !(head.nominates_headers && http::IsNominated(head, header.name));
  });
  if (head.headers.Has(HeaderId::kXRequestId)) {
    out.Literal("x-provider-request-id: ");
    out.Text(head.headers.Value(HeaderId::kXRequestId));
    out.Literal("\r\n");
  }
}

}  // namespace mainstay::upstream
