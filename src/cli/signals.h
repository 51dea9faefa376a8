#pragma once

#include <functional>

#include "http/io/epoll_loop.h"

namespace mainstay::cli {

enum class Signal { kStop, kReload };

// Keeps SIGTERM, SIGINT, SIGHUP and SIGPIPE from ending the process, in this thread and all that it
// starts later. Call before any thread is started.
void BlockSignals();

// Hands the blocked signals to a function on the loop's thread.
class SignalWatcher final : private io::Pollable {
 public:
  SignalWatcher(io::EpollLoop& loop, std::function<void(Signal)> on_signal);
  ~SignalWatcher();

 private:
  void OnEvents(uint32_t events) override;

  io::EpollLoop& loop_;
  std::function<void(Signal)> on_signal_;
  int fd_;
};

}  // namespace mainstay::cli
