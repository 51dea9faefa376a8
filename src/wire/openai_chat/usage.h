#pragma once

#include "base/json_reader.h"
#include "model/usage.h"

namespace mainstay::wire::openai_chat {

// Reads the `usage` object at the reader's cursor in every dialect that providers of this protocol
// speak: OpenAI's *_tokens_details, the cache-hit counter of DeepSeek, a top-level cached_tokens,
// and the cache counters that proxies of Anthropic models put beside the OpenAI names (spec 08).
// What is not there stays absent; what is no count is passed over. Where one object states a count
// in two dialects, the larger one is taken: the other is a default that nobody filled in.
//
// True when the object was read to its end; the reader goes on behind it. False when the value is
// no object or the text is broken, and then the reader has failed and `out` has no meaning.
bool ReadUsage(json::Reader& reader, Usage& out);

}  // namespace mainstay::wire::openai_chat
