#pragma once

#include <optional>
#include <span>
#include <vector>

#include "session/conversations.h"

namespace mainstay::session {

// One search for the conversation of a request: what spec 03 §2 and 11.22 to 11.24 say, over what
// the table knows. Stateless between requests.
class Conversations::Search final {
 public:
  Search(const Conversations& table, const Question& question, const Rules& rules, int64_t now_ms,
         std::span<const Hash128> prefixes)
      : table_(table),
        question_(question),
        rules_(rules),
        now_ms_(now_ms),
        links_(question.history->links),
        prefixes_(prefixes) {}

  struct Match {
    Continuity evidence = Continuity::kNew;
    std::optional<Candidate> conversation;  // that goes on; not with kNew and kAmbiguous
    uint32_t messages = 0;                  // of the request that matched
    uint32_t considered = 0;                // conversations
    std::string_view chosen_by;             // see ConversationView
  };
  Match Run();

 private:
  static constexpr std::string_view kOnlyMatch = "only_match";

  enum class Verdict : uint8_t { kNone, kOne, kSeveral };

  bool InWindow(const Candidate& asked) const;
  bool MayRetryFailed(const Candidate& asked) const;
  bool IsSideRequest(const Candidate& main) const;
  Match About(Continuity evidence, const Candidate& candidate, uint32_t messages) const;
  Match Begins(Continuity evidence) const;
  Verdict Choose(const Candidates& candidates, const Candidate*& chosen);
  std::optional<Match> AsAskedBefore();
  bool RivalHead(const Candidate& asked) const;
  std::optional<Match> AfterKnownReply();
  bool MayBeTailOfAnother(std::span<const Link> history, const Candidate& chosen) const;
  std::optional<Match> ByRun(size_t from, const Candidates* among);
  bool IsCut() const { return links_.front().role != LinkRole::kUser; }
  bool MayBeAnybodys(size_t last) const;
  static bool Holds(const Candidates& candidates, const Candidate& wanted);
  std::optional<Match> BesideOpening() const;

  const Conversations& table_;
  const Question& question_;
  const Rules& rules_;
  const int64_t now_ms_;
  const std::vector<Link>& links_;
  const std::span<const Hash128> prefixes_;
  Candidates asked_;
  uint32_t considered_ = 0;
  std::string_view chosen_by_ = kOnlyMatch;
};

// What a request is known by, whose whole history has this hash. Never what a node is known by: a
// client may send what ends with a reply, and what one of the two is forgotten for is not the
// other's.
Hash128 AskedHash(const Hash128& prefix);

// What a run of links is known by: the newest of them, `reply` behind them included if there is
// one; `links_min` of them, and as many more as it takes for their replies and results to say
// enough. Nothing when there are too few, or when these say too little: what a user says may be the
// same in any conversation. `links_used` becomes their number.
std::optional<Hash128> RunHash(const Hash128& scope, std::span<const Link> links, const Link* reply,
                               size_t links_min, size_t* links_used = nullptr);

// What the newest turn is known by, from its user's message to its reply, which is the last link or
// `reply` behind it. Nothing without a user's message.
struct TurnRun {
  Hash128 hash;
  size_t links = 0;
  bool is_first = false;  // nothing stands before it
};
std::optional<TurnRun> TurnOf(const Hash128& scope, std::span<const Link> links, const Link* reply);

}  // namespace mainstay::session
