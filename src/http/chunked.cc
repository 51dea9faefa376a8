#include "http/chunked.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"
#include "http/scan.h"

namespace mainstay::http {
namespace {

constexpr uint8_t kDigitsMax = 16;
constexpr uint8_t kNotHex = 0xff;

constexpr uint8_t HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<uint8_t>(c - '0');
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? static_cast<uint8_t>(lower - 'a' + 10) : kNotHex;
}

constexpr std::array<uint8_t, 256> MakeHexValues() {
  std::array<uint8_t, 256> values{};
  for (size_t c = 0; c < values.size(); ++c) {
    values[c] = HexValue(static_cast<char>(c));
  }
  return values;
}
constexpr std::array<uint8_t, 256> kHexValues = MakeHexValues();

constexpr bool IsText(char c) {
  return c == '\t' || scan::Is(c, scan::kPlainValue);
}

}  // namespace

std::string_view ChunkedDecoder::StepSize(char c) {
  const uint8_t value = kHexValues[static_cast<uint8_t>(c)];
  if (value != kNotHex) {
    if (digits_ == kDigitsMax) {
      return "chunk size has more than 16 digits";
    }
    ++digits_;
    size_left_ = size_left_ << 4 | value;
    if (size_left_ > kChunkBytesMax) {
      return "chunk size is too large";
    }
    state_ = State::kDigits;
    return {};
  }
  if (state_ == State::kDigits && c == '\r') {
    state_ = State::kSizeLf;
    return {};
  }
  if (state_ == State::kDigits && c == ';') {
    state_ = State::kExtension;
    line_bytes_ = 1;
    ++extension_bytes_;
    return {};
  }
  return "chunk size is not a hexadecimal number";
}

std::string_view ChunkedDecoder::StepTrailer(char c) {
  if (++line_bytes_ > kTrailerBytesMax) {
    return "trailers are too long";
  }
  switch (state_) {
    case State::kTrailerStart:
      if (c == '\r') {
        state_ = State::kLastLf;
        return {};
      }
      state_ = State::kTrailerName;
      return scan::Is(c, scan::kToken) ? "" : "trailer line without a name";
    case State::kTrailerName:
      if (c == ':') {
        state_ = State::kTrailerValue;
        return {};
      }
      return scan::Is(c, scan::kToken) ? "" : "invalid character in a trailer name";
    default:
      if (c == '\r') {
        state_ = State::kTrailerLf;
        return {};
      }
      return IsText(c) ? "" : "control character in a trailer";
  }
}

std::string_view ChunkedDecoder::Step(char c) {
  switch (state_) {
    case State::kFirstDigit:
    case State::kDigits:
      return StepSize(c);
    case State::kExtension:
      if (c == '\r') {
        state_ = State::kSizeLf;
        return {};
      }
      if (++line_bytes_ > kExtensionBytesMax ||
          ++extension_bytes_ > payload_bytes_ + kExtensionExcessMax) {
        return "chunk extensions are too long";
      }
      return IsText(c) ? "" : "control character in a chunk extension";
    case State::kSizeLf:
      state_ = size_left_ == 0 ? State::kTrailerStart : State::kData;
      line_bytes_ = 0;
      return c == '\n' ? "" : "chunk size line without CR LF";
    case State::kDataCr:
      state_ = State::kDataLf;
      return c == '\r' ? "" : "chunk does not end where its size says";
    case State::kDataLf:
      state_ = State::kFirstDigit;
      digits_ = 0;
      return c == '\n' ? "" : "chunk does not end in CR LF";
    case State::kTrailerStart:
    case State::kTrailerName:
    case State::kTrailerValue:
      return StepTrailer(c);
    case State::kTrailerLf:
      state_ = State::kTrailerStart;
      ++line_bytes_;
      return c == '\n' ? "" : "trailer line without CR LF";
    case State::kLastLf:
      state_ = State::kDone;
      if (++line_bytes_ > kTrailerBytesMax) {
        return "trailers are too long";
      }
      return c == '\n' ? "" : "chunked body does not end in CR LF";
    case State::kData:
    case State::kDone:
    case State::kBad:
      break;
  }
  MS_CHECK(false);  // Decode handles the states without framing bytes.
  return {};
}

size_t ChunkedDecoder::PassPlainHead(std::string_view input, size_t at) {
  constexpr size_t kBytesMax = sizeof("\r\nffff\r\n") - 1;
  if (input.size() - at < kBytesMax) {
    return at;
  }
  const char* p = input.data() + at;
  if (state_ == State::kDataCr) {
    if (p[0] != '\r' || p[1] != '\n') {
      return at;
    }
    p += 2;
  }
  uint64_t size = 0;
  uint8_t digits = 0;
  for (uint8_t value; digits < 4 && (value = kHexValues[static_cast<uint8_t>(*p)]) != kNotHex;
       ++digits, ++p) {
    size = size << 4 | value;
  }
  if (size == 0 || p[0] != '\r' || p[1] != '\n') {
    return at;
  }
  size_left_ = size;
  digits_ = digits;
  line_bytes_ = 0;
  state_ = State::kData;
  return static_cast<size_t>(p + 2 - input.data());
}

ChunkedDecoder::Result ChunkedDecoder::Decode(std::string_view input, Pieces& out) {
  size_t at = 0;
  while (state_ != State::kDone && state_ != State::kBad && at < input.size()) {
    if (state_ == State::kDataCr || state_ == State::kFirstDigit) {
      at = PassPlainHead(input, at);
      if (at == input.size()) {
        break;
      }
    }
    if (state_ != State::kData) {
      problem_ = Step(input[at]);
      if (!problem_.empty()) {
        state_ = State::kBad;
        break;
      }
      ++at;
      continue;
    }
    if (out.full()) {
      break;
    }
    const size_t take = static_cast<size_t>(std::min<uint64_t>(size_left_, input.size() - at));
    out.Add(input.substr(at, take));
    at += take;
    payload_bytes_ += take;
    size_left_ -= take;
    if (size_left_ == 0) {
      state_ = State::kDataCr;
    }
  }
  const Status status = state_ == State::kDone  ? Status::kDone
                        : state_ == State::kBad ? Status::kBad
                                                : Status::kMore;
  return {.status = status, .consumed = at, .problem = problem_};
}

size_t AppendChunkHead(uint64_t size, char* out) {
  MS_CHECK(size != 0);
  const int digits = (static_cast<int>(std::bit_width(size)) + 3) / 4;
  for (int i = digits - 1; i >= 0; --i) {
    *out++ = "0123456789abcdef"[size >> (4 * i) & 0xf];
  }
  *out++ = '\r';
  *out = '\n';
  return static_cast<size_t>(digits) + 2;
}

}  // namespace mainstay::http
