#pragma once

#include "fake_provider/answer.h"

namespace mainstay::fake_provider {

// The answer of /v1/chat/completions and /v1/completions. A stream reports usage as OpenAI does:
// only when asked, in an event of its own without choices before [DONE], and then every event
// before that says "usage":null.
Answer MakeCompletion(const Incoming& request, const Action& action, const AnswerFacts& facts);

}  // namespace mainstay::fake_provider
