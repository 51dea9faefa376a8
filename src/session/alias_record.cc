#include "session/alias_record.h"

#include <cstdint>

#include "session/record_fields.h"

namespace mainstay::session {
namespace {

constexpr uint8_t kFormat = 1;

}  // namespace

void EncodeAlias(const AliasRecord& alias, std::string& out) {
  AppendLittleEndian(kFormat, out);
  AppendLittleEndian(alias.session.digest.low, out);
  AppendLittleEndian(alias.session.digest.high, out);
  AppendLittleEndian<int64_t>(alias.last_used.time_since_epoch().count(), out);
}

bool DecodeAlias(std::string_view value, AliasRecord& out) {
  uint8_t format = 0;
  int64_t last_used = 0;
  const bool read = TakeLittleEndian(value, format) && format == kFormat &&
                    TakeLittleEndian(value, out.session.digest.low) &&
                    TakeLittleEndian(value, out.session.digest.high) &&
                    TakeMillis(value, last_used);
  out.last_used = WallTime(std::chrono::milliseconds(last_used));
  return read && value.empty();
}

}  // namespace mainstay::session
