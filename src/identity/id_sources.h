#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "http/header_id.h"
#include "model/request.h"
#include "model/session.h"

namespace mainstay::identity {

// What names the session of a request (spec 01 `routing` and `session`, 03 §1).
struct SessionOptions {
  // Headers that bring a session id, before everything else in the default order.
  std::vector<std::string> headers = {"x-session-id", "x-routing-session-id", "x-model-affinity"};
  std::string tenant_header;   // an extra scope below the caller; empty: none
  bool forward_header = true;  // the session headers go on to the provider
  // Names of sources (spec 11.19) in the order in which they count; others are not looked at.
  // Empty: all of them in the default order.
  std::vector<std::string> sources;
};

// Header names must be such, in lower case; names of sources must be known; none may stand twice.
void Validate(const SessionOptions& options, Problems& problems);

// One place where an id may be.
struct IdSource {
  std::string name;    // header:<name>, client:<name> or body:<field>; not unique
  std::string header;  // in lower case; empty: the id is in the body
  http::HeaderId header_id = http::HeaderId::kUnknown;
  BodyId field = BodyId::kSessionId;
  IdStrength strength = IdStrength::kExplicit;
};

// All places in the order in which they count. `options` has passed Validate.
std::vector<IdSource> IdSourcesOf(const SessionOptions& options);

// Whether a request without ids may belong to a conversation that its messages tell.
bool InfersConversations(const SessionOptions& options);

}  // namespace mainstay::identity
