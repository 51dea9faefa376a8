#include "http/content_coding.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.h"
#include "http/header_id.h"

namespace mainstay::http {
namespace {

// Output of one library call. Large enough that calls do not count, small enough for the stack.
constexpr size_t kStepBytes = 16'384;
constexpr int kZstdWindowLogMax = 23;  // 8 MiB, what RFC 9659 asks every decoder to accept

// zlib counts in 32 bits.
uInt ClampToUInt(size_t size) {
  return static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max()));
}

class IdentityDecoder final : public ContentDecoder {
 protected:
  Progress Run(std::string_view& in, char* out, size_t room) override {
    const size_t take = in.copy(out, room);
    in.remove_prefix(take);
    return {.status = DecodeStatus::kOk, .written = take, .at_end = in.empty()};
  }
  // Identity has no end of its own, so that there is always another part.
  bool StartMember(std::string_view) override { return true; }
};

class InflateDecoder final : public ContentDecoder {
 public:
  explicit InflateDecoder(Coding coding) : coding_(coding) {}
  ~InflateDecoder() override {
    if (open_) {
      inflateEnd(&stream_);
    }
  }

 protected:
  Progress Run(std::string_view& in, char* out, size_t room) override {
    const uInt in_bytes = ClampToUInt(in.size());
    const uInt out_bytes = ClampToUInt(room);
    // zlib does not write through next_in; its declaration predates const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = in_bytes;
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = out_bytes;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(in_bytes - stream_.avail_in);
    const bool good = code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR;
    return {.status = good ? DecodeStatus::kOk : DecodeStatus::kCorrupt,
            .written = out_bytes - stream_.avail_out,
            .at_end = code == Z_STREAM_END};
  }

  bool StartMember(std::string_view in) override {
    const auto first = static_cast<uint8_t>(in.front());
    if (open_) {
      return coding_ == Coding::kGzip && first == 0x1f && inflateReset(&stream_) == Z_OK;
    }
    // `deflate` without the zlib header is common enough to be accepted. Its first byte would have
    // to be a stored block with padding that is not zero to be taken for that header.
    const bool has_zlib_header = (first & 0x0f) == Z_DEFLATED && first >> 4 <= 7;
    const int window_bits = coding_ == Coding::kGzip ? MAX_WBITS + 16
                            : has_zlib_header        ? MAX_WBITS
                                                     : -MAX_WBITS;
    open_ = inflateInit2(&stream_, window_bits) == Z_OK;
    return open_;
  }

 private:
  const Coding coding_;
  z_stream stream_{};
  bool open_ = false;
};

class ZstdDecoder final : public ContentDecoder {
 protected:
  Progress Run(std::string_view& in, char* out, size_t room) override {
    ZSTD_inBuffer input{.src = in.data(), .size = in.size(), .pos = 0};
    ZSTD_outBuffer output{.dst = out, .size = room, .pos = 0};
    const size_t code = ZSTD_decompressStream(stream_.get(), &output, &input);
    in.remove_prefix(input.pos);
    return {.status = ZSTD_isError(code) != 0 ? DecodeStatus::kCorrupt : DecodeStatus::kOk,
            .written = output.pos,
            .at_end = code == 0};
  }

  bool StartMember(std::string_view in) override {
    if (stream_ == nullptr) {
      stream_.reset(ZSTD_createDStream());
      return stream_ != nullptr && ZSTD_isError(ZSTD_DCtx_setParameter(
                                       stream_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax)) == 0;
    }
    // The first byte of a frame's magic number, or of a skippable frame's.
    const auto first = static_cast<uint8_t>(in.front());
    return first == 0x28 || first >> 4 == 5;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
};

class BrotliDecoder final : public ContentDecoder {
 protected:
  Progress Run(std::string_view& in, char* out, size_t room) override {
    size_t in_bytes = in.size();
    size_t out_bytes = room;
    const auto* next_in = reinterpret_cast<const uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<uint8_t*>(out);
    const BrotliDecoderResult code = BrotliDecoderDecompressStream(
        state_.get(), &in_bytes, &next_in, &out_bytes, &next_out, nullptr);
    in.remove_prefix(in.size() - in_bytes);
    return {
        .status = code == BROTLI_DECODER_RESULT_ERROR ? DecodeStatus::kCorrupt : DecodeStatus::kOk,
        .written = room - out_bytes,
        .at_end = code == BROTLI_DECODER_RESULT_SUCCESS};
  }

  bool StartMember(std::string_view) override {
    if (state_ != nullptr) {
      return false;
    }
    state_.reset(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr));
    return state_ != nullptr;
  }

 private:
  struct Free {
    void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliDecoderState, Free> state_;
};

std::string_view TrimBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

Coding ParseCoding(std::string_view value) {
  struct Row {
    std::string_view name;
    Coding coding;
  };
  constexpr Row kRows[] = {
      {"", Coding::kIdentity},   {"identity", Coding::kIdentity}, {"gzip", Coding::kGzip},
      {"x-gzip", Coding::kGzip}, {"deflate", Coding::kDeflate},   {"zstd", Coding::kZstd},
      {"br", Coding::kBrotli},
  };
  for (const Row& row : kRows) {
    if (EqualsIgnoreCase(TrimBlanks(value), row.name)) {
      return row.coding;
    }
  }
  return Coding::kUnknown;
}

std::string_view Describe(DecodeStatus status) {
  switch (status) {
    case DecodeStatus::kOk:
      return "decoded";
    case DecodeStatus::kTooLarge:
      return "the body is too large when it is decompressed";
    case DecodeStatus::kCorrupt:
      return "the body is not what its content-encoding says";
    case DecodeStatus::kTrailingGarbage:
      return "bytes follow the end of the compressed body";
    case DecodeStatus::kTruncated:
      return "the compressed body is not complete";
  }
  MS_CHECK(false);
  return {};
}

Result<std::unique_ptr<ContentDecoder>> ContentDecoder::Create(Coding coding) {
  std::unique_ptr<ContentDecoder> decoder;
  switch (coding) {
    case Coding::kIdentity:
      decoder = std::make_unique<IdentityDecoder>();
      break;
    case Coding::kGzip:
    case Coding::kDeflate:
      decoder = std::make_unique<InflateDecoder>(coding);
      break;
    case Coding::kZstd:
      decoder = std::make_unique<ZstdDecoder>();
      break;
    case Coding::kBrotli:
      decoder = std::make_unique<BrotliDecoder>();
      break;
    case Coding::kUnknown:
      return Error{.kind = ErrorKind::kUnsupportedEncoding,
                   .side = Side::kClient,
                   .retry = Retry::kNever,
                   .message = "unsupported content-encoding; use gzip, deflate, zstd, br or none",
                   .param = {},
                   .retry_after = {}};
  }
  return decoder;
}

DecodeStatus ContentDecoder::Feed(std::string_view in, std::string& out, size_t out_bytes_max) {
  if (status_ == DecodeStatus::kOk) {
    status_ = Decode(in, out, out_bytes_max);
  }
  return status_;
}

DecodeStatus ContentDecoder::Decode(std::string_view in, std::string& out, size_t out_bytes_max) {
  std::array<char, kStepBytes> buffer;
  bool output_pending = false;  // the last step filled the buffer, so that there may be more
  while (!in.empty() || output_pending) {
    if (!started_ || at_end_) {
      if (!StartMember(in)) {
        return started_ ? DecodeStatus::kTrailingGarbage : DecodeStatus::kCorrupt;
      }
      started_ = true;
      at_end_ = false;
    }
    // One byte more than allowed, to tell a body that just fits from one that does not.
    const size_t left = out_bytes_max - std::min(out_bytes_max, decoded_bytes_);
    const size_t room = std::min(buffer.size(), left == SIZE_MAX ? left : left + 1);
    const size_t in_bytes = in.size();
    const Progress step = Run(in, buffer.data(), room);
    out.append(buffer.data(), std::min(step.written, left));
    decoded_bytes_ += step.written;
    if (step.written > left) {
      return DecodeStatus::kTooLarge;
    }
    if (step.status != DecodeStatus::kOk) {
      return step.status;
    }
    at_end_ = step.at_end;
    output_pending = !at_end_ && step.written == room;
    if (!at_end_ && step.written == 0 && in.size() == in_bytes && !in.empty()) {
      return DecodeStatus::kCorrupt;  // A decoder that takes nothing and gives nothing is stuck.
    }
  }
  return DecodeStatus::kOk;
}

DecodeStatus ContentDecoder::Finish() {
  if (status_ == DecodeStatus::kOk && started_ && !at_end_) {
    status_ = DecodeStatus::kTruncated;
  }
  return status_;
}

}  // namespace mainstay::http
