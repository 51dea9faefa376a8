// However a body is split over reads, payload, verdict and end are the same; nothing beyond the
// input or the end is consumed. The first byte of the input seeds the splits.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/chunked.h"

namespace mainstay::http {
namespace {

struct Decoded {
  std::string payload;
  size_t consumed = 0;
  ChunkedDecoder::Status status = ChunkedDecoder::Status::kMore;
  bool operator==(const Decoded&) const = default;
};

// `seed` 0 gives everything at once.
Decoded Decode(std::string_view text, uint32_t seed) {
  ChunkedDecoder decoder;
  Decoded all;
  while (all.consumed < text.size() && all.status == ChunkedDecoder::Status::kMore) {
    seed = seed * 1'664'525 + (seed != 0 ? 1'013'904'223 : 0);
    const size_t take = seed == 0 ? text.size() : 1 + (seed >> 24) % 16;
    const std::string_view piece = text.substr(all.consumed, take);
    Pieces pieces;
    const ChunkedDecoder::Result got = decoder.Decode(piece, pieces);
    if (got.consumed > piece.size() || (got.status == ChunkedDecoder::Status::kMore &&
                                        got.consumed < piece.size() && !pieces.full())) {
      std::abort();
    }
    for (const std::string_view payload : pieces) {
      if (payload.empty() || payload.data() < piece.data() ||
          payload.data() + payload.size() > piece.data() + got.consumed) {
        std::abort();
      }
      all.payload += payload;
    }
    all.consumed += got.consumed;
    all.status = got.status;
  }
  if (all.payload.size() != decoder.payload_bytes() || all.payload.size() > all.consumed) {
    std::abort();
  }
  return all;
}

}  // namespace
}  // namespace mainstay::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = mainstay::http::Decode(text, 0);
  if (!(mainstay::http::Decode(text, data[0] + 1u) == whole)) {
    std::abort();
  }
  return 0;
}
