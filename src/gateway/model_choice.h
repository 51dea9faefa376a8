#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "gateway/context.h"
#include "http/io/loop.h"
#include "http/server_exchange.h"
#include "session/pin_table.h"

namespace mainstay::gateway {

// The stages between a decoded request and its verdict: the session and its pin, what the decisions
// say, and what follows from both (spec 05 §1). One per worker.
class ModelChoice final {
 public:
  ModelChoice(io::Loop& loop, const PolicyClock& clock, session::PinTable& pins)
      : loop_(loop), clock_(clock), pins_(pins) {}

  // Finds the session, and decides when that can be done at once: always but when the router has to
  // be asked. Fills session, pin, base and verdict of the exchange.
  //
  // Errors: kModelNotFound, kModelNotAllowed, kInvalidField.
  enum class Step : uint8_t { kDecided, kAskRouter };
  Result<Step> Begin(http::ServerExchange& client, Context& context);

  // After kAskRouter: one of the requests of a session that are under way together asks, and the
  // others wait for it. Fills routed, base and verdict.
  //
  // Errors: kModelNotFound, kModelNotAllowed, kClientLeft.
  io::Task<Result<void>> AskRouter(http::ServerExchange& client, Context& context);

  // What came back, before the client hears of it: makes, keeps or moves the pin and says so in the
  // exchange. The request's seat among those under way ends.
  enum class Answer : uint8_t { kAccepted, kRefused };
  void Remember(Context& context, Answer answer);

 private:
  struct Wishes;

  // Whether there are preferences to ask the router about.
  enum class Asks : uint8_t { kNo, kYes };

  bool RecallPin(Context& context, const Wishes& wishes, Asks asks);
  bool RankPinned(const Pin& pin, Context& context) const;
  io::Task<Result<void>> Rank(http::ServerExchange& client, Context& context);
  Result<void> Judge(Context& context) const;
  io::Task<Result<void>> Route(http::ServerExchange& client, Context& context);
  Result<void> Follow(Context& context, const session::Decided& decided);

  io::Loop& loop_;
  const PolicyClock& clock_;
  session::PinTable& pins_;
};

}  // namespace mainstay::gateway
