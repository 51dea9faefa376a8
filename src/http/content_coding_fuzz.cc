// Any bytes in any coding: no crash, never more than the limit, and splits make no difference to a
// body that is good. The first byte chooses the coding, the second the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/content_coding.h"

namespace mainstay::http {
namespace {

constexpr size_t kOutBytesMax = 65'536;

struct Decoded {
  DecodeStatus status = DecodeStatus::kOk;
  std::string text;
};
Decoded Decode(Coding coding, std::string_view bytes, size_t step) {
  auto decoder = ContentDecoder::Create(coding);
  Decoded all;
  for (size_t at = 0; at < bytes.size() && all.status == DecodeStatus::kOk; at += step) {
    all.status = (*decoder)->Feed(bytes.substr(at, step), all.text, kOutBytesMax);
    if (all.text.size() > kOutBytesMax) {
      std::abort();
    }
  }
  const DecodeStatus last = (*decoder)->Finish();
  if (all.status != DecodeStatus::kOk && last != all.status) {
    std::abort();
  }
  all.status = last;
  return all;
}

}  // namespace
}  // namespace mainstay::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using mainstay::http::Coding;
  using mainstay::http::Decode;
  using mainstay::http::DecodeStatus;
  if (size < 2) {
    return 0;
  }
  constexpr Coding kCodings[] = {Coding::kIdentity, Coding::kGzip, Coding::kDeflate, Coding::kZstd,
                                 Coding::kBrotli};
  // Printable selectors, so that text files can be seeds: '0' to '4'.
  const Coding coding = kCodings[data[0] % 16 % 5];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto whole = Decode(coding, bytes, bytes.size() + 1);
  const auto split = Decode(coding, bytes, data[1] % 64 + 1u);
  const bool both = whole.status == DecodeStatus::kOk && split.status == DecodeStatus::kOk;
  const bool one = whole.status == DecodeStatus::kOk || split.status == DecodeStatus::kOk;
  // libzstd reads a frame that it gets as a whole in another way than one that comes in parts, and
  // finds other damage then.
  if ((both && whole.text != split.text) || (one && !both && coding != Coding::kZstd)) {
    std::abort();
  }
  return 0;
}
