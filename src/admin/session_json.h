#pragma once

#include <string_view>

#include "base/json_writer.h"
#include "model/session.h"
#include "session/session_list.h"

namespace mainstay::admin {

// Sessions as the admin API shows them (spec 06 §5).

// A member that is the public form of a key.
void WriteHash(json::Writer& writer, std::string_view name, const SessionKey& key);

// A member that is a text, or null when it is empty.
void WriteText(json::Writer& writer, std::string_view name, std::string_view text);

// What lists and single sessions have in common: members of an object that the caller opens. Null
// is what is not known, or what nothing records yet.
void WriteMembers(json::Writer& writer, const session::ListedSession& session,
                  const session::SessionRules& rules);

// All of a session that was found with SessionList::Detail::kAll, as an object.
void WriteSession(json::Writer& writer, const session::ListedSession& session,
                  const session::SessionRules& rules);

}  // namespace mainstay::admin
