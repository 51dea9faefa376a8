#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "http/io/loop.h"

namespace mainstay::io {

class MemoryListener;

// How connections to one address behave. The defaults are a perfect, immediate network.
struct MemoryLink {
  enum class Dial : uint8_t { kConnects, kRefused, kBlackHole, kUnknownName, kTlsFails };

  Dial dial = Dial::kConnects;
  // One way. Connecting takes a round trip; bytes, ends and resets take one way; that the peer has
  // made room is known at once.
  std::chrono::nanoseconds latency{0};
  // What is on its way or unread in one direction; a writer waits beyond it.
  size_t queue_bytes = 64 << 10;
  // The reader gets at most so many bytes, and the next ones (or the end) only after it has read
  // these; 1 puts a split between any two bytes.
  size_t chunk_bytes = SIZE_MAX;
  // The connection breaks when so many bytes have arrived at the side that dialled, or that
  // accepted. 0 breaks it at the first byte, before that is acknowledged.
  uint64_t reset_after_to_dialler = UINT64_MAX;
  uint64_t reset_after_to_acceptor = UINT64_MAX;
};

// A network inside one process, in virtual time: for tests of everything that is built on Loop.
// Streams behave as those of EpollLoop do, the order of events depends on nothing but the program,
// and waiting takes no time. TLS contexts are accepted and ignored: bytes go over as they are.
//
// A listener is found by the host and port it was asked to listen on, whatever they are: a name
// serves as well as an address. For a unix socket, dial its path with port 0.
//
// Threads: as Loop.
class MemoryLoop final : public Loop {
 public:
  MemoryLoop();
  // Streams, listeners and waiting tasks are gone by now.
  ~MemoryLoop() override;

  // Virtual time: it moves by Advance and RunUntil, and by Run when there is nothing else to do.
  MonoTime Precise() const override { return now_; }
  using Loop::Listen;
  // Port 0 gives one that is not in use. Errors: kInternal when the address is taken.
  Result<std::unique_ptr<Listener>> Listen(const http::ListenAddress& address,
                                           AcceptHandler& handler,
                                           const TlsServerContext* tls) override;
  Task<DialResult> Dial(const Peer& peer, MonoTime deadline, CancelScope& scope) override;
  void Run() override;
  void Stop() override;
  void Post(std::function<void()> function) override;

  // For connections made from now on. `address` is "host:port" as it is dialled, without brackets.
  void SetLink(const std::string& address, const MemoryLink& link) { links_[address] = link; }

  // Runs what can happen without time passing. A program that never comes to rest ends the process.
  void RunUntilIdle();
  // The same, then moves time to each timer that is due within `duration`, in order, and to the
  // end.
  void Advance(std::chrono::nanoseconds duration);
  // Runs, and moves to the next timer whenever idle, until the predicate holds: true. False: it
  // still did not after `limit`.
  bool RunUntil(const std::function<bool()>& predicate,
                std::chrono::nanoseconds limit = std::chrono::hours(1));

 private:
  friend class MemoryConnection;
  friend class MemoryListener;
  class Alarm;

  // An event in the queue; and one that joins the queue at a time.
  void Enqueue(std::function<void()> event) { events_.push_back(std::move(event)); }
  void EnqueueAt(MonoTime time, std::function<void()> event);
  void TakeDue();
  bool RunOne();

  std::deque<std::function<void()>> events_;
  std::multimap<MonoTime, std::function<void()>> later_;  // equal times: in order of insertion
  std::unique_ptr<Alarm> alarm_;
  std::map<std::string, MemoryLink> links_;
  std::map<std::string, MemoryListener*> listeners_;
  uint16_t next_port_ = 49'152;
  Guarded<std::vector<std::function<void()>>> posted_;
  std::atomic<bool> stopped_{false};
  std::atomic<uint32_t> wake_ups_{0};
};

}  // namespace mainstay::io
