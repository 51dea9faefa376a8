// Any bytes are an alias or are not; an alias has one form and keeps to its ranges.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "session/alias_record.h"
#include "session/record_fields.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace session = mainstay::session;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  session::AliasRecord alias;
  if (!session::DecodeAlias(bytes, alias)) {
    return 0;
  }
  const std::chrono::milliseconds used = alias.last_used.time_since_epoch();
  if (used.count() < 0 || used > session::kRecordTimeMax) {
    std::abort();
  }
  std::string again;
  session::EncodeAlias(alias, again);
  if (again != bytes) {
    std::abort();
  }
  return 0;
}
