#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "session/sqlite_database.h"

namespace mainstay::session {

// Moves the write-ahead log into the database on a thread and a connection of its own. That waits
// for the disk twice, 25 ms on an ordinary one and a second on a bad one, in which no change would
// be committed if the writer did it. The thread sleeps while nobody asks for it.
//
// Thread safety: all methods may be called from any thread.
class Checkpointer final {
 public:
  Checkpointer() = default;
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Called once, before the others. Throws std::system_error when there is no thread to be had.
  MaybeFailure Start(const std::string& file);

  // Asks for a pass, unless one is running. Does not wait. A pass that fails is not reported: the
  // log stays as it is, and the next one has the same to do.
  void Wake();

  bool is_idle() const;

  // Waits until no pass is running.
  void AwaitIdle();

 private:
  void Run();

  Database database_;  // of the thread alone, once it runs
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  bool is_wanted_ = false;  // from Wake to the end of the pass
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mainstay::session
