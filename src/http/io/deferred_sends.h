#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "http/io/buffer.h"

namespace mainstay::io {

class EpollLoop;
class TcpStream;

// The writes of one round of the loop, which leave together when the round is over: whoever waits
// for them on the other side is woken once, the work on the round's events is not interleaved with
// the system's work on segments, and what a round writes to one connection in pieces is one
// segment. At 4 KB a request and 64 connections it saved 4 to 16 % of the processor time. No timer
// is involved: a round ends before the loop sleeps, so nothing is held back while nothing is done.
//
// The bytes themselves are with their streams (see TcpStream); here is the list of streams that
// have some. Lives on the loop's thread.
class DeferredSends final {
 public:
  // One stream queues so much, one block of the smallest size of the pool; what is larger is sent
  // at once, from where it lies.
  static constexpr size_t kStreamBytesMax = 16 << 10;
  // With so much queued by all streams of a round, they are flushed before its next event, and what
  // is written until then is sent at once. It bounds the memory, and how long the first answer of a
  // large round waits for the last.
  static constexpr size_t kRoundBytesMax = 256 << 10;
  // How long the rest of a closed connection is kept for a peer that does not take it, and of how
  // many connections (so 4 MiB of memory at most). Beyond either limit the connection is reset,
  // so that the peer does not take what it got for the whole.
  static constexpr std::chrono::seconds kRestTime{30};
  static constexpr size_t kRestsMax = 256;

  explicit DeferredSends(EpollLoop& loop);
  DeferredSends(const DeferredSends&) = delete;
  DeferredSends& operator=(const DeferredSends&) = delete;
  ~DeferredSends();

  // A round runs between Begin and End: writes may be queued.
  void Begin() { in_round_ = true; }
  // Sends what is queued and ends the round.
  void End() {
    Flush();
    in_round_ = false;
  }

  // Whether `bytes` more may be queued now.
  bool Takes(size_t bytes) const { return in_round_ && bytes + bytes_ <= kRoundBytesMax; }
  // Whether it is time for Flush although the round goes on.
  bool full() const { return bytes_ > kRoundBytesMax - kStreamBytesMax; }

  // Sends what every stream has queued. A stream that breaks at this resumes whoever waits on it,
  // so streams may come, go and queue meanwhile; all of them have had their turn afterwards. Not to
  // be called from inside of a stream's calls.
  void Flush() {
    if (!streams_.empty()) {
      FlushAll();
    }
  }

  // For TcpStream. Add gives the place for Remove; Grow counts what an added stream queues.
  size_t Add(TcpStream& stream) {
    streams_.push_back(&stream);
    return streams_.size() - 1;
  }
  void Grow(size_t bytes) { bytes_ += bytes; }
  void Remove(size_t place) { streams_[place] = nullptr; }

  // Takes a connection over, whose stream was destroyed before the system took all of its bytes.
  void AdoptRest(int fd, Buffer bytes);
  size_t rests() const { return rests_.size(); }
  // For the end of the loop: the rests are offered to the system once more; what it does not take
  // is lost with a reset.
  void DropRests();

 private:
  class Rest;

  void FlushAll();
  void Forget(const Rest& rest);

  EpollLoop& loop_;
  std::vector<TcpStream*> streams_;  // null: destroyed, or sent already
  std::vector<std::unique_ptr<Rest>> rests_;
  size_t bytes_ = 0;
  bool in_round_ = false;
};

}  // namespace mainstay::io
