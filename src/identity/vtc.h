#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "http/head.h"
#include "model/request.h"

// Clients that have their tools called in the text of an answer (virtual tool calls, spec 03 §5).
namespace mainstay::identity {

struct VtcOptions {
  // What such clients call themselves.
  std::vector<std::string> client_patterns = {"cline", "kilo", "kilocode", "roo", "roo-code"};
  // Whether their calls become structured ones towards providers that need them.
  bool translate = false;
};

// Patterns must have a letter or a digit, and nothing beyond ASCII.
void Validate(const VtcOptions& options, Problems& problems);

// How the client calls itself: the field `agent` of the body, else x-agent, x-client-agent or
// User-Agent; the first that is not blank. Empty: it does not. A view into the request, or into
// `scratch` when the field came with escapes.
std::string_view AgentOf(const http::HeaderList& headers, const Request& request,
                         std::string& scratch);

// Recognises clients by words of their names. Immutable; any thread. Allocates nothing.
class VtcClients final {
 public:
  explicit VtcClients(const VtcOptions& options);

  // Whether the agent has a word equal to a pattern, letter case aside. Words end where letters and
  // digits do, and words are also looked at in parts: where capitals begin (KiloCode) and where
  // digits do (cline3). A pattern of several words wants the same ones in a row.
  bool Contain(std::string_view agent) const;

 private:
  std::vector<std::vector<std::string>> patterns_;  // words in lower case
};

}  // namespace mainstay::identity
