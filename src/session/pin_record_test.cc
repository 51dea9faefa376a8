#include "session/pin_record.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "session/record_fields.h"

namespace mainstay::session {
namespace {

using std::chrono::milliseconds;

struct Sample {
  const char* name;
  Pin pin;
  std::string bytes;
};

// Format 1 is on the disks of users: these bytes never change. docs/formats/pin_record.md shows the
// first of them.
std::vector<Sample> Samples() {
  using namespace std::string_literals;
  return {
      {"every_field",
       {.model = "openai/gpt-4o",
        .decision = "code",
        .caller = "team",
        .source = "header:x-session-id",
        .since = WallTime(milliseconds(1'795'248'000'123)),
        .last_used = WallTime(milliseconds(1'795'248'060'456)),
        .ttl = milliseconds(900'000),
        .hits = 7,
        .version = 2,
        .failovers = 1},
       "\x01"
       "\x7b\x8c\x1e\xfd\xa1\x01\x00\x00"
       "\x28\x78\x1f\xfd\xa1\x01\x00\x00"
       "\xa0\xbb\x0d\x00\x00\x00\x00\x00"
       "\x07\x00\x00\x00"
       "\x02\x00\x00\x00"
       "\x01\x00\x00\x00"
       "\x0d\x00openai/gpt-4o"
       "\x04\x00"
       "code"
       "\x04\x00team"
       "\x13\x00header:x-session-id"s},
      {"least",
       {.model = "m", .version = 0x04030201},
       "\x01"
       "\x00\x00\x00\x00\x00\x00\x00\x00"
       "\x00\x00\x00\x00\x00\x00\x00\x00"
       "\x00\x00\x00\x00\x00\x00\x00\x00"
       "\x00\x00\x00\x00"
       "\x01\x02\x03\x04"
       "\x00\x00\x00\x00"
       "\x01\x00m"
       "\x00\x00"
       "\x00\x00"
       "\x00\x00"s},
      {"latest_times",
       {.model = "m",
        .since = WallTime(kRecordTimeMax),
        .last_used = WallTime(kRecordTimeMax),
        .ttl = kRecordTimeMax,
        .hits = UINT32_MAX,
        .version = UINT32_MAX,
        .failovers = UINT32_MAX},
       "\x01"
       "\xff\xdb\x1f\xd2\x77\xe6\x00\x00"
       "\xff\xdb\x1f\xd2\x77\xe6\x00\x00"
       "\xff\xdb\x1f\xd2\x77\xe6\x00\x00"
       "\xff\xff\xff\xff"
       "\xff\xff\xff\xff"
       "\xff\xff\xff\xff"
       "\x01\x00m"
       "\x00\x00"
       "\x00\x00"
       "\x00\x00"s},
  };
}

TEST(PinRecordTest, FormatIsFixed) {
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.name);
    std::string bytes;
    EncodePin(sample.pin, bytes);
    EXPECT_EQ(bytes, sample.bytes);
    Pin read;
    ASSERT_TRUE(DecodePin(sample.bytes, read));
    EXPECT_EQ(read.model, sample.pin.model);
    EXPECT_EQ(read.decision, sample.pin.decision);
    EXPECT_EQ(read.caller, sample.pin.caller);
    EXPECT_EQ(read.source, sample.pin.source);
    EXPECT_EQ(read.since, sample.pin.since);
    EXPECT_EQ(read.last_used, sample.pin.last_used);
    EXPECT_EQ(read.ttl, sample.pin.ttl);
    EXPECT_EQ(read.hits, sample.pin.hits);
    EXPECT_EQ(read.version, sample.pin.version);
    EXPECT_EQ(read.failovers, sample.pin.failovers);
  }
}

TEST(PinRecordTest, BytesOfAnotherFormOrLengthAreRefused) {
  const std::string good = Samples()[0].bytes;
  Pin read;
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(DecodePin(std::string_view(good).substr(0, size), read)) << size;
  }
  EXPECT_FALSE(DecodePin(good + "x", read));
  for (const char format : {'\x00', '\x02', '\xff'}) {
    EXPECT_FALSE(DecodePin(format + good.substr(1), read)) << int{format};
  }
}

TEST(PinRecordTest, ValuesOutOfRangeAreRefused) {
  constexpr milliseconds kTooMuch = kRecordTimeMax + milliseconds(1);
  constexpr milliseconds kTooLittle{-1};
  const struct {
    const char* name;
    Pin pin;
  } rows[] = {
      {"no_model", {.model = ""}},
      {"since_before_1970", {.model = "m", .since = WallTime(kTooLittle)}},
      {"since_after_9999", {.model = "m", .since = WallTime(kTooMuch)}},
      {"last_used_before_1970", {.model = "m", .last_used = WallTime(kTooLittle)}},
      {"last_used_after_9999", {.model = "m", .last_used = WallTime(kTooMuch)}},
      {"ttl_below_0", {.model = "m", .ttl = kTooLittle}},
      {"ttl_longer_than_time", {.model = "m", .ttl = kTooMuch}},
      {"lowest_number", {.model = "m", .since = WallTime(milliseconds(INT64_MIN))}},
  };
  for (const auto& row : rows) {
    std::string bytes;
    EncodePin(row.pin, bytes);
    Pin read;
    EXPECT_FALSE(DecodePin(bytes, read)) << row.name;
  }
}

TEST(PinRecordTest, ATextTooLongForItsLengthIsCut) {
  const std::string long_text(70'000, 'x');
  std::string bytes;
  EncodePin({.model = long_text, .caller = "team"}, bytes);
  Pin read;
  ASSERT_TRUE(DecodePin(bytes, read));
  EXPECT_EQ(read.model.size(), 65'535U);
  EXPECT_EQ(read.caller, "team");
}

}  // namespace
}  // namespace mainstay::session
