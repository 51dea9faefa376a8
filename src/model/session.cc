#include "model/session.h"

#include <cstring>

#include "base/hex.h"

namespace mainstay {
namespace {

constexpr size_t kWordDigits = 16;

// Most significant digit first: HexDigits begins with the least significant one.
void PutHex(uint64_t word, char* out) {
  const uint64_t digits[] = {__builtin_bswap64(HexDigits(word >> 32)),
                             __builtin_bswap64(HexDigits(word & 0xffffffff))};
  std::memcpy(out, digits, sizeof digits);
}

bool ReadHex(std::string_view digits, uint64_t& out) {
  out = 0;
  for (const char c : digits) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) {
      return false;
    }
    out = out << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return true;
}

}  // namespace

SessionKeyText TextOf(const SessionKey& key) {
  SessionKeyText text;
  PutHex(key.digest.high, text.data());
  PutHex(key.digest.low, text.data() + kWordDigits);
  return text;
}

bool ParseSessionKey(std::string_view text, SessionKey& out) {
  return text.size() == 2 * kWordDigits && ReadHex(text.substr(0, kWordDigits), out.digest.high) &&
         ReadHex(text.substr(kWordDigits), out.digest.low);
}

}  // namespace mainstay
