#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "fake_provider/fake_provider.h"
#include "http/client_connection.h"
#include "http/io/memory_loop.h"
#include "http/server.h"

// A provider on a network in memory, and a client that talks to it. For tests.
namespace mainstay::fake_provider::testing {

// What a client got.
struct Got {
  http::HeadOutcome head = http::HeadOutcome::kClosed;
  int status = 0;
  Headers headers;
  std::string body;                // transfer coding undone
  std::vector<std::string> reads;  // the pieces in which it came
  // How the body ended: kOk when whole, else why not.
  io::IoStatus end = io::IoStatus::kOk;
  bool broken = false;  // the framing was wrong
  std::chrono::nanoseconds head_after{0};
  std::chrono::nanoseconds after{0};

  std::string_view Header(std::string_view name) const {
    for (const auto& [header_name, value] : headers) {
      if (http::EqualsIgnoreCase(header_name, name)) {
        return value;
      }
    }
    return {};
  }
  bool whole() const {
    return head == http::HeadOutcome::kOk && end == io::IoStatus::kOk && !broken;
  }
};

struct Ask {
  std::string method = "POST";
  std::string target = "/v1/chat/completions";
  std::string key = "key-a";
  Headers headers;
  std::string body;
};

class World final {
 public:
  static constexpr std::chrono::seconds kPatience{60};

  explicit World(Options options = {}, const io::MemoryLink& link = {})
      : provider_(
            Recording(std::move(options)), [this] { return Now(); }, 7),
        server_(loop_, limits_, provider_, shared_) {
    loop_.SetLink("provider:1", link);
    Result<std::unique_ptr<io::Listener>> listener =
        loop_.Listen({.host = "provider", .port = 1}, server_);
    listener_ = std::move(listener).value();
  }
  ~World() {
    connection_.reset();
    listener_.reset();
    server_.CloseAll();
    loop_.RunUntilIdle();
  }

  FakeProvider& provider() { return provider_; }
  io::MemoryLoop& loop() { return loop_; }
  WallTime Now() const {
    return WallTime(
        std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now().time_since_epoch()) +
        std::chrono::hours(24 * 365 * 50));
  }

  // One request on the connection of the one before, when that can carry it.
  Got Send(const Ask& ask) {
    Got got;
    bool done = false;
    io::Spawn(Run(ask, got, done));
    MS_CHECK(loop_.RunUntil([&] { return done; }, kPatience * 2));
    return got;
  }
  Got Chat(std::string body) { return Send({.body = std::move(body)}); }

  // Sends a request and leaves after a time without reading the answer.
  void SendAndLeave(const Ask& ask, std::chrono::nanoseconds after) {
    Got got;
    bool done = false;
    io::Spawn(Run(ask, got, done));
    loop_.Advance(after);
    MS_CHECK(!done);
    connection_->stream().Cancel();
    loop_.RunUntilIdle();
    MS_CHECK(done);
    connection_.reset();
    loop_.RunUntilIdle();
  }

  // How many connections were made.
  int64_t connections() const { return server_.counts().accepted; }

 private:
  static Options Recording(Options options) {
    if (options.record_calls == 0) {
      options.record_calls = 1000;
    }
    return options;
  }

  io::Task<void> Run(const Ask& ask, Got& got, bool& done) {
    co_await Exchange(ask, got);
    done = true;
  }

  io::Task<void> Exchange(const Ask& ask, Got& got) {
    const MonoTime start = loop_.now();
    const MonoTime deadline = start + kPatience;
    if (connection_ == nullptr || !connection_->Reusable()) {
      io::CancelScope scope;
      const io::Peer peer{.host = "provider", .port = 1};
      io::DialResult dialled = co_await loop_.Dial(peer, deadline, scope);
      connection_ = std::make_unique<http::ClientConnection>(loop_, std::move(dialled.stream));
    }
    std::string head = ask.method + " " + ask.target + " HTTP/1.1\r\nhost: provider\r\n";
    if (!ask.key.empty()) {
      head += "authorization: Bearer " + ask.key + "\r\n";
    }
    for (const auto& [name, value] : ask.headers) {
      head += name + ": " + value + "\r\n";
    }
    head += "content-length: " + std::to_string(ask.body.size()) + "\r\n\r\n";
    const std::array<std::string_view, 2> pieces = {head, ask.body};
    if (connection_->StartSending(pieces) == io::IoStatus::kWouldBlock) {
      co_await connection_->FinishSending(deadline);
    }
    const http::Method method = ask.method == "HEAD" ? http::Method::kHead : http::Method::kPost;
    got.head = co_await connection_->ReadHead(method, deadline);
    got.head_after = loop_.now() - start;
    if (got.head != http::HeadOutcome::kOk) {
      co_return;
    }
    got.status = connection_->head().status;
    for (const http::Header& header : connection_->head().headers) {
      got.headers.emplace_back(header.name, header.value);
    }
    co_await ReadBody(got, deadline);
    got.after = loop_.now() - start;
  }

  io::Task<void> ReadBody(Got& got, MonoTime deadline) {
    http::Pieces pieces;
    while (true) {
      const http::ClientConnection::Body state = connection_->Take(pieces);
      std::string read;
      for (const std::string_view piece : pieces) {
        read += piece;
      }
      if (!read.empty()) {
        got.body += read;
        got.reads.push_back(std::move(read));
      }
      if (state == http::ClientConnection::Body::kDone) {
        got.end = io::IoStatus::kOk;
        co_return;
      }
      if (state == http::ClientConnection::Body::kBroken) {
        got.broken = true;
        co_return;
      }
      if (state == http::ClientConnection::Body::kMore) {
        got.end = co_await connection_->Fill(deadline);
        if (got.end != io::IoStatus::kOk && got.end != io::IoStatus::kWouldBlock) {
          co_return;
        }
      }
    }
  }

  io::MemoryLoop loop_;
  http::Limits limits_;
  http::SharedCounts shared_;
  FakeProvider provider_;
  http::Server server_;
  std::unique_ptr<io::Listener> listener_;
  std::unique_ptr<http::ClientConnection> connection_;
};

// A chat request of one user message; `members` are further members with a comma in front.
inline std::string Chat(std::string_view text, std::string_view members = "",
                        std::string_view model = "demo/small") {
  return R"({"model":")" + std::string(model) + R"(","messages":[{"role":"user","content":")" +
         std::string(text) + R"("}])" + std::string(members) + "}";
}

}  // namespace mainstay::fake_provider::testing
