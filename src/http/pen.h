#pragma once

#include <charconv>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "http/io/buffer.h"

namespace mainstay::http {

// Writes the lines of a head to the end of a buffer. The room is reserved once, so that each piece
// costs a copy and nothing else; the sum of what is written must stay within it.
class Pen final {
 public:
  Pen(io::Buffer& out, size_t room) : out_(out) {
    out.Reserve(room);
    start_ = at_ = out.tail();
    limit_ = at_ + room;
  }
  Pen(const Pen&) = delete;
  Pen& operator=(const Pen&) = delete;
  ~Pen() {
    MS_CHECK(at_ <= limit_);
    out_.Commit(static_cast<size_t>(at_ - start_));
  }

  // A literal's length is known to the compiler, which then needs no call.
  template <size_t kSize>
  void Literal(const char (&text)[kSize]) {
    std::memcpy(at_, text, kSize - 1);
    at_ += kSize - 1;
  }
  void Text(std::string_view text) {
    if (!text.empty()) {
      std::memcpy(at_, text.data(), text.size());
      at_ += text.size();
    }
  }
  void Number(uint64_t number) { at_ = std::to_chars(at_, at_ + kNumberBytesMax, number).ptr; }

  // Longest decimal number.
  static constexpr size_t kNumberBytesMax = 20;

 private:
  io::Buffer& out_;
  char* start_;
  char* at_;
  char* limit_;
};

}  // namespace mainstay::http
