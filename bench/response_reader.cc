#include "response_reader.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mainstay::bench {
namespace {

constexpr std::string_view kDone = "data: [DONE]\n\n";
constexpr size_t kHeadBytesMax = 64 * 1024;

bool IsHeader(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         strncasecmp(line.data(), name.data(), name.size()) == 0;
}

std::string_view HeaderValue(std::string_view line) {
  std::string_view value = line.substr(line.find(':') + 1);
  const size_t begin = value.find_first_not_of(' ');
  return begin == std::string_view::npos ? std::string_view() : value.substr(begin);
}

}  // namespace

ResponseReader::Progress ResponseReader::Take(std::string_view data) {
  while (!data.empty() && state_ != State::kDone) {
    bool good = true;
    if (state_ == State::kHead) {
      good = TakeHead(data);
    } else if (state_ == State::kSized || state_ == State::kChunkData) {
      const size_t size = std::min(data.size(), static_cast<size_t>(left_));
      good = TakeBody(data.substr(0, size));
      data.remove_prefix(size);
      left_ -= static_cast<int64_t>(size);
      if (good && left_ == 0) {
        const bool sized = state_ == State::kSized;
        state_ = sized ? State::kDone : State::kChunkEnd;
        good = !sized || CheckEnd();
      }
    } else {
      good = TakeLine(data);
    }
    if (!good) {
      return Progress::kBad;
    }
  }
  if (state_ != State::kDone) {
    return Progress::kMore;
  }
  return data.empty() ? Progress::kDone : Bad("bytes after the end of the response");
}

bool ResponseReader::TakeHead(std::string_view& data) {
  std::string_view head = data;
  const size_t before = line_.size();
  if (before > 0) {
    line_.append(data);
    head = line_;
  }
  const size_t end = head.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (before == 0) {
      line_.assign(data);
    }
    data = {};
    if (line_.size() > kHeadBytesMax) {
      Bad("response head is too long");
      return false;
    }
    return true;
  }
  const bool good = ReadHead(head.substr(0, end + 2));
  data.remove_prefix(end + 4 - before);
  line_.clear();
  return good;
}

bool ResponseReader::ReadHead(std::string_view head) {
  if (!head.starts_with("HTTP/1.1 200")) {
    Bad("answered: " + std::string(head.substr(0, head.find("\r\n"))));
    return false;
  }
  int64_t length = -1;
  bool chunked = false;
  for (size_t at = head.find("\r\n") + 2; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    at = end + 2;
    if (IsHeader(line, "content-length")) {
      const std::string_view value = HeaderValue(line);
      std::from_chars(value.data(), value.data() + value.size(), length);
    } else if (IsHeader(line, "transfer-encoding")) {
      chunked = HeaderValue(line) == "chunked";
    } else if (IsHeader(line, "connection")) {
      must_close_ = HeaderValue(line) == "close";
    }
  }
  if (chunked == (length >= 0)) {
    Bad("response is neither sized nor chunked, or both");
    return false;
  }
  left_ = length;
  state_ = chunked ? State::kChunkSize : length == 0 ? State::kDone : State::kSized;
  return state_ != State::kDone || CheckEnd();
}

bool ResponseReader::TakeLine(std::string_view& data) {
  const size_t end = data.find('\n');
  line_.append(data.substr(0, end));
  if (end == std::string_view::npos) {
    data = {};
    return true;
  }
  data.remove_prefix(end + 1);
  if (line_.ends_with('\r')) {
    line_.pop_back();
  }
  bool good = true;
  if (state_ == State::kChunkSize) {
    const auto [stop, error] =
        std::from_chars(line_.data(), line_.data() + line_.size(), left_, 16);
    good = error == std::errc{};
    state_ = left_ > 0 ? State::kChunkData : State::kTrailer;
  } else if (state_ == State::kChunkEnd) {
    good = line_.empty();
    state_ = State::kChunkSize;
  } else if (line_.empty()) {
    state_ = State::kDone;
  }
  line_.clear();
  if (!good) {
    Bad("broken chunk");
    return false;
  }
  return state_ != State::kDone || CheckEnd();
}

bool ResponseReader::TakeBody(std::string_view part) {
  if (!expected_.body.empty()) {
    const auto at = static_cast<size_t>(body_bytes_);
    body_bytes_ += static_cast<int64_t>(part.size());
    if (at + part.size() <= expected_.body.size() &&
        std::memcmp(part.data(), expected_.body.data() + at, part.size()) == 0) {
      return true;
    }
    Bad("answer differs from what the origin sent");
    return false;
  }
  body_bytes_ += static_cast<int64_t>(part.size());
  for (size_t at = 0; (at = part.find('\n', at)) != std::string_view::npos; ++at) {
    const char before = at == 0 ? last_byte_ : part[at - 1];
    events_ += before == '\n' ? 1 : 0;
  }
  last_byte_ = part.back();
  tail_.append(part.substr(part.size() - std::min(part.size(), kDone.size())));
  if (tail_.size() > kDone.size()) {
    tail_.erase(0, tail_.size() - kDone.size());
  }
  return true;
}

bool ResponseReader::CheckEnd() {
  if (!expected_.body.empty()) {
    if (body_bytes_ == static_cast<int64_t>(expected_.body.size())) {
      return true;
    }
    Bad("answer is " + std::to_string(body_bytes_) + " bytes, not " +
        std::to_string(expected_.body.size()));
    return false;
  }
  if (body_bytes_ == expected_.stream_bytes && tail_ == kDone) {
    return true;
  }
  Bad("stream is " + std::to_string(body_bytes_) + " bytes, not " +
      std::to_string(expected_.stream_bytes) +
      (tail_ == kDone ? "" : ", and does not end in [DONE]"));
  return false;
}

}  // namespace mainstay::bench
