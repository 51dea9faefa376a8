#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/flat_map.h"
#include "base/hash128.h"
#include "base/little_endian.h"
#include "model/session.h"
#include "session/state_store.h"

namespace mainstay::session {

// Fields that the stored formats share: docs/formats. Each Take gives false for what is none.

// The latest time and the longest lifetime that a record may hold: the end of the year 9999. Sums
// of two of them are far from overflowing.
inline constexpr std::chrono::milliseconds kRecordTimeMax{253'402'300'799'999};

// Texts are cut after 65,535 bytes.
inline void AppendText(std::string_view text, std::string& out) {
  text = text.substr(0, UINT16_MAX);
  AppendLittleEndian(static_cast<uint16_t>(text.size()), out);
  out.append(text);
}

[[nodiscard]] inline bool TakeText(std::string_view& from, std::string_view& text) {
  uint16_t size = 0;
  if (!TakeLittleEndian(from, size) || from.size() < size) {
    return false;
  }
  text = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

[[nodiscard]] inline bool TakeMillis(std::string_view& from, int64_t& ms) {
  return TakeLittleEndian(from, ms) && ms >= 0 && ms <= kRecordTimeMax.count();
}

inline void AppendHash(const Hash128& hash, std::string& out) {
  AppendLittleEndian(hash.low, out);
  AppendLittleEndian(hash.high, out);
}

[[nodiscard]] inline bool TakeHash(std::string_view& from, Hash128& hash) {
  return TakeLittleEndian(from, hash.low) && TakeLittleEndian(from, hash.high);
}

inline std::string_view TextOf(const RecordKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

// 32 bits of XXH3, which is a fixed format, of a record's key and value.
inline uint32_t ChecksumOf(const RecordKey& key, std::string_view value) {
  return static_cast<uint32_t>(TextHash()(value) + 3 * TextHash()(TextOf(key)));
}

inline RecordKey RecordKeyOf(const SessionKey& key) {
  RecordKey bytes;
  std::memcpy(bytes.data(), &key.digest.low, sizeof key.digest.low);
  std::memcpy(bytes.data() + sizeof key.digest.low, &key.digest.high, sizeof key.digest.high);
  return bytes;
}

inline SessionKey SessionKeyOf(const RecordKey& bytes) {
  SessionKey key;
  std::memcpy(&key.digest.low, bytes.data(), sizeof key.digest.low);
  std::memcpy(&key.digest.high, bytes.data() + sizeof key.digest.low, sizeof key.digest.high);
  return key;
}

}  // namespace mainstay::session
