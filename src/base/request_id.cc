#include "base/request_id.h"

#include <cstring>

namespace mainstay {
namespace {

constexpr char kBase32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr char kHex[] = "0123456789abcdef";

// Two digits for each byte: trace ids are made for every request.
constexpr std::array<char, 512> MakeHexPairs() {
  std::array<char, 512> pairs{};
  for (size_t byte = 0; byte < 256; ++byte) {
    pairs[2 * byte] = kHex[byte >> 4];
    pairs[2 * byte + 1] = kHex[byte & 15];
  }
  return pairs;
}
constexpr std::array<char, 512> kHexPairs = MakeHexPairs();

void PutBase32(uint64_t bits, char* out, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = kBase32[bits & 31];
    bits >>= 5;
  }
}

}  // namespace

std::array<char, 26> MakeRequestId(WallTime now, Random& random) {
  std::array<char, 26> id;
  PutBase32(static_cast<uint64_t>(now.time_since_epoch().count()), id.data(), 10);
  PutBase32(random.Next(), id.data() + 10, 8);
  PutBase32(random.Next(), id.data() + 18, 8);
  return id;
}

void FillRandomHex(std::span<char> out, Random& random) {
  char* p = out.data();
  for (size_t left = out.size(); left > 0;) {
    const size_t digits = left < 16 ? left : 16;
    uint64_t bits = random.Next();
    for (size_t i = 0; i + 1 < digits; i += 2) {
      std::memcpy(p + i, &kHexPairs[2 * (bits & 255)], 2);
      bits >>= 8;
    }
    if (digits % 2 != 0) {
      p[digits - 1] = kHex[bits & 15];
    }
    p += digits;
    left -= digits;
  }
}

}  // namespace mainstay
