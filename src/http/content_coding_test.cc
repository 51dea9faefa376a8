#include "http/content_coding.h"

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>

namespace mainstay::http {
namespace {

using std::string_literals::operator""s;

std::string Deflated(std::string_view text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  std::string in(text);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string Gzip(std::string_view text) {
  return Deflated(text, MAX_WBITS + 16);
}
std::string Zlib(std::string_view text) {
  return Deflated(text, MAX_WBITS);
}
std::string BareDeflate(std::string_view text) {
  return Deflated(text, -MAX_WBITS);
}

std::string Zstd(std::string_view text, int window_log = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  // The streaming call without the size, as clients that stream do; the window is then real.
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_inBuffer input{text.data(), text.size(), 0};
  ZSTD_outBuffer output{out.data(), out.size(), 0};
  size_t left = ZSTD_compressStream2(context, &output, &input, ZSTD_e_flush);
  EXPECT_EQ(left, 0u);
  left = ZSTD_compressStream2(context, &output, &input, ZSTD_e_end);
  EXPECT_EQ(left, 0u);
  out.resize(output.pos);
  ZSTD_freeCCtx(context);
  return out;
}

std::string Brotli(std::string_view text) {
  std::string out(BrotliEncoderMaxCompressedSize(text.size()) + 64, '\0');
  size_t size = out.size();
  EXPECT_TRUE(BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, text.size(),
                                    reinterpret_cast<const uint8_t*>(text.data()), &size,
                                    reinterpret_cast<uint8_t*>(out.data())));
  out.resize(size);
  return out;
}

struct Decoded {
  DecodeStatus status = DecodeStatus::kOk;
  std::string text;
  bool operator==(const Decoded&) const = default;
};
Decoded Decode(Coding coding, std::string_view bytes, size_t max, size_t step) {
  Result<std::unique_ptr<ContentDecoder>> decoder = ContentDecoder::Create(coding);
  Decoded all;
  for (size_t at = 0; at < bytes.size() && all.status == DecodeStatus::kOk; at += step) {
    all.status = (*decoder)->Feed(bytes.substr(at, step), all.text, max);
  }
  EXPECT_EQ((*decoder)->Finish() == DecodeStatus::kOk || all.status == DecodeStatus::kOk,
            all.status == DecodeStatus::kOk);
  all.status = (*decoder)->Finish();
  return all;
}

struct CodingCase {
  const char* name;
  Coding coding;
  std::string bytes;
  DecodeStatus want;
  std::string text = {};
  size_t max = 1 << 20;
};

constexpr DecodeStatus kOk = DecodeStatus::kOk;
constexpr DecodeStatus kCorrupt = DecodeStatus::kCorrupt;
constexpr DecodeStatus kTruncated = DecodeStatus::kTruncated;
constexpr DecodeStatus kGarbage = DecodeStatus::kTrailingGarbage;
constexpr DecodeStatus kTooLarge = DecodeStatus::kTooLarge;

TEST(ContentDecoder, Table) {
  const std::string text = R"({"model":"auto","messages":[{"role":"user","content":"hi hi hi"}]})";
  const std::string large = [] {
    std::string all;
    for (int i = 0; i < 20'000; ++i) {
      all += std::to_string(i) + ",";
    }
    return all;
  }();
  const std::string gzip = Gzip(text);
  const std::string zstd = Zstd(text);
  const std::string brotli = Brotli(text);
  const std::string skippable =
      "\x50\x2a\x4d\x18\x03\x00\x00\x00"
      "abc"s;
  std::string bad_checksum = gzip;
  bad_checksum[gzip.size() - 8] ^= 1;
  const std::string bomb(1 << 20, 'a');
  const CodingCase rows[] = {
      {"identity", Coding::kIdentity, text, kOk, text},
      {"identity_at_limit", Coding::kIdentity, text, kOk, text, text.size()},
      {"identity_over_limit", Coding::kIdentity, text, kTooLarge, text.substr(0, 9), 9},
      {"gzip", Coding::kGzip, gzip, kOk, text},
      {"gzip_of_nothing", Coding::kGzip, Gzip(""), kOk, ""},
      {"gzip_large", Coding::kGzip, Gzip(large), kOk, large},
      {"gzip_two_members", Coding::kGzip, gzip + Gzip("x"), kOk, text + "x"},
      {"gzip_at_limit", Coding::kGzip, gzip, kOk, text, text.size()},
      {"gzip_over_limit", Coding::kGzip, gzip, kTooLarge, text.substr(0, text.size() - 1),
       text.size() - 1},
      {"gzip_members_over_limit", Coding::kGzip, gzip + gzip, kTooLarge, text, text.size()},
      {"gzip_bomb", Coding::kGzip, Gzip(bomb), kTooLarge, bomb.substr(0, 1000), 1000},
      {"gzip_limit_zero", Coding::kGzip, gzip, kTooLarge, "", 0},
      {"gzip_of_nothing_limit_zero", Coding::kGzip, Gzip(""), kOk, "", 0},
      {"gzip_truncated", Coding::kGzip, gzip.substr(0, gzip.size() - 1), kTruncated, text},
      {"gzip_garbage", Coding::kGzip, gzip + "x", kGarbage, text},
      {"gzip_zeros_after", Coding::kGzip, gzip + "\0"s, kGarbage, text},
      {"gzip_bad_checksum", Coding::kGzip, bad_checksum, kCorrupt, text},
      {"gzip_is_not", Coding::kGzip, text, kCorrupt, ""},
      {"gzip_is_zlib", Coding::kGzip, Zlib(text), kCorrupt, ""},
      {"zlib", Coding::kDeflate, Zlib(text), kOk, text},
      {"bare_deflate", Coding::kDeflate, BareDeflate(text), kOk, text},
      {"bare_deflate_truncated", Coding::kDeflate,
       BareDeflate(text).substr(0, BareDeflate(text).size() - 1), kTruncated},
      {"zlib_garbage", Coding::kDeflate, Zlib(text) + "x", kGarbage, text},
      {"zlib_two_members", Coding::kDeflate, Zlib(text) + Zlib(text), kGarbage, text},
      {"zlib_bomb", Coding::kDeflate, Zlib(bomb), kTooLarge, bomb.substr(0, 1000), 1000},
      {"zstd", Coding::kZstd, zstd, kOk, text},
      {"zstd_large", Coding::kZstd, Zstd(large), kOk, large},
      {"zstd_two_frames", Coding::kZstd, zstd + Zstd("x"), kOk, text + "x"},
      {"zstd_skippable_frame", Coding::kZstd, zstd + skippable, kOk, text},
      {"zstd_bomb", Coding::kZstd, Zstd(bomb), kTooLarge, bomb.substr(0, 1000), 1000},
      {"zstd_truncated", Coding::kZstd, zstd.substr(0, zstd.size() - 1), kTruncated},
      {"zstd_garbage", Coding::kZstd, zstd + "x", kGarbage, text},
      {"zstd_is_not", Coding::kZstd, text, kCorrupt, ""},
      {"zstd_window_of_8_mib", Coding::kZstd, Zstd(text, 23), kOk, text},
      {"zstd_window_of_16_mib", Coding::kZstd, Zstd(text, 24), kCorrupt, ""},
      {"brotli", Coding::kBrotli, brotli, kOk, text},
      {"brotli_large", Coding::kBrotli, Brotli(large), kOk, large},
      {"brotli_bomb", Coding::kBrotli, Brotli(bomb), kTooLarge, bomb.substr(0, 1000), 1000},
      {"brotli_truncated", Coding::kBrotli, brotli.substr(0, brotli.size() - 1), kTruncated},
      {"brotli_garbage", Coding::kBrotli, brotli + "x", kGarbage, text},
      {"brotli_is_not", Coding::kBrotli, "\xff\xff\xff\xff\xff\xff"s, kCorrupt, ""},
      {"empty_gzip", Coding::kGzip, "", kOk, ""},
      {"empty_zstd", Coding::kZstd, "", kOk, ""},
      {"empty_brotli", Coding::kBrotli, "", kOk, ""},
  };
  for (const CodingCase& row : rows) {
    SCOPED_TRACE(row.name);
    const Decoded whole = Decode(row.coding, row.bytes, row.max, row.bytes.size() + 1);
    EXPECT_EQ(whole.status, row.want) << Describe(whole.status);
    EXPECT_LE(whole.text.size(), row.max);
    if (row.want != kTruncated) {
      EXPECT_TRUE(whole.text == row.text) << whole.text.size();
    }
    for (const size_t step : {1, 2, 3, 7, 1000}) {
      const Decoded split = Decode(row.coding, row.bytes, row.max, step);
      EXPECT_EQ(split.status, row.want) << step;
      EXPECT_TRUE(split.text == whole.text) << step << ": " << split.text.size();
    }
  }
}

TEST(ContentDecoder, RepeatsItsLastWord) {
  auto decoder = ContentDecoder::Create(Coding::kGzip);
  std::string out;
  EXPECT_EQ((*decoder)->Feed("no", out, 10), kCorrupt);
  EXPECT_EQ((*decoder)->Feed(Gzip("a"), out, 10), kCorrupt);
  EXPECT_EQ((*decoder)->Finish(), kCorrupt);
  EXPECT_EQ(out, "");
}

TEST(ContentDecoder, OutputNeedNotBeKept) {
  auto decoder = ContentDecoder::Create(Coding::kIdentity);
  std::string out;
  EXPECT_EQ((*decoder)->Feed("12345", out, 8), kOk);
  out.clear();
  EXPECT_EQ((*decoder)->Feed("678", out, 8), kOk);
  EXPECT_EQ(out, "678");
  EXPECT_EQ((*decoder)->Feed("9", out, 8), kTooLarge);
}

TEST(ContentDecoder, UnknownIsRefused) {
  const auto decoder = ContentDecoder::Create(Coding::kUnknown);
  ASSERT_FALSE(decoder.has_value());
  EXPECT_EQ(decoder.error().kind, ErrorKind::kUnsupportedEncoding);
}

TEST(ParseCoding, Table) {
  struct Row {
    const char* value;
    Coding want;
  };
  const Row rows[] = {
      {"", Coding::kIdentity},        {"identity", Coding::kIdentity},
      {"gzip", Coding::kGzip},        {" GZip\t", Coding::kGzip},
      {"x-gzip", Coding::kGzip},      {"deflate", Coding::kDeflate},
      {"zstd", Coding::kZstd},        {"br", Coding::kBrotli},
      {"compress", Coding::kUnknown}, {"gzip, br", Coding::kUnknown},
      {"gzip,", Coding::kUnknown},    {"*", Coding::kUnknown},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ParseCoding(row.value), row.want) << row.value;
  }
}

}  // namespace
}  // namespace mainstay::http
