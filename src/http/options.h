#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"

namespace mainstay::http {

// Limits of a listener (spec 01, `server.limits`). At a limit the client gets the error of 02 and,
// where its input can no longer be told apart, the connection is closed.
struct Limits {
  int64_t body_bytes = 33'554'432;
  int64_t header_bytes = 65'536;
  int64_t connections = 20'000;                      // over all workers
  std::chrono::milliseconds header_timeout{10'000};  // first byte of a request → end of its head
  std::chrono::milliseconds body_timeout{60'000};    // end of the head → end of the body
  std::chrono::milliseconds idle_timeout{75'000};    // between two requests of a connection
  int64_t stream_buffer_bytes = 1'048'576;  // held for one stream: a slow reader, a partial event
};

struct TlsOptions {
  std::string cert_file;       // PEM chain
  std::string key_file;        // PEM
  std::string client_ca_file;  // when set, clients must show a certificate of this authority
  bool enabled() const { return !cert_file.empty(); }
};

struct ServerOptions {
  std::vector<std::string> listen = {"127.0.0.1:12000"};  // host:port, [v6]:port or unix:/path
  TlsOptions tls;
  Limits limits;
  std::chrono::milliseconds drain_timeout{30'000};
  // Origins whose pages may use the data listener from a browser, as a browser sends them; "*"
  // stands for all of them, also for pages without an origin. Empty: none.
  std::vector<std::string> cors;
};

// Adds what is wrong: addresses that cannot be listened at or are given twice, half a pair of TLS
// files, limits that nothing could pass, origins that no browser would send. `path` is where the
// options stand in the configuration.
void Validate(const ServerOptions& options, std::string_view path, Problems& problems);

}  // namespace mainstay::http
