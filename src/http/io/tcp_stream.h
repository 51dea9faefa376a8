#pragma once

#include "http/io/stream.h"

namespace mainstay::io {

class EpollLoop;

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
  bool AcknowledgedNothingAfter(uint64_t mark) const override;
  std::string PeerAddress() const override;

  void OnEvents(uint32_t events) override;

 protected:
  EpollLoop& loop() const { return loop_; }
  // The system calls alone: what they mean for the stream's readiness is up to the caller. Made
  // directly: the C library's functions are cancellation points, with two locked instructions each
  // that only a program with cancelled threads has a use for.
  IoResult Receive(char* into, size_t size);
  // `bytes` is the sum over the pieces, of which there is at least one. Short messages are copied
  // into one piece, which costs less than the system takes to import a list.
  IoResult Send(const iovec* pieces, size_t count, size_t bytes);

 private:
  EpollLoop& loop_;
  const int fd_;
  const Origin origin_;
  uint64_t sent_bytes_ = 0;
  bool end_seen_ = false;  // the peer's orderly end has arrived, perhaps after data
  bool broken_ = false;    // an error was reported; the system tells it only once
};

}  // namespace mainstay::io
