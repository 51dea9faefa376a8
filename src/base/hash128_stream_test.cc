#include "base/hash128_stream.h"

#include <gtest/gtest.h>

#include <string>

namespace mainstay {
namespace {

std::string Content(size_t bytes) {
  std::string content;
  for (size_t i = 0; i < bytes; ++i) {
    content += static_cast<char>(i * 131 >> 3);
  }
  return content;
}

TEST(Hash128Stream, PiecesHashLikeTheWhole) {
  for (const size_t bytes : {0u, 1u, 16u, 240u, 241u, 256u, 257u, 1'024u, 5'000u}) {
    const std::string content = Content(bytes);
    for (const size_t step : {1u, 7u, 64u, 255u, 256u, 1'025u, 8'192u}) {
      for (const uint64_t seed : {uint64_t{0}, uint64_t{0x9E3779B97F4A7C15}}) {
        Hash128Stream stream;
        stream.Start(seed);
        for (size_t at = 0; at < content.size(); at += step) {
          stream.Add(std::string_view(content).substr(at, step));
        }
        EXPECT_EQ(stream.Hash(), HashOf(content, seed)) << bytes << " by " << step;
      }
    }
  }
}

TEST(Hash128Stream, ACopyGoesOnByItself) {
  Hash128Stream stream;
  stream.Start(7);
  stream.Add(Content(700));
  Hash128Stream copy = stream;
  stream.Add("left");
  copy.Add("right");
  EXPECT_EQ(stream.Hash(), HashOf(Content(700) + "left", 7));
  EXPECT_EQ(copy.Hash(), HashOf(Content(700) + "right", 7));
}

TEST(Hash128Stream, StartForgetsWhatWasAdded) {
  Hash128Stream stream;
  stream.Start(7);
  stream.Add("before");
  stream.Start(8);
  stream.Add("after");
  EXPECT_EQ(stream.Hash(), HashOf("after", 8));
}

}  // namespace
}  // namespace mainstay
