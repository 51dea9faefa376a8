#include "wire/openai_chat/errors.h"
#include "wire/openai_chat/request.h"
#include "wire/openai_chat/splice.h"
#include "wire/protocol.h"

namespace mainstay::wire {
namespace {

// THE table of protocols, in the order of the enum.
constexpr ProtocolRow kProtocols[] = {
    {
        .protocol = Protocol::kOpenAiChat,
        .decode_request = &openai_chat::DecodeRequest,
        .splice_request = &openai_chat::SpliceRequest,
        .upstream_path = &openai_chat::UpstreamPath,
        .credential_header = "authorization",
        .credential_prefix = "Bearer ",
        .error_status = [](ErrorKind kind) { return openai_chat::ShapeOf(kind).status; },
        .append_error_body = [](const Error& error, std::string_view,
                                std::string& out) { openai_chat::AppendErrorBody(error, out); },
        .append_error_event = [](const Error& error, std::string_view,
                                 std::string& out) { openai_chat::AppendErrorEvent(error, out); },
    },
};

}  // namespace

const ProtocolRow& RowOf(Protocol protocol) {
  return kProtocols[static_cast<size_t>(protocol)];
}

}  // namespace mainstay::wire
