#pragma once

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "cli/cli.h"
#include "http/io/epoll_loop.h"
#include "http/server.h"

namespace mainstay::cli {

// A server at a unix socket of its own, on a thread of its own: what the commands that talk to a
// gateway are tested against.
class TestServer final {
 public:
  // `handler` outlives the server.
  explicit TestServer(http::Handler& handler)
      : path_(std::filesystem::temp_directory_path().string() + "/mainstay-" +
              std::to_string(::getpid()) + "-" + std::to_string(++number_)),
        server_(loop_, limits_, handler, connections_) {
    listener_ =
        loop_.Listen({.kind = http::ListenAddress::Kind::kUnix, .path = path_}, server_).value();
    thread_ = std::thread([this] { loop_.Run(); });
  }
  ~TestServer() {
    loop_.Stop();
    thread_.join();
    listener_.reset();
    server_.CloseAll();
  }

  std::string url() const { return "unix:" + path_; }

 private:
  static inline int number_ = 0;

  const std::string path_;
  io::EpollLoop loop_;
  http::Limits limits_;
  http::SharedCounts connections_;
  http::Server server_;
  std::unique_ptr<io::Listener> listener_;
  std::thread thread_;
};

// Answers every request in the same way, and keeps the last one.
class CannedHandler final : public http::Handler {
 public:
  struct Canned {
    int status = 200;
    std::string body = "{}";
    std::string header_name = "content-type";
    std::string header_value = "application/json";
  };
  explicit CannedHandler(Canned canned) : canned_(std::move(canned)) {}

  io::Task<void> Handle(http::ServerExchange& client) override {
    std::string text = std::string(http::MethodName(client.head()->method)) + " " +
                       std::string(client.head()->target) + "\n";
    for (const http::Header& header : client.head()->headers) {
      text += std::string(header.name) + ": " + std::string(header.value) + "\n";
    }
    text += client.body();
    seen_.With([&](std::string& seen) { seen = std::move(text); });
    client.BeginHead(canned_.status);
    client.AddHeader(canned_.header_name, canned_.header_value);
    co_await client.SendWhole(canned_.body, http::Persistence::kKeepAlive);
  }
  io::Task<void> Refuse(const Error&, http::ServerExchange&) override { co_return; }

  // Method, target, headers and body of the last request.
  std::string seen() const {
    return seen_.With([](const std::string& seen) { return seen; });
  }

 private:
  Guarded<std::string> seen_;
  const Canned canned_;
};

// What a command line came to.
struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

// Runs it in this process, with what it prints kept apart.
inline Outcome RunCommand(std::vector<std::string> words) {
  words.insert(words.begin(), "mainstay");
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  std::ostringstream out;
  std::ostringstream err;
  std::streambuf* const real_out = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const real_err = std::cerr.rdbuf(err.rdbuf());
  Outcome outcome;
  outcome.code = Run(static_cast<int>(argv.size()), argv.data());
  std::cout.rdbuf(real_out);
  std::cerr.rdbuf(real_err);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

}  // namespace mainstay::cli
