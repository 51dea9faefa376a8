#pragma once

#include <algorithm>
#include <coroutine>

#include "http/io/buffer.h"
#include "http/io/stream.h"

namespace mainstay::io {

// Reads from a stream to the end of a buffer, and waits when there is nothing to read. It is an
// awaitable of its own and not a Task, because every request waits here several times and a frame
// for each wait would be the largest part of its cost.
//
//   const IoStatus status = co_await Fill(stream, buffer, deadline);
//
// kOk: at least one byte was added. kWouldBlock: the stream woke up for nothing; ask again. kEnd
// and kReset as TryRead gives them, kTimeout and kCancelled as Wait does. While it waits, an empty
// buffer holds no memory.
class Fill final {
 public:
  // What one read asks for when the buffer has no room of its own.
  static constexpr size_t kReadBytes = 16 << 10;

  Fill(Stream& stream, Buffer& buffer, MonoTime deadline)
      : stream_(stream), buffer_(buffer), waiting_(stream, Ready::kRead, deadline) {}

  // The part that does not wait.
  static IoStatus Try(Stream& stream, Buffer& buffer) {
    if (!stream.ready(Ready::kRead)) {
      return IoStatus::kWouldBlock;
    }
    buffer.Reserve(buffer.empty() ? kReadBytes : std::max<size_t>(1, buffer.room()));
    const IoResult result = stream.TryRead(buffer.tail(), buffer.room());
    if (result.status == IoStatus::kOk) {
      buffer.Commit(result.bytes);
    }
    return result.status;
  }

  bool await_ready() {
    status_ = Try(stream_, buffer_);
    if (status_ != IoStatus::kWouldBlock) {
      return true;
    }
    if (buffer_.empty()) {
      buffer_.Release();
    }
    return waiting_.await_ready();
  }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { waiting_.await_suspend(waiter); }
  IoStatus await_resume() {
    if (status_ != IoStatus::kWouldBlock) {
      return status_;
    }
    const IoStatus waited = waiting_.await_resume();
    return waited == IoStatus::kOk ? Try(stream_, buffer_) : waited;
  }

 private:
  Stream& stream_;
  Buffer& buffer_;
  Stream::Waiting waiting_;
  IoStatus status_ = IoStatus::kOk;
};

}  // namespace mainstay::io
