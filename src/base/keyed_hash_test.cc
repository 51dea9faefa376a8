#include "base/keyed_hash.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mainstay {
namespace {

HashKey KeyOf(uint8_t first) {
  std::array<uint8_t, HashKey::kBytes> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(first + i);
  }
  return HashKey(bytes);
}

std::string Text(const KeyedHash::Hex& hex) {
  return std::string(hex.data(), hex.size());
}

// What the header promises, put together from OpenSSL's parts.
KeyedHash::Digest Expected(const HashKey& key, std::string_view purpose,
                           const std::vector<std::string_view>& parts) {
  std::string encoded;
  for (const std::string_view part : parts) {
    for (int shift = 0; shift < 64; shift += 8) {
      encoded += static_cast<char>(uint64_t{part.size()} >> shift);
    }
    encoded += part;
    encoded.resize((encoded.size() + 7) / 8 * 8, '\0');
  }
  std::array<uint8_t, 32> derived;
  unsigned derived_bytes = 0;
  HMAC(EVP_sha256(), key.Expose().data(), 32, reinterpret_cast<const uint8_t*>(purpose.data()),
       purpose.size(), derived.data(), &derived_bytes);
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(
      EVP_MAC_fetch(nullptr, "SIPHASH", nullptr), &EVP_MAC_free);
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(
      EVP_MAC_CTX_new(mac.get()), &EVP_MAC_CTX_free);
  size_t size = 16;
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                   OSSL_PARAM_construct_end()};
  std::array<uint8_t, 16> out{};
  EXPECT_EQ(EVP_MAC_init(context.get(), derived.data(), 16, parameters), 1);
  EXPECT_EQ(EVP_MAC_update(context.get(), reinterpret_cast<const uint8_t*>(encoded.data()),
                           encoded.size()),
            1);
  EXPECT_EQ(EVP_MAC_final(context.get(), out.data(), &size, out.size()), 1);
  KeyedHash::Digest digest;
  std::memcpy(&digest.low, out.data(), 8);
  std::memcpy(&digest.high, out.data() + 8, 8);
  return digest;
}

TEST(KeyedHash, IsSipHashOfTheEncodedParts) {
  const std::string text(300, 'x');
  const KeyedHash hash(KeyOf(1), "public_id");
  for (size_t first = 0; first < 40; ++first) {
    for (const size_t second : {0, 1, 7, 8, 9, 16, 255, 256, 257}) {
      const std::vector<std::string_view> parts = {std::string_view(text).substr(0, first),
                                                   std::string_view(text).substr(0, second)};
      EXPECT_EQ(hash.Hash(parts), Expected(KeyOf(1), "public_id", parts)) << first << ' ' << second;
    }
  }
  EXPECT_EQ(hash.Hash({}), Expected(KeyOf(1), "public_id", {}));
}

// Stored ids must stay what they are: this value may never change.
TEST(KeyedHash, KeepsItsValues) {
  const KeyedHash hash(KeyOf(0), "public_id");
  EXPECT_EQ(Text(hash.Hex16({"caller", "session-1"})), "f5bd1c0203224a27");
}

using Parts = std::vector<std::string>;

TEST(KeyedHash, TellsListsApartThatLookAlike) {
  const Parts lists[] = {
      {},
      {""},
      {"", ""},
      {"a"},
      {"a", ""},
      {"", "a"},
      {"ab"},
      {"a", "b"},
      {"b", "a"},
      {"ab", ""},
      {std::string("a\0", 2)},
      {std::string(8, '\0')},
      {std::string(7, '\0')},
      {std::string("\1\0\0\0\0\0\0\0a", 9)},
      {"abcdefgh"},
      {"abcdefgh", ""},
  };
  const KeyedHash hash(KeyOf(0), "test");
  std::set<std::pair<uint64_t, uint64_t>> seen;
  for (const Parts& list : lists) {
    const std::vector<std::string_view> views(list.begin(), list.end());
    const KeyedHash::Digest digest = hash.Hash(views);
    EXPECT_TRUE(seen.emplace(digest.low, digest.high).second) << testing::PrintToString(list);
  }
}

TEST(KeyedHash, DependsOnKeyAndPurpose) {
  const std::string id = Text(KeyedHash(KeyOf(0), "one").Hex16({"id"}));
  EXPECT_EQ(id, Text(KeyedHash(KeyOf(0), "one").Hex16({"id"})));
  EXPECT_NE(id, Text(KeyedHash(KeyOf(0), "two").Hex16({"id"})));
  EXPECT_NE(id, Text(KeyedHash(KeyOf(1), "one").Hex16({"id"})));
}

TEST(HashKey, IsFreshEachTime) {
  const HashKey first = HashKey::FromSystem();
  const HashKey second = HashKey::FromSystem();
  EXPECT_FALSE(std::ranges::equal(first.Expose(), second.Expose()));
  EXPECT_FALSE(std::ranges::all_of(first.Expose(), [](uint8_t byte) { return byte == 0; }));
}

}  // namespace
}  // namespace mainstay
