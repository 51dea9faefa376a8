#include "cli/signals.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "base/check.h"

namespace mainstay::cli {
namespace {

sigset_t Watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = Watched();
  MS_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  // A peer that is gone is an error of the write, not the end of the process.
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  MS_CHECK(sigaction(SIGPIPE, &ignore, nullptr) == 0);
  // So is a file at the limit of its size: the state store goes on without it.
  MS_CHECK(sigaction(SIGXFSZ, &ignore, nullptr) == 0);
}

SignalWatcher::SignalWatcher(io::EpollLoop& loop, std::function<void(Signal)> on_signal)
    : loop_(loop), on_signal_(std::move(on_signal)) {
  const sigset_t set = Watched();
  fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  MS_CHECK(fd_ >= 0);
  loop_.Register(fd_, EPOLLIN, *this);
}

SignalWatcher::~SignalWatcher() {
  loop_.Forget(*this);
  ::close(fd_);
}

void SignalWatcher::OnEvents(uint32_t) {
  signalfd_siginfo info{};
  while (::read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    on_signal_(info.ssi_signo == SIGHUP ? Signal::kReload : Signal::kStop);
  }
}

}  // namespace mainstay::cli
