#include "gateway/worker.h"

#include <pthread.h>

#include <string>
#include <utility>

namespace mainstay::gateway {
namespace {

constexpr std::chrono::milliseconds kCountsInterval{250};

}  // namespace

Worker::CountsTimer::CountsTimer(Worker& worker) : Timer(worker.loop_.timers()), worker_(worker) {
  Set(worker.loop_.now() + kCountsInterval);
}

void Worker::CountsTimer::OnDeadline() {
  worker_.PublishCounts();
  Set(worker_.loop_.now() + kCountsInterval);
}

Worker::Worker(const WorkerShared& shared, observe::WorkerMetrics& metrics,
               std::shared_ptr<const Snapshot> snapshot)
    : log_(shared.log),
      metrics_(metrics),
      snapshot_(std::move(snapshot)),
      plane_({.loop = loop_,
              .clock = shared.clock,
              .random = Random::FromSystem(),
              .serving = shared.serving,
              .connections = shared.connections,
              .observer = *this,
              .pins = shared.pins,
              .conversations = shared.conversations,
              .aliases = shared.aliases,
              .router_answers = shared.router_answers,
              .tls_client = shared.tls_client,
              .tls_server = shared.tls_server},
             snapshot_),
      counts_timer_(*this) {
  metrics_.Bind(snapshot_->catalog);
}

Worker::~Worker() {
  if (thread_.joinable()) {
    loop_.Stop();
    thread_.join();
  }
}

Result<void> Worker::Start(Rank rank) {
  std::vector<std::string> addresses = snapshot_->options.server.listen;
  if (rank == Rank::kOther) {
    std::erase_if(addresses,
                  [](const std::string& address) { return address.starts_with("unix:"); });
  }
  Result<void> listening = plane_.Listen(addresses);
  if (!listening) {
    return listening;
  }
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "worker");
    loop_.Run();
  });
  return {};
}

void Worker::SetSnapshot(std::shared_ptr<const Snapshot> snapshot) {
  loop_.Post([this, snapshot = std::move(snapshot)] {
    snapshot_ = snapshot;
    metrics_.Bind(snapshot_->catalog);
    plane_.SetSnapshot(snapshot_);
  });
}

void Worker::Drain(std::function<void()> done) {
  loop_.Post([this, done = std::move(done)] { plane_.Drain(done); });
}

void Worker::CloseAll() {
  loop_.Post([this] { plane_.CloseAll(); });
}

void Worker::OnExchange(const Exchange& exchange) {
  if (snapshot_->options.telemetry.metrics) {
    metrics_.OnExchange(exchange);
  }
  observe::LogExchange(exchange, log_);
}

void Worker::OnRejectedIds(const SessionId& session) {
  metrics_.OnRejectedIds(session);
}

void Worker::OnRefused(ErrorKind kind) {
  metrics_.OnHttpRefused(kind);
}

void Worker::PublishCounts() {
  const http::ServerCounts& server = plane_.server_counts();
  const upstream::PoolCounts& pool = plane_.pool().counts();
  metrics_.Set({.connections = server.connections,
                .accepted = server.accepted,
                .refused_connections = server.refused_connections,
                .upstream_idle = plane_.pool().idle(),
                .dialed = pool.dialed,
                .reused = pool.reused,
                .dial_errors = pool.dial_errors});
}

}  // namespace mainstay::gateway
