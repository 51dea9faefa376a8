#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/request.h"

namespace mainstay::wire::openai_chat {

// Reads a request of the OpenAI chat protocol, or of the calls that share its conventions
// (completions, embeddings), in one pass that checks the whole body.
//
// `body` has json::kPadding readable bytes behind it and outlives `out`, which holds views into
// it. `scratch` holds the model's name when it was written with escapes, and outlives `out` too.
//
// Errors, all of them the client's: kInvalidJson (also for a field that the gateway reads and that
// stands twice, and for too deep nesting), kMissingField, kInvalidField; `param` names the field.
Result<void> DecodeRequest(Operation operation, std::string_view body, std::string& scratch,
                           Request& out);

}  // namespace mainstay::wire::openai_chat
