#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "cli/json_value.h"
#include "http/head.h"

namespace CLI {
class App;
}

namespace mainstay::cli {

// One request to a running gateway.
struct GatewayRequest {
  http::Method method = http::Method::kGet;
  std::string target;                // path and query, escaped
  std::vector<std::string> headers;  // "name: value"
  std::string body;
  std::chrono::milliseconds timeout{10'000};
};

struct GatewayAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The first of this name, in any case, or empty.
  std::string_view Header(std::string_view name) const;
};

// Where a gateway listens.
struct GatewayAddress {
  std::string url;      // http(s)://host:port, or unix:/path
  std::string ca_file;  // PEM; trusted besides the system's authorities
};

// Sends the request on a connection of its own and waits for the whole answer, whatever its status.
//
// Errors: kInvalidField for an address that is none, kUpstreamUnreachable, kUpstreamTimeout,
// kUpstreamBroken. The messages say what to look at.
Result<GatewayAnswer> AskGateway(const GatewayAddress& address, const GatewayRequest& request);

// The admin listener, as the commands of an operator reach it.
class AdminClient final {
 public:
  struct Options {
    GatewayAddress address{.url = "http://127.0.0.1:12001"};
    std::string token_file;  // empty: MAINSTAY_ADMIN_TOKEN, if that is set
  };
  // Declares what every command that talks to the admin listener takes.
  static void Declare(CLI::App& command, Options& options);

  explicit AdminClient(Options options) : options_(std::move(options)) {}

  // The answer to a call. `body` is JSON, or empty for methods that have none.
  //
  // Errors: those of AskGateway; kInvalidApiKey when the token is not accepted, kNotFound,
  // kInvalidField and kInternal for what the gateway refuses, with its message and details.
  Result<JsonDocument> Call(http::Method method, std::string_view target,
                            std::string_view body = {}) const;

 private:
  Result<Secret> Token() const;

  Options options_;
};

// Says on standard error why a command came to nothing; gives the exit code for that.
int Fail(const Error& error);

}  // namespace mainstay::cli
