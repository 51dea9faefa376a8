#include <algorithm>
#include <bit>
#include <cstring>

#include "session/pin_table.h"

namespace mainstay::session {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr uint8_t kFormat = 1;
constexpr size_t kTextBytesMax = UINT16_MAX;

template <typename Number>
void Put(Number number, std::string& out) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof number);
}

void PutText(std::string_view text, std::string& out) {
  text = text.substr(0, kTextBytesMax);
  Put(static_cast<uint16_t>(text.size()), out);
  out.append(text);
}

template <typename Number>
bool Take(std::string_view& from, Number& number) {
  if (from.size() < sizeof number) {
    return false;
  }
  std::memcpy(&number, from.data(), sizeof number);
  from.remove_prefix(sizeof number);
  return true;
}

bool TakeText(std::string_view& from, std::string_view& text) {
  uint16_t size = 0;
  if (!Take(from, size) || from.size() < size) {
    return false;
  }
  text = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

bool TakeTime(std::string_view& from, WallTime& time) {
  int64_t ms = 0;
  const bool taken = Take(from, ms);
  time = WallTime(std::chrono::milliseconds(ms));
  return taken;
}

}  // namespace

void EncodePin(const Pin& pin, std::string& out) {
  Put(kFormat, out);
  Put<int64_t>(pin.since.time_since_epoch().count(), out);
  Put<int64_t>(pin.last_used.time_since_epoch().count(), out);
  Put<int64_t>(pin.ttl.count(), out);
  Put(pin.hits, out);
  Put(pin.version, out);
  Put(pin.failovers, out);
  PutText(pin.model, out);
  PutText(pin.decision, out);
  PutText(pin.caller, out);
  PutText(pin.source, out);
}

bool DecodePin(std::string_view value, Pin& out) {
  uint8_t format = 0;
  int64_t ttl_ms = 0;
  const bool read =
      Take(value, format) && format == kFormat && TakeTime(value, out.since) &&
      TakeTime(value, out.last_used) && Take(value, ttl_ms) && Take(value, out.hits) &&
      Take(value, out.version) && Take(value, out.failovers) && TakeText(value, out.model) &&
      TakeText(value, out.decision) && TakeText(value, out.caller) && TakeText(value, out.source);
  out.ttl = std::chrono::milliseconds(ttl_ms);
  return read && value.empty() && ttl_ms >= 0 && !out.model.empty();
}

}  // namespace mainstay::session
