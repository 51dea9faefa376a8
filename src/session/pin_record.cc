#include "session/pin_record.h"

#include <cstdint>

#include "session/record_fields.h"

namespace mainstay::session {
namespace {

constexpr uint8_t kFormat = 1;
bool TakeMillis(std::string_view& from, std::chrono::milliseconds& time) {
  int64_t ms = 0;
  const bool taken = session::TakeMillis(from, ms);
  time = std::chrono::milliseconds(ms);
  return taken;
}

bool TakeTime(std::string_view& from, WallTime& time) {
  std::chrono::milliseconds since_epoch{0};
  const bool taken = TakeMillis(from, since_epoch);
  time = WallTime(since_epoch);
  return taken;
}

}  // namespace

void EncodePin(const Pin& pin, std::string& out) {
  AppendLittleEndian(kFormat, out);
  AppendLittleEndian<int64_t>(pin.since.time_since_epoch().count(), out);
  AppendLittleEndian<int64_t>(pin.last_used.time_since_epoch().count(), out);
  AppendLittleEndian<int64_t>(pin.ttl.count(), out);
  AppendLittleEndian(pin.hits, out);
  AppendLittleEndian(pin.version, out);
  AppendLittleEndian(pin.failovers, out);
  AppendText(pin.model, out);
  AppendText(pin.decision, out);
  AppendText(pin.caller, out);
  AppendText(pin.source, out);
}

bool DecodePin(std::string_view value, Pin& out) {
  uint8_t format = 0;
  const bool read =
      TakeLittleEndian(value, format) && format == kFormat && TakeTime(value, out.since) &&
      TakeTime(value, out.last_used) && TakeMillis(value, out.ttl) &&
      TakeLittleEndian(value, out.hits) && TakeLittleEndian(value, out.version) &&
      TakeLittleEndian(value, out.failovers) && TakeText(value, out.model) &&
      TakeText(value, out.decision) && TakeText(value, out.caller) && TakeText(value, out.source);
  return read && value.empty() && !out.model.empty();
}

}  // namespace mainstay::session
