#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_reader.h"
#include "http/head.h"
#include "model/request.h"

namespace mainstay::identity {

using Lines = std::vector<std::pair<std::string, std::string>>;

// Views into `lines`.
inline http::HeaderList HeadersOf(const Lines& lines) {
  http::HeaderList headers;
  for (const auto& [name, value] : lines) {
    headers.Add({.name = name, .value = value, .id = http::FindHeaderId(name)});
  }
  return headers;
}

// A request whose body has these strings, as they stand in JSON without their quotes.
class BodyWith final {
 public:
  using Fields = std::vector<std::pair<BodyId, std::string>>;

  explicit BodyWith(const Fields& fields, std::string_view agent = {}) {
    for (const auto& [field, text] : fields) {
      request_.facts.body_ids[static_cast<size_t>(field)] = Append(text);
    }
    if (!agent.empty()) {
      request_.facts.agent = Append(agent);
    }
    const size_t size = body_.size();
    body_.append(json::kPadding, '\0');
    request_.body = std::string_view(body_).substr(0, size);
  }
  BodyWith(const BodyWith&) = delete;
  BodyWith& operator=(const BodyWith&) = delete;

  const Request& request() const { return request_; }

 private:
  Span Append(std::string_view text) {
    const size_t begin = body_.size();
    body_.append("\"").append(text).append("\"");
    return {.begin = begin, .end = body_.size()};
  }

  std::string body_;
  Request request_;
};

}  // namespace mainstay::identity
