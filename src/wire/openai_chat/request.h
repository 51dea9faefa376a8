#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/request.h"
#include "wire/digest/history_builder.h"

namespace mainstay::wire::openai_chat {

// Reads a request of the OpenAI chat protocol, or of the calls that share its conventions
// (completions, embeddings), in one pass that checks the whole body.
//
// `body` has json::kPadding readable bytes behind it and outlives `out`, which holds views into
// it. `scratch` holds the model's name when it was written with escapes, and outlives `out` too.
//
// `history` was started by the caller, and is finished here; without one nothing is spent on it.
//
// Errors, all of them the client's: kInvalidJson (also for a field that the gateway reads and that
// stands twice, and for too deep nesting), kMissingField, kInvalidField; `param` names the field.
Result<void> DecodeRequest(Operation operation, std::string_view body, std::string& scratch,
                           HistoryBuilder* history, Request& out);

}  // namespace mainstay::wire::openai_chat
