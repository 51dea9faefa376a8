#include "fake_provider/prefix_cache.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mainstay::fake_provider {
namespace {

using namespace std::chrono_literals;

// `tokens` tokens that no other seed has.
std::string Text(int64_t tokens, char seed) {
  std::string text;
  for (int64_t i = 0; i < tokens; ++i) {
    text += seed;
    text += static_cast<char>('a' + i % 26);
    text += static_cast<char>('a' + i / 26 % 26);
    text += static_cast<char>('a' + i / 676 % 26);
  }
  return text;
}

Prompt Cut(std::string_view text, int64_t block_tokens = 128) {
  PromptCutter cutter(block_tokens);
  cutter.Append(text);
  return cutter.Finish();
}

// What one account asks, one after the other, and how much of it is remembered.
struct Step {
  std::string prompt;
  int64_t cached;
  std::chrono::seconds later = 0s;  // time that passes before
  uint64_t account = 1;
  std::string_view model = "m";
};

struct CacheCase {
  const char* name;
  CacheOptions options;
  std::vector<Step> steps;
};

void PrintTo(const CacheCase& row, std::ostream* out) {
  *out << row.name;
}

class PrefixCacheTest : public ::testing::TestWithParam<CacheCase> {};

TEST_P(PrefixCacheTest, RemembersPrompts) {
  PrefixCache cache(GetParam().options);
  WallTime now(1'000'000'000ms);
  int number = 0;
  for (const Step& step : GetParam().steps) {
    now += step.later;
    const uint64_t scope = PrefixCache::ScopeOf(step.account, step.model);
    const Prompt prompt = Cut(step.prompt, GetParam().options.block_tokens);
    EXPECT_EQ(cache.Find(scope, prompt, now), step.cached) << "step " << number;
    cache.Store(scope, prompt, now);
    EXPECT_LE(cache.blocks(), static_cast<size_t>(GetParam().options.capacity_blocks));
    ++number;
  }
}

std::vector<CacheCase> Cases() {
  const std::string a = Text(1500, 'a');
  const std::string b = Text(1500, 'b');
  CacheOptions plain;
  CacheOptions small_blocks = plain;
  small_blocks.block_tokens = 10;
  small_blocks.min_tokens = 0;
  CacheOptions short_ttl = plain;
  short_ttl.ttl = 300s;
  CacheOptions room_for_one = plain;
  room_for_one.capacity_blocks = 12;
  CacheOptions off = plain;
  off.capacity_blocks = 0;
  std::string changed_early = a;
  changed_early[40] = '!';
  std::string changed_late = a;
  changed_late[1200 * 4] = '!';
  return {
      {"growing_conversation",
       plain,
       {{Text(1100, 'a'), 0},
        {Text(1300, 'a'), 1024},
        {Text(1600, 'a'), 1280},
        {Text(1600, 'a'), 1536},
        {Text(5000, 'a'), 1536},
        {Text(5000, 'a'), 4992}}},
      {"multiples_of_a_block",
       plain,
       {{Text(1151, 'a'), 0},
        {Text(1151, 'a'), 1024},
        {Text(1153, 'a'), 1024},
        {Text(1153, 'a'), 1152}}},
      {"the_last_token_is_never_cached", plain, {{Text(1152, 'a'), 0}, {Text(1152, 'a'), 1024}}},
      {"below_the_minimum", plain, {{Text(1023, 'a'), 0}, {Text(1023, 'a'), 0}}},
      {"a_short_prompt_is_not_stored_for_a_long_one",
       plain,
       {{Text(1000, 'a'), 0}, {Text(1500, 'a'), 0}}},
      {"a_shared_part_below_the_minimum_does_not_count", plain, {{a, 0}, {Text(1000, 'a') + b, 0}}},
      {"small_blocks_without_minimum",
       small_blocks,
       {{Text(25, 'a'), 0}, {Text(25, 'a'), 20}, {Text(31, 'a'), 20}, {Text(31, 'a'), 30}}},
      {"an_early_change_kills_the_rest", plain, {{a, 0}, {changed_early, 0}, {a, 1408}}},
      {"a_late_change_keeps_what_is_before", plain, {{a, 0}, {changed_late, 1152}}},
      {"something_put_in_front_kills_all", plain, {{a, 0}, {"x" + a, 0}}},
      {"other_account", plain, {{a, 0}, {a, 0, 0s, 2}, {a, 1408, 0s, 2}, {a, 1408}}},
      {"other_model", plain, {{a, 0}, {a, 0, 0s, 1, "n"}, {a, 1408, 0s, 1, "n"}, {a, 1408}}},
      {"forgotten_after_the_ttl", short_ttl, {{a, 0}, {a, 1408, 300s}, {a, 0, 301s}}},
      {"use_keeps_alive",
       short_ttl,
       {{a, 0}, {a, 1408, 200s}, {a, 1408, 200s}, {a, 1408, 200s}, {a, 0, 301s}}},
      // The whole was used, then its beginning: only that stays.
      {"the_part_in_use_stays",
       short_ttl,
       {{Text(3000, 'a'), 0}, {a, 1408, 200s}, {Text(3000, 'a'), 1408, 200s}}},
      {"least_recently_used_goes_first", room_for_one, {{a, 0}, {a, 1408}, {b, 0}, {a, 0}}},
      {"a_prompt_beyond_the_capacity_keeps_its_beginning",
       room_for_one,
       {{Text(4000, 'a'), 0}, {Text(4000, 'a'), 1536}}},
      {"off", off, {{a, 0}, {a, 0}}},
  };
}

INSTANTIATE_TEST_SUITE_P(All, PrefixCacheTest, ::testing::ValuesIn(Cases()),
                         [](const auto& row) { return row.param.name; });

TEST(PrefixCacheBoundTest, ExpiredBlocksMakeRoomBeforeLiveOnes) {
  CacheOptions options;
  options.capacity_blocks = 24;
  PrefixCache cache(options);
  const uint64_t scope = PrefixCache::ScopeOf(1, "m");
  WallTime now(1'000'000'000ms);
  cache.Store(scope, Cut(Text(1500, 'a')), now);
  now += options.ttl + 1s;
  for (char seed = 'b'; seed < 'h'; ++seed) {
    cache.Store(scope, Cut(Text(1500, seed)), now);
  }
  EXPECT_LE(cache.blocks(), 24U);
  EXPECT_EQ(cache.Find(scope, Cut(Text(1500, 'g')), now), 1408);
  EXPECT_EQ(cache.Find(scope, Cut(Text(1500, 'f')), now), 1408);
  cache.Clear();
  EXPECT_EQ(cache.blocks(), 0U);
  EXPECT_EQ(cache.Find(scope, Cut(Text(1500, 'g')), now), 0);
}

TEST(PromptCutterTest, WhereTheTextIsSplitMakesNoDifference) {
  const std::string text = Text(40, 'a') + "äöü漢字😀" + Text(40, 'b') + "漢漢漢漢漢漢漢漢漢";
  const Prompt whole = Cut(text, 8);
  EXPECT_GT(whole.blocks.size(), 10U);
  for (size_t step = 1; step < 40; ++step) {
    PromptCutter cutter(8);
    size_t from = 0;
    while (from < text.size()) {
      size_t end = std::min(from + step, text.size());
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
        ++end;
      }
      cutter.Append(std::string_view(text).substr(from, end - from));
      from = end;
    }
    const Prompt pieced = cutter.Finish();
    EXPECT_EQ(pieced.tokens, whole.tokens) << step;
    EXPECT_EQ(pieced.blocks, whole.blocks) << step;
  }
}

}  // namespace
}  // namespace mainstay::fake_provider
