#include "cli/admin_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include "cli/text_table.h"
#include "config/files.h"
#include "http/client_connection.h"
#include "http/io/epoll_loop.h"
#include "http/io/tls.h"
#include "http/url.h"
#include "http/whole_answer.h"

namespace mainstay::cli {
namespace {

constexpr size_t kAnswerBytesMax = 64 << 20;
constexpr size_t kTokenBytesMax = 4096;
constexpr std::string_view kUnix = "unix:";

Error Unreachable(const GatewayAddress& address, std::string_view why) {
  return {.kind = ErrorKind::kUpstreamUnreachable,
          .side = Side::kUpstream,
          .message = "cannot reach a gateway at " + address.url + " (" + std::string(why) +
                     "); is it running, and is this where it listens?"};
}
Error Broken(const GatewayAddress& address, std::string_view why) {
  return {.kind = ErrorKind::kUpstreamBroken,
          .side = Side::kUpstream,
          .message = "the answer from " + address.url + " " + std::string(why)};
}

// One request and its answer, on a loop that runs for them alone.
class Asking final {
 public:
  Asking(const GatewayAddress& address, const GatewayRequest& request)
      : address_(address), request_(request), deadline_(loop_.Precise() + request.timeout) {}

  Result<GatewayAnswer> Run() {
    loop_.Post([this] { io::Spawn(Ask()); });
    loop_.Run();
    connection_.reset();
    return std::move(outcome_);
  }

 private:
  io::Task<void> Ask() {
    Result<std::unique_ptr<io::Stream>> stream = co_await Connect();
    if (stream) {
      connection_.emplace(loop_, *std::move(stream));
      outcome_ = co_await Exchange();
    } else {
      outcome_ = std::move(stream).error();
    }
    loop_.Stop();
  }

  io::Task<Result<std::unique_ptr<io::Stream>>> Connect() {
    if (address_.url.starts_with(kUnix)) {
      host_ = "localhost";
      co_return ConnectUnix(address_.url.substr(kUnix.size()));
    }
    Result<http::Url> parsed = http::ParseUrl(address_.url);
    if (!parsed) {
      parsed.error().message = "the gateway's address " + parsed.error().message;
      co_return std::move(parsed).error();
    }
    const http::Url url = *std::move(parsed);
    host_ = url.HostHeader();
    path_prefix_ = url.path_prefix;
    io::Peer peer{.host = url.host, .port = url.port};
    if (url.tls) {
      const bool bundle = std::getenv("SSL_CERT_FILE") != nullptr;
      MS_CO_TRY(tls_, io::TlsClientContext::Make({.ca_file = address_.ca_file,
                                                  .system = bundle ? io::SystemTrust::kBundle
                                                                   : io::SystemTrust::kFolder}));
      peer.tls = tls_.get();
    }
    io::DialResult dialed = co_await loop_.Dial(peer, deadline_, scope_);
    if (dialed.stream == nullptr) {
      co_return Unreachable(address_, dialed.detail);
    }
    co_return std::move(dialed.stream);
  }

  Result<std::unique_ptr<io::Stream>> ConnectUnix(const std::string& path) {
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.size() >= sizeof name.sun_path) {
      return Unreachable(address_, "the path is too long");
    }
    path.copy(name.sun_path, path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    // A local connection is made at once or not at all.
    if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&name),  // NOLINT: as sockets are
                            sizeof name) != 0) {
      const std::string why = std::strerror(errno);
      if (fd >= 0) {
        ::close(fd);
      }
      return Unreachable(address_, why);
    }
    return std::unique_ptr<io::Stream>(
        std::make_unique<io::TcpStream>(loop_, fd, io::TcpStream::Origin::kDialled));
  }

  std::string Head() const {
    std::string head(http::MethodName(request_.method));
    head += " " + path_prefix_ + request_.target + " HTTP/1.1\r\nhost: " + host_ +
            "\r\nconnection: close\r\n";
    for (const std::string& line : request_.headers) {
      head += line + "\r\n";
    }
    return head + "content-length: " + std::to_string(request_.body.size()) + "\r\n\r\n";
  }

  io::Task<Result<GatewayAnswer>> Exchange() {
    const std::string head = Head();
    const std::array<std::string_view, 2> pieces = {head, request_.body};
    const http::AnswerOutcome outcome =
        co_await http::SendAndReadHead(*connection_, request_.method, pieces, deadline_);
    if (outcome == http::AnswerOutcome::kTimeout) {
      co_return TimedOut();
    }
    if (outcome != http::AnswerOutcome::kOk) {
      co_return Broken(address_, outcome == http::AnswerOutcome::kBroken
                                     ? "is not HTTP as a gateway speaks it"
                                     : "did not come: the connection was closed");
    }
    GatewayAnswer answer{.status = connection_->head().status};
    for (const http::Header& header : connection_->head().headers) {
      answer.headers.emplace_back(header.name, header.value);
    }
    switch (co_await http::ReadWholeBody(*connection_, kAnswerBytesMax, deadline_, answer.body)) {
      case http::AnswerOutcome::kOk:
        co_return std::move(answer);
      case http::AnswerOutcome::kTimeout:
        co_return TimedOut();
      case http::AnswerOutcome::kClosed:
        co_return Broken(address_, "was cut off");
      default:
        co_return Broken(address_, "cannot be read");
    }
  }

  Error TimedOut() const {
    return {.kind = ErrorKind::kUpstreamTimeout,
            .side = Side::kUpstream,
            .message = "no answer from " + address_.url + " within " +
                       std::to_string(request_.timeout.count()) + " ms"};
  }

  const GatewayAddress& address_;
  const GatewayRequest& request_;
  io::EpollLoop loop_;
  const MonoTime deadline_;
  io::CancelScope scope_;
  std::unique_ptr<io::TlsClientContext> tls_;
  std::string host_;
  std::string path_prefix_;
  std::optional<http::ClientConnection> connection_;
  Result<GatewayAnswer> outcome_ = Error{};
};

// What the gateway says is wrong, one line for each field.
Error Refused(int status, const std::string& body) {
  const std::optional<JsonDocument> document = JsonDocument::Parse(body);
  const JsonValue error = document ? document->root()["error"] : JsonValue();
  std::string message = error["message"].text();
  if (const std::vector<JsonValue> details = error["details"].elements(); !details.empty()) {
    message.clear();
    for (const JsonValue& detail : details) {
      message +=
          (message.empty() ? "" : "\n") + detail["field"].text() + " " + detail["message"].text();
      const std::string allowed = detail["constraint"].text();
      if (message.find(allowed) == std::string::npos) {
        message += " (" + allowed + ")";
      }
    }
  }
  if (message.empty()) {
    message = "the gateway answered with status " + std::to_string(status);
  }
  return {.kind = status == 401   ? ErrorKind::kInvalidApiKey
                  : status == 404 ? ErrorKind::kNotFound
                  : status == 400 ? ErrorKind::kInvalidField
                                  : ErrorKind::kInternal,
          .side = Side::kClient,
          .message = std::move(message)};
}

}  // namespace

std::string_view GatewayAnswer::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (http::EqualsIgnoreCase(key, name)) {
      return value;
    }
  }
  return {};
}

Result<GatewayAnswer> AskGateway(const GatewayAddress& address, const GatewayRequest& request) {
  return Asking(address, request).Run();
}

void AdminClient::Declare(CLI::App& command, Options& options) {
  command
      .add_option("--admin", options.address.url,
                  "The gateway's server.admin_listen, as a URL or unix:/path")
      ->capture_default_str();
  command.add_option("--token-file", options.token_file,
                     "A file with server.admin_token; without it, MAINSTAY_ADMIN_TOKEN is used");
}

Result<Secret> AdminClient::Token() const {
  if (options_.token_file.empty()) {
    const char* const token = std::getenv("MAINSTAY_ADMIN_TOKEN");
    return Secret(token == nullptr ? "" : token);
  }
  Result<std::string> read = config::ReadFileFromDisk(options_.token_file, kTokenBytesMax);
  if (!read) {
    read.error().message = options_.token_file + ": " + read.error().message;
    return std::move(read).error();
  }
  std::string token = *std::move(read);
  while (token.ends_with('\n') || token.ends_with('\r')) {
    token.pop_back();
  }
  return Secret(std::move(token));
}

Result<JsonDocument> AdminClient::Call(http::Method method, std::string_view target,
                                       std::string_view body) const {
  MS_TRY(const Secret token, Token());
  GatewayRequest request{.method = method,
                         .target = std::string(target),
                         .headers = {"content-type: application/json", "x-mainstay-csrf: 1"},
                         .body = std::string(body)};
  if (!token.empty()) {
    request.headers.push_back("authorization: Bearer " + std::string(token.Expose()));
  }
  MS_TRY(GatewayAnswer answer, AskGateway(options_.address, request));
  if (answer.status != 200) {
    Error error = Refused(answer.status, answer.body);
    if (answer.status == 401) {
      error.message =
          "the gateway wants its server.admin_token: set MAINSTAY_ADMIN_TOKEN or give "
          "--token-file";
    }
    return error;
  }
  std::optional<JsonDocument> document = JsonDocument::Parse(std::move(answer.body));
  if (!document) {
    return Broken(options_.address, "is no JSON: is this its server.admin_listen?");
  }
  return *std::move(document);
}

int Fail(const Error& error) {
  std::string_view text = error.message;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::cerr << "mainstay: " << Printable(line) << "\n";
  }
  return 1;
}

}  // namespace mainstay::cli
