#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "http/head.h"
#include "identity/id_sources.h"
#include "model/request.h"
#include "model/session.h"

namespace mainstay::identity {

// Finds the ids of requests, and hashes them so that nothing else of them is kept. Equal ids of two
// callers or tenants are two sessions; equal ids from two sources are one (spec 02, 03 §1).
// Immutable; any thread. Costs little for sources that a request does not have.
class SessionIds final {
 public:
  SessionIds(const SessionOptions& options, const HashKey& install_key);

  // The first source with an id names the session. An id has 1 to 256 bytes of printable text,
  // white space around it left out; others are skipped and listed as rejected. `request` has its
  // body and facts. Ids of the body that came with escapes are kept in `scratch`, which is to be
  // left alone as long as the answer is looked at; nothing is allocated without such ids.
  SessionId Find(const http::HeaderList& headers, const Request& request, std::string_view caller,
                 std::string& scratch) const;

  // The key of an id that an operator names.
  SessionKey KeyOf(std::string_view caller, std::string_view tenant, std::string_view id) const;

  // The key of a conversation inside a session.
  SessionKey ConversationKeyOf(const SessionKey& session, std::string_view conversation) const;

 private:
  struct Found {
    std::string_view value;
    bool present = false;
    bool conflicting = false;
  };
  // What is looked at for each request: small, so that the ladder fits into a cache line or two.
  struct Step {
    enum class Place : uint8_t { kKnownHeader, kOtherHeader, kBody };
    Place place;
    http::HeaderId header_id;
    BodyId field;
    uint16_t source;  // its place in sources_
  };

  static Found FindIn(const http::HeaderList& headers, http::HeaderId id, std::string_view name);
  static bool Accept(const Found& found, std::string_view source, SessionId& session);
  void FindIds(const http::HeaderList& headers, const Request& request, std::string_view caller,
               std::string_view tenant, std::string& scratch, SessionId& session) const;
  void Add(const Found& found, const IdSource& source, std::string_view caller,
           std::string_view tenant, SessionId& session) const;

  std::vector<Step> steps_;
  std::vector<IdSource> sources_;
  std::string tenant_header_;
  http::HeaderId tenant_id_;
  KeyedHash session_hash_;
  KeyedHash conversation_hash_;
  KeyedHash history_hash_;
};

}  // namespace mainstay::identity
