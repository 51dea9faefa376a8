#include "http/io/buffer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace mainstay::io {
namespace {

TEST(BufferTest, AnEmptyBufferHoldsNoBlock) {
  BufferPool pool;
  Buffer buffer(pool);
  EXPECT_FALSE(buffer.held());
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.view(), "");
  EXPECT_EQ(buffer.room(), 0U);
  buffer.Append("");
  EXPECT_FALSE(buffer.held());
}

struct ReserveCase {
  const char* name;
  size_t content;
  size_t consumed;
  size_t more;
  size_t want_capacity;  // of the block afterwards
};

TEST(BufferTest, ReserveKeepsTheContentAndMakesRoom) {
  const size_t k = 1024;
  const ReserveCase cases[] = {
      {"first_block", 0, 0, 1, 16 * k},
      {"exactly_the_smallest", 0, 0, 16 * k, 16 * k},
      {"one_more_than_the_smallest", 0, 0, 16 * k + 1, 32 * k},
      {"room_is_left", 10 * k, 0, 6 * k, 16 * k},
      {"room_after_moving_to_the_front", 12 * k, 8 * k, 10 * k, 16 * k},
      {"no_room_even_then", 12 * k, 1 * k, 6 * k, 32 * k},
      {"larger_than_the_pool_keeps", 1, 0, 5000 * k, 8192 * k},
  };
  for (const ReserveCase& row : cases) {
    BufferPool pool;
    Buffer buffer(pool);
    std::string content(row.content, '\0');
    std::mt19937 random(1);
    for (char& byte : content) {
      byte = static_cast<char>(random());
    }
    buffer.Append(content);
    buffer.Consume(row.consumed);
    buffer.Reserve(row.more);
    EXPECT_TRUE(buffer.view() == std::string_view(content).substr(row.consumed)) << row.name;
    EXPECT_GE(buffer.room(), row.more) << row.name;
    // Bytes in front of the content count as capacity as well.
    EXPECT_LE(buffer.size() + buffer.room(), row.want_capacity) << row.name;
    EXPECT_GE(buffer.size() + buffer.room() + row.consumed, row.want_capacity) << row.name;
    std::fill_n(buffer.tail(), buffer.room() + kBufferPadding, 'x');  // all of it may be touched
  }
}

TEST(BufferTest, ConsumeToTheEndStartsAgainAtTheFront) {
  BufferPool pool;
  Buffer buffer(pool);
  buffer.Append("abc");
  const char* front = buffer.data();
  buffer.Consume(2);
  EXPECT_EQ(buffer.view(), "c");
  buffer.Consume(1);
  EXPECT_TRUE(buffer.empty());
  EXPECT_TRUE(buffer.held());
  EXPECT_EQ(buffer.tail(), front);
}

TEST(BufferTest, TruncateCutsTheEnd) {
  BufferPool pool;
  Buffer buffer(pool);
  buffer.Append("abcdef");
  buffer.Consume(1);
  buffer.Truncate(2);
  EXPECT_EQ(buffer.view(), "bc");
  buffer.Append("x");
  EXPECT_EQ(buffer.view(), "bcx");
}

TEST(BufferTest, MovingTakesTheBlockAlong) {
  BufferPool pool;
  Buffer first(pool);
  first.Append("abc");
  const char* data = first.data();
  Buffer second(std::move(first));
  EXPECT_EQ(second.data(), data);
  EXPECT_FALSE(first.held());  // NOLINT: moved-from is empty by contract
  Buffer third(pool);
  third.Append("gone");
  third = std::move(second);
  EXPECT_EQ(third.view(), "abc");
  EXPECT_EQ(third.data(), data);
}

TEST(BufferTest, ThePoolGivesTheLastReleasedBlockFirst) {
  BufferPool pool;
  Buffer first(pool);
  Buffer second(pool);
  first.Append("a");
  second.Append("b");
  const char* last = second.data();
  first.Release();
  second.Release();
  Buffer third(pool);
  third.Append("c");
  EXPECT_EQ(third.data(), last);
}

TEST(BufferTest, ThePoolKeepsNoMoreThanItsLimit) {
  BufferPool pool;
  std::vector<Buffer> buffers;
  const size_t block = 1 << 20;
  for (size_t i = 0; i < 2 * BufferPool::kIdleBytesMax / block; ++i) {
    buffers.emplace_back(pool);
    buffers.back().Reserve(block);
  }
  buffers.clear();  // what is over the limit goes back to the allocator: leaks would show here
  Buffer again(pool);
  again.Reserve(block);
  EXPECT_GE(again.room(), block);
}

TEST(BufferTest, ThePaddingIsReadable) {
  BufferPool pool;
  Buffer buffer(pool);
  buffer.Append(std::string(16 << 10, 'x'));
  EXPECT_EQ(buffer.room(), 0U);
  unsigned sum = 0;
  for (size_t i = 0; i < kBufferPadding; ++i) {
    sum += static_cast<unsigned char>(buffer.tail()[i]);
  }
  EXPECT_EQ(sum, 0U);
}

// Random use against a string that does the same.
TEST(BufferTest, AgreesWithAStringUnderRandomUse) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    BufferPool pool;
    Buffer buffer(pool);
    std::string model;
    for (int step = 0; step < 2'000; ++step) {
      const uint64_t what = random() % 10;
      if (what < 5) {
        const std::string bytes(random() % 5'000, static_cast<char>('a' + step % 26));
        buffer.Append(bytes);
        model += bytes;
      } else if (what < 9) {
        const size_t bytes = model.empty() ? 0 : random() % (model.size() + 1);
        buffer.Consume(bytes);
        model.erase(0, bytes);
      } else if (random() % 4 == 0) {
        buffer.Release();
        model.clear();
      } else {
        buffer.Reserve(random() % 40'000);
      }
      ASSERT_TRUE(buffer.view() == model);
    }
  }
}

}  // namespace
}  // namespace mainstay::io
