#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/request.h"
#include "wire/splice.h"

namespace mainstay::wire {

class HistoryBuilder;

// Whether the gateway has a client stream report its usage although the client did not ask.
enum class AskUsage : uint8_t { kNo, kYes };

// What the gateway has to know of one wire protocol. A row of the table in protocols.cc.
struct ProtocolRow {
  Protocol protocol;

  // Decodes a request body, and gives its messages to a history that was started, if there is one;
  // see the protocol's request.h.
  Result<void> (*decode_request)(Operation operation, std::string_view body, std::string& scratch,
                                 HistoryBuilder* history, Request& out);

  // Adds the edits that make the body fit a provider of the same protocol: the model's name as a
  // JSON string, and usage to be reported. kYes: the client's stream has to lose the usage event
  // again.
  AskUsage (*splice_request)(const Request& request, std::string_view model_json,
                             SplicedBody& body);

  // The path behind a provider's base URL (spec 11.10).
  std::string_view (*upstream_path)(Operation operation);

  // The header that carries a provider's credential, and what stands before the key.
  std::string_view credential_header;
  std::string_view credential_prefix;

  // Errors in the shape of the protocol. The event ends a stream that broke.
  int (*error_status)(ErrorKind kind);
  void (*append_error_body)(const Error& error, std::string_view request_id, std::string& out);
  void (*append_error_event)(const Error& error, std::string_view request_id, std::string& out);
};

const ProtocolRow& RowOf(Protocol protocol);

}  // namespace mainstay::wire
