#include "support/answer.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace mainstay::support {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return lower;
}

std::optional<size_t> ReadNumber(std::string_view text, int base) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return number;
}

// Takes status line and headers off the front. False: they are not all there, or no HTTP.
bool ReadHead(std::string_view& bytes, Answer& answer) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos || !bytes.starts_with("HTTP/1.1 ") || bytes.size() < 13) {
    return false;
  }
  answer.status = static_cast<int>(ReadNumber(bytes.substr(9, 3), 10).value_or(0));
  std::string_view head = bytes.substr(0, end + 2);
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    const size_t colon = std::min(line.find(": "), line.size());
    answer.headers.emplace_back(Lower(line.substr(0, colon)),
                                line.substr(std::min(line.size(), colon + 2)));
  }
  bytes.remove_prefix(end + 4);
  return answer.status > 0;
}

void ReadChunks(std::string_view& bytes, Answer& answer) {
  while (true) {
    const size_t line = bytes.find("\r\n");
    const std::optional<size_t> size =
        line == std::string_view::npos ? std::nullopt : ReadNumber(bytes.substr(0, line), 16);
    if (!size) {
      return;
    }
    std::string_view rest = bytes.substr(line + 2);
    const std::string_view chunk = rest.substr(0, *size);
    answer.body += chunk;
    if (chunk.size() < *size || !rest.substr(*size).starts_with("\r\n")) {
      bytes = {};  // cut off within a chunk: nothing behind it can be an answer
      return;
    }
    bytes = rest.substr(*size + 2);
    if (*size == 0) {
      answer.whole = true;
      return;
    }
    answer.chunks.emplace_back(chunk);
  }
}

void ReadBody(std::string_view& bytes, End end, bool to_head, Answer& answer) {
  if (answer.status < 200 || answer.status == 204 || answer.status == 304 || to_head) {
    answer.whole = true;
    return;
  }
  if (answer.Header("transfer-encoding") == "chunked") {
    answer.framing = Answer::Framing::kChunked;
    ReadChunks(bytes, answer);
    return;
  }
  if (answer.Has("content-length")) {
    answer.framing = Answer::Framing::kLength;
    const size_t length = ReadNumber(answer.Header("content-length"), 10).value_or(0);
    answer.body = bytes.substr(0, length);
    answer.whole = answer.body.size() == length;
  } else {
    answer.framing = Answer::Framing::kUntilClose;
    answer.body = bytes;
    answer.whole = end == End::kEnded;
  }
  bytes.remove_prefix(answer.body.size());
}

}  // namespace

std::string_view Answer::Header(std::string_view name) const {
  for (const auto& [header, value] : headers) {
    if (header == name) {
      return value;
    }
  }
  return {};
}

bool Answer::Has(std::string_view name) const {
  return Count(name) > 0;
}

int Answer::Count(std::string_view name) const {
  return static_cast<int>(
      std::ranges::count_if(headers, [&](const auto& header) { return header.first == name; }));
}

Answers ReadAnswers(std::string_view bytes, End end, std::string_view methods) {
  Answers answers;
  size_t request = 0;
  while (!bytes.empty()) {
    Answer answer;
    if (!ReadHead(bytes, answer)) {
      break;
    }
    const bool to_head = request < methods.size() && methods[request] == 'H';
    ReadBody(bytes, end, to_head, answer);
    request += answer.status >= 200 ? 1 : 0;
    const bool whole = answer.whole;
    answers.list.push_back(std::move(answer));
    if (!whole) {
      break;
    }
  }
  answers.rest = bytes;
  return answers;
}

}  // namespace mainstay::support
