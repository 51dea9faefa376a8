#include "base/utf8.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace mainstay {
namespace {

using internal::Utf8Verdict;
using internal::Utf8Version;
using internal::ValidateWith;
using std::string_view_literals::operator""sv;

constexpr Utf8Version kVersions[] = {Utf8Version::kPortable, Utf8Version::kAvx2};

// The text alone in an allocation, so that a sanitizer sees each read outside of it.
class Exact final {
 public:
  explicit Exact(std::string_view text)
      : size_(text.size()), bytes_(std::make_unique<char[]>(text.size())) {
    std::memcpy(bytes_.get(), text.data(), text.size());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

bool Judge(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string Hex(std::string_view text) {
  std::string hex;
  for (const char c : text) {
    hex += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<uint8_t>(c) & 15];
  }
  return hex;
}

// Whether every version says of the text what is expected.
void ExpectAll(std::string_view text, bool expected) {
  const Utf8Verdict wanted = expected ? Utf8Verdict::kValid : Utf8Verdict::kInvalid;
  for (const Utf8Version version : kVersions) {
    const Utf8Verdict verdict = ValidateWith(version, text);
    ASSERT_TRUE(verdict == wanted || verdict == Utf8Verdict::kMissing)
        << "version " << static_cast<int>(version) << ", expected " << expected << ": "
        << Hex(text);
  }
  ASSERT_EQ(IsValidUtf8(text), expected) << Hex(text);
}

TEST(Utf8, KnownTexts) {
  const struct {
    std::string_view name;
    std::string_view text;
    bool valid;
    int first_length;
  } rows[] = {
      {"empty", "", true, 0},
      {"ascii", "plain text", true, 1},
      {"nul", "\0"sv, true, 1},
      {"two bytes", "\xC2\x80", true, 2},
      {"last of two bytes", "\xDF\xBF", true, 2},
      {"three bytes", "\xE0\xA0\x80", true, 3},
      {"before the surrogates", "\xED\x9F\xBF", true, 3},
      {"behind the surrogates", "\xEE\x80\x80", true, 3},
      {"last of three bytes", "\xEF\xBF\xBF", true, 3},
      {"four bytes", "\xF0\x90\x80\x80", true, 4},
      {"U+10FFFF", "\xF4\x8F\xBF\xBF", true, 4},
      {"over-long in two", "\xC1\xBF", false, 0},
      {"over-long in three", "\xE0\x9F\xBF", false, 0},
      {"over-long in four", "\xF0\x8F\xBF\xBF", false, 0},
      {"first surrogate", "\xED\xA0\x80", false, 0},
      {"last surrogate", "\xED\xBF\xBF", false, 0},
      {"above U+10FFFF", "\xF4\x90\x80\x80", false, 0},
      {"lead F5", "\xF5\x80\x80\x80", false, 0},
      {"lead FF", "\xFF", false, 0},
      {"continuation alone", "\x80", false, 0},
      {"one continuation too many", "\xC2\x80\x80", false, 2},
      {"cut after one of two", "\xC2", false, 0},
      {"cut after two of three", "\xE2\x82", false, 0},
      {"cut after three of four", "\xF0\x9F\x98", false, 0},
      {"ascii where a continuation is due", "\xE2\x82z", false, 0},
      {"lead where a continuation is due", "\xE2\xC2\x80", false, 0},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const Exact exact(row.text);
    ExpectAll(exact.view(), row.valid);
    EXPECT_EQ(Judge(row.text), row.valid);
    if (!row.text.empty()) {
      const char* const begin = exact.view().data();
      EXPECT_EQ(Utf8Length(begin, begin + exact.view().size()), row.first_length);
    }
  }
}

TEST(Utf8, EverySequenceOfTwoBytes) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char text[] = {static_cast<char>(first), static_cast<char>(second)};
      const std::string_view view(text, sizeof text);
      ASSERT_NO_FATAL_FAILURE(ExpectAll(view, Judge(view)));
    }
  }
}

// All leads with all second bytes; the third one only by what it can be: the tables and bounds
// know no more of it than its upper half.
TEST(Utf8, EverySequenceOfThreeBytes) {
  for (int first = 0x7F; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      for (int third = 0; third < 256; third += (third & 15) == 0 ? 15 : 1) {
        const char text[] = {static_cast<char>(first), static_cast<char>(second),
                             static_cast<char>(third)};
        const std::string_view view(text, sizeof text);
        ASSERT_NO_FATAL_FAILURE(ExpectAll(view, Judge(view)));
      }
    }
  }
}

TEST(Utf8, FourBytesAtTheBounds) {
  const std::vector<int> bounds = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
  for (int first = 0xE0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      for (const int third : bounds) {
        for (const int fourth : bounds) {
          const char text[] = {static_cast<char>(first), static_cast<char>(second),
                               static_cast<char>(third), static_cast<char>(fourth)};
          const std::string_view view(text, sizeof text);
          ASSERT_NO_FATAL_FAILURE(ExpectAll(view, Judge(view)));
        }
      }
    }
  }
}

// Each piece at each place around the borders of the blocks, in texts of ASCII and of long
// sequences, with text behind it and at the very end.
TEST(Utf8, EveryPlaceAroundTheBlocks) {
  const std::string_view pieces[] = {"\xC3\xA9",     "\xE2\x82\xAC",     "\xF0\x9F\x98\x80",
                                     "\xF0\x9F\x98", "\xE2\x82",         "\xC3",
                                     "\x80",         "\xED\xA0\x80",     "\xC0\x80",
                                     "\xE0\x80\x80", "\xF4\x90\x80\x80", "\xC3\xA9\x80",
                                     "\xFF"};
  for (const std::string_view filler : {"a"sv, "\xE6\x96\x87"sv}) {
    for (const std::string_view piece : pieces) {
      for (size_t before = 0; before <= 200; ++before) {
        for (const size_t behind : {0u, 1u, 2u, 3u, 30u, 64u, 130u}) {
          std::string text(before % filler.size(), 'a');
          while (text.size() < before) {
            text += filler;
          }
          text += piece;
          text.append(behind, 'z');
          const Exact exact(text);
          ASSERT_NO_FATAL_FAILURE(ExpectAll(exact.view(), Judge(text)));
        }
      }
    }
  }
}

TEST(Utf8, RandomMutations) {
  const std::string_view pieces[] = {"a", "some words ", "\xC3\xA9", "\xE6\x96\x87",
                                     "\xF0\x9F\x98\x80"};
  Random random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const size_t size = random.Below(300);
    while (text.size() < size) {
      text += pieces[random.Below(std::size(pieces))];
    }
    for (uint64_t changes = random.Below(3); changes > 0 && !text.empty(); --changes) {
      text[random.Below(text.size())] = static_cast<char>(random.Below(256));
    }
    if (random.Below(4) == 0) {
      text.resize(random.Below(text.size() + 1));
    }
    const Exact exact(text);
    ASSERT_NO_FATAL_FAILURE(ExpectAll(exact.view(), Judge(text)));
  }
}

}  // namespace
}  // namespace mainstay
