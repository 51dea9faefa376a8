#include "session/alias_record.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "session/record_fields.h"

namespace mainstay::session {
namespace {

using std::chrono::milliseconds;

struct Sample {
  const char* name;
  AliasRecord alias;
  std::string bytes;
};

// Format 1 is on the disks of users: these bytes never change. docs/formats/alias_record.md shows
// the first of them.
std::vector<Sample> Samples() {
  using namespace std::string_literals;
  return {
      {"every_field",
       {.session = {.digest = {.low = 0x0123456789abcdef, .high = 0xfedcba9876543210}},
        .last_used = WallTime(milliseconds(1'795'248'060'456))},
       "\x01"
       "\xef\xcd\xab\x89\x67\x45\x23\x01"
       "\x10\x32\x54\x76\x98\xba\xdc\xfe"
       "\x28\x78\x1f\xfd\xa1\x01\x00\x00"s},
      {"least",
       {},
       "\x01"
       "\x00\x00\x00\x00\x00\x00\x00\x00"
       "\x00\x00\x00\x00\x00\x00\x00\x00"
       "\x00\x00\x00\x00\x00\x00\x00\x00"s},
      {"latest_time",
       {.session = {.digest = {.low = UINT64_MAX, .high = UINT64_MAX}},
        .last_used = WallTime(kRecordTimeMax)},
       "\x01"
       "\xff\xff\xff\xff\xff\xff\xff\xff"
       "\xff\xff\xff\xff\xff\xff\xff\xff"
       "\xff\xdb\x1f\xd2\x77\xe6\x00\x00"s},
  };
}

TEST(AliasRecordTest, FormatIsFixed) {
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.name);
    std::string bytes;
    EncodeAlias(sample.alias, bytes);
    EXPECT_EQ(bytes, sample.bytes);
    AliasRecord read;
    ASSERT_TRUE(DecodeAlias(sample.bytes, read));
    EXPECT_EQ(read.session, sample.alias.session);
    EXPECT_EQ(read.last_used, sample.alias.last_used);
  }
}

TEST(AliasRecordTest, BytesOfAnotherFormOrLengthAreRefused) {
  const std::string good = Samples()[0].bytes;
  AliasRecord read;
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(DecodeAlias(std::string_view(good).substr(0, size), read)) << size;
  }
  EXPECT_FALSE(DecodeAlias(good + "x", read));
  for (const char format : {'\x00', '\x02', '\xff'}) {
    EXPECT_FALSE(DecodeAlias(format + good.substr(1), read)) << int{format};
  }
}

TEST(AliasRecordTest, TimesOutOfRangeAreRefused) {
  for (const milliseconds time : {milliseconds(-1), kRecordTimeMax + milliseconds(1)}) {
    std::string bytes;
    EncodeAlias({.last_used = WallTime(time)}, bytes);
    AliasRecord read;
    EXPECT_FALSE(DecodeAlias(bytes, read)) << time.count();
  }
}

}  // namespace
}  // namespace mainstay::session
