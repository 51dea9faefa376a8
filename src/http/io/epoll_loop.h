#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "http/io/deferred_sends.h"
#include "http/io/loop.h"
#include "http/io/tcp_stream.h"

namespace mainstay::io {

class Resolver;
struct ResolverOptions;

// The loop on Linux: one epoll set, edge-triggered.
class EpollLoop final : public Loop {
 public:
  EpollLoop();
  explicit EpollLoop(const ResolverOptions& resolver_options);
  ~EpollLoop() override;

  MonoTime Precise() const override { return std::chrono::steady_clock::now(); }
  using Loop::Listen;
  Result<std::unique_ptr<Listener>> Listen(const http::ListenAddress& address,
                                           AcceptHandler& handler,
                                           const TlsServerContext* tls) override;
  Task<DialResult> Dial(const Peer& peer, MonoTime deadline, CancelScope& scope) override;
  void Run() override;
  void Stop() override;
  void Post(std::function<void()> function) override;

  Resolver& resolver() { return *resolver_; }

  // Where a stream puts the pieces of a short message together before it is sent.
  static constexpr size_t kGatherBytesMax = 8 << 10;
  char* gather() { return gather_.data(); }
  DeferredSends& sends() { return sends_; }

  // For the owners of descriptors. An object is never called after Forget; closing the descriptor
  // alone is not enough, because events of the round that is running may be waiting for their turn.
  void Register(int fd, uint32_t events, Pollable& owner);
  void Modify(int fd, uint32_t events, Pollable& owner);
  void Unregister(int fd);
  void Forget(const Pollable& owner);

 private:
  static constexpr size_t kEventsMax = 256;

  // Wakes epoll_wait up from other threads.
  class Waker final : public Pollable {
   public:
    explicit Waker(EpollLoop& loop);
    ~Waker();
    void Wake() const;
    void OnEvents(uint32_t events) override;

   private:
    EpollLoop& loop_;
    int fd_;
  };

  int TimeoutMs();
  void RunPosted();

  int epoll_;
  std::array<epoll_event, kEventsMax> events_{};
  size_t event_index_ = 0;
  size_t event_count_ = 0;
  std::array<char, kGatherBytesMax> gather_;
  DeferredSends sends_{*this};
  std::atomic<bool> stopped_{false};
  Guarded<std::vector<std::function<void()>>> posted_;
  std::unique_ptr<Waker> waker_;
  std::unique_ptr<Resolver> resolver_;
};

}  // namespace mainstay::io
