#include "http/header_id.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

#include "http/head.h"
#include "http/header_lookup.h"

namespace mainstay::http {
namespace {

// As the parser calls it: the colon behind the name, padding behind that.
HeaderId FindBeforeColon(const std::string& name) {
  const std::string line = name + ":" + std::string(kPadding, 'x');
  return lookup::FindHeaderIdBeforeColon(std::string_view(line).substr(0, name.size()));
}

void ExpectFound(const std::string& name, HeaderId want) {
  EXPECT_EQ(FindHeaderId(name), want) << name;
  EXPECT_EQ(FindBeforeColon(name), want) << name;
}

TEST(HeaderId, EveryNameIsFoundInAnyCase) {
  for (size_t i = 1; i < kHeaderIdCount; ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name(HeaderName(id));
    ASSERT_GE(name.size(), 2u) << i;
    ExpectFound(name, id);
    std::string upper = name;
    std::string capital = name;
    std::string mixed = name;
    for (size_t c = 0; c < name.size(); ++c) {
      upper[c] = static_cast<char>(std::toupper(name[c]));
      capital[c] = c == 0 || name[c - 1] == '-' ? upper[c] : name[c];
      mixed[c] = c % 2 == 0 ? upper[c] : name[c];
    }
    ExpectFound(upper, id);
    ExpectFound(capital, id);
    ExpectFound(mixed, id);
  }
}

TEST(HeaderId, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kHeaderIdCount; ++i) {
    EXPECT_TRUE(names.insert(HeaderName(static_cast<HeaderId>(i))).second);
  }
  EXPECT_EQ(HeaderName(HeaderId::kUnknown), "");
}

TEST(HeaderId, OneByteOffIsAnotherName) {
  for (size_t i = 1; i < kHeaderIdCount; ++i) {
    const std::string name(HeaderName(static_cast<HeaderId>(i)));
    for (size_t c = 0; c < name.size(); ++c) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string other = name;
        other[c] = static_cast<char>(byte);
        if (std::tolower(byte) == name[c] && byte < 128) {
          continue;
        }
        // Another of our names may be one byte off: what is found is what is written.
        const HeaderId found = FindHeaderId(other);
        if (found != HeaderId::kUnknown) {
          EXPECT_TRUE(EqualsIgnoreCase(HeaderName(found), other)) << other;
        }
        if (byte != ':') {
          ASSERT_EQ(FindBeforeColon(other), found) << other;
        }
      }
    }
    ExpectFound(name.substr(1), FindHeaderId(name.substr(1)));
    ExpectFound(name + "x", FindHeaderId(name + "x"));
    EXPECT_EQ(FindHeaderId(name + "x"), HeaderId::kUnknown);
  }
}

TEST(HeaderId, OtherNamesAreUnknown) {
  for (const char* name : {"", "x", "tee", "x-stainless-lang", "hos", "hostt", "content_length",
                           "x-a-name-that-is-longer-than-any-of-the-known-ones"}) {
    ExpectFound(name, HeaderId::kUnknown);
  }
}

TEST(HeaderId, HopByHop) {
  std::set<HeaderId> hop_by_hop;
  for (size_t i = 0; i < kHeaderIdCount; ++i) {
    if (IsHopByHop(static_cast<HeaderId>(i))) {
      hop_by_hop.insert(static_cast<HeaderId>(i));
    }
  }
  EXPECT_EQ(hop_by_hop,
            (std::set<HeaderId>{HeaderId::kConnection, HeaderId::kKeepAlive,
                                HeaderId::kProxyConnection, HeaderId::kTransferEncoding,
                                HeaderId::kTe, HeaderId::kTrailer, HeaderId::kUpgrade,
                                HeaderId::kProxyAuthorization, HeaderId::kProxyAuthenticate}));
}

TEST(HeaderId, GatewayHeaders) {
  EXPECT_TRUE(IsGatewayHeader("x-mainstay-model"));
  EXPECT_TRUE(IsGatewayHeader("X-Mainstay-"));
  EXPECT_TRUE(IsGatewayHeader("X-VSR-Selected-Model"));
  EXPECT_FALSE(IsGatewayHeader("x-mainstay"));
  EXPECT_FALSE(IsGatewayHeader("x-vsr"));
  EXPECT_FALSE(IsGatewayHeader("y-mainstay-model"));
  EXPECT_FALSE(IsGatewayHeader(""));
}

TEST(HeaderId, CaseFoldingIsAsciiAlone) {
  EXPECT_TRUE(EqualsIgnoreCase("aZ-0", "Az-0"));
  EXPECT_FALSE(EqualsIgnoreCase("@", "`"));
  EXPECT_FALSE(EqualsIgnoreCase("[", "{"));
  EXPECT_FALSE(EqualsIgnoreCase("\xc9", "\xe9"));
  EXPECT_FALSE(EqualsIgnoreCase("a", "ab"));
}

}  // namespace
}  // namespace mainstay::http
