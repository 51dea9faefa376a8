#pragma once

#include <string_view>

#include "model/request.h"
#include "wire/protocol.h"
#include "wire/splice.h"

namespace mainstay::wire::openai_chat {

// The only two things that a request of this protocol may have changed on its way to a provider of
// the same protocol (spec 08, 11.15): the value of `model`, when it differs, and
// stream_options.include_usage of a chat stream. Every other byte goes as it came.
AskUsage SpliceRequest(const Request& request, std::string_view model_json, SplicedBody& body);

std::string_view UpstreamPath(Operation operation);

}  // namespace mainstay::wire::openai_chat
