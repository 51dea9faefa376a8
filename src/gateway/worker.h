#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "gateway/data_plane.h"
#include "http/io/epoll_loop.h"
#include "observe/access_log.h"
#include "observe/metrics.h"

namespace mainstay::gateway {

// What all workers share.
struct WorkerShared {
  const PolicyClock& clock;
  const ServingState& serving;
  http::SharedCounts& connections;
  Log& log;
  session::PinTable& pins;
  session::Conversations& conversations;
  session::Aliases& aliases;
  decision::AnswerCache& router_answers;
  const io::TlsClientContext* tls_client = nullptr;
  const io::TlsServerContext* tls_server = nullptr;
};

// A thread with its loop and data plane. Start and the others are called from the main thread; what
// they ask for happens on the worker's.
class Worker final : private ExchangeObserver {
 public:
  Worker(const WorkerShared& shared, observe::WorkerMetrics& metrics,
         std::shared_ptr<const Snapshot> snapshot);
  // Stops and joins the thread.
  ~Worker();

  // Binds the listeners and starts the thread. Workers share TCP ports; a unix socket has one
  // owner, which is the first worker.
  enum class Rank : uint8_t { kFirst, kOther };
  Result<void> Start(Rank rank);

  void SetSnapshot(std::shared_ptr<const Snapshot> snapshot);
  // Stops accepting; `done` is called on the worker's thread when every connection is gone.
  void Drain(std::function<void()> done);
  void CloseAll();

 private:
  void OnExchange(const Exchange& exchange) override;
  void OnRejectedIds(const SessionId& session) override;
  void OnRefused(ErrorKind kind) override;
  void PublishCounts();

  // Copies what the loop's thread counts into the metrics, four times a second.
  class CountsTimer final : public io::Timer {
   public:
    explicit CountsTimer(Worker& worker);
    void OnDeadline() override;

   private:
    Worker& worker_;
  };

  Log& log_;
  observe::WorkerMetrics& metrics_;
  std::shared_ptr<const Snapshot> snapshot_;
  io::EpollLoop loop_;
  DataPlane plane_;
  CountsTimer counts_timer_;
  std::thread thread_;
};

}  // namespace mainstay::gateway
