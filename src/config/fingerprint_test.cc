#include "config/fingerprint.h"

#include <gtest/gtest.h>

namespace mainstay::config {
namespace {

// Both are part of records that are kept, so they must not change by accident. The digests are
// those of published test vectors for SHA-256 and HMAC-SHA256.
TEST(Fingerprint, ValuesAreStable) {
  EXPECT_EQ(ShortHash(""), "e3b0c44298fc1c14");
  EXPECT_EQ(ShortHash("abc"), "ba7816bf8f01cfea");
  EXPECT_EQ(Fingerprint("key", "The quick brown fox jumps over the lazy dog"), "f7bc83f43053");
}

TEST(Fingerprint, DependsOnTheSaltAndOnTheSecret) {
  EXPECT_EQ(Fingerprint("salt", "secret"), Fingerprint("salt", "secret"));
  EXPECT_NE(Fingerprint("salt", "secret"), Fingerprint("tlas", "secret"));
  EXPECT_NE(Fingerprint("salt", "secret"), Fingerprint("salt", "secret2"));
}

}  // namespace
}  // namespace mainstay::config
