#pragma once

#include "http/io/buffer.h"
#include "http/io/stream.h"

namespace mainstay::io {

class EpollLoop;

// The system calls alone. They are made directly: the C library's functions are cancellation
// points, with two locked instructions each that only a program with cancelled threads has a use
// for. SendPieces sends 1 to IOV_MAX pieces, as far as possible; kOk, kWouldBlock or kReset.
IoResult SendPieces(int fd, const iovec* pieces, size_t count);
void SetResetOnClose(int fd);

// Whoever owns a descriptor in an epoll set.
class Pollable {
 public:
  // `events` as epoll_wait gave them. May destroy the object.
  virtual void OnEvents(uint32_t events) = 0;

 protected:
  ~Pollable() = default;
};

// A connected socket of an EpollLoop: TCP or unix. Registered once, edge-triggered, for its whole
// life. TlsStream puts its records on top of it.
//
// What is written while the loop runs a round is queued (up to 16 KiB) and leaves at its end; see
// DeferredSends for why. A large write takes what is queued along and leaves at once, uncopied;
// outside of a round, and once the peer has hung up, every write does. The rules:
//
// - Bytes leave in the order of the writes, whatever way each one takes.
// - What the system does not take at the end of the round stays queued, and the stream says that it
//   is not ready for writing until an event has let it leave. Until then it takes no more, so the
//   queue is bounded, and a writer waits for a slow reader as ever.
// - FinishWriting takes effect behind the queue. Destroying the stream sends the queue; what the
//   system does not take then goes on as one of the loop's rests. ResetOnClose drops the queue.
// - When the connection breaks while the queue is sent, nobody is calling: whoever waits is
//   resumed, or the hang-up handler told, as if the system had reported the break by itself.
//
// Can a request be done twice because its bytes were queued? A request is sent again elsewhere only
// after AcknowledgedNothingAfter. SentBytes counts what is queued, so `mark` is the place on the
// wire where the request begins, queued or not, and the peer's acknowledgements are compared with
// the same place as if each write had left at once. Bytes that left later can only have been
// acknowledged later, or by fewer; but an answer of "nothing" must then stay true while a part is
// still queued. So a yes drops the queue, refuses further writes, and makes the close a reset. That
// is more than an unqueued stream can do, whose bytes the system may still deliver to a peer that
// closed only its own direction.
//
// TLS is left as it is: TlsStream sends each record at once, through Send. Its records are made
// from a whole write at a time, so there is little to gather, and OpenSSL has to hear of a failed
// or short send in the call itself.
class TcpStream : public Stream, public Pollable {
 public:
  enum class Origin : uint8_t { kAccepted, kDialled };

  // Takes the descriptor, which must be connected and non-blocking, and registers it.
  TcpStream(EpollLoop& loop, int fd, Origin origin);
  ~TcpStream() override;

  IoResult TryRead(char* into, size_t size) override;
  IoResult TryWrite(const iovec* pieces, size_t count) override;
  void FinishWriting() override;
  void ResetOnClose() override;
  uint64_t SentBytes() const override { return sent_bytes_; }
  bool AcknowledgedNothingAfter(uint64_t mark) override;
  std::string PeerAddress() const override;

  void OnEvents(uint32_t events) override;

  // For DeferredSends, at the end of a round. The stream may be gone afterwards.
  void SendQueued();

 protected:
  EpollLoop& loop() const { return loop_; }
  // The system call alone: what it means for the stream's readiness is up to the caller.
  IoResult Receive(char* into, size_t size);
  // `bytes` is the sum over the pieces, of which there is at least one. Short messages are copied
  // into one piece, which costs less than the system takes to import a list. Past the queue, which
  // must be empty.
  IoResult Send(const iovec* pieces, size_t count, size_t bytes);

 private:
  static constexpr size_t kNotListed = SIZE_MAX;

  bool MayQueue(size_t bytes) const;
  void Queue(const iovec* pieces, size_t count, size_t bytes);
  // Sends the queue and the pieces as far as possible. The bytes given are those of the pieces.
  IoResult SendBehindQueue(const iovec* pieces, size_t count);
  // Sends the queue. kWouldBlock: some is left. kReset: the connection broke.
  IoStatus TrySendQueue();
  // Gives the queue up: what was taken from the writer has a gap from now on.
  void DropQueue();

  EpollLoop& loop_;
  const int fd_;
  const Origin origin_;
  bool end_seen_ = false;        // the peer's orderly end has arrived, perhaps after data
  bool broken_ = false;          // an error was reported; the system tells it only once
  bool finish_pending_ = false;  // our end is due behind the queue
  bool cut_ = false;             // taken bytes were dropped: nothing may follow
  uint64_t sent_bytes_ = 0;
  // Taken and not sent: of this round when listed_at_ says so, otherwise left over from an earlier
  // one, waiting for an event.
  Buffer queue_;
  size_t listed_at_ = kNotListed;  // in the loop's DeferredSends
};

}  // namespace mainstay::io
