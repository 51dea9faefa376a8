#include "session/checkpointer.h"

#include <pthread.h>

#include "session/signals_blocked.h"

namespace mainstay::session {

Checkpointer::~Checkpointer() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

MaybeFailure Checkpointer::Start(const std::string& file) {
  if (MaybeFailure failure = database_.Open(file)) {
    return failure;
  }
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { Run(); });
  return std::nullopt;
}

void Checkpointer::Wake() {
  {
    const std::lock_guard lock(mutex_);
    if (is_wanted_) {
      return;
    }
    is_wanted_ = true;
  }
  wake_.notify_one();
}

bool Checkpointer::is_idle() const {
  const std::lock_guard lock(mutex_);
  return !is_wanted_;
}

void Checkpointer::AwaitIdle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !is_wanted_; });
}

void Checkpointer::Run() {
  pthread_setname_np(pthread_self(), "checkpoint");
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return is_wanted_ || stopping_; });
    if (stopping_) {
      return;
    }
    lock.unlock();
    // What was committed during the first turn is left over, and only an empty log starts again
    // from its beginning. The second turn has little to do and often finishes it.
    database_.Checkpoint();
    database_.Checkpoint();
    lock.lock();
    is_wanted_ = false;
    idle_.notify_all();
  }
}

}  // namespace mainstay::session
