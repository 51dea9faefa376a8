#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "http/io/loop.h"

// What tests of streams have in common, whatever the loop.
namespace mainstay::io::testing {

// Lets the loop run until the predicate holds.
inline Task<void> Until(Loop& loop, std::function<bool()> predicate) {
  CancelScope never;
  while (!predicate()) {
    co_await loop.Sleep(std::chrono::microseconds(50), never);
  }
}

// Lets everything that is under way arrive: a few rounds of events.
inline Task<void> Settle(Loop& loop) {
  CancelScope never;
  for (int round = 0; round < 5; ++round) {
    co_await loop.Sleep(std::chrono::milliseconds(1), never);
  }
}

// Keeps the streams that a listener hands over.
class Accepted final : public AcceptHandler {
 public:
  explicit Accepted(Loop& loop) : loop_(loop) {}
  void OnAccept(std::unique_ptr<Stream> stream) override { streams.push_back(std::move(stream)); }

  // The oldest stream; waits until there is one.
  Task<std::unique_ptr<Stream>> Next() {
    co_await Until(loop_, [&] { return !streams.empty(); });
    std::unique_ptr<Stream> first = std::move(streams.front());
    streams.erase(streams.begin());
    co_return first;
  }

  std::vector<std::unique_ptr<Stream>> streams;

 private:
  Loop& loop_;
};

// Runs tasks on a loop until the last one has ended; a test that hangs ends the process after ten
// seconds of the loop's time.
class Runner final {
 public:
  explicit Runner(Loop& loop) : loop_(loop) {}

  void Run(const std::vector<std::function<Task<void>()>>& bodies) {
    running_ = bodies.size();
    Watchdog watchdog(loop_);
    for (const auto& body : bodies) {
      Spawn(Count(body));
    }
    if (running_ > 0) {
      looping_ = true;
      loop_.Run();
    }
    MS_CHECK(running_ == 0);  // otherwise a task never ended
  }

 private:
  class Watchdog final : public Timer {
   public:
    explicit Watchdog(Loop& loop) : Timer(loop.timers()), loop_(loop) {
      Set(loop.Precise() + std::chrono::seconds(10));
    }

   private:
    void OnDeadline() override { loop_.Stop(); }
    Loop& loop_;
  };

  Task<void> Count(const std::function<Task<void>()>& body) {
    co_await body();
    // A Stop before the run would end the next one at once.
    if (--running_ == 0 && looping_) {
      loop_.Stop();
    }
  }

  Loop& loop_;
  size_t running_ = 0;
  bool looping_ = false;
};

inline iovec Piece(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

// Reads until `bytes` have come, or what else happened: the status is that of the last read.
struct ReadOutcome {
  std::string bytes;
  IoStatus status = IoStatus::kOk;
};
inline Task<ReadOutcome> ReadExactly(Stream& stream, size_t bytes, size_t step = 4096) {
  ReadOutcome outcome;
  std::string block(step, '\0');
  while (outcome.bytes.size() < bytes) {
    // Trusts the stream's word on what is ready, so that a wrong one shows.
    if (!stream.ready(Ready::kRead)) {
      outcome.status = co_await stream.Wait(Ready::kRead, kNever);
      if (outcome.status != IoStatus::kOk) {
        break;
      }
    }
    const size_t size = std::min(step, bytes - outcome.bytes.size());
    const IoResult result = stream.TryRead(block.data(), size);
    outcome.status = result.status;
    if (result.status == IoStatus::kOk) {
      outcome.bytes.append(block, 0, result.bytes);
    } else if (result.status != IoStatus::kWouldBlock) {
      break;
    }
  }
  co_return outcome;
}

// Reads to the end or the failure.
inline Task<ReadOutcome> ReadAll(Stream& stream, size_t step = 4096) {
  return ReadExactly(stream, SIZE_MAX, step);
}

// Writes all of it; gives kOk or why not.
inline Task<IoStatus> WriteAll(Stream& stream, std::string_view bytes) {
  while (!bytes.empty()) {
    const iovec piece = Piece(bytes);
    const IoResult result = stream.TryWrite(&piece, 1);
    if (result.status == IoStatus::kOk) {
      bytes.remove_prefix(result.bytes);
    } else if (result.status != IoStatus::kWouldBlock) {
      co_return result.status;
    } else {
      const IoStatus waited = co_await stream.Wait(Ready::kWrite, kNever);
      if (waited != IoStatus::kOk) {
        co_return waited;
      }
    }
  }
  co_return IoStatus::kOk;
}

}  // namespace mainstay::io::testing
