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
#include "session/pin_options.h"
#include "session/pin_table.h"

namespace mainstay::admin {

// What the calls about sessions go by, of the configuration in force. Holds while one call runs.
struct SessionSettings {
  const session::PinOptions& pins;
  const Catalog& catalog;
  const identity::SessionIds& ids;
  std::span<const identity::CallerOptions> callers;  // empty: everybody is anonymous
};

struct SessionSources {
  session::PinTable& pins;
  const PolicyClock& clock;
  std::function<SessionSettings()> settings;
};

// The calls about sessions (spec 06 §5). A session is known by its pin: one that was never pinned,
// and one whose pin has ended, is not found.
//
// Threads: one at a time; requests go on meanwhile. Blocking: for about a millisecond when a page
// has to be looked for among many sessions, never under a lock for longer than a microsecond or so.
class SessionsApi final {
 public:
  static constexpr int64_t kLimitDefault = 100;
  static constexpr int64_t kLimitMax = 1000;

  explicit SessionsApi(SessionSources sources) : sources_(std::move(sources)) {}

  // GET /api/sessions ? limit, cursor, account, caller, model, search, tenant. `search` is a part
  // of the public hash or a whole raw id, the latter in `tenant`; it is never answered back.
  Answer List(const Call& call) const;
  // POST /api/sessions/lookup {"session_id", "caller"?, "tenant"?}
  Answer Lookup(const Call& call) const;
  // GET /api/sessions/{id}
  Answer Show(const Call& call) const;
  // DELETE /api/sessions/{id}. Turns that are under way finish and do not bring the session back.
  Answer Delete(const Call& call);
  // DELETE /api/sessions ? caller
  Answer DeleteMany(const Call& call);
  // POST /api/sessions/{id}/pin {"model", "ttlSeconds"?}
  Answer Pin(const Call& call);
  // POST /api/sessions/{id}/unpin
  Answer Unpin(const Call& call);

 private:
  struct ListQuery;
  struct Page;

  WallTime Now() const { return sources_.clock.Now(); }
  void FindById(const ListQuery& query, const SessionSettings& settings, Page& page) const;
  void FindByHash(const ListQuery& query, const SessionSettings& settings, Page& page) const;

  SessionSources sources_;
};

}  // namespace mainstay::admin
