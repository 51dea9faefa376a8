#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/head.h"
#include "http/io/loop.h"

namespace mainstay::cli::demo {

struct HttpRequest {
  http::Method method = http::Method::kPost;
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct HttpReply {
  int status = 0;
  std::string model;  // x-mainstay-model; empty: not there
  // Followed by json::kPadding readable bytes, which are not part of it.
  std::string_view body() const { return std::string_view(padded).substr(0, body_bytes); }

  std::string padded;
  size_t body_bytes = 0;
};

// Sends one request on a connection of its own and reads the whole answer, whatever its status.
//
// Errors: kUpstreamUnreachable when there is no answer within ten seconds, or none that is HTTP.
// Threads: the loop's.
io::Task<Result<HttpReply>> Send(io::Loop& loop, const io::Peer& peer, const HttpRequest& request);

}  // namespace mainstay::cli::demo
