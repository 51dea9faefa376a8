#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/reason.h"

namespace mainstay::session {

// What the first of several requests decided for all of them. Texts that live as long as the
// process; an empty model: nothing that could be pinned, each serves itself for this reason.
struct Decided {
  std::string_view model;
  std::string_view decision;
  Reason reason = Reason::kNone;
};

// Told when a flight that it waits for has been decided, or needs somebody else to decide.
class FlightWaiter {
 public:
  // Called once, on the thread of whoever decided or left; must not come back into the flight.
  virtual void OnFlight() = 0;

 protected:
  ~FlightWaiter() = default;
};

// The requests of one session that have no pin yet and are under way together: one of them decides
// (spec 05 §1.2). Any thread.
class Flight final {
 public:
  enum class Role : uint8_t { kLeads, kFollows, kWaits };

  // kLeads: the caller decides, and then calls Publish or Abandon. kFollows: it has been decided.
  // kWaits: the waiter will be told, and then joins again.
  Role Join(FlightWaiter& waiter);
  // For a waiter that stops waiting. Returns after a call that is going on.
  void Forget(FlightWaiter& waiter);

  void Publish(const Decided& decided);
  // The leader leaves without having decided: the next one to join leads.
  void Abandon();
  // What was published; only after kFollows or Publish.
  Decided decided() const;

  // The session was deleted meanwhile: what was decided is not pinned any more.
  void Revoke();
  bool revoked() const;

 private:
  void Wake();

  mutable std::mutex mutex_;
  bool led_ = false;
  bool revoked_ = false;
  std::optional<Decided> decided_;
  std::vector<FlightWaiter*> waiters_;
};

}  // namespace mainstay::session
