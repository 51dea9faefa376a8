#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/answer.h"
#include "base/clock.h"
#include "identity/options.h"
#include "identity/session_ids.h"
#include "model/catalog.h"
#include "model/session.h"
#include "session/aliases.h"
#include "session/continuity_options.h"
#include "session/conversations.h"
#include "session/pin_options.h"
#include "session/pin_table.h"
#include "session/session_list.h"

namespace mainstay::admin {

// What the calls about sessions go by, of the configuration in force. Holds while one call runs.
struct SessionSettings {
  const session::PinOptions& pins;
  const session::ContinuityOptions& continuity;
  const Catalog& catalog;
  const identity::SessionIds& ids;
  std::span<const identity::CallerOptions> callers;  // empty: everybody is anonymous
};

struct SessionSources {
  session::PinTable& pins;
  session::Conversations& conversations;
  const session::Aliases& aliases;
  const PolicyClock& clock;
  std::function<SessionSettings()> settings;
};

// The calls about sessions (spec 06 §5). A session is known by its conversations or by its pin; a
// conversation that belongs to no session with an id is its own session.
//
// Threads: one at a time; requests go on meanwhile. Blocking: for some milliseconds when a page has
// to be looked for among many sessions, never under a lock for longer than some microseconds.
class SessionsApi final {
 public:
  static constexpr int64_t kLimitDefault = 100;
  static constexpr int64_t kLimitMax = 1000;

  explicit SessionsApi(SessionSources sources)
      : sources_(std::move(sources)), list_(sources_.conversations, sources_.pins) {}

  // GET /api/sessions ? limit, cursor, account, caller, model, search, tenant. `search` is a part
  // of the public hash or a whole raw id, the latter in `tenant`; it is never answered back.
  Answer List(const Call& call);
  // POST /api/sessions/lookup {"session_id", "caller"?, "tenant"?}
  Answer Lookup(const Call& call) const;
  // GET /api/sessions/{id}
  Answer Show(const Call& call) const;
  // DELETE /api/sessions/{id}. Turns that are under way finish and do not bring the session back.
  Answer Delete(const Call& call);
  // DELETE /api/sessions ? caller
  Answer DeleteMany(const Call& call);
  // POST /api/sessions/{id}/pin {"model", "ttlSeconds"?}. The session need not be pinned yet.
  Answer Pin(const Call& call);
  // POST /api/sessions/{id}/unpin
  Answer Unpin(const Call& call);
  // POST /api/sessions/{id}/vtc {"enabled"}: whether its client has its tools called in text.
  Answer SetVtc(const Call& call);

 private:
  struct ListQuery;
  struct Page;

  WallTime Now() const { return sources_.clock.Now(); }
  // The session that a client's id names.
  SessionKey KeyOf(std::string_view caller, std::string_view tenant, std::string_view id,
                   const SessionSettings& settings) const;
  std::optional<session::ListedSession> Find(const SessionKey& key,
                                             const SessionSettings& settings) const;
  // The session that the path of a call names.
  std::optional<session::ListedSession> Known(const Call& call, const SessionSettings& settings,
                                              session::SessionList::Detail detail) const;
  void FindById(const ListQuery& query, const SessionSettings& settings, Page& page) const;
  void FindByHash(const ListQuery& query, const SessionSettings& settings, Page& page) const;

  SessionSources sources_;
  session::SessionList list_;
};

}  // namespace mainstay::admin
