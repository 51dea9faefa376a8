#pragma once

#include "fake_provider/answer.h"

namespace mainstay::fake_provider {

// The answer of /v1/embeddings: for each text a vector of length 1 that depends on the text alone,
// as numbers or, when asked, as base64 of little-endian floats.
Answer MakeEmbeddings(const Incoming& request, const Action& action, const AnswerFacts& facts);

}  // namespace mainstay::fake_provider
