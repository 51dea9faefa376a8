#include "config/fingerprint.h"

#include <cstdint>
#include <span>

#include "base/digest.h"

namespace mainstay::config {
namespace {

std::string Hex(std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::string Fingerprint(std::string_view salt, std::string_view secret) {
  const Sha256Digest digest = HmacSha256(salt, secret);
  return Hex(std::span(digest).first(6));
}

std::string ShortHash(std::string_view text) {
  const Sha256Digest digest = Sha256(text);
  return Hex(std::span(digest).first(8));
}

}  // namespace mainstay::config
