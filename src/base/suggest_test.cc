#include "base/suggest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace mainstay {
namespace {

constexpr std::array<std::string_view, 9> kCandidates = {
    "server",      "providers",           "models", "routing", "rotate",
    "round_robin", "session_ttl_seconds", "state",  "on"};

struct SuggestCase {
  const char* name;
  std::string_view written;
  std::string_view want;
};

const SuggestCase kSuggestCases[] = {
    {"letters_swapped", "servre", "server"},
    {"letter_added", "serverr", "server"},
    {"letter_missing", "provider", "providers"},
    {"letter_changed", "routimg", "routing"},
    {"several_letters_of_a_long_word", "session_ttl_secs", "session_ttl_seconds"},
    {"dash_for_underscore", "round-robin", "round_robin"},
    {"another_case", "Round_Robin", "round_robin"},
    {"all_capitals", "SESSION-TTL-SECONDS", "session_ttl_seconds"},
    {"the_word_itself", "state", "state"},
    {"one_letter_of_two", "of", "on"},
    {"nothing_like_it", "telepathy", ""},
    {"empty", "", ""},
    {"too_short_for_two_changes", "xy", ""},
};

TEST(Suggest, NearestOfTheTable) {
  for (const SuggestCase& c : kSuggestCases) {
    EXPECT_EQ(Nearest(c.written, kCandidates), c.want) << c.name;
  }
}

TEST(Suggest, FirstOfEqualsWins) {
  const std::array<std::string_view, 2> equals = {"cat", "car"};
  EXPECT_EQ(Nearest("cab", equals), "cat");
}

TEST(Suggest, LongTextsAreNeverNear) {
  const std::string longest(64, 'a');
  const std::string longer(65, 'a');
  const std::array<std::string_view, 1> one = {longest};
  EXPECT_EQ(Nearest(longest, one), longest);
  EXPECT_EQ(Nearest(longer, one), "");
}

TEST(Suggest, OnlyTheFirstThousandCandidatesAreLookedAt) {
  std::vector<std::string_view> candidates(999, "other");
  candidates.emplace_back("wanted");
  EXPECT_EQ(Nearest("wanted", candidates), "wanted");
  candidates.insert(candidates.begin(), "other");
  EXPECT_EQ(Nearest("wanted", candidates), "");
}

TEST(Suggest, TheSentenceNamesTheCandidateOrIsEmpty) {
  EXPECT_EQ(DidYouMean("servre", kCandidates), "; did you mean server?");
  EXPECT_EQ(DidYouMean("telepathy", kCandidates), "");
}

}  // namespace
}  // namespace mainstay
