#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/session.h"
#include "session/continuity_options.h"
#include "session/conversations.h"
#include "session/pin_options.h"
#include "session/pin_table.h"

namespace mainstay::session {

// What a session is said to come from when no id named it (spec 11.19).
inline constexpr std::string_view kInferredSource = "inferred";

// By which rules sessions live. Holds while one call runs.
struct SessionRules {
  const PinOptions& pins;
  const ContinuityOptions& continuity;
};

// A session: what its conversations and its pin say of it. At least one of the two is there. The
// texts live as long as the process.
struct ListedSession {
  SessionKey key;
  std::optional<Conversations::SessionInfo> conversations;
  std::optional<Pin> pin;

  std::string_view caller() const;
  std::string_view model() const;   // of the pin, else that served last; empty: none did
  bool has_id() const;              // that a client sends; without one it was inferred
  std::string_view source() const;  // of its id, or kInferredSource
  WallTime created() const;
  WallTime last_used() const;
  WallTime expires(const SessionRules& rules) const;  // of the pin, else of the session
};

// All sessions: those of which a conversation is known, and those that are only pinned.
//
// Threads: everything from any thread; none of it keeps requests waiting for more than some
// microseconds. Blocking: Page and Count for some milliseconds, Tally for as long as it takes to
// look at every session, which is some tenths of a second for a million.
class SessionList final {
 public:
  SessionList(Conversations& conversations, PinTable& pins)
      : conversations_(conversations), pins_(pins) {}

  enum class Detail : uint8_t { kSum, kAll };
  // kAll: with its conversations and their branches.
  std::optional<ListedSession> Find(const SessionKey& key, Detail detail, const SessionRules& rules,
                                    WallTime now) const;

  // Where a page begins.
  struct Cursor {
    enum class In : uint8_t { kConversations, kPins };

    In in = In::kConversations;
    uint64_t at = 0;
  };
  struct Filter {
    std::string_view caller;  // empty: all
    std::string_view model;   // empty: all
    std::string_view text;    // part of the public key; empty: all

    bool Lets(const ListedSession& session) const;
  };
  // So many sessions one page looks at. When there is more and few are wanted, it has fewer of them
  // than it may, or none, and a cursor to go on with.
  static constexpr size_t kLookedAtMax = 50'000;

  // Adds sessions to `out` until there are `limit` of them. What comes back is where the next page
  // begins; nullopt: there is nothing more. None is given twice, but for one whose conversations
  // give way to others meanwhile while it stays pinned. Those that come and go may be missing.
  std::optional<Cursor> Page(Cursor from, size_t limit, const Filter& filter,
                             const SessionRules& rules, WallTime now,
                             std::vector<ListedSession>& out) const;

  // Their number. Exact while no more than PinTable::kOneShardMax are pinned; above, how many of
  // those have a conversation is estimated by that many of them.
  int64_t Count(const SessionRules& rules, WallTime now);

  // Forgets all sessions of a caller with their pins; gives their number. Requests that are under
  // way do not pin any again.
  int64_t EraseOfCaller(std::string_view caller, const SessionRules& rules, WallTime now);

  struct Tally {
    int64_t count = 0;
    std::map<std::string_view, int64_t> by_model;  // without those that no model has served
    std::map<std::string_view, int64_t> by_source;
  };
  Tally CountAll(const SessionRules& rules, WallTime now) const;

 private:
  class Walk;

  Conversations& conversations_;
  PinTable& pins_;
};

}  // namespace mainstay::session
