#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// The chunked transfer coding (RFC 9112 7.1). Pure: values and spans, no I/O, any thread.
namespace mainstay::http {

// Spans of payload that one call of ChunkedDecoder found, in order. Views into its input.
class Pieces final {
 public:
  // As many as one gather write takes without a second thought; a call stops when they are used up.
  static constexpr size_t kCapacity = 32;

  const std::string_view* begin() const { return pieces_.data(); }
  const std::string_view* end() const { return pieces_.data() + size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == kCapacity; }
  const std::string_view& operator[](size_t at) const { return pieces_[at]; }

  // Not when full.
  void Add(std::string_view piece) { pieces_[size_++] = piece; }
  void Clear() { size_ = 0; }

 private:
  size_t size_ = 0;
  std::array<std::string_view, kCapacity> pieces_;
};

// Takes a chunked body apart, however it is split over reads. One object per body.
//
// Strict: sizes are 1 to 16 hexadecimal digits up to 2^60, directly followed by CR LF or by
// extensions; every line ends in CR LF; no control characters but TAB. Extensions and trailers are
// checked, bounded and dropped. At a limit the body is kBad.
class ChunkedDecoder final {
 public:
  static constexpr uint64_t kChunkBytesMax = uint64_t{1} << 60;
  static constexpr size_t kExtensionBytesMax = 1024;  // of one chunk
  static constexpr size_t kTrailerBytesMax = 8192;    // all lines with their ends
  // All extensions of a body may be this much longer than its payload, so that nobody makes us
  // read a kilobyte for every byte.
  static constexpr uint64_t kExtensionExcessMax = 16'384;

  enum class Status : uint8_t {
    kMore,  // the input is used up, or `out` is full: call again with the rest
    kDone,  // the body has ended; bytes after `consumed` belong to the next message
    kBad,   // broken framing: the connection cannot be used any more
  };
  struct Result {
    Status status = Status::kMore;
    size_t consumed = 0;       // never beyond the end of the body
    std::string_view problem;  // kBad: static text
  };

  // Appends the payload in `input` to `out`. After kDone consumes nothing and says kDone again;
  // after kBad says kBad again.
  Result Decode(std::string_view input, Pieces& out);

  bool done() const { return state_ == State::kDone; }
  uint64_t payload_bytes() const { return payload_bytes_; }

 private:
  enum class State : uint8_t {
    kFirstDigit,
    kDigits,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kLastLf,
    kDone,
    kBad,
  };

  // Passes the framing before a chunk in one go when all of it is there as programs write it: up to
  // four digits, no extension. Returns where the payload begins, or `at` with nothing changed.
  size_t PassPlainHead(std::string_view input, size_t at);
  // One byte of framing. Returns what is wrong, or empty.
  std::string_view Step(char c);
  std::string_view StepSize(char c);
  std::string_view StepTrailer(char c);

  State state_ = State::kFirstDigit;
  uint8_t digits_ = 0;
  uint64_t size_left_ = 0;  // of the chunk; while its digits are read, the size so far
  size_t line_bytes_ = 0;   // of the extension, or of all trailers
  uint64_t extension_bytes_ = 0;
  uint64_t payload_bytes_ = 0;
  std::string_view problem_;
};

// Longest head of a chunk: 16 digits, CR LF.
inline constexpr size_t kChunkHeadMax = 18;
inline constexpr std::string_view kChunkTail = "\r\n";       // after the payload of each chunk
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";  // ends the body, without trailers

// Writes the head of a chunk of `size` bytes to `out`, which has room for kChunkHeadMax, and
// returns its length. `size` is not 0: that chunk is kLastChunk.
size_t AppendChunkHead(uint64_t size, char* out);

}  // namespace mainstay::http
