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

  // Finds the session, and ranks the models when that can be done at once: always but when the
  // router has to be asked. Fills session, pin and base of the exchange.
  //
  // Errors: kModelNotFound, kInvalidField.
  enum class Step : uint8_t { kRanked, kAskRouter };
  Result<Step> Begin(http::ServerExchange& client, Context& context);

  // After kAskRouter: one of the requests of a session that are under way together asks, and the
  // others wait for it. Fills base.
  //
  // Errors: kModelNotFound, kClientLeft.
  io::Task<Result<void>> AskRouter(http::ServerExchange& client, Context& context);

  // The verdict, for what Begin or AskRouter has ranked.
  //
  // Errors: kModelNotAllowed.
  Result<void> Judge(Context& context) const;

  // What came back, before the client hears of it: makes, keeps or moves the pin and says so in the
  // exchange. The request's seat among those under way ends.
  enum class Answer : uint8_t { kAccepted, kRefused };
  void Remember(Context& context, Answer answer);

 private:
  struct Wishes;

  Result<Step> Judged(http::ServerExchange& client, Context& context, const Wishes& wishes);
  bool RecallPin(Context& context, const Wishes& wishes);
  Result<void> ReadInline(Context& context) const;
  io::Task<Result<void>> Route(http::ServerExchange& client, Context& context);
  Result<void> Follow(Context& context, const session::Decided& decided);

  io::Loop& loop_;
  const PolicyClock& clock_;
  session::PinTable& pins_;
};

}  // namespace mainstay::gateway
