#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "base/guarded.h"
#include "base/hash128.h"
#include "base/random.h"
#include "model/conversation.h"
#include "model/history.h"
#include "model/session.h"
#include "session/anchor_table.h"
#include "session/chain.h"
#include "session/continuity_options.h"
#include "session/conversation.h"
#include "session/names.h"
#include "session/state_store.h"

namespace mainstay::session {

// The conversations of all callers: finds the one that a request goes on with by the messages alone
// (spec 03 §2, 11.22 to 11.24), and remembers what became of it.
//
// What counts as evidence is what this gateway passed on: a history is recognised at the points
// where one of its replies ends. Each point is known by one hash over everything before it, which
// begins with its caller and tenant, so that nobody ever meets another's conversation. Looking one
// up costs a probe for each assistant message from the newest one back to the first that is known,
// which is one for a conversation that just goes on.
//
// Memory: 32 bytes for each reply and its index entry; about 400 for each conversation besides.
// Above kOneShardMax conversations they are kept in shares with a lock each, and a full share gives
// up its own. What was used longest ago gives way: of the caller who needs room when it holds more
// than its part, else of all.
//
// Every change but a failed request goes to the store at once.
//
// Threads: everything from any thread. Blocking: locks for some microseconds; Show, List, SetVtc
// and Erase for some tens, and for about a tenth of a microsecond per conversation of a session
// that has thousands.
class Conversations final {
 public:
  static constexpr int64_t kOneShardMax = 65'536;

  // The rules as they are at the moment of a call: a reload changes them between two. What
  // conversations_max was at the start decides whether there are shares.
  using Rules = ContinuityOptions;

  // Takes over the store's conversations that are still valid, of too many those that were used
  // last; with a second thread, which is gone when it returns. The store outlives the table.
  Conversations(StateStore& store, const Rules& rules, WallTime now);
  ~Conversations();
  Conversations(const Conversations&) = delete;
  Conversations& operator=(const Conversations&) = delete;

  // Who asks, and with what. The texts and the history live as long as the call.
  struct Question {
    Hash128 scope;  // of the caller and the tenant
    const History* history = nullptr;
    std::string_view caller;
    // The session that an id names, and where the id stood. Without one any conversation of the
    // scope may match; with one only those of the session.
    std::optional<SessionKey> session;
    std::string_view source;
    std::optional<SessionKey> named;  // the conversation, when an id names it
    uint64_t client = 0;              // hash of what the client calls itself and where it is
    uint64_t idempotency = 0;         // hash of the idempotency-key; 0: none
    bool vtc = false;                 // the client is one of those of spec 03 §5
  };

  // The place of one request in its conversation, from Find to Commit or Fail. Its memory is kept
  // for the next request.
  class Place final {
   public:
    Place() = default;
    ~Place() { Clear(); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    const ConversationView& view() const { return view_; }
    // The session it belongs to, also when it was found without an id.
    const SessionKey& session() const { return session_; }
    bool found() const { return view_.known; }

    // Ends without an outcome.
    void Clear();

   private:
    friend class Conversations;

    ConversationView view_;
    SessionKey session_;
    uint64_t erasures_ = 0;           // that came before it
    std::string_view source_;         // where the session's id once stood
    Conversations* table_ = nullptr;  // while an idempotency-key is claimed
    Hash128 claim_;
    uint16_t node_ = Node::kNone;  // that it goes on from
    Hash128 node_hash_;
    bool answers_again_ = false;     // what was answered before
    bool auxiliary_ = false;         // it is about another conversation
    std::vector<Hash128> prefixes_;  // of the history, by link
  };

  // Finds the place of a request. Changes nothing but to claim an idempotency-key, and to take up
  // an opening that failed: of equal ones that follow only one is its retry.
  void Find(const Question& question, const Rules& rules, WallTime now, Random& random,
            Place& place);

  // What came of it. The texts live as long as the process.
  struct Outcome {
    const Link* reply = nullptr;  // null: not known
    std::string_view model;
    uint64_t prompt_tokens = 0;
    uint64_t completion_tokens = 0;
    int64_t cost_nano = 0;
  };
  // A provider accepted the request and has answered. Call it before the client has all of the
  // answer, so that its next request finds what it builds upon.
  void Commit(Place& place, const Question& question, const Outcome& outcome, const Rules& rules,
              WallTime now);
  // What an answer cost, as far as it came after Commit; wraps around when it turned out to be
  // less.
  struct Spent {
    uint64_t prompt_tokens = 0;
    uint64_t completion_tokens = 0;
    int64_t cost_nano = 0;
  };
  void AddSpent(const Place& place, const Spent& spent);
  // The request failed: only the same one may follow, for a while.
  void Fail(Place& place, const Question& question, const Rules& rules, WallTime now);

  // What an operator sees. The texts live as long as the process.
  struct Branch {
    uint16_t branch = 0;
    uint16_t parent_branch = 0;
    uint32_t replies = 0;
    uint32_t messages = 0;
  };
  struct Info {
    SessionKey key;
    SessionKey session;
    std::string_view caller;
    std::string_view source;
    std::string_view model;
    WallTime created{};
    WallTime last_used{};
    uint32_t turns = 0;
    uint64_t prompt_tokens = 0;
    uint64_t completion_tokens = 0;
    int64_t cost_nano = 0;
    bool vtc = false;
    bool auxiliary = false;
    std::vector<Branch> branches;  // with Show only
  };
  struct SessionInfo {
    SessionKey key;
    Info newest;  // of its conversations
    WallTime created{};
    uint64_t turns = 0;
    int64_t cost_nano = 0;
    size_t conversations = 0;
    bool vtc = false;
    std::vector<Info> all;  // with Show only: newest first, at most kShownMax
    uint64_t place = 0;     // with List only: the cursor of a page that begins with it
  };
  static constexpr size_t kShownMax = 100;

  // The session with this key, or the conversation that is its own session.
  std::optional<SessionInfo> Show(const SessionKey& session, const Rules& rules,
                                  WallTime now) const {
    return See(session, rules, now, Detail::kAll);
  }
  std::optional<SessionInfo> FindSession(const SessionKey& session, const Rules& rules,
                                         WallTime now) const {
    return See(session, rules, now, Detail::kSum);
  }
  bool Knows(const SessionKey& session, const Rules& rules, WallTime now) const;
  // A page of sessions in no particular order. `cursor` is 0 at the beginning and then what the
  // page before gave; 0 again at the end. Those that come and go meanwhile may be missing.
  uint64_t List(uint64_t cursor, size_t limit, const Rules& rules, WallTime now,
                std::vector<SessionInfo>& out) const;
  // Sessions. Expired conversations are dropped on the way.
  int64_t CountSessions(const Rules& rules, WallTime now);
  // Forgets the session with all of its conversations; gives their number. Requests that are under
  // way begin it anew.
  size_t Erase(const SessionKey& session);
  size_t EraseOfCaller(std::string_view caller);
  // False: there is no such session.
  bool SetVtc(const SessionKey& session, bool enabled);

  struct Stats {
    int64_t conversations = 0;
    int64_t anchors = 0;
    int64_t bytes = 0;       // of anchors and conversations
    int64_t collisions = 0;  // index entries that turned out to stand for something else
  };
  Stats stats() const;

 private:
  static constexpr uint32_t kNil = Chain::kNil;
  static constexpr size_t kSlabSize = 64;

  struct Slot {
    Conversation conversation;  // without a caller: the slot is free
    uint32_t next_in_session = kNil;
    uint32_t before_in_session = kNil;
  };
  struct Session {
    uint32_t first = kNil;
    uint32_t count = 0;
    uint64_t turns = 0;
    bool vtc = false;
  };
  struct Owner {
    Chain by_use;
    uint32_t count = 0;
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::vector<std::unique_ptr<Slot[]>> slabs;
    Chain by_use;
    Chain::Links use_links;    // of slots, as the next one
    Chain::Links owner_links;  // ... in the chain of its owner
    FlatMap<const std::string*, Owner> owners;
    FlatMap<SessionKey, uint32_t, SessionKeyHash> by_key;
    FlatMap<SessionKey, Session, SessionKeyHash> sessions;  // those that have an id
    std::vector<uint32_t> free;
    uint32_t size = 0;         // slots that were ever used
    uint32_t used = 0;         // slots in use
    uint32_t in_sessions = 0;  // ... by conversations whose session has an id
    std::string record;        // scratch

    Slot& At(uint32_t at) { return slabs[at / kSlabSize][at % kSlabSize]; }
    const Slot& At(uint32_t at) const { return slabs[at / kSlabSize][at % kSlabSize]; }
  };

  // A conversation that a hash leads to, as it was when it was looked at.
  struct Candidate {
    SessionKey key;
    SessionKey session;
    const std::string* source = nullptr;
    uint64_t system = 0;
    uint64_t client = 0;
    uint32_t turns = 0;
    uint16_t node = Node::kNone;  // what was asked: the one it followed
    Hash128 node_hash;
    uint16_t branch = 0;  // of the node; what was asked: of its reply
    uint16_t parent_branch = 0;
    uint16_t branches = 1;
    bool is_head = false;
    bool has_tools = false;
    bool vtc = false;
    // Of what was asked.
    int64_t asked_ms = 0;
    uint64_t idempotency = 0;
    bool failed = false;
    bool answered = false;  // with a reply that is known
  };
  struct Candidates {
    std::array<Candidate, AnchorTable::kSameMax> list;
    size_t count = 0;
    bool crowded = false;
  };
  class Search;
  class Loader;

  size_t ShardAt(const SessionKey& session) const {
    return session.digest.high & (shards_.size() - 1);
  }
  Shard& ShardOf(const SessionKey& session) { return shards_[ShardAt(session)]; }
  const Shard& ShardOf(const SessionKey& session) const { return shards_[ShardAt(session)]; }
  uint32_t SlotOf(size_t shard, uint32_t at) const {
    return static_cast<uint32_t>(at * shards_.size() + shard);
  }
  size_t ShardEntriesMax(const Rules& rules) const;

  // What a hash leads to.
  enum class What : uint8_t { kNode, kAsked, kRun };
  Candidates Look(What what, const Hash128& hash, const Question& question, const Rules& rules,
                  int64_t now_ms) const;
  static bool Inspect(What what, const Hash128& hash, const Conversation& conversation,
                      Candidate& out);
  static uint16_t ParentBranch(const Conversation& conversation, uint16_t node);

  void Begin(const Question& question, const SessionKey& key, Continuity evidence,
             Place& place) const;
  void GoOn(const Candidate& found, Continuity evidence, Place& place) const;
  // For a retry an idempotency-key that is missing is any.
  static bool MayBeSameKey(uint64_t one, uint64_t other) {
    return one == 0 || other == 0 || one == other;
  }
  std::optional<SessionKey> TakeFailedOpening(const Question& question, const Rules& rules,
                                              int64_t now_ms, Place& place);
  std::optional<SessionKey> Claim(const Question& question, const SessionKey& key, Place& place);
  void Recall(Place& place) const;
  bool ErasedSince(const Place& place, std::string_view caller) const;

  // Under the lock of the shard.
  uint32_t Make(Shard& shard, const Place& place, const Question& question, const Rules& rules,
                int64_t now_ms);
  void MakeRoom(Shard& shard, const std::string* caller, const Rules& rules, int64_t now_ms);
  uint32_t Take(Shard& shard);
  void Enter(Shard& shard, uint32_t at);
  void Touch(Shard& shard, uint32_t at, int64_t now_ms);
  enum class Stored : uint8_t { kKeep, kErase };
  void Remove(Shard& shard, uint32_t at, Stored stored);
  void AddAnchors(uint32_t slot, const Conversation& conversation);
  void RemoveAnchors(uint32_t slot, const Conversation& conversation);
  void NoteAsked(uint32_t slot, Conversation& conversation, const Asked& asked);
  uint16_t AddNode(uint32_t slot, Conversation& conversation, const Node& node, Place& place);
  void ThinOut(uint32_t slot, Conversation& conversation);
  void AddRun(uint32_t slot, Conversation& conversation, const Run& run, const Rules& rules);
  void NoteReply(uint32_t slot, Conversation& conversation, Place& place, const Question& question,
                 const Link* reply, const Rules& rules, int64_t now_ms);
  void Store(Shard& shard, const Conversation& conversation);
  static Info InfoOf(const Conversation& conversation);
  static void AddBranches(const Conversation& conversation, Info& info);
  static uint32_t FirstOf(const Shard& shard, const SessionKey& session);
  enum class Detail : uint8_t { kSum, kAll };
  std::optional<SessionInfo> See(const SessionKey& session, const Rules& rules, WallTime now,
                                 Detail detail) const;
  bool Gather(const Shard& shard, const SessionKey& session, const Rules& rules, int64_t now_ms,
              Detail detail, SessionInfo& out) const;

  void Load(const Rules& rules, int64_t now_ms);

  void Unclaim(const Hash128& claim);

  StateStore& store_;
  const bool is_stored_;
  Names names_;
  std::vector<Shard> shards_;  // their number is a power of two
  AnchorTable anchors_;
  // Requests with an idempotency-key that are under way, and the conversations they begin.
  struct Claimed {
    SessionKey key;
    uint32_t holders = 0;
  };
  Guarded<FlatMap<Hash128, Claimed, Hash128Hash>> claims_;
  // Openings that failed, for the retry window.
  struct FailedOpening {
    SessionKey key;
    int64_t at_ms = 0;
    uint64_t idempotency = 0;
    bool auxiliary = false;
  };
  struct FailedOpenings {
    FlatMap<Hash128, FailedOpening, Hash128Hash> all;
    int64_t swept_ms = 0;  // when those that are too old were last looked for
  };
  static constexpr size_t kFailedMax = 16'384;
  Guarded<FailedOpenings> failed_;
  // Of what operators erased, the numbers of the latest erasures: a turn that began before does not
  // bring it back.
  struct Erased {
    FlatMap<SessionKey, uint64_t, SessionKeyHash> sessions;
    TextMap<uint64_t> callers;
  };
  static constexpr size_t kErasedMax = 16'384;
  Guarded<Erased> erased_;
  std::atomic<uint64_t> erasures_{0};
  std::atomic<bool> any_failed_{false};  // whether there may be one
  mutable std::atomic<int64_t> collisions_{0};
};

}  // namespace mainstay::session
