#include "http/chunked.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace mainstay::http {
namespace {

using std::string_literals::operator""s;
using Status = ChunkedDecoder::Status;

struct Decoded {
  std::string payload;
  size_t consumed = 0;
  Status status = Status::kMore;
  std::string problem;
  bool operator==(const Decoded&) const = default;
};

// Feeds the text in pieces of `step` bytes, each until it is used up.
Decoded Decode(std::string_view text, size_t step) {
  ChunkedDecoder decoder;
  Decoded all;
  while (all.consumed < text.size() && all.status == Status::kMore) {
    const std::string_view piece = text.substr(all.consumed, step);
    size_t used = 0;
    while (used < piece.size() && all.status == Status::kMore) {
      Pieces pieces;
      const ChunkedDecoder::Result got = decoder.Decode(piece.substr(used), pieces);
      for (const std::string_view payload : pieces) {
        EXPECT_FALSE(payload.empty());
        all.payload += payload;
      }
      used += got.consumed;
      all.status = got.status;
      all.problem = got.problem;
    }
    all.consumed += used;
  }
  EXPECT_EQ(decoder.payload_bytes(), all.payload.size());
  EXPECT_EQ(decoder.done(), all.status == Status::kDone);
  return all;
}

struct ChunkedCase {
  std::string name;
  std::string text;
  Status want = Status::kDone;
  std::string payload = {};
  size_t left = 0;  // bytes of `text` behind the end of the body
};
void PrintTo(const ChunkedCase& row, std::ostream* out) {
  *out << row.name;
}

std::string Repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}
std::string Extension(size_t bytes) {
  return "1;" + std::string(bytes - 1, 'x') + "\r\na\r\n";
}

const ChunkedCase kCases[] = {
    {"empty_body", "0\r\n\r\n"},
    {"one_chunk", "5\r\nhello\r\n0\r\n\r\n", Status::kDone, "hello"},
    {"two_chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", Status::kDone, "hello world"},
    {"hex_in_both_cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", Status::kDone,
     "01234567890123456789"},
    {"leading_zeros", "0000000000000005\r\nhello\r\n00\r\n\r\n", Status::kDone, "hello"},
    {"payload_of_line_ends", "4\r\n\r\n\r\n\r\n0\r\n\r\n", Status::kDone, "\r\n\r\n"},
    {"payload_of_any_byte", "3\r\n\0\xff\n\r\n0\r\n\r\n"s, Status::kDone, "\0\xff\n"s},
    {"next_message_is_left", "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n", Status::kDone, "a", 16},
    {"extra_line_end_is_left", "0\r\n\r\n\r\n", Status::kDone, "", 2},
    {"extension", "1;a=b;c=\"d e\"\r\nx\r\n0;z\r\n\r\n", Status::kDone, "x"},
    {"extension_with_tab_and_high_bytes", "1;\t\xc3\xa9\r\nx\r\n0\r\n\r\n", Status::kDone, "x"},
    {"extension_at_limit", Extension(1024) + "0\r\n\r\n", Status::kDone, "a"},
    {"extension_over_limit", Extension(1025) + "0\r\n\r\n", Status::kBad},
    {"extensions_out_of_proportion", Repeat(Extension(1000), 17) + "0\r\n\r\n", Status::kBad,
     Repeat("a", 16)},
    {"trailers", "1\r\na\r\n0\r\nDigest: x\r\nX-B:\r\n\r\n", Status::kDone, "a"},
    {"trailers_at_limit", "0\r\nA:" + std::string(8192 - 6, 'x') + "\r\n\r\n", Status::kDone},
    {"trailers_over_limit", "0\r\nA:" + std::string(8192 - 5, 'x') + "\r\n\r\n", Status::kBad},
    {"trailers_over_limit_together", "0\r\n" + Repeat("A: b\r\n", 1400) + "\r\n", Status::kBad},
    {"trailer_without_colon", "0\r\nDigest\r\n\r\n", Status::kBad},
    {"trailer_folded", "0\r\nA: b\r\n c\r\n\r\n", Status::kBad},
    {"trailer_blank_before_colon", "0\r\nA : b\r\n\r\n", Status::kBad},
    {"trailer_with_nul", "0\r\nA: \0\r\n\r\n"s, Status::kBad},
    {"trailer_with_lf", "0\r\nA: b\n\r\n", Status::kBad},
    {"trailer_with_cr", "0\r\nA: b\rc\r\n\r\n", Status::kBad},
    {"ends_in_lf", "0\r\n\n", Status::kBad},
    {"ends_in_cr_x", "0\r\n\rx", Status::kBad},
    {"no_size", "\r\nhello", Status::kBad},
    {"no_size_but_extension", ";a\r\n", Status::kBad},
    {"size_with_plus", "+5\r\nhello\r\n", Status::kBad},
    {"size_with_minus", "-5\r\nhello\r\n", Status::kBad},
    {"size_with_0x", "0x5\r\nhello\r\n", Status::kBad},
    {"size_after_blank", " 5\r\nhello\r\n", Status::kBad},
    {"size_before_blank", "5 \r\nhello\r\n", Status::kBad},
    {"size_before_blank_and_extension", "5 ;a\r\nhello\r\n", Status::kBad},
    {"size_not_hex", "5g\r\nhello\r\n", Status::kBad},
    {"size_with_underscore", "1_0\r\nhello\r\n", Status::kBad},
    {"size_line_ends_in_lf", "5\nhello\r\n0\r\n\r\n", Status::kBad},
    {"size_line_ends_in_cr", "5\rhello", Status::kBad},
    {"extension_ends_in_lf", "5;a\nhello\r\n0\r\n\r\n", Status::kBad},
    {"extension_with_cr", "5;a\rb\r\nhello\r\n", Status::kBad},
    {"extension_with_nul", "5;\0\r\nhello\r\n"s, Status::kBad},
    {"size_at_limit", "1000000000000000\r\n", Status::kMore},
    {"size_over_limit", "1000000000000001\r\n", Status::kBad},
    {"size_of_17_digits", "00000000000000005\r\n", Status::kBad},
    {"size_wraps", "ffffffffffffffff\r\n", Status::kBad},
    {"size_wraps_to_five", "10000000000000005\r\nhello\r\n0\r\n\r\n", Status::kBad},
    {"chunk_longer_than_its_size", "4\r\nhello\r\n0\r\n\r\n", Status::kBad, "hell"},
    {"chunk_shorter_than_its_size", "6\r\nhello\r\n0\r\n\r\n", Status::kBad, "hello\r"},
    {"chunk_ends_in_lf", "5\r\nhello\n0\r\n\r\n", Status::kBad, "hello"},
    {"chunk_ends_in_cr_x", "5\r\nhello\rx", Status::kBad, "hello"},
    {"incomplete_size", "5", Status::kMore},
    {"incomplete_payload", "5\r\nhel", Status::kMore, "hel"},
    {"incomplete_end", "0\r\n\r", Status::kMore},
    {"many_chunks", Repeat("1\r\na\r\n", 100) + "0\r\n\r\n", Status::kDone, std::string(100, 'a')},
};

class ChunkedTest : public testing::TestWithParam<ChunkedCase> {};
TEST_P(ChunkedTest, GivesThePayloadHoweverItIsSplit) {
  const ChunkedCase& row = GetParam();
  const Decoded whole = Decode(row.text, row.text.size());
  EXPECT_EQ(whole.status, row.want) << whole.problem;
  EXPECT_EQ(whole.problem.empty(), row.want != Status::kBad);
  EXPECT_EQ(whole.payload, row.payload);
  if (row.want == Status::kDone) {
    EXPECT_EQ(row.text.size() - whole.consumed, row.left);
  }
  for (size_t step = 1; step < std::min<size_t>(row.text.size(), 40); ++step) {
    ASSERT_EQ(Decode(row.text, step), whole) << step;
  }
}
INSTANTIATE_TEST_SUITE_P(Table, ChunkedTest, testing::ValuesIn(kCases),
                         [](const auto& param) { return param.param.name; });

TEST(ChunkedDecoder, StopsWhenThePiecesAreUsedUp) {
  const std::string text = Repeat("1\r\na\r\n", Pieces::kCapacity + 1) + "0\r\n\r\n";
  ChunkedDecoder decoder;
  Pieces pieces;
  const auto first = decoder.Decode(text, pieces);
  EXPECT_EQ(first.status, Status::kMore);
  EXPECT_TRUE(pieces.full());
  const auto stuck = decoder.Decode(std::string_view(text).substr(first.consumed), pieces);
  EXPECT_EQ(stuck.consumed, 0u);
  pieces.Clear();
  const auto rest = decoder.Decode(std::string_view(text).substr(first.consumed), pieces);
  EXPECT_EQ(rest.status, Status::kDone);
  EXPECT_EQ(pieces.size(), 1u);
  EXPECT_EQ(first.consumed + rest.consumed, text.size());
}

TEST(ChunkedDecoder, PayloadIsNotCopied) {
  const std::string text = "5\r\nhello\r\n0\r\n\r\n";
  ChunkedDecoder decoder;
  Pieces pieces;
  ASSERT_EQ(decoder.Decode(text, pieces).status, Status::kDone);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].data(), text.data() + 3);
}

TEST(ChunkedDecoder, RepeatsItsLastWord) {
  ChunkedDecoder decoder;
  Pieces pieces;
  ASSERT_EQ(decoder.Decode("0\r\n\r\n", pieces).status, Status::kDone);
  EXPECT_EQ(decoder.Decode("5\r\n", pieces).consumed, 0u);
  EXPECT_EQ(decoder.Decode("5\r\n", pieces).status, Status::kDone);
  ChunkedDecoder broken;
  ASSERT_EQ(broken.Decode("x", pieces).status, Status::kBad);
  EXPECT_EQ(broken.Decode("0\r\n\r\n", pieces).status, Status::kBad);
  EXPECT_FALSE(broken.Decode("0\r\n\r\n", pieces).problem.empty());
}

TEST(AppendChunkHead, WritesWhatTheDecoderReads) {
  struct Row {
    uint64_t size;
    const char* want;
  };
  const Row rows[] = {{1, "1\r\n"},
                      {15, "f\r\n"},
                      {16, "10\r\n"},
                      {255, "ff\r\n"},
                      {4096, "1000\r\n"},
                      {ChunkedDecoder::kChunkBytesMax, "1000000000000000\r\n"},
                      {UINT64_MAX, "ffffffffffffffff\r\n"}};
  for (const Row& row : rows) {
    char out[kChunkHeadMax];
    const size_t size = AppendChunkHead(row.size, out);
    EXPECT_EQ(std::string_view(out, size), row.want);
  }
}

TEST(ChunkedDecoder, AHeadThatEndsWithThePieceBringsNoPayload) {
  ChunkedDecoder decoder;
  Pieces pieces;
  decoder.Decode("1\r\na", pieces);
  ASSERT_EQ(pieces.size(), 1U);
  pieces.Clear();
  EXPECT_EQ(decoder.Decode("\r\nffff\r\n", pieces).consumed, 8U);
  EXPECT_TRUE(pieces.empty());
  decoder.Decode("b", pieces);
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces[0], "b");
}

}  // namespace
}  // namespace mainstay::http
