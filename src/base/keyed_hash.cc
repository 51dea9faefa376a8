#include "base/keyed_hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/random.h"

namespace mainstay {
namespace {

// The 8 bytes at most that are left of a text, as a little-endian word with zeros behind.
uint64_t Word(const char* bytes, size_t count) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  if constexpr (std::endian::native == std::endian::big) {
    word = __builtin_bswap64(word);
  }
  return word;
}

uint64_t Word(const uint8_t* bytes) {
  return Word(reinterpret_cast<const char*>(bytes), 8);
}

// SipHash-2-4-128 of Aumasson and Bernstein over whole words.
class SipHash final {
 public:
  SipHash(uint64_t key_low, uint64_t key_high)
      : v0_(key_low ^ 0x736f6d6570736575),
        v1_(key_high ^ 0x646f72616e646f6d ^ 0xee),
        v2_(key_low ^ 0x6c7967656e657261),
        v3_(key_high ^ 0x7465646279746573) {}

  void Add(uint64_t word) {
    v3_ ^= word;
    Rounds(2);
    v0_ ^= word;
  }

  KeyedHash::Digest Finish() {
    KeyedHash::Digest digest;
    v2_ ^= 0xee;
    Rounds(4);
    digest.low = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    Rounds(4);
    digest.high = v0_ ^ v1_ ^ v2_ ^ v3_;
    return digest;
  }

 private:
  void Rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v3_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ += v3_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ += v1_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  uint64_t v0_;
  uint64_t v1_;
  uint64_t v2_;
  uint64_t v3_;
};

}  // namespace

HashKey::HashKey(std::span<const uint8_t, kBytes> bytes) {
  std::ranges::copy(bytes, bytes_.begin());
}

HashKey HashKey::FromSystem() {
  HashKey key;
  FillWithSecureRandom(key.bytes_);
  return key;
}

KeyedHash::KeyedHash(const HashKey& key, std::string_view purpose) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> derived;
  unsigned size = 0;
  MS_CHECK(HMAC(EVP_sha256(), key.Expose().data(), static_cast<int>(HashKey::kBytes),
                reinterpret_cast<const uint8_t*>(purpose.data()), purpose.size(), derived.data(),
                &size) != nullptr);
  MS_CHECK(size >= 16);
  key_low_ = Word(derived.data());
  key_high_ = Word(derived.data() + 8);
  OPENSSL_cleanse(derived.data(), derived.size());
}

KeyedHash::~KeyedHash() {
  OPENSSL_cleanse(&key_low_, sizeof(key_low_));
  OPENSSL_cleanse(&key_high_, sizeof(key_high_));
}

// Each part is its length as one word, then its bytes, filled up with zeros to whole words. Lengths
// come first, so the words can be read back in one way only.
KeyedHash::Digest KeyedHash::Hash(std::span<const std::string_view> parts) const {
  SipHash hash(key_low_, key_high_);
  uint64_t words = 0;
  for (const std::string_view part : parts) {
    hash.Add(part.size());
    size_t at = 0;
    for (; part.size() - at >= 8; at += 8) {
      hash.Add(Word(part.data() + at, 8));
    }
    if (at < part.size()) {
      hash.Add(Word(part.data() + at, part.size() - at));
    }
    words += 1 + (part.size() + 7) / 8;
  }
  // SipHash's own last word: the number of bytes modulo 256 in its highest byte.
  hash.Add(words * 8 << 56);
  return hash.Finish();
}

KeyedHash::Hex KeyedHash::Hex16(std::span<const std::string_view> parts) const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  uint64_t bits = Hash(parts).low;
  Hex hex;
  for (char& digit : hex) {
    digit = kDigits[bits >> 60];
    bits <<= 4;
  }
  return hex;
}

}  // namespace mainstay
