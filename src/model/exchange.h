#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"
#include "model/caller.h"
#include "model/catalog.h"
#include "model/conversation.h"
#include "model/failure.h"
#include "model/history.h"
#include "model/reason.h"
#include "model/request.h"
#include "model/session.h"
#include "model/usage.h"

namespace mainstay {

// How an exchange ended.
enum class Lifecycle : uint8_t { kInProgress, kCompleted, kAborted, kFailed };

inline constexpr std::string_view LifecycleName(Lifecycle lifecycle) {
  switch (lifecycle) {
    case Lifecycle::kInProgress:
      return "in_progress";
    case Lifecycle::kCompleted:
      return "completed";
    case Lifecycle::kAborted:
      return "aborted";
    case Lifecycle::kFailed:
      return "failed";
  }
  return "";
}

// One try at one target.
struct Attempt {
  const Target* target = nullptr;
  const Model* model = nullptr;
  AttemptEvent event = AttemptEvent::kAnswered;
  FailureClass failure = FailureClass::kNone;
  int status = 0;                    // of the answer; 0 when none came
  std::chrono::nanoseconds time{0};  // until the head of the answer, or the failure
};

// A candidate model with the terms that ranked it.
struct Candidate {
  const Model* model = nullptr;
  double score = 0;  // in [0,1]
};

// A model that was not considered, and why: the vocabulary of failover:<why>.
struct Dropped {
  const Model* model = nullptr;
  std::string_view reason;
};

// The result of decision/: what the request would get on its own.
struct BaseDecision {
  std::string_view decision;          // name of the decision that matched; empty: none
  std::vector<Candidate> candidates;  // best first; never empty
  std::vector<Dropped> dropped;
  Reason reason = Reason::kNone;
  bool pins = false;  // the session is held to what it gets
};

// What came of asking which preference a conversation belongs to.
enum class RouterOutcome : uint8_t {
  kNotAsked,
  kMatch,
  kNoMatch,
  kTimeout,
  kUnreachable,
  kBadStatus,  // of an answer that is no 2xx
  kGarbage,    // an answer that is none
  kUntrained,  // the local router learned other routes
  kCancelled,  // the client left
};
inline constexpr std::array<std::string_view, 9> kRouterOutcomeTexts = {
    "",           "match",   "no_match",  "timeout",   "unreachable",
    "bad_status", "garbage", "untrained", "cancelled",
};
static_assert(static_cast<size_t>(RouterOutcome::kCancelled) + 1 == kRouterOutcomeTexts.size());

inline constexpr std::string_view RouterOutcomeText(RouterOutcome outcome) {
  return kRouterOutcomeTexts[static_cast<size_t>(outcome)];
}

// Whether the router's answer was remembered from an earlier question.
enum class AnswerSource : uint8_t { kAsked, kCached };

struct Routed {
  RouterOutcome outcome = RouterOutcome::kNotAsked;
  AnswerSource source = AnswerSource::kAsked;
  std::chrono::nanoseconds time{0};
};

// The result of policy/: the models to try in order, and why the first one is first.
struct Verdict {
  std::vector<const Model*> models;
  Reason reason = Reason::kNone;
};

// Everything known of one request, filled stage by stage. It outlives the request only as far as
// its owner keeps the configuration snapshot that the pointers lead into.
struct Exchange {
  std::array<char, 26> request_id{};   // time-ordered, see base/request_id.h
  std::string_view client_request_id;  // x-request-id as the client sent it, else our own
  std::string_view traceparent;        // as it is sent upstream

  WallTime received{};
  MonoTime started{};     // first byte of the request seen
  MonoTime decided{};     // all stages before upstream have run
  MonoTime first_byte{};  // head of the answer that is served
  MonoTime ended{};

  CallerView caller;
  Request request;
  History history;  // of a chat, when conversations are recognised by their messages
  SessionId session;
  KnownSession known_session;
  ConversationView conversation;
  Continuity continuity = Continuity::kOff;
  std::optional<Pin> pin;  // that the session had before this request
  Routed routed;
  BaseDecision base;
  Verdict verdict;
  std::vector<Attempt> attempts;

  PinOutcome pin_outcome = PinOutcome::kNone;
  const Model* model = nullptr;  // of the attempt that is served
  const Target* target = nullptr;
  Reason reason = Reason::kNone;

  int status = 0;  // what the client got
  std::optional<ErrorKind> error;
  Lifecycle lifecycle = Lifecycle::kInProgress;
  Usage usage;
  std::optional<NanoMoney> cost;
  uint64_t reply_bytes = 0;
  int64_t events = 0;  // of a stream

  // Empties it for the next request; vectors keep their memory.
  void Clear();

  std::string_view id() const { return {request_id.data(), request_id.size()}; }
};

}  // namespace mainstay
