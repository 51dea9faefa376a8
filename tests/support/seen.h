#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/data_service.h"

namespace mainstay::support {

// A copy of what an observer is told of an exchange, so that it outlives request and configuration.
struct SeenAttempt {
  std::string endpoint;
  AttemptEvent event = AttemptEvent::kAnswered;
  FailureClass failure = FailureClass::kNone;
  int status = 0;
};

struct SeenExchange {
  std::string request_id;         // the gateway's
  std::string client_request_id;  // as answers say it
  std::string caller;
  std::string model;   // empty: none was chosen
  std::string target;  // endpoint that served; empty: none
  int status = 0;
  Lifecycle lifecycle = Lifecycle::kInProgress;
  std::optional<ErrorKind> error;
  std::vector<SeenAttempt> attempts;
  Usage usage;
  int64_t events = 0;
  uint64_t reply_bytes = 0;
};

// Keeps all it is told of.
class Recorder final : public gateway::ExchangeObserver {
 public:
  void OnExchange(const Exchange& exchange) override;
  void OnRejectedIds(const SessionId& session) override { rejected_ids_ += session.rejected_count; }
  void OnRefused(ErrorKind kind) override { refused_.push_back(kind); }

  const std::vector<SeenExchange>& exchanges() const { return exchanges_; }
  const std::vector<ErrorKind>& refused() const { return refused_; }
  int rejected_ids() const { return rejected_ids_; }
  void Forget() {
    exchanges_.clear();
    refused_.clear();
  }

 private:
  std::vector<SeenExchange> exchanges_;
  int rejected_ids_ = 0;
  std::vector<ErrorKind> refused_;
};

}  // namespace mainstay::support
