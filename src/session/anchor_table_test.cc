#include "session/anchor_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/random.h"

namespace mainstay::session {
namespace {

// A hash that stands in this share, with this tag. Of the rest nothing is kept.
Hash128 HashWith(uint32_t tag, uint64_t share = 0, uint64_t rest = 0) {
  return {.low = uint64_t{tag} << 32 | (rest & UINT32_MAX), .high = rest << 8 | share};
}

std::vector<uint32_t> SlotsOf(const AnchorTable& table, const Hash128& hash) {
  const AnchorTable::Found found = table.Find(hash);
  std::vector<uint32_t> slots(found.view().begin(), found.view().end());
  std::ranges::sort(slots);
  return slots;
}

using Slots = std::vector<uint32_t>;

TEST(AnchorTableTest, AnEmptyTableHasNothing) {
  AnchorTable table(4);
  EXPECT_EQ(SlotsOf(table, HashWith(1)), Slots{});
  table.Remove(HashWith(1), 5);
  EXPECT_EQ(table.size().anchors, 0U);
  EXPECT_EQ(table.size().bytes, 0U);
}

TEST(AnchorTableTest, AConversationIsAddedForAHashOnce) {
  AnchorTable table(1);
  table.Add(HashWith(7), 3);
  table.Add(HashWith(7), 3);
  table.Add(HashWith(7), 4);
  table.Add(HashWith(8), 3);
  EXPECT_EQ(SlotsOf(table, HashWith(7)), (Slots{3, 4}));
  EXPECT_EQ(SlotsOf(table, HashWith(8)), Slots{3});
  EXPECT_FALSE(table.Find(HashWith(7)).crowded);
  EXPECT_EQ(table.size().anchors, 3U);
  table.Remove(HashWith(7), 3);
  EXPECT_EQ(SlotsOf(table, HashWith(7)), Slots{4});
  EXPECT_EQ(table.size().anchors, 2U);
}

TEST(AnchorTableTest, TheLargestNumber) {
  AnchorTable table(1);
  table.Add(HashWith(7), AnchorTable::kSlotMax - 2);
  EXPECT_EQ(SlotsOf(table, HashWith(7)), Slots{AnchorTable::kSlotMax - 2});
  table.Remove(HashWith(7), AnchorTable::kSlotMax - 2);
  EXPECT_EQ(table.size().anchors, 0U);
}

TEST(AnchorTableTest, OnlyTheTagIsKept) {
  AnchorTable table(2);
  table.Add(HashWith(7, 0, 1), 3);
  EXPECT_EQ(SlotsOf(table, HashWith(7, 0, 2)), Slots{3}) << "whoever asks compares the hashes";
  EXPECT_EQ(SlotsOf(table, HashWith(7, 1, 1)), Slots{}) << "another share";
}

TEST(AnchorTableTest, TheOldestOfFiveGivesWay) {
  AnchorTable table(1);
  for (uint32_t slot = 1; slot <= 4; ++slot) {
    table.Add(HashWith(7), slot);
  }
  EXPECT_FALSE(table.Find(HashWith(7)).crowded);
  for (uint32_t slot = 5; slot <= 12; ++slot) {
    table.Add(HashWith(7), slot);
    EXPECT_EQ(SlotsOf(table, HashWith(7)), (Slots{slot - 3, slot - 2, slot - 1, slot}));
    EXPECT_TRUE(table.Find(HashWith(7)).crowded);
    EXPECT_EQ(table.size().anchors, 4U);
  }
  table.Add(HashWith(7), 9);
  EXPECT_EQ(SlotsOf(table, HashWith(7)), (Slots{9, 10, 11, 12})) << "it is there already";
  table.Remove(HashWith(7), 5);
  EXPECT_EQ(table.size().anchors, 4U) << "it is not there any more";
  table.Add(HashWith(8), 1);
  EXPECT_FALSE(table.Find(HashWith(8)).crowded);
}

// The one that gave way is not known any more, so the one that is found may not be the only one.
TEST(AnchorTableTest, CrowdedStaysSoWhileOneOfThemIsThere) {
  AnchorTable table(1);
  for (uint32_t slot = 1; slot <= 5; ++slot) {
    table.Add(HashWith(7), slot);
  }
  for (const uint32_t slot : {2, 3, 4}) {
    table.Remove(HashWith(7), slot);
  }
  EXPECT_TRUE(table.Find(HashWith(7)).crowded);
  table.Add(HashWith(7), 6);
  table.Remove(HashWith(7), 5);
  EXPECT_EQ(SlotsOf(table, HashWith(7)), Slots{6});
  EXPECT_TRUE(table.Find(HashWith(7)).crowded) << "1 may be waiting";
  table.Remove(HashWith(7), 6);
  table.Add(HashWith(7), 8);
  EXPECT_FALSE(table.Find(HashWith(7)).crowded);
}

// The homes of these tags are the last place of the array, so that their entries continue at its
// beginning; each one is removed with the rest behind it.
TEST(AnchorTableTest, RemovalAroundTheEnd) {
  const uint32_t tags[] = {UINT32_MAX, UINT32_MAX - 1, UINT32_MAX - 2, 0, 1, UINT32_MAX - 3};
  for (const uint32_t removed : tags) {
    SCOPED_TRACE(removed);
    AnchorTable table(1);
    for (const uint32_t tag : tags) {
      table.Add(HashWith(tag), tag / 2);
    }
    table.Remove(HashWith(removed), removed / 2);
    for (const uint32_t tag : tags) {
      EXPECT_EQ(SlotsOf(table, HashWith(tag)), tag == removed ? Slots{} : Slots{tag / 2}) << tag;
    }
    EXPECT_EQ(table.size().anchors, 5U);
  }
}

TEST(AnchorTableTest, GrowthKeepsAll) {
  AnchorTable table(4);
  Random random(1);
  std::vector<Hash128> hashes;
  for (uint32_t slot = 0; slot < 20'000; ++slot) {
    hashes.push_back({.low = random.Next(), .high = random.Next()});
    table.Add(hashes.back(), slot);
  }
  for (uint32_t slot = 0; slot < hashes.size(); ++slot) {
    const Slots found = SlotsOf(table, hashes[slot]);
    ASSERT_TRUE(std::ranges::count(found, slot) == 1) << slot;
  }
  const AnchorTable::Size size = table.size();
  EXPECT_EQ(size.anchors, 20'000U);
  EXPECT_LE(size.bytes, size.anchors * 16) << "at least half of it is in use";
  EXPECT_GE(size.bytes * 3, size.anchors * 8 * 4) << "a third more than what is in use";
}

TEST(AnchorTableTest, ManyAtOnceAreAsOneByOne) {
  for (const size_t shares : {1, 8}) {
    AnchorTable one_by_one(shares);
    AnchorTable at_once(shares);
    at_once.AddAll({});
    Random random(shares);
    std::vector<AnchorTable::Anchor> anchors;
    for (uint32_t slot = 0; slot < 5'000; ++slot) {
      const auto tag = static_cast<uint32_t>(random.Below(900)) << 22;
      anchors.push_back({.hash = HashWith(tag, random.Below(8)), .slot = slot});
      one_by_one.Add(anchors.back().hash, slot);
      if (anchors.size() == 1'000) {
        at_once.AddAll(anchors);
        anchors.clear();
      }
    }
    EXPECT_EQ(at_once.size().anchors, one_by_one.size().anchors);
    for (uint32_t number = 0; number < 900 * 8; ++number) {
      const Hash128 hash = HashWith(number / 8 << 22, number % 8);
      EXPECT_EQ(SlotsOf(at_once, hash), SlotsOf(one_by_one, hash)) << number;
      EXPECT_EQ(at_once.Find(hash).crowded, one_by_one.Find(hash).crowded) << number;
    }
  }
}

// A list for each tag, the one that came first at its front.
class Model final {
 public:
  void Add(uint32_t tag, uint32_t slot) {
    Row& row = rows_[tag];
    if (std::ranges::count(row.slots, slot) > 0) {
      return;
    }
    if (row.slots.size() == AnchorTable::kSameMax) {
      row.slots.erase(row.slots.begin());
      row.crowded = true;
    }
    row.slots.push_back(slot);
  }
  void Remove(uint32_t tag, uint32_t slot) {
    Row& row = rows_[tag];
    std::erase(row.slots, slot);
    row.crowded = row.crowded && !row.slots.empty();
  }
  Slots SlotsOf(uint32_t tag) {
    Slots slots = rows_[tag].slots;
    std::ranges::sort(slots);
    return slots;
  }
  bool crowded(uint32_t tag) { return rows_[tag].crowded; }
  size_t size() const {
    size_t size = 0;
    for (const auto& [tag, row] : rows_) {
      size += row.slots.size();
    }
    return size;
  }

 private:
  struct Row {
    Slots slots;
    bool crowded = false;
  };
  std::map<uint32_t, Row> rows_;
};

// Few tags around the end of the array, and spread over it; as many added as removed, with times of
// more and of less.
TEST(AnchorTableTest, AgreesWithASimpleModel) {
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<uint32_t> tags;
    for (uint32_t i = 0; i < 40; ++i) {
      tags.push_back(i % 2 == 0 ? 0 - i * 3 : static_cast<uint32_t>(random.Next()));
    }
    AnchorTable table(1);
    Model model;
    for (int step = 0; step < 20'000; ++step) {
      const uint32_t tag = tags[random.Below(tags.size())];
      const auto slot = static_cast<uint32_t>(random.Below(8));
      const bool grows = step / 2'000 % 2 == 0;
      if (random.Below(10) < (grows ? 7U : 3U)) {
        table.Add(HashWith(tag), slot);
        model.Add(tag, slot);
      } else {
        table.Remove(HashWith(tag), slot);
        model.Remove(tag, slot);
      }
      const uint32_t looked = tags[random.Below(tags.size())];
      ASSERT_EQ(SlotsOf(table, HashWith(looked)), model.SlotsOf(looked)) << step;
      ASSERT_EQ(table.Find(HashWith(looked)).crowded, model.crowded(looked)) << step;
      ASSERT_EQ(table.size().anchors, model.size()) << step;
    }
    for (const uint32_t tag : tags) {
      EXPECT_EQ(SlotsOf(table, HashWith(tag)), model.SlotsOf(tag)) << tag;
    }
  }
}

}  // namespace
}  // namespace mainstay::session
