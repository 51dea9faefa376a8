#include "http/io/memory_stream.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace mainstay::io {

void MemoryConnection::Push(MemorySide to, Kind kind, std::string bytes) {
  End& receiver = end(to);
  receiver.incoming_bytes += bytes.size();
  receiver.incoming.push_back(
      {.due = loop_.now() + link_.latency, .kind = kind, .bytes = std::move(bytes)});
  QueueDelivery(to);
}

// A delivery runs from the queue of the loop, never from inside a call of the other side.
void MemoryConnection::QueueDelivery(MemorySide to) {
  End& receiver = end(to);
  if (receiver.delivery_queued || receiver.incoming.empty()) {
    return;
  }
  receiver.delivery_queued = true;
  auto event = [self = shared_from_this(), to] {
    self->end(to).delivery_queued = false;
    self->Deliver(to);
  };
  const MonoTime due = receiver.incoming.front().due;
  if (due <= loop_.now()) {
    loop_.Enqueue(std::move(event));
  } else {
    loop_.EnqueueAt(due, std::move(event));
  }
}

// Moves bytes that are due to where the stream reads them, as far as the link lets them.
size_t MemoryConnection::TakeBytes(MemorySide to) {
  End& receiver = end(to);
  size_t taken = 0;
  while (!receiver.incoming.empty() && receiver.incoming.front().kind == Kind::kBytes &&
         receiver.incoming.front().due <= loop_.now()) {
    std::string& bytes = receiver.incoming.front().bytes;
    const uint64_t before_reset = ResetAfter(to) - receiver.arrived;
    // A reset does not wait for a reader.
    const bool held_back = receiver.incoming.back().kind != Kind::kReset;
    const size_t room =
        held_back ? link_.chunk_bytes - std::min(link_.chunk_bytes, receiver.unread.size())
                  : SIZE_MAX;
    const size_t now = static_cast<size_t>(std::min<uint64_t>({bytes.size(), room, before_reset}));
    if (now == 0) {
      break;
    }
    receiver.unread.append(bytes, 0, now);
    receiver.arrived += now;
    receiver.incoming_bytes -= now;
    taken += now;
    if (now < bytes.size()) {
      bytes.erase(0, now);
      break;
    }
    receiver.incoming.pop_front();
  }
  return taken;
}

void MemoryConnection::Deliver(MemorySide to) {
  End& receiver = end(to);
  if (receiver.broken || receiver.incoming.empty()) {
    return;
  }
  const Kind kind = receiver.incoming.front().kind;
  if (receiver.stream == nullptr) {
    // Nobody is there any more: bytes are answered with a reset, and never acknowledged.
    receiver.incoming.clear();
    receiver.incoming_bytes = 0;
    if (kind == Kind::kBytes) {
      Push(Other(to), Kind::kReset, {});
    }
    return;
  }
  if (kind == Kind::kReset) {
    receiver.incoming.clear();
    receiver.incoming_bytes = 0;
    Break(to);
    return;
  }
  const size_t taken = kind == Kind::kBytes ? TakeBytes(to) : 0;
  const bool breaks = kind == Kind::kBytes && receiver.arrived >= ResetAfter(to);
  bool ends = false;
  // An end comes together with the last bytes, except where every split is wanted.
  const bool may_end = link_.chunk_bytes == SIZE_MAX || receiver.unread.empty();
  if (!breaks && may_end && !receiver.incoming.empty() &&
      receiver.incoming.front().kind == Kind::kEnd &&
      receiver.incoming.front().due <= loop_.now()) {
    receiver.incoming.pop_front();
    receiver.end_arrived = true;
    ends = true;
  }
  if (breaks) {
    loop_.Enqueue([self = shared_from_this(), to] { self->Break(to); });
    loop_.Enqueue([self = shared_from_this(), to] { self->Break(Other(to)); });
  } else if (taken > 0 || ends) {
    // Otherwise it is the reader who makes room for more.
    QueueDelivery(to);
  }
  if (taken > 0 || ends) {
    receiver.stream->OnReady(Ready::kRead,
                             ends ? MemoryStream::HangUp::kYes : MemoryStream::HangUp::kNo);
  }
}

void MemoryConnection::Break(MemorySide side) {
  End& one = end(side);
  if (std::exchange(one.broken, true)) {
    return;
  }
  one.incoming.clear();
  one.incoming_bytes = 0;
  if (one.stream != nullptr) {
    one.stream->OnReady(Ready::kNone, MemoryStream::HangUp::kYes);
  }
}

IoResult MemoryConnection::Read(MemorySide side, char* into, size_t size) {
  End& one = end(side);
  if (one.unread.empty()) {
    if (one.end_arrived) {
      return {IoStatus::kEnd, 0};
    }
    return {one.broken ? IoStatus::kReset : IoStatus::kWouldBlock, 0};
  }
  const size_t bytes = std::min(size, one.unread.size());
  one.unread.copy(into, bytes);
  one.unread.erase(0, bytes);
  QueueDelivery(side);
  if (std::exchange(end(Other(side)).wants_room, false)) {
    loop_.Enqueue([self = shared_from_this(), side] {
      if (MemoryStream* writer = self->end(Other(side)).stream) {
        writer->OnReady(Ready::kWrite, MemoryStream::HangUp::kNo);
      }
    });
  }
  return {IoStatus::kOk, bytes};
}

IoResult MemoryConnection::Write(MemorySide side, const iovec* pieces, size_t count) {
  End& one = end(side);
  End& other = end(Other(side));
  if (one.broken || one.finished) {
    return {IoStatus::kReset, 0};
  }
  const size_t used = other.incoming_bytes + other.unread.size();
  size_t room = link_.queue_bytes - std::min(link_.queue_bytes, used);
  std::string bytes;
  size_t wanted = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t fits = std::min(room, pieces[i].iov_len);
    bytes.append(static_cast<const char*>(pieces[i].iov_base), fits);
    room -= fits;
    wanted += pieces[i].iov_len;
  }
  const size_t written = bytes.size();
  one.wants_room = written < wanted;
  if (written == 0) {
    return {wanted == 0 ? IoStatus::kOk : IoStatus::kWouldBlock, 0};
  }
  one.sent += written;
  Push(Other(side), Kind::kBytes, std::move(bytes));
  return {IoStatus::kOk, written};
}

void MemoryConnection::Finish(MemorySide side) {
  End& one = end(side);
  if (!std::exchange(one.finished, true) && !one.broken) {
    Push(Other(side), Kind::kEnd, {});
  }
}

void MemoryConnection::OnClosed(MemorySide side, Close how) {
  End& one = end(side);
  one.stream = nullptr;
  if (one.broken) {
    return;
  }
  // As TCP does: closing with unread bytes tells the peer that they were lost.
  if (how == Close::kReset || !one.unread.empty()) {
    one.broken = true;
    Push(Other(side), Kind::kReset, {});
  } else {
    Finish(side);
    QueueDelivery(side);
  }
}

MemoryStream::MemoryStream(std::shared_ptr<MemoryConnection> connection, MemorySide side)
    : Stream(connection->loop().timers()), connection_(std::move(connection)), side_(side) {
  connection_->SetStream(side_, this);
  MarkReady(Ready::kEither);
}

MemoryStream::~MemoryStream() {
  connection_->OnClosed(side_, close_);
}

IoResult MemoryStream::TryRead(char* into, size_t size) {
  MS_CHECK(size > 0);
  const IoResult result = connection_->Read(side_, into, size);
  const bool drained = result.status == IoStatus::kOk ? result.bytes < size && !hung_up()
                                                      : result.status == IoStatus::kWouldBlock;
  if (drained) {
    MarkNotReady(Ready::kRead);
  }
  return result;
}

IoResult MemoryStream::TryWrite(const iovec* pieces, size_t count) {
  size_t wanted = 0;
  for (size_t i = 0; i < count; ++i) {
    wanted += pieces[i].iov_len;
  }
  const IoResult result = connection_->Write(side_, pieces, count);
  const bool full = result.status == IoStatus::kOk ? result.bytes < wanted
                                                   : result.status == IoStatus::kWouldBlock;
  if (full) {
    MarkNotReady(Ready::kWrite);
  }
  return result;
}

}  // namespace mainstay::io
