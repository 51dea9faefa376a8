#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "base/problems.h"
#include "http/head.h"
#include "model/session.h"

namespace mainstay::identity {

// Which headers name the session of a request (spec 01 `routing`).
struct SessionOptions {
  // The first one that brings a usable id counts.
  std::vector<std::string> headers = {"x-session-id", "x-routing-session-id", "x-model-affinity"};
  std::string tenant_header;   // an extra scope below the caller; empty: none
  bool forward_header = true;  // the session headers go on to the provider
};

// Names must be header names, in lower case, without repetition.
void Validate(const SessionOptions& options, Problems& problems);

// Finds the session ids of requests, and hashes them so that nothing else of them is kept. Equal
// ids of two callers or tenants are two sessions (spec 02, 03 §1). Immutable; any thread.
class SessionIds final {
 public:
  SessionIds(const SessionOptions& options, const HashKey& install_key);

  // An id has 1 to 256 bytes of printable text; others are skipped and listed as rejected.
  SessionId Find(const http::HeaderList& headers, std::string_view caller) const;

  // The key of an id that an operator names.
  SessionKey KeyOf(std::string_view caller, std::string_view tenant, std::string_view id) const;

 private:
  struct Source {
    std::string header;  // lower case
    http::HeaderId id = http::HeaderId::kUnknown;
    std::string name;  // header:<header>
  };
  struct Found {
    std::string_view value;
    bool present = false;
    bool conflicting = false;
  };
  static Source SourceOf(std::string_view header);
  static Found FindIn(const http::HeaderList& headers, const Source& source);

  std::vector<Source> sources_;
  Source tenant_;
  KeyedHash hash_;
};

}  // namespace mainstay::identity
