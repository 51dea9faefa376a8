#include "session/conversation_search.h"

#include <algorithm>

namespace mainstay::session {
namespace {

// Of the canonical text of a run's replies and of the results that answer them: what says less may
// be anybody's (spec 03 §2, 11.22).
constexpr uint32_t kRunBytesMin = 32;
// Replies that are tried as the end of a run, the newest first. What a client keeps of a history
// is its end.
constexpr int kRunsTried = 16;
// A run goes back as far as it takes to say enough, but not further than this.
constexpr size_t kRunLinksMax = 8;
constexpr Hash128 kRunPurpose = {.low = 0x72756e73, .high = 0};
constexpr Hash128 kTurnPurpose = {.low = 0x7475726e, .high = 0};
constexpr Hash128 kAskedPurpose = {.low = 0x61736b6564, .high = 0};

}  // namespace

Hash128 AskedHash(const Hash128& prefix) {
  return Chained(prefix, kAskedPurpose);
}

std::optional<Hash128> RunHash(const Hash128& scope, std::span<const Link> links, const Link* reply,
                               size_t links_min, size_t* links_used) {
  Hash128 hash = Chained(scope, kRunPurpose);
  uint64_t bytes = 0;
  size_t count = 0;
  const auto add = [&](const Link& link) {
    hash = Chained(hash, link.digest);
    bytes += link.role == LinkRole::kUser ? 0 : link.text_bytes;
    ++count;
  };
  if (reply != nullptr) {
    add(*reply);
  }
  const auto is_enough = [&] { return count >= links_min && bytes >= kRunBytesMin; };
  for (size_t i = links.size(); i-- > 0 && !is_enough() && count < kRunLinksMax;) {
    add(links[i]);
  }
  if (links_used != nullptr) {
    *links_used = count;
  }
  return is_enough() ? std::optional(hash) : std::nullopt;
}

std::optional<TurnRun> TurnOf(const Hash128& scope, std::span<const Link> links,
                              const Link* reply) {
  const auto user = std::find_if(links.rbegin(), links.rend(),
                                 [](const Link& link) { return link.role == LinkRole::kUser; });
  if (user == links.rend()) {
    return std::nullopt;
  }
  const auto begin = static_cast<size_t>(links.rend() - user - 1);
  TurnRun turn{.hash = Chained(scope, kTurnPurpose), .links = 0, .is_first = begin == 0};
  for (const Link& link : links.subspan(begin)) {
    turn.hash = Chained(turn.hash, link.digest);
    ++turn.links;
  }
  if (reply != nullptr) {
    turn.hash = Chained(turn.hash, reply->digest);
    ++turn.links;
  }
  return turn;
}

bool Conversations::Search::InWindow(const Candidate& asked) const {
  return now_ms_ - asked.asked_ms < rules_.retry_window.count();
}

// Without a reply before it, only an id tells whose opening it was.
bool Conversations::Search::MayRetryFailed(const Candidate& asked) const {
  return InWindow(asked) && (asked.node != Node::kNone || question_.named) &&
         MayBeSameKey(asked.idempotency, question_.idempotency);
}

// A title or a summary: about a conversation that works with tools, without any, and with another
// task. A system text by itself says nothing: many have the date in them.
bool Conversations::Search::IsSideRequest(const Candidate& main) const {
  return main.has_tools && !question_.history->has_tools &&
         main.system != question_.history->system;
}

Conversations::Search::Match Conversations::Search::About(Continuity evidence,
                                                          const Candidate& candidate,
                                                          uint32_t messages) const {
  return {.evidence = evidence,
          .conversation = candidate,
          .messages = messages,
          .considered = considered_,
          .chosen_by = chosen_by_};
}

Conversations::Search::Match Conversations::Search::Begins(Continuity evidence) const {
  return {.evidence = evidence, .conversation = {}, .messages = 0, .considered = considered_};
}

// Of several that match equally well the one with the same system text, or else of the same client.
// When more of them were known than could be kept, nobody can tell.
Conversations::Search::Verdict Conversations::Search::Choose(const Candidates& candidates,
                                                             const Candidate*& chosen) {
  if (candidates.count == 0) {
    return Verdict::kNone;
  }
  if (candidates.crowded) {
    return Verdict::kSeveral;
  }
  std::array<const Candidate*, AnchorTable::kSameMax> left{};
  size_t count = 0;
  for (size_t i = 0; i < candidates.count; ++i) {
    left[count++] = &candidates.list[i];
  }
  const auto same_system = [&](const Candidate* one) {
    return one->system == question_.history->system;
  };
  const auto same_client = [&](const Candidate* one) { return one->client == question_.client; };
  chosen_by_ = kOnlyMatch;
  const auto narrow = [&](std::string_view by, auto&& agrees) {
    const auto end = std::partition(left.begin(), left.begin() + count, agrees);
    const auto kept = static_cast<size_t>(end - left.begin());
    if (kept != 0 && kept != count) {
      count = kept;
      chosen_by_ = by;
    }
  };
  narrow("system", same_system);
  narrow("client", same_client);
  chosen = left[0];
  // The one with the same system text against another one of the same client: neither.
  const bool outdone =
      std::any_of(left.begin() + count, left.begin() + candidates.count,
                  [&](const Candidate* one) { return same_client(one) && !same_client(chosen); });
  return count == 1 && !outdone ? Verdict::kOne : Verdict::kSeveral;
}

// Whether another conversation waits for just this request.
bool Conversations::Search::RivalHead(const Candidate& asked) const {
  const Candidates heads = table_.Look(What::kNode, asked.node_hash, question_, rules_, now_ms_);
  return std::any_of(heads.list.begin(), heads.list.begin() + heads.count,
                     [&](const Candidate& one) { return one.is_head && one.key != asked.key; });
}

// The same request was there before, and was not an opening: those say nothing.
std::optional<Conversations::Search::Match> Conversations::Search::AsAskedBefore() {
  asked_ = table_.Look(What::kAsked, AskedHash(prefixes_.back()), question_, rules_, now_ms_);
  considered_ += static_cast<uint32_t>(asked_.count);
  const uint32_t all = links_.back().messages;
  Candidates same;
  same.crowded = asked_.crowded;
  for (size_t i = 0; i < asked_.count; ++i) {
    const Candidate& one = asked_.list[i];
    const bool same_key = question_.idempotency != 0 && one.idempotency == question_.idempotency;
    if (same_key) {
      chosen_by_ = "idempotency_key";
      return About(Continuity::kRetry, one, all);
    }
    if (one.failed ? MayRetryFailed(one) : one.node != Node::kNone) {
      same.list[same.count++] = one;
    }
  }
  const Candidate* chosen = nullptr;
  const Verdict verdict = Choose(same, chosen);
  if (verdict == Verdict::kNone) {
    return std::nullopt;
  }
  if (verdict == Verdict::kSeveral || (!chosen->failed && RivalHead(*chosen))) {
    return Begins(Continuity::kAmbiguous);
  }
  if (!chosen->failed && IsSideRequest(*chosen)) {
    return About(Continuity::kAuxiliary, *chosen, all);
  }
  return About(InWindow(*chosen) ? Continuity::kRetry : Continuity::kBranch, *chosen, all);
}

// A history that does not begin with its user has lost its beginning. What is left of it may be the
// end of any, when it says little.
bool Conversations::Search::MayBeAnybodys(size_t last) const {
  if (!IsCut()) {
    return false;
  }
  uint64_t bytes = 0;
  for (size_t i = 0; i <= last; ++i) {
    bytes += links_[i].role == LinkRole::kAssistant ? links_[i].text_bytes : 0;
  }
  return bytes < kRunBytesMin;
}

bool Conversations::Search::Holds(const Candidates& candidates, const Candidate& wanted) {
  return std::any_of(candidates.list.begin(), candidates.list.begin() + candidates.count,
                     [&](const Candidate& one) { return one.key == wanted.key; });
}

// Whether a history of one turn, which begins a conversation, is also the newest turn of another
// one, of which all but that may have been cut off.
bool Conversations::Search::MayBeTailOfAnother(std::span<const Link> history,
                                               const Candidate& chosen) const {
  if (!rules_.fuzzy_matching) {
    return false;
  }
  const std::optional<TurnRun> turn = TurnOf(question_.scope, history, nullptr);
  if (!turn || !turn->is_first) {
    return false;
  }
  const auto others_have = [&](const Hash128& hash) {
    const Candidates found = table_.Look(What::kRun, hash, question_, rules_, now_ms_);
    return std::any_of(found.list.begin(), found.list.begin() + found.count,
                       [&](const Candidate& one) { return one.key != chosen.key; });
  };
  if (others_have(turn->hash)) {
    return true;
  }
  size_t used = 0;
  const std::optional<Hash128> run =
      RunHash(question_.scope, history, nullptr, static_cast<size_t>(rules_.run_min), &used);
  return run && used == history.size() && others_have(*run);
}

// The newest reply in the history that is known with all that stands before it.
std::optional<Conversations::Search::Match> Conversations::Search::AfterKnownReply() {
  bool is_newest = true;  // of the replies in the request
  for (size_t i = links_.size(); i-- > 0; is_newest &= links_[i].role != LinkRole::kAssistant) {
    if (links_[i].role != LinkRole::kAssistant || MayBeAnybodys(i)) {
      continue;
    }
    const Candidates found = table_.Look(What::kNode, prefixes_[i], question_, rules_, now_ms_);
    if (found.count == 0) {
      continue;
    }
    considered_ += static_cast<uint32_t>(found.count);
    const Candidate* chosen = nullptr;
    // That a conversation waits at this point says nothing: another one may have come back to it.
    if (Choose(found, chosen) == Verdict::kSeveral ||
        (is_newest && MayBeTailOfAnother(std::span(links_).first(i + 1), *chosen))) {
      std::optional<Match> later = ByRun(i + 1, &found);
      return later ? later : Begins(Continuity::kAmbiguous);
    }
    if (IsSideRequest(*chosen)) {
      return About(Continuity::kAuxiliary, *chosen, links_[i].messages);
    }
    if (chosen->is_head) {
      return About(Continuity::kExtend, *chosen, links_[i].messages);
    }
    if (std::optional<Match> later = ByRun(i + 1, &found)) {
      return later;
    }
    return About(Continuity::kBranch, *chosen, links_[i].messages);
  }
  return std::nullopt;
}

// The end of a history behind another beginning: at or behind the link `from`, and in the
// conversation `only`, if there is one.
std::optional<Conversations::Search::Match> Conversations::Search::ByRun(size_t from,
                                                                         const Candidates* among) {
  if (!rules_.fuzzy_matching) {
    return std::nullopt;
  }
  const auto run_min = static_cast<size_t>(rules_.run_min);
  size_t run = 0;  // links of the one that is tried
  Candidates several;
  int tried = 0;
  for (size_t i = links_.size(); i-- > from && tried < kRunsTried;) {
    if (links_[i].role != LinkRole::kAssistant) {
      continue;
    }
    ++tried;
    const std::optional<Hash128> hash =
        RunHash(question_.scope, std::span(links_).first(i + 1), nullptr, run_min, &run);
    if (!hash) {
      continue;
    }
    const Candidates found = table_.Look(What::kRun, *hash, question_, rules_, now_ms_);
    considered_ += static_cast<uint32_t>(found.count);
    // What several conversations have in common is no evidence for any of them. A run further up
    // may be, but not for others: one that has the older run alone has not come this far, and those
    // that have may have forgotten it.
    if (found.count != 1 || found.crowded) {
      if (found.count > 1 && several.count == 0) {
        several = found;
      }
      continue;
    }
    const Candidate& one = found.list[0];
    if (several.count > 0 && !Holds(several, one)) {
      continue;
    }
    if (among != nullptr && !Holds(*among, one)) {
      return std::nullopt;
    }
    chosen_by_ = "run";
    const uint32_t before = i + 1 > run ? links_[i - run].messages : 0;
    return About(IsSideRequest(one) ? Continuity::kAuxiliary : Continuity::kCompact, one,
                 links_[i].messages - before);
  }
  if (among == nullptr && several.count > 0) {
    return Begins(Continuity::kAmbiguous);
  }
  return std::nullopt;
}

// The opening of another one with another task and without tools: its title.
std::optional<Conversations::Search::Match> Conversations::Search::BesideOpening() const {
  for (size_t i = 0; i < asked_.count; ++i) {
    const Candidate& main = asked_.list[i];
    const bool alive = main.has_tools || InWindow(main);
    if (alive && !question_.history->has_tools && main.system != question_.history->system) {
      return About(Continuity::kAuxiliary, main, links_.back().messages);
    }
  }
  return std::nullopt;
}

Conversations::Search::Match Conversations::Search::Run() {
  if (links_.empty()) {
    return Begins(Continuity::kNew);
  }
  if (std::optional<Match> match = AsAskedBefore(); match && !MayBeAnybodys(links_.size() - 1)) {
    return *match;
  }
  if (std::optional<Match> match = AfterKnownReply()) {
    // Of a history without its beginning, the whole is no better than its end.
    std::optional<Match> end = IsCut() ? ByRun(0, nullptr) : std::nullopt;
    const bool differs = end && match->conversation &&
                         (!end->conversation || end->conversation->key != match->conversation->key);
    return differs ? *end : *match;
  }
  if (std::optional<Match> match = ByRun(0, nullptr)) {
    return *match;
  }
  if (std::optional<Match> match = BesideOpening()) {
    return *match;
  }
  return Begins(Continuity::kNew);
}

}  // namespace mainstay::session
