#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/client_connection.h"
#include "http/io/loop.h"
#include "model/exchange.h"
#include "model/failure.h"
#include "upstream/connection_pool.h"
#include "upstream/options.h"
#include "upstream/request_head.h"

namespace mainstay::upstream {

// A target that a request may be sent to, with what a worker keeps for it.
struct Destination {
  const Model* model = nullptr;
  const Target* target = nullptr;
  EndpointPool* pool = nullptr;
  std::string_view fixed_lines;
};

// Makes the request for one destination: head into `head`, body pieces as views that hold until
// the next call.
class RequestMaker {
 public:
  virtual std::span<const std::string_view> Make(const Destination& destination,
                                                 io::Buffer& head) = 0;

 protected:
  ~RequestMaker() = default;
};

// An answer whose head has been read; its body is still on the connection. The connection goes
// back to its pool when the reply is destroyed, if it can be used again.
class Reply final {
 public:
  Reply() = default;
  Reply(std::unique_ptr<http::ClientConnection> connection, const Destination& destination,
        MonoTime deadline)
      : connection_(std::move(connection)), destination_(destination), deadline_(deadline) {}
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&& other) noexcept {
    GiveBack();
    connection_ = std::move(other.connection_);
    destination_ = other.destination_;
    deadline_ = other.deadline_;
    return *this;
  }
  ~Reply() { GiveBack(); }

  explicit operator bool() const { return connection_ != nullptr; }
  http::ClientConnection& connection() { return *connection_; }
  const http::ResponseHead& head() const { return connection_->head(); }
  const Destination& destination() const { return destination_; }
  // When the whole attempt has to be over; kNever without such a limit.
  MonoTime deadline() const { return deadline_; }

 private:
  void GiveBack() {
    if (connection_ != nullptr) {
      destination_.pool->Give(std::move(connection_));
    }
  }

  std::unique_ptr<http::ClientConnection> connection_;
  Destination destination_;
  MonoTime deadline_ = io::kNever;
};

// Sends a request to one destination after the other until one answers for good (spec 06 §4).
//
// Every attempt is recorded in the exchange, the first one as from its `decided`, and so is the
// moment at which the answer that is passed on began. A destination is never sent the same request
// twice, but for a kept-alive connection that turns out to be dead: when the provider's system took
// not a byte of the request, it goes out again on a fresh connection.
//
// Gives the answer to pass on: a success, the request's own fault, or, when every destination
// failed, the last answer that one of them gave.
// Errors: kUpstreamUnreachable, kUpstreamTimeout, kClientLeft.
class Sender final {
 public:
  Sender(io::Loop& loop, ClassifyAttempt classify, FailoverOptions options)
      : loop_(loop), classify_(classify), options_(options) {}

  io::Task<Result<Reply>> Send(std::span<const Destination> destinations, RequestMaker& maker,
                               io::CancelScope& scope, Exchange& exchange);

 private:
  struct Outcome {
    AttemptEvent event = AttemptEvent::kConnectError;
    Reply reply;  // with kAnswered
  };

  // One request over one connection. `never_taken` becomes kYes when the connection broke and the
  // provider's system had taken nothing of the request.
  enum class NeverTaken : uint8_t { kNo, kYes };
  io::Task<Outcome> TryOn(std::unique_ptr<http::ClientConnection> connection,
                          const Destination& destination, RequestMaker& maker,
                          io::CancelScope& scope, MonoTime total_deadline, NeverTaken& never_taken);
  // One request over a connection that is made for it.
  io::Task<Outcome> TryFresh(const Destination& destination, RequestMaker& maker,
                             io::CancelScope& scope, MonoTime total_deadline);

  io::Loop& loop_;
  ClassifyAttempt classify_;
  FailoverOptions options_;
};

}  // namespace mainstay::upstream
