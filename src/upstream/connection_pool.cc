#include "upstream/connection_pool.h"

#include <algorithm>
#include <utility>

namespace mainstay::upstream {

ConnectionPool::ConnectionPool(io::Loop& loop, const io::TlsClientContext* tls)
    : loop_(loop), tls_(tls) {}

ConnectionPool::~ConnectionPool() = default;

std::shared_ptr<EndpointPool> ConnectionPool::Find(const Endpoint& endpoint) {
  std::erase_if(endpoints_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<EndpointPool>& known = endpoints_[endpoint.base_url];
  std::shared_ptr<EndpointPool> pool = known.lock();
  if (pool == nullptr) {
    pool = std::make_shared<EndpointPool>(*this, endpoint);
    known = pool;
  } else {
    pool->Update(endpoint.keep_alive);
  }
  return pool;
}

EndpointPool::EndpointPool(ConnectionPool& pool, const Endpoint& endpoint)
    : Timer(pool.loop_.timers()),
      pool_(pool),
      url_(http::ParseUrl(endpoint.base_url).value()),  // the configuration was checked
      peer_{.host = url_.host, .port = url_.port, .tls = url_.tls ? pool.tls_ : nullptr},
      keep_alive_(endpoint.keep_alive) {
  MS_CHECK(!url_.tls || pool.tls_ != nullptr);
}

EndpointPool::~EndpointPool() {
  pool_.idle_ -= static_cast<int64_t>(idle_.size());
}

std::unique_ptr<http::ClientConnection> EndpointPool::TakeIdle() {
  while (!idle_.empty()) {
    std::unique_ptr<http::ClientConnection> connection = std::move(idle_.back().connection);
    idle_.pop_back();
    --pool_.idle_;
    if (connection->WakeUp() == http::ClientConnection::Fitness::kFit) {
      ++pool_.counts_.reused;
      return connection;
    }
  }
  return nullptr;
}

io::Task<Dialed> EndpointPool::Dial(MonoTime deadline, io::CancelScope& scope) {
  ++pool_.counts_.dialed;
  io::DialResult dialed = co_await pool_.loop_.Dial(peer_, deadline, scope);
  if (dialed.stream == nullptr) {
    ++pool_.counts_.dial_errors;
    co_return Dialed{.connection = nullptr, .error = dialed.error};
  }
  co_return Dialed{.connection = std::make_unique<http::ClientConnection>(
                       pool_.loop_, std::move(dialed.stream))};
}

void EndpointPool::Give(std::unique_ptr<http::ClientConnection> connection) {
  const bool room = static_cast<int64_t>(idle_.size()) < keep_alive_.connections_per_worker;
  if (!room || !connection->Reusable()) {
    return;
  }
  connection->Rest(*this);
  idle_.push_back({.connection = std::move(connection), .since = pool_.loop_.now()});
  ++pool_.idle_;
  if (idle_.size() == 1) {
    SetExpiry();
  }
}

void EndpointPool::Update(const KeepAliveOptions& keep_alive) {
  keep_alive_ = keep_alive;
  const auto size = static_cast<int64_t>(idle_.size());
  const int64_t surplus = std::max<int64_t>(0, size - keep_alive_.connections_per_worker);
  idle_.erase(idle_.begin(), idle_.begin() + surplus);
  pool_.idle_ -= surplus;
  SetExpiry();
}

void EndpointPool::OnClosedAtRest(http::ClientConnection& connection) {
  const auto at =
      std::ranges::find(idle_, &connection, [](const Idle& idle) { return idle.connection.get(); });
  MS_CHECK(at != idle_.end());
  idle_.erase(at);
  --pool_.idle_;
}

void EndpointPool::SetExpiry() {
  if (!idle_.empty()) {
    Timer::Set(idle_.front().since + keep_alive_.idle);
  }
}

void EndpointPool::OnDeadline() {
  const MonoTime expired = pool_.loop_.now() - keep_alive_.idle;
  const auto live =
      std::ranges::find_if(idle_, [&](const Idle& idle) { return idle.since > expired; });
  pool_.idle_ -= live - idle_.begin();
  idle_.erase(idle_.begin(), live);
  SetExpiry();
}

}  // namespace mainstay::upstream
