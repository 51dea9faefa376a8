// The seats of pin_table.h: who is under way together.
#include <utility>

#include "session/pin_table.h"

namespace mainstay::session {

PinTable::Seat& PinTable::Seat::operator=(Seat&& other) noexcept {
  if (this != &other) {
    Leave();
    table_ = std::exchange(other.table_, nullptr);
    flight_ = std::move(other.flight_);
    key_ = other.key_;
    erasures_ = other.erasures_;
    leads_ = std::exchange(other.leads_, false);
  }
  return *this;
}

void PinTable::Seat::Publish(const Decided& decided) {
  flight_->Publish({.model = *table_->names_.Intern(decided.model),
                    .decision = *table_->names_.Intern(decided.decision),
                    .reason = decided.reason});
  leads_ = false;
  if (decided.model.empty()) {
    table_->CloseFlight(key_, flight_);
  }
}

void PinTable::Seat::Leave() {
  if (flight_ == nullptr) {
    return;
  }
  if (std::exchange(leads_, false)) {
    flight_->Abandon();
  }
  table_->LeaveFlight(key_, std::exchange(flight_, nullptr));
}

// Those who are in it go on; nobody joins them any more.
void PinTable::CloseFlight(const SessionKey& key, const std::shared_ptr<Flight>& flight) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.flights.find(key);
  if (found != shard.flights.end() && found->second == flight) {
    shard.flights.erase(found);
  }
}

// The last one takes the flight away: the table and the one who leaves are its only owners then.
void PinTable::LeaveFlight(const SessionKey& key, std::shared_ptr<Flight> flight) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.flights.find(key);
  if (found != shard.flights.end() && found->second == flight && flight.use_count() == 2) {
    shard.flights.erase(found);
  }
  flight.reset();  // under the lock, so that two who leave at once do not both see the other
}

}  // namespace mainstay::session
