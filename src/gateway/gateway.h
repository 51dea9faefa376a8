#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/problems.h"
#include "base/result.h"
#include "decision/router/answer_cache.h"
#include "gateway/snapshot.h"
#include "gateway/worker.h"
#include "http/io/epoll_loop.h"
#include "http/io/tls.h"
#include "observe/metrics.h"
#include "session/aliases.h"
#include "session/conversations.h"
#include "session/pin_table.h"
#include "session/state_store.h"

namespace mainstay::gateway {

// A configuration that was read and checked, with what identifies it.
struct CheckedOptions {
  Options options;
  std::string hash;
  std::string effective;
};

// What a reload came to: new options, or the problems for which the old ones stay.
struct Reloaded {
  std::unique_ptr<CheckedOptions> checked;  // null when there are problems
  Problems problems;
};

// The whole process: workers with their data planes, state, metrics. The caller runs main_loop();
// what is asked of the gateway happens on that loop's thread.
class Gateway final {
 public:
  struct Setup {
    CheckedOptions checked;
    PolicyClock::Mode clock = PolicyClock::Mode::kReal;
    // Reads the configuration again. Called on the main loop's thread.
    std::function<Reloaded()> reload;
    Log& log;
    session::OpenedState state;
    io::EpollLoop& main_loop;
    io::SystemTrust system_trust = io::SystemTrust::kFolder;
    std::string version;
    std::string commit;  // empty when it is not known
  };

  explicit Gateway(Setup setup);
  ~Gateway();

  // Binds every data listener and starts the workers.
  //
  // Errors: an address that is taken or cannot be bound, TLS files that cannot be used.
  Result<void> Start();

  // Re-reads the configuration; on problems the old one stays, and they are given back.
  Problems Reload();

  // Stops accepting, lets requests finish for drain_timeout, and calls `done` on the main loop.
  void Drain(std::function<void()> done);

  std::string RenderMetrics();
  std::string StateJson();
  const Snapshot& snapshot() const { return *snapshot_; }
  PolicyClock& clock() { return clock_; }
  session::PinTable& pins() { return pins_; }
  session::Conversations& conversations() { return conversations_; }
  const session::Aliases& aliases() const { return aliases_; }

 private:
  class DrainTimer;

  Result<void> MakeTls();
  // Learns the preferences for a local router; null for another one. Waits for the disk and the
  // processor, so that it is called before anything is served from the options.
  Result<std::shared_ptr<const decision::TextClassifier>> Learn(const Options& options);
  std::shared_ptr<const Snapshot> FirstSnapshot();
  bool StateDegraded() const;
  // What GET /api/state says of sessions, pins and conversations.
  void WriteSessions(json::Writer& writer);
  void WarnOfFixedSettings(const Options& before, const Options& after);

  Setup setup_;
  PolicyClock clock_;
  std::optional<Error> start_problem_;  // what FirstSnapshot could not do, for Start to say
  ServingState serving_;
  http::SharedCounts connections_;
  std::unique_ptr<io::TlsClientContext> tls_client_;
  std::unique_ptr<io::TlsServerContext> tls_server_;
  std::shared_ptr<const Snapshot> snapshot_;
  session::PinTable pins_;
  session::Conversations conversations_;
  session::Aliases aliases_;
  decision::AnswerCache router_answers_;
  observe::Metrics metrics_;
  std::vector<std::unique_ptr<Worker>> workers_;
  MonoTime started_;
  size_t draining_workers_ = 0;
  std::function<void()> drained_;
  std::unique_ptr<DrainTimer> drain_timer_;
};

// The number of workers that `workers: 0` stands for: one per CPU that the process may use.
int64_t EffectiveWorkers(const Options& options);

}  // namespace mainstay::gateway
