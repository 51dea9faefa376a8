#pragma once

#include <span>
#include <string>
#include <string_view>

#include "http/head.h"
#include "http/io/buffer.h"
#include "http/url.h"
#include "model/catalog.h"
#include "wire/protocol.h"

namespace mainstay::upstream {

// Whose credential is sent: the account's, or the client's own (pass_through_auth).
enum class Credential : uint8_t { kAccount, kClient };

// The lines of a request head that are the same for every request to a target: host, credential,
// configured headers. Of two configured headers of one name the later one counts, so the account's
// replaces the provider's, and one with the name of the credential's header replaces that. Holds
// the credential in plain, as the wire does: never log it.
//
// With kClient no credential of the account is written; give RequestHeadInput the same value.
std::string FixedLines(const Target& target, const http::Url& url, const wire::ProtocolRow& row,
                       Credential credential = Credential::kAccount);

// Whether the provider may choose how to encode its answer.
enum class AnswerEncoding : uint8_t {
  kAsClientAsked,  // the client's accept-encoding, or identity when it has none
  kIdentity,       // the gateway has to read and change the answer on its way
};

// Whether the body goes on in the encoding it came in.
enum class BodyEncoding : uint8_t { kAsSent, kDecoded };

struct RequestHeadInput {
  std::string_view path;   // behind the base URL, with its slash
  std::string_view query;  // without the question mark; may be empty
  const http::RequestHead* client = nullptr;
  const Target* target = nullptr;
  const http::Url* url = nullptr;
  std::string_view fixed_lines;  // of FixedLines
  std::string_view request_id;
  std::string_view traceparent;
  AnswerEncoding answer_encoding = AnswerEncoding::kAsClientAsked;
  BodyEncoding body_encoding = BodyEncoding::kAsSent;
  Credential credential = Credential::kAccount;
  size_t body_bytes = 0;
  // Further headers of the client's that stay here, in lower case.
  std::span<const std::string> withheld;
};

// Appends the whole head. The client's headers pass through in their order and spelling, but for:
// hop-by-hop ones, credentials and cookies, the gateway's own, what tells of earlier proxies or of
// the page that a browser shows, and those that the configuration sets.
void WriteRequestHead(const RequestHeadInput& in, io::Buffer& out);

// Appends the lines of a provider's answer that go on to the client: all but hop-by-hop headers,
// framing, cookies, permissions for pages of other origins, and names in the gateway's own space.
// The provider's own x-request-id goes on as x-provider-request-id, because x-request-id is the
// gateway's.
void WriteReplyLines(const http::ResponseHead& head, io::Buffer& out);

}  // namespace mainstay::upstream
