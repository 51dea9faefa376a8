#include "http/options.h"

#include <gtest/gtest.h>

#include <functional>

namespace mainstay::http {
namespace {

struct ServerCase {
  const char* name;
  std::function<void(ServerOptions&)> change;
  std::vector<std::string> paths;  // of the problems
};

const ServerCase kServerCases[] = {
    {"the_defaults", [](auto&) {}, {}},
    {"no_address", [](auto& o) { o.listen.clear(); }, {"server.listen"}},
    {"an_address_without_a_port", [](auto& o) { o.listen = {"127.0.0.1"}; }, {"server.listen"}},
    {"one_bad_address_of_two",
     [](auto& o) { o.listen = {"127.0.0.1:1", "nowhere"}; },
     {"server.listen[1]"}},
    {"one_address_twice",
     [](auto& o) { o.listen = {"127.0.0.1:1", "[::1]:1", "127.0.0.1:1"}; },
     {"server.listen[2]"}},
    {"one_address_in_two_spellings",
     [](auto& o) { o.listen = {"127.0.0.1:1", "localhost:1"}; },
     {"server.listen[1]"}},
    {"no_port", [](auto& o) { o.listen = {"127.0.0.1:0"}; }, {"server.listen"}},
    {"a_unix_socket", [](auto& o) { o.listen = {"unix:/run/m.sock"}; }, {}},
    {"a_unix_socket_twice",
     [](auto& o) { o.listen = {"unix:/run/m.sock", "unix:/run/m.sock"}; },
     {"server.listen[1]"}},
    {"a_certificate_without_a_key",
     [](auto& o) { o.tls.cert_file = "c"; },
     {"server.tls.key_file"}},
    {"a_key_without_a_certificate",
     [](auto& o) { o.tls.key_file = "k"; },
     {"server.tls.cert_file"}},
    {"client_certificates_without_tls",
     [](auto& o) { o.tls.client_ca_file = "ca"; },
     {"server.tls.cert_file"}},
    {"a_whole_tls_section",
     [](auto& o) { o.tls = {.cert_file = "c", .key_file = "k", .client_ca_file = "ca"}; },
     {}},
    {"a_body_of_nothing", [](auto& o) { o.limits.body_bytes = 0; }, {"server.limits.body_bytes"}},
    {"headers_of_nothing",
     [](auto& o) { o.limits.header_bytes = 255; },
     {"server.limits.header_bytes"}},
    {"no_connections", [](auto& o) { o.limits.connections = 0; }, {"server.limits.connections"}},
    {"no_time_for_headers",
     [](auto& o) { o.limits.header_timeout = std::chrono::milliseconds(0); },
     {"server.limits.header_timeout_ms"}},
    {"no_time_for_a_body",
     [](auto& o) { o.limits.body_timeout = std::chrono::milliseconds(-1); },
     {"server.limits.body_timeout_ms"}},
    {"no_time_between_requests",
     [](auto& o) { o.limits.idle_timeout = std::chrono::milliseconds(0); },
     {"server.limits.idle_timeout_ms"}},
    {"a_stream_buffer_too_small_for_an_event",
     [](auto& o) { o.limits.stream_buffer_bytes = 4'095; },
     {"server.limits.stream_buffer_bytes"}},
    {"no_time_to_drain_is_allowed",
     [](auto& o) { o.drain_timeout = std::chrono::milliseconds(0); },
     {}},
    {"a_negative_time_to_drain",
     [](auto& o) { o.drain_timeout = std::chrono::milliseconds(-1); },
     {"server.drain_timeout_ms"}},
    {"every_origin", [](auto& o) { o.cors = {"*"}; }, {}},
    {"origins",
     [](auto& o) {
       o.cors = {"https://chat.example.com", "http://localhost:3000", "http://[::1]:8000",
                 "chrome-extension://abcdefgh", "https://example.com:80"};
     },
     {}},
    {"every_origin_and_another",
     [](auto& o) { o.cors = {"https://a.example", "*"}; },
     {"server.cors[1]"}},
    {"an_origin_without_a_scheme", [](auto& o) { o.cors = {"a.example"}; }, {"server.cors"}},
    {"an_origin_of_nothing", [](auto& o) { o.cors = {""}; }, {"server.cors"}},
    {"an_origin_without_a_host", [](auto& o) { o.cors = {"https://"}; }, {"server.cors"}},
    {"an_origin_with_a_slash", [](auto& o) { o.cors = {"https://a.example/"}; }, {"server.cors"}},
    {"an_origin_with_capitals", [](auto& o) { o.cors = {"https://A.example"}; }, {"server.cors"}},
    {"an_origin_with_a_pattern", [](auto& o) { o.cors = {"https://*.example"}; }, {"server.cors"}},
    {"an_origin_with_its_own_port",
     [](auto& o) { o.cors = {"https://a.example:443", "http://a.example:80"}; },
     {"server.cors[0]", "server.cors[1]"}},
    {"an_origin_with_a_line_end",
     [](auto& o) { o.cors = {"https://a.example\r\nx: y"}; },
     {"server.cors"}},
};

TEST(ServerOptions, ProblemsOfTheTable) {
  for (const ServerCase& c : kServerCases) {
    ServerOptions options;
    c.change(options);
    Problems problems;
    Validate(options, "server", problems);
    std::vector<std::string> paths;
    for (const Problem& problem : problems.list()) {
      paths.push_back(problem.path);
    }
    EXPECT_EQ(paths, c.paths) << c.name;
  }
}

}  // namespace
}  // namespace mainstay::http
