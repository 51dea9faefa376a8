#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/session.h"

namespace mainstay::session {

// Aliases as the store keeps them: docs/formats/alias_record.md.
struct AliasRecord {
  SessionKey session;  // that the id belongs to; its own key: the id names a session
  WallTime last_used{};
};

// Appends the record.
void EncodeAlias(const AliasRecord& alias, std::string& out);

// False for bytes of another format or length, or with a time out of range.
bool DecodeAlias(std::string_view value, AliasRecord& out);

}  // namespace mainstay::session
