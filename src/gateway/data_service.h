#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "gateway/context.h"
#include "gateway/conversation_stage.h"
#include "gateway/pipeline.h"
#include "gateway/relay.h"
#include "http/server.h"

namespace mainstay::gateway {

// Whether the gateway takes requests. Shared by all workers.
struct ServingState {
  std::atomic<bool> ready{false};  // configuration loaded and state open
  std::atomic<bool> draining{false};
};

// Hears of every exchange when it is over. On the worker's thread; must not block.
class ExchangeObserver {
 public:
  virtual void OnExchange(const Exchange& exchange) = 0;
  // Ids that cannot be one came with a request. Before its answer, unlike OnExchange.
  virtual void OnRejectedIds(const SessionId& session) = 0;
  // A request that the HTTP layer refused, or that no route took.
  virtual void OnRefused(ErrorKind kind) = 0;

 protected:
  ~ExchangeObserver() = default;
};

// The data listener of one worker: routes (spec 02), and for requests to models the pipeline, the
// relay of the answer, and its end.
class DataService final : public http::Handler, private HeaderWriter {
 public:
  DataService(io::Loop& loop, const PolicyClock& clock, Random random, const ServingState& serving,
              ExchangeObserver& observer, session::PinTable& pins,
              session::Conversations& conversations, session::Aliases& aliases);

  // Requests that begin from now on use this configuration.
  void SetSnapshot(std::shared_ptr<const WorkerSnapshot> snapshot) {
    snapshot_ = std::move(snapshot);
  }

  io::Task<void> Handle(http::ServerExchange& client) override;
  io::Task<void> Refuse(const Error& error, http::ServerExchange& client) override;

 private:
  enum class Action : uint8_t { kModelRequest, kDecide, kListModels, kGetModel, kHealth, kReady };
  struct Route {
    std::string_view path;
    bool is_prefix;
    std::string_view methods;  // as the Allow header lists them
    Action action;
    Operation operation;
  };
  static bool TakesBody(Action action) {
    return action == Action::kModelRequest || action == Action::kDecide;
  }
  static const Route kRoutes[];

  static const Route* FindRoute(std::string_view path);
  static bool Allows(const Route& route, http::Method method);

  void NoteRejectedIds(const Exchange& exchange) {
    if (exchange.session.rejected_count > 0) [[unlikely]] {
      observer_.OnRejectedIds(exchange.session);
    }
  }
  std::unique_ptr<Context> TakeContext(http::ServerExchange& client);
  void GiveContext(std::unique_ptr<Context> context);
  void SetIds(http::ServerExchange& client, Context& context);

  // A request that is decided upon, and its end.
  io::Task<void> ServeExchange(Action action, http::ServerExchange& client,
                               std::unique_ptr<Context> context);
  io::Task<void> ServeOther(const Route* route, http::ServerExchange& client,
                            std::unique_ptr<Context> context);
  io::Task<void> Dispatch(const Route& route, http::ServerExchange& client, Context& context);
  io::Task<Result<void>> ServeDecision(http::ServerExchange& client, Context& context);
  io::Task<void> ListModels(http::ServerExchange& client, Context& context);
  io::Task<void> GetModel(std::string_view name, http::ServerExchange& client, Context& context);
  io::Task<void> SendJson(int status, http::ServerExchange& client, Context& context);
  io::Task<void> SendAllow(const Route& route, int status, http::ServerExchange& client,
                           Context& context);
  io::Task<void> SendError(const Error& error, http::ServerExchange& client, Context& context,
                           std::string_view allow = {});

  void WriteGatewayHeaders(http::ServerExchange& client, const Context& context) override;

  io::Loop& loop_;
  const PolicyClock& clock_;
  Random random_;
  const ServingState& serving_;
  ExchangeObserver& observer_;
  ConversationStage conversations_;
  Pipeline pipeline_;
  std::shared_ptr<const WorkerSnapshot> snapshot_;
  std::vector<std::unique_ptr<Context>> contexts_;
};

}  // namespace mainstay::gateway
