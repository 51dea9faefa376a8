#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mainstay::bench {

// Reads the responses of one keep-alive connection and judges each against what was expected.
// Lives on one thread; never blocks. It is a measuring tool: it knows status, Content-Length,
// chunked bodies and `Connection: close`, and calls everything else bad.
class ResponseReader final {
 public:
  // What a good response looks like. `body` is compared byte by byte when it is not empty;
  // `stream_bytes` is the decoded size of a stream that ends in `data: [DONE]`.
  struct Expected {
    std::string_view body;
    int64_t stream_bytes = 0;
  };

  enum class Progress { kMore, kDone, kBad };

  explicit ResponseReader(const Expected& expected) : expected_(expected) {}

  // Takes the next bytes. kDone: one response is complete and `data` ended with it; call `Reset`
  // before the next one. kBad: see `problem`; the connection is of no more use.
  Progress Take(std::string_view data);

  void Reset() { *this = ResponseReader(expected_, events_total_ + events_); }

  // Server-sent events of the current response so far, and of all responses.
  int64_t events() const { return events_; }
  int64_t events_total() const { return events_total_ + events_; }
  bool must_close() const { return must_close_; }
  const std::string& problem() const { return problem_; }

 private:
  enum class State { kHead, kSized, kChunkSize, kChunkData, kChunkEnd, kTrailer, kDone };

  ResponseReader(const Expected& expected, int64_t events_total)
      : expected_(expected), events_total_(events_total) {}

  Progress Bad(std::string why) {
    problem_ = std::move(why);
    return Progress::kBad;
  }
  bool TakeHead(std::string_view& data);
  bool ReadHead(std::string_view head);
  bool TakeLine(std::string_view& data);
  bool TakeBody(std::string_view part);
  bool CheckEnd();

  Expected expected_;
  int64_t events_total_ = 0;
  State state_ = State::kHead;
  std::string line_;  // An incomplete head or chunk-size line; usually empty.
  int64_t left_ = 0;  // Bytes of the sized body or of the current chunk.
  int64_t body_bytes_ = 0;
  int64_t events_ = 0;
  std::string tail_;  // The last bytes of a stream.
  char last_byte_ = 0;
  bool must_close_ = false;
  std::string problem_;
};

}  // namespace mainstay::bench
