#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"

namespace mainstay::bench {

// One request and its answer, as evaluate.py writes them: a line of JSON.
struct ExchangeLine {
  std::string caller;
  std::string agent;    // the client's User-Agent
  std::string session;  // id of the session; empty: none was sent
  std::string tenant;
  int64_t at_ms = 0;
  int64_t hold = 0;  // so many other requests come before the answer
  bool is_stream = false;
  std::string_view body;   // of the request, json::kPadding bytes before the end of the line
  std::string_view reply;  // the message of the assistant; empty: the request fails
};

// Reads the line, which has json::kPadding readable bytes behind it and outlives `out`. False: it
// is none; `why` then says what is wrong.
bool ReadExchangeLine(std::string_view line, ExchangeLine& out, std::string& why);

// The answer of a provider that is not streamed.
std::string WholeAnswer(std::string_view message);

// The same as a stream of events: texts and arguments are cut into pieces, between characters.
// False: `message` is no message of an assistant.
bool StreamedAnswer(std::string_view message, Random& random, std::string& out);

}  // namespace mainstay::bench
