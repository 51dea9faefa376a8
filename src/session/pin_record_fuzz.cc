// Any bytes are a pin or are not; a pin has one form, keeps to its ranges and to the bytes that it
// was read from.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "session/pin_record.h"
#include "session/record_fields.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace session = mainstay::session;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  mainstay::Pin pin;
  if (!session::DecodePin(bytes, pin)) {
    return 0;
  }
  if (pin.model.empty()) {
    std::abort();
  }
  for (const std::string_view text : {pin.model, pin.decision, pin.caller, pin.source}) {
    if (text.data() < bytes.data() || text.data() + text.size() > bytes.data() + bytes.size()) {
      std::abort();
    }
  }
  for (const std::chrono::milliseconds time :
       {pin.since.time_since_epoch(), pin.last_used.time_since_epoch(), pin.ttl}) {
    if (time.count() < 0 || time > session::kRecordTimeMax) {
      std::abort();
    }
  }
  std::string again;
  session::EncodePin(pin, again);
  if (again != bytes) {
    std::abort();
  }
  return 0;
}
