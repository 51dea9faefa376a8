#include "base/secret.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace mainstay {
namespace {

constexpr std::string_view kShort = "sk-short-key";  // fits into a string without memory of its own
constexpr std::string_view kLong = "sk-a-key-that-is-longer-than-what-fits-into-a-string";

TEST(Secret, PrintsAsStars) {
  std::ostringstream out;
  out << Secret(std::string(kLong)) << "|" << Secret() << "|" << Secret("x");
  EXPECT_EQ(out.str(), "***||***");
}

struct EqualCase {
  const char* name;
  const char* a;
  const char* b;
  bool want;
};

const EqualCase kEqualCases[] = {
    {"the_same", "abc", "abc", true},
    {"both_empty", "", "", true},
    {"one_empty", "abc", "", false},
    {"the_first_byte_differs", "abc", "xbc", false},
    {"the_last_byte_differs", "abc", "abx", false},
    {"the_beginning", "abc", "ab", false},
    {"another_case", "abc", "ABC", false},
};

TEST(Secret, EqualAsInTheTable) {
  for (const EqualCase& c : kEqualCases) {
    EXPECT_EQ(Secret(c.a) == Secret(c.b), c.want) << c.name;
    EXPECT_EQ(Secret(c.b).Equals(c.a), c.want) << c.name;
  }
  EXPECT_TRUE(Secret().Equals({}));
}

TEST(Secret, CopiesAndMovesKeepTheText) {
  for (const std::string_view text : {kShort, kLong}) {
    const Secret first{std::string(text)};
    Secret copy = first;
    EXPECT_EQ(copy.Expose(), text);
    Secret moved = std::move(copy);
    EXPECT_EQ(moved.Expose(), text);
    EXPECT_TRUE(copy.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    Secret assigned("other");
    assigned = moved;
    EXPECT_EQ(assigned.Expose(), text);
    assigned = std::move(moved);
    EXPECT_EQ(assigned.Expose(), text);
    Secret& alias = assigned;
    assigned = alias;
    EXPECT_EQ(assigned.Expose(), text);
    EXPECT_EQ(first.Expose(), text);
  }
}

// A short secret lies in the object itself, so what is left of it can be looked at.
bool Holds(const std::byte* memory, size_t bytes, std::string_view text) {
  const std::string_view all(reinterpret_cast<const char*>(memory), bytes);
  return all.find(text.substr(0, 4)) != std::string_view::npos ||
         all.find(text.substr(text.size() - 4)) != std::string_view::npos;
}

TEST(Secret, NothingIsLeftOfAShortOne) {
  alignas(Secret) std::byte memory[sizeof(Secret)];
  auto* secret = ::new (static_cast<void*>(memory)) Secret(std::string(kShort));
  ASSERT_TRUE(Holds(memory, sizeof memory, kShort));
  const Secret moved = std::move(*secret);
  EXPECT_FALSE(Holds(memory, sizeof memory, kShort)) << "after a move";
  EXPECT_EQ(moved.Expose(), kShort);

  *secret = Secret(std::string(kShort));
  ASSERT_TRUE(Holds(memory, sizeof memory, kShort));
  *secret = Secret("x");
  EXPECT_FALSE(Holds(memory, sizeof memory, kShort)) << "after an assignment";

  *secret = Secret(std::string(kShort));
  std::destroy_at(secret);
  EXPECT_FALSE(Holds(memory, sizeof memory, kShort)) << "after the end";
}

}  // namespace
}  // namespace mainstay
