#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>

#include "http/io/memory_loop.h"

// The streams of MemoryLoop; only memory_loop.cc needs them.
namespace mainstay::io {

class MemoryStream;

enum class MemorySide : uint8_t { kDialler = 0, kAcceptor = 1 };
inline MemorySide Other(MemorySide side) {
  return side == MemorySide::kDialler ? MemorySide::kAcceptor : MemorySide::kDialler;
}

// Two streams and what is on its way between them. Shared by the streams and by the events that
// are queued for it, because either may be the last one to need it.
class MemoryConnection final : public std::enable_shared_from_this<MemoryConnection> {
 public:
  MemoryConnection(MemoryLoop& loop, const MemoryLink& link) : loop_(loop), link_(link) {}

  MemoryLoop& loop() { return loop_; }
  void SetStream(MemorySide side, MemoryStream* stream) { end(side).stream = stream; }

  IoResult Read(MemorySide side, char* into, size_t size);
  IoResult Write(MemorySide side, const iovec* pieces, size_t count);
  void Finish(MemorySide side);
  enum class Close : uint8_t { kOrderly, kReset };
  void OnClosed(MemorySide side, Close how);
  uint64_t sent(MemorySide side) const { return end(side).sent; }
  uint64_t acknowledged(MemorySide side) const { return end(Other(side)).arrived; }

 private:
  enum class Kind : uint8_t { kBytes, kEnd, kReset };
  struct Segment {
    MonoTime due;
    Kind kind;
    std::string bytes;
  };
  // One stream, and the direction that leads to it.
  struct End {
    MemoryStream* stream = nullptr;  // null: closed
    std::deque<Segment> incoming;    // on its way here
    size_t incoming_bytes = 0;
    std::string unread;
    bool end_arrived = false;
    bool broken = false;
    bool delivery_queued = false;
    uint64_t arrived = 0;     // bytes, in all
    uint64_t sent = 0;        // bytes this end has written
    bool finished = false;    // this end writes no more
    bool wants_room = false;  // a write came up short
  };

  End& end(MemorySide side) { return ends_[static_cast<size_t>(side)]; }
  const End& end(MemorySide side) const { return ends_[static_cast<size_t>(side)]; }
  uint64_t ResetAfter(MemorySide side) const {
    return side == MemorySide::kDialler ? link_.reset_after_to_dialler
                                        : link_.reset_after_to_acceptor;
  }
  void Push(MemorySide to, Kind kind, std::string bytes);
  void QueueDelivery(MemorySide to);
  void Deliver(MemorySide to);
  size_t TakeBytes(MemorySide to);
  void Break(MemorySide side);

  MemoryLoop& loop_;
  const MemoryLink link_;
  std::array<End, 2> ends_;
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(std::shared_ptr<MemoryConnection> connection, MemorySide side);
  ~MemoryStream() override;

  IoResult TryRead(char* into, size_t size) override;
  IoResult TryWrite(const iovec* pieces, size_t count) override;
  void FinishWriting() override { connection_->Finish(side_); }
  void ResetOnClose() override { close_ = MemoryConnection::Close::kReset; }
  uint64_t SentBytes() const override { return connection_->sent(side_); }
  bool AcknowledgedNothingAfter(uint64_t mark) override {
    return connection_->acknowledged(side_) <= mark;
  }
  std::string PeerAddress() const override { return "127.0.0.1"; }

 private:
  friend class MemoryConnection;

  const std::shared_ptr<MemoryConnection> connection_;
  const MemorySide side_;
  MemoryConnection::Close close_ = MemoryConnection::Close::kOrderly;
};

}  // namespace mainstay::io
