#include "session/session_list.h"

#include <algorithm>
#include <utility>

namespace mainstay::session {
namespace {

// Sessions that are fetched at once, also when a page needs fewer: most may be filtered out.
constexpr size_t kFetched = 256;

}  // namespace

// --- one -----------------------------------------------------------------------------------------

std::string_view ListedSession::caller() const {
  return conversations ? conversations->newest.caller : pin->caller;
}

std::string_view ListedSession::model() const {
  return pin ? pin->model : conversations->newest.model;
}

bool ListedSession::has_id() const {
  return conversations ? conversations->newest.session != conversations->newest.key
                       : pin->source != kInferredSource;
}

std::string_view ListedSession::source() const {
  if (!has_id()) {
    return kInferredSource;
  }
  return conversations ? conversations->newest.source : pin->source;
}

WallTime ListedSession::created() const {
  if (!conversations || !pin) {
    return pin ? pin->since : conversations->created;
  }
  return std::min(pin->since, conversations->created);
}

WallTime ListedSession::last_used() const {
  if (!conversations || !pin) {
    return pin ? pin->last_used : conversations->newest.last_used;
  }
  return std::max(pin->last_used, conversations->newest.last_used);
}

WallTime ListedSession::expires(const SessionRules& rules) const {
  return pin ? WallTime(PinEnd(pin->since.time_since_epoch(), pin->last_used.time_since_epoch(),
                               pin->ttl, rules.pins))
             : last_used() + rules.continuity.age_max;
}

bool SessionList::Filter::Lets(const ListedSession& session) const {
  if ((!caller.empty() && caller != session.caller()) ||
      (!model.empty() && model != session.model())) {
    return false;
  }
  const SessionKeyText key = TextOf(session.key);
  return text.empty() ||
         std::string_view(key.data(), key.size()).find(text) != std::string_view::npos;
}

std::optional<ListedSession> SessionList::Find(const SessionKey& key, Detail detail,
                                               const SessionRules& rules, WallTime now) const {
  ListedSession session{
      .key = key,
      .conversations = detail == Detail::kAll
                           ? conversations_.Show(key, rules.continuity, now)
                           : conversations_.FindSession(key, rules.continuity, now),
      .pin = pins_.Find(key, rules.pins, now)};
  return session.conversations || session.pin ? std::optional(std::move(session)) : std::nullopt;
}

// --- many ----------------------------------------------------------------------------------------

// The way of one page through both tables.
class SessionList::Walk final {
 public:
  Walk(const SessionList& list, size_t limit, const Filter& filter, const SessionRules& rules,
       WallTime now, std::vector<ListedSession>& out)
      : list_(list), limit_(limit), filter_(filter), rules_(rules), now_(now), out_(out) {}

  std::optional<Cursor> Run(Cursor cursor) {
    if (cursor.in == Cursor::In::kConversations) {
      if (const std::optional<Cursor> next = PassConversations(cursor.at)) {
        return next;
      }
      cursor = {.in = Cursor::In::kPins, .at = 0};
    }
    return PassPins(cursor.at);
  }

 private:
  std::optional<Cursor> PassConversations(uint64_t at) {
    std::vector<Conversations::SessionInfo> fetched;
    do {
      if (looked_at_ >= kLookedAtMax) {
        return Cursor{.in = Cursor::In::kConversations, .at = at};
      }
      at = list_.conversations_.List(at, kFetched, rules_.continuity, now_, fetched);
      looked_at_ += fetched.size();
      for (Conversations::SessionInfo& info : fetched) {
        const SessionKey key = info.key;
        const uint64_t place = info.place;
        ListedSession session{.key = key,
                              .conversations = std::move(info),
                              .pin = list_.pins_.Find(key, rules_.pins, now_)};
        if (!Take(std::move(session))) {
          return Cursor{.in = Cursor::In::kConversations, .at = place};
        }
      }
    } while (at != 0);
    return std::nullopt;
  }

  std::optional<Cursor> PassPins(uint64_t at) {
    const PinTable::Filter filter{
        .model = filter_.model, .caller = filter_.caller, .text = filter_.text};
    std::vector<PinTable::Listed> fetched;
    do {
      if (looked_at_ >= kLookedAtMax) {
        return Cursor{.in = Cursor::In::kPins, .at = at};
      }
      fetched.clear();
      at = list_.pins_.List(at, kFetched, filter, rules_.pins, now_, fetched);
      looked_at_ += fetched.size();
      for (const PinTable::Listed& pinned : fetched) {
        if (list_.conversations_.Knows(pinned.key, rules_.continuity, now_)) {
          continue;
        }
        ListedSession session{.key = pinned.key, .conversations = {}, .pin = pinned.pin};
        if (!Take(std::move(session))) {
          return Cursor{.in = Cursor::In::kPins, .at = pinned.place};
        }
      }
    } while (at != 0);
    return std::nullopt;
  }

  // False: it would be one too many.
  bool Take(ListedSession session) {
    if (!filter_.Lets(session)) {
      return true;
    }
    if (out_.size() >= limit_) {
      return false;
    }
    out_.push_back(std::move(session));
    return true;
  }

  const SessionList& list_;
  const size_t limit_;
  const Filter& filter_;
  const SessionRules& rules_;
  const WallTime now_;
  std::vector<ListedSession>& out_;
  size_t looked_at_ = 0;
};

std::optional<SessionList::Cursor> SessionList::Page(Cursor from, size_t limit,
                                                     const Filter& filter,
                                                     const SessionRules& rules, WallTime now,
                                                     std::vector<ListedSession>& out) const {
  return Walk(*this, limit, filter, rules, now, out).Run(from);
}

int64_t SessionList::Count(const SessionRules& rules, WallTime now) {
  const int64_t with_conversations = conversations_.CountSessions(rules.continuity, now);
  const int64_t pinned = pins_.Count(rules.pins, now);
  if (with_conversations == 0 || pinned == 0) {
    return with_conversations + pinned;
  }
  std::vector<PinTable::Listed> fetched;
  int64_t looked_at = 0;
  int64_t only_pinned = 0;
  uint64_t at = 0;
  do {
    fetched.clear();
    at = pins_.List(at, kFetched, {}, rules.pins, now, fetched);
    looked_at += static_cast<int64_t>(fetched.size());
    for (const PinTable::Listed& one : fetched) {
      only_pinned += conversations_.Knows(one.key, rules.continuity, now) ? 0 : 1;
    }
  } while (at != 0 && looked_at < PinTable::kOneShardMax);
  if (at != 0 && looked_at > 0) {
    only_pinned = only_pinned * std::max(pinned, looked_at) / looked_at;
  }
  return with_conversations + only_pinned;
}

int64_t SessionList::EraseOfCaller(std::string_view caller, const SessionRules& rules,
                                   WallTime now) {
  int64_t erased = 0;
  std::vector<Conversations::SessionInfo> fetched;
  uint64_t at = 0;
  do {
    at = conversations_.List(at, kFetched, rules.continuity, now, fetched);
    for (const Conversations::SessionInfo& info : fetched) {
      if (info.newest.caller == caller) {
        pins_.Erase(info.key, rules.pins, now);  // so that it does not count twice
        ++erased;
      }
    }
  } while (at != 0);
  conversations_.EraseOfCaller(caller);
  return erased + pins_.EraseOfCaller(caller, rules.pins, now);
}

SessionList::Tally SessionList::CountAll(const SessionRules& rules, WallTime now) const {
  Tally tally;
  std::vector<ListedSession> page;
  std::optional<Cursor> cursor = Cursor{};
  while (cursor) {
    page.clear();
    cursor = Page(*cursor, kFetched, {}, rules, now, page);
    for (const ListedSession& session : page) {
      ++tally.count;
      ++tally.by_source[session.source()];
      if (!session.model().empty()) {
        ++tally.by_model[session.model()];
      }
    }
  }
  return tally;
}

}  // namespace mainstay::session
