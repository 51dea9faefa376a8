#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fake_provider/action.h"
#include "fake_provider/incoming.h"
#include "fake_provider/options.h"

// What the provider says, as bytes. Pure functions of what they are given.
namespace mainstay::fake_provider {

// A stream as one text, with the places where its events end, so that it can be cut anywhere.
struct Answer {
  enum class Kind : uint8_t { kWhole, kStream, kRaw };

  Kind kind = Kind::kWhole;
  int status = 200;
  std::string_view content_type = "application/json";
  std::string body;
  std::vector<size_t> event_ends;  // kStream: ascending, the last one is the size of the body
};

// What an answer needs to know beside the request and the action.
struct AnswerFacts {
  std::string_view id;        // without its prefix
  int64_t created = 0;        // seconds since 1970
  int64_t cached_tokens = 0;  // of the prompt
  int64_t embedding_dimensions = 64;
};

// The answer to a request that is served: chat, completion or embedding, whole or as a stream.
Answer MakeAnswer(const Incoming& request, const Action& action, const AnswerFacts& facts);

// An error in OpenAI's form with the type and code that go with the status; `code`, when it is not
// empty, instead of that one.
Answer MakeError(int status, std::string_view code);
// The same for a request that cannot be understood. Nothing of kinds that are no client's fault.
Answer MakeRefusal(const Error& error);
// 404 for a model that is not served.
Answer MakeModelNotFound(std::string_view model);
// 401.
Answer MakeUnauthorized();

// GET /v1/models and GET /v1/models/NAME.
Answer MakeModelList(const std::vector<std::string>& models);
Answer MakeModel(std::string_view model);

// What the action says is to be sent as it is: `raw` or `body`. A body that looks like an event
// stream is one.
Answer MakeVerbatim(const Action& action);

// A stream whose first event is an error, or for whole answers a 503.
Answer MakeOverload(Streaming stream);

// Encodes the body as gzip, each event for itself, so that a stream can still be read as it comes.
void EncodeGzip(Answer& answer);

// So many tokens of filler text.
std::string FillerText(int64_t tokens);

}  // namespace mainstay::fake_provider
