#include "http/io/memory_loop.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "http/io/memory_stream.h"

namespace mainstay::io {
namespace {

// What one call of RunUntilIdle may run: far more than any test needs, few enough to fail quickly.
constexpr int64_t kEventsMax = 20'000'000;

std::string Key(const std::string& host, uint16_t port) {
  return port == 0 ? host : host + ":" + std::to_string(port);
}

// Waits for a moment, but not beyond a deadline.
class Pause final : private Timer, private Cancellable {
 public:
  Pause(Loop& loop, MonoTime until, MonoTime deadline, CancelScope& scope)
      : Timer(loop.timers()), until_(until), deadline_(deadline), scope_(scope) {}
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;
  ~Pause() { LeaveScope(); }

  bool await_ready() {
    if (scope_.cancelled()) {
      status_ = IoStatus::kCancelled;
    }
    return scope_.cancelled();
  }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    attached_ = true;
    scope_.Attach(*this);
    Timer::Set(std::min(until_, deadline_));
  }
  IoStatus await_resume() {
    LeaveScope();
    return status_;
  }

 private:
  void LeaveScope() {
    if (std::exchange(attached_, false)) {
      scope_.Detach();
    }
  }
  void OnDeadline() override {
    status_ = until_ <= deadline_ ? IoStatus::kOk : IoStatus::kTimeout;
    std::exchange(waiter_, {}).resume();
  }
  void Cancel() override {
    Timer::Clear();
    status_ = IoStatus::kCancelled;
    std::exchange(waiter_, {}).resume();
  }

  MonoTime until_;
  MonoTime deadline_;
  CancelScope& scope_;
  std::coroutine_handle<> waiter_;
  bool attached_ = false;
  IoStatus status_ = IoStatus::kOk;
};

DialResult Failed(DialError error, const std::string& address, std::string_view why) {
  return {.stream = nullptr, .error = error, .detail = address + ": " + std::string(why)};
}

}  // namespace

class MemoryListener final : public Listener {
 public:
  MemoryListener(MemoryLoop& loop, std::string key, uint16_t port, AcceptHandler& handler)
      : loop_(loop), key_(std::move(key)), port_(port), handler_(handler) {
    loop_.listeners_[key_] = this;
  }
  ~MemoryListener() override {
    loop_.listeners_.erase(key_);
    HandOver();
  }

  uint16_t port() const override { return port_; }

  void Add(std::unique_ptr<Stream> stream) {
    backlog_.push_back(std::move(stream));
    // Found again by its address, because it may be gone when the event's turn comes.
    loop_.Enqueue([&loop = loop_, key = key_] {
      const auto found = loop.listeners_.find(key);
      if (found != loop.listeners_.end()) {
        found->second->HandOver();
      }
    });
  }

 private:
  void HandOver() {
    while (!backlog_.empty()) {
      std::unique_ptr<Stream> stream = std::move(backlog_.front());
      backlog_.pop_front();
      handler_.OnAccept(std::move(stream));
    }
  }

  MemoryLoop& loop_;
  const std::string key_;
  const uint16_t port_;
  AcceptHandler& handler_;
  std::deque<std::unique_ptr<Stream>> backlog_;
};

// Brings events that are due later into the queue.
class MemoryLoop::Alarm final : public Timer {
 public:
  explicit Alarm(MemoryLoop& loop) : Timer(loop.timers()), loop_(loop) {}

 private:
  void OnDeadline() override { loop_.TakeDue(); }
  MemoryLoop& loop_;
};

MemoryLoop::MemoryLoop() : alarm_(std::make_unique<Alarm>(*this)) {
  // Not zero, so that a time that was never set is in the past.
  now_ = MonoTime(std::chrono::hours(1));
}

MemoryLoop::~MemoryLoop() {
  MS_CHECK(listeners_.empty());
  // Queued events own connections, whose last events would refer to this loop.
  later_.clear();
  events_.clear();
}

Result<std::unique_ptr<Listener>> MemoryLoop::Listen(const http::ListenAddress& address,
                                                     AcceptHandler& handler,
                                                     const TlsServerContext*) {
  const bool is_unix = address.kind == http::ListenAddress::Kind::kUnix;
  const std::string& host = is_unix ? address.path : address.host;
  uint16_t port = address.port;
  while (!is_unix && port == 0) {
    if (!listeners_.contains(Key(host, next_port_))) {
      port = next_port_;
    }
    next_port_ = next_port_ == UINT16_MAX ? 49'152 : static_cast<uint16_t>(next_port_ + 1);
  }
  std::string key = Key(host, port);
  if (listeners_.contains(key)) {
    return Error{.message = "cannot listen on " + key + ": bind: Address already in use"};
  }
  return std::unique_ptr<Listener>(
      std::make_unique<MemoryListener>(*this, std::move(key), port, handler));
}

Task<DialResult> MemoryLoop::Dial(const Peer& peer, MonoTime deadline, CancelScope& scope) {
  const std::string address = Key(peer.host, peer.port);
  const auto link_found = links_.find(address);
  const MemoryLink link = link_found == links_.end() ? MemoryLink{} : link_found->second;
  const bool answers = link.dial != MemoryLink::Dial::kBlackHole;
  // Suspends even without latency: a dial never ends inside the call that starts it.
  const IoStatus waited =
      co_await Pause(*this, answers ? now_ + 2 * link.latency : kNever, deadline, scope);
  if (waited == IoStatus::kCancelled) {
    co_return Failed(DialError::kCancelled, address, "cancelled");
  }
  if (waited == IoStatus::kTimeout) {
    co_return Failed(DialError::kTimeout, address, "connect: timed out");
  }
  if (link.dial == MemoryLink::Dial::kUnknownName) {
    co_return Failed(DialError::kName, address, "Domain name not found");
  }
  if (link.dial == MemoryLink::Dial::kTlsFails && peer.tls != nullptr) {
    co_return Failed(DialError::kTls, address, "TLS: unable to get local issuer certificate");
  }
  const auto listener = listeners_.find(address);
  if (listener == listeners_.end() || link.dial == MemoryLink::Dial::kRefused) {
    co_return Failed(DialError::kRefused, address, "connect: Connection refused");
  }
  auto connection = std::make_shared<MemoryConnection>(*this, link);
  auto dialled = std::make_unique<MemoryStream>(connection, MemorySide::kDialler);
  listener->second->Add(std::make_unique<MemoryStream>(connection, MemorySide::kAcceptor));
  co_return DialResult{.stream = std::move(dialled), .error = DialError::kRefused, .detail = {}};
}

void MemoryLoop::EnqueueAt(MonoTime time, std::function<void()> event) {
  later_.emplace(time, std::move(event));
  alarm_->Set(later_.begin()->first);
}

void MemoryLoop::TakeDue() {
  while (!later_.empty() && later_.begin()->first <= now_) {
    events_.push_back(std::move(later_.begin()->second));
    later_.erase(later_.begin());
  }
  if (!later_.empty()) {
    alarm_->Set(later_.begin()->first);
  }
}

bool MemoryLoop::RunOne() {
  if (events_.empty()) {
    std::vector<std::function<void()>> posted;
    posted_.With([&](auto& all) { posted.swap(all); });
    std::ranges::move(posted, std::back_inserter(events_));
  }
  if (events_.empty()) {
    return timers_.RunDue(now_) > 0;
  }
  const std::function<void()> event = std::move(events_.front());
  events_.pop_front();
  event();
  return true;
}

void MemoryLoop::RunUntilIdle() {
  for (int64_t ran = 0; RunOne(); ++ran) {
    MS_CHECK(ran < kEventsMax);
  }
}

void MemoryLoop::Advance(std::chrono::nanoseconds duration) {
  const MonoTime end = now_ + duration;
  RunUntilIdle();
  while (timers_.Next() <= end) {
    now_ = std::max(now_, timers_.Next());
    RunUntilIdle();
  }
  now_ = end;
}

bool MemoryLoop::RunUntil(const std::function<bool()>& predicate, std::chrono::nanoseconds limit) {
  const MonoTime end = now_ + limit;
  for (RunUntilIdle(); !predicate(); RunUntilIdle()) {
    const MonoTime next = timers_.Next();
    if (next > end) {
      now_ = end;
      return false;
    }
    now_ = std::max(now_, next);
  }
  return true;
}

void MemoryLoop::Run() {
  while (!stopped_.load(std::memory_order_acquire)) {
    const uint32_t seen = wake_ups_.load(std::memory_order_acquire);
    if (RunOne()) {
      continue;
    }
    const MonoTime next = timers_.Next();
    if (next != kNever) {
      now_ = std::max(now_, next);
    } else if (!stopped_.load(std::memory_order_acquire)) {
      wake_ups_.wait(seen, std::memory_order_acquire);
    }
  }
  stopped_.store(false, std::memory_order_release);
}

void MemoryLoop::Stop() {
  stopped_.store(true, std::memory_order_release);
  wake_ups_.fetch_add(1, std::memory_order_release);
  wake_ups_.notify_one();
}

void MemoryLoop::Post(std::function<void()> function) {
  posted_.With([&](auto& all) { all.push_back(std::move(function)); });
  wake_ups_.fetch_add(1, std::memory_order_release);
  wake_ups_.notify_one();
}

}  // namespace mainstay::io
