#include "base/request_id.h"

#include <cstring>

#include "base/hex.h"

namespace mainstay {
namespace {

constexpr char kBase32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// Two characters for each 10 bits: ids are made for every request.
constexpr std::array<char, 2048> MakeBase32Pairs() {
  std::array<char, 2048> pairs{};
  for (size_t bits = 0; bits < 1024; ++bits) {
    pairs[2 * bits] = kBase32[bits >> 5];
    pairs[2 * bits + 1] = kBase32[bits & 31];
  }
  return pairs;
}
constexpr std::array<char, 2048> kBase32Pairs = MakeBase32Pairs();

// `digits` is even.
void PutBase32(uint64_t bits, char* out, int digits) {
  for (int i = digits - 2; i >= 0; i -= 2) {
    std::memcpy(out + i, &kBase32Pairs[2 * (bits & 1023)], 2);
    bits >>= 10;
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
    const uint64_t bits = random.Next();
    const uint64_t words[2] = {HexDigits(bits & 0xffffffff), HexDigits(bits >> 32)};
    const size_t digits = left < sizeof words ? left : sizeof words;
    if (digits == sizeof words) {
      std::memcpy(p, words, sizeof words);
    } else {
      std::memcpy(p, words, digits);
    }
    p += digits;
    left -= digits;
  }
}

}  // namespace mainstay
