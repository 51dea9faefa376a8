#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/flat_map.h"
#include "base/guarded.h"
#include "base/keyed_hash.h"
#include "decision/router/conversation.h"
#include "decision/router/route.h"

namespace mainstay::decision {

// What router models answered in the last minute, so that a question that comes again is not asked
// again: after a retry of the client, or from another session with the same text (spec 04 §3,
// 11.3). Answers only, also that no route fits; failures are not remembered. Holds digests, no
// text.
//
// Shared by all workers and kept over reloads: a retry may come over another connection, to another
// worker. A look-up holds the lock for less than a microsecond and comes before a question that
// takes many milliseconds. At the limit the answer goes that was not used for longest.
//
// Threads: any. Does not block.
class AnswerCache final {
 public:
  static constexpr std::chrono::milliseconds kLifetime{60'000};
  static constexpr size_t kEntriesMax = 10'000;

  using Key = KeyedHash::Digest;

  // Keyed, because clients choose the texts: none can make another one's question look like theirs.
  explicit AnswerCache(const HashKey& key, size_t entries_max = kEntriesMax);

  // The digest of a question. `router` names who would answer it: address and model.
  Key KeyOf(std::string_view router, std::span<const Route> routes,
            const Conversation& conversation) const;

  // The position of the route that was answered, -1 for none; nothing when no answer of the last
  // minute is known.
  std::optional<int> Find(const Key& key, WallTime now);
  void Put(const Key& key, int route, WallTime now);

  size_t size() const;

 private:
  struct Entry {
    Key key;
    int route = -1;
    WallTime since;
  };
  struct DigestHash {
    using is_avalanching = void;
    size_t operator()(const Key& key) const { return static_cast<size_t>(key.low); }
  };
  struct State {
    std::list<Entry> entries;  // last used first
    FlatMap<Key, std::list<Entry>::iterator, DigestHash> by_key;
  };

  const KeyedHash hash_;
  const size_t entries_max_;
  Guarded<State> state_;
};

}  // namespace mainstay::decision
