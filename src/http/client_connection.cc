#include "http/client_connection.h"

#include <algorithm>

namespace mainstay::http {
namespace {

constexpr size_t kHeadBytesMax = 64 << 10;
// Interim answers before the real one; more is not a provider that wants to answer.
constexpr int kInterimMax = 16;

}  // namespace

io::IoStatus ClientConnection::StartSending(std::span<const std::string_view> pieces) {
  MS_CHECK(pieces.size() <= kPiecesMax && done_);
  in_.Consume(std::exchange(given_, 0));
  pending_begin_ = pending_end_ = 0;
  for (const std::string_view piece : pieces) {
    if (!piece.empty()) {
      pending_[pending_end_++] = {.iov_base = const_cast<char*>(piece.data()),  // NOLINT: only read
                                  .iov_len = piece.size()};
    }
  }
  sent_mark_ = stream_->SentBytes();
  sending_ = Sending::kPartly;
  anything_arrived_ = false;
  done_ = false;
  return SendPending();
}

io::IoStatus ClientConnection::SendPending() {
  while (pending_begin_ < pending_end_) {
    const io::IoResult result =
        stream_->TryWrite(&pending_[pending_begin_], pending_end_ - pending_begin_);
    if (result.status == io::IoStatus::kReset) {
      return result.status;
    }
    size_t left = result.bytes;
    while (left > 0 && left >= pending_[pending_begin_].iov_len) {
      left -= pending_[pending_begin_++].iov_len;
    }
    if (left > 0) {
      iovec& piece = pending_[pending_begin_];
      piece.iov_base = static_cast<char*>(piece.iov_base) + left;
      piece.iov_len -= left;
    }
    if (pending_begin_ < pending_end_ && !stream_->ready(io::Ready::kWrite)) {
      return io::IoStatus::kWouldBlock;
    }
  }
  sending_ = Sending::kWhole;
  return io::IoStatus::kOk;
}

io::Task<io::IoStatus> ClientConnection::FinishSending(MonoTime deadline) {
  while (true) {
    const io::IoStatus waited = co_await stream_->Wait(io::Ready::kEither, deadline);
    if (waited != io::IoStatus::kOk) {
      co_return waited;
    }
    if (stream_->ready(io::Ready::kRead) && SomethingCame()) {
      co_return io::IoStatus::kOk;  // an early answer, or the end
    }
    if (!stream_->ready(io::Ready::kWrite)) {
      continue;
    }
    const io::IoStatus sent = SendPending();
    if (sent != io::IoStatus::kWouldBlock) {
      co_return sent;
    }
  }
}

bool ClientConnection::SomethingCame() {
  // Ready means that reading may give something: only reading tells whether it does.
  const io::IoStatus status = io::Fill::Try(*stream_, in_);
  anything_arrived_ = anything_arrived_ || status == io::IoStatus::kOk;
  return status != io::IoStatus::kWouldBlock;
}

void ClientConnection::Rest(RestWatcher& watcher) {
  in_.Release();
  given_ = 0;
  rest_watcher_ = &watcher;
  stream_->SetHangUpHandler(this);
}

ClientConnection::Fitness ClientConnection::WakeUp() {
  stream_->SetHangUpHandler(nullptr);
  if (stream_->hung_up()) {
    return Fitness::kUnfit;
  }
  if (!stream_->ready(io::Ready::kRead)) {
    return Fitness::kFit;
  }
  char unexpected = 0;
  const bool quiet = stream_->TryRead(&unexpected, 1).status == io::IoStatus::kWouldBlock;
  return quiet ? Fitness::kFit : Fitness::kUnfit;
}

bool ClientConnection::RequestNeverTaken() const {
  if (anything_arrived_) {
    return false;
  }
  char byte = 0;
  return stream_->TryRead(&byte, 1).status == io::IoStatus::kEnd &&
         stream_->AcknowledgedNothingAfter(sent_mark_);
}

void ClientConnection::OnHangUp() {
  rest_watcher_->OnClosedAtRest(*this);
}

io::Task<HeadOutcome> ClientConnection::ReadHead(Method method, MonoTime deadline) {
  HeadEnd head_end;
  int interim = 0;
  bool first_look = true;
  while (true) {
    if (!in_.empty() && (first_look || head_end.Find(in_.view()))) {
      first_look = false;
      const ParseResult parsed = ParseResponseHead(in_.view(), head_);
      if (parsed.status == ParseStatus::kDone && head_.status >= 200) {
        given_ = parsed.head_bytes;
        kind_ = ResponseBody(head_, method);
        left_ = kind_ == BodyKind::kLength ? *head_.content_length : 0;
        done_ = kind_ == BodyKind::kNone;
        if (kind_ == BodyKind::kChunked) {
          decoder_ = ChunkedDecoder();
        }
        co_return HeadOutcome::kOk;
      }
      if (parsed.status == ParseStatus::kDone) {
        if (++interim > kInterimMax || head_.status == 101) {
          co_return HeadOutcome::kBad;
        }
        in_.Consume(parsed.head_bytes);
        head_end.Reset();
        first_look = true;
        continue;
      }
      if (parsed.status != ParseStatus::kNeedMore) {
        co_return HeadOutcome::kBad;
      }
    }
    if (in_.size() >= kHeadBytesMax) {
      co_return HeadOutcome::kBad;
    }
    given_ = 0;
    const io::IoStatus filled = co_await Fill(deadline);
    if (filled == io::IoStatus::kWouldBlock) {
      continue;
    }
    if (filled == io::IoStatus::kTimeout) {
      co_return HeadOutcome::kTimeout;
    }
    if (filled == io::IoStatus::kCancelled) {
      co_return HeadOutcome::kCancelled;
    }
    if (filled != io::IoStatus::kOk) {
      co_return HeadOutcome::kClosed;
    }
  }
}

io::IoStatus ClientConnection::OnFilled(io::IoStatus status) {
  switch (status) {
    case io::IoStatus::kOk:
      anything_arrived_ = true;
      return status;
    case io::IoStatus::kEnd:
      closed_ = true;
      if (kind_ == BodyKind::kUntilClose && !done_) {
        done_ = true;
        return io::IoStatus::kOk;
      }
      return status;
    case io::IoStatus::kReset:
      closed_ = true;
      return status;
    default:
      return status;
  }
}

ClientConnection::Body ClientConnection::Take(Pieces& pieces) {
  pieces.Clear();
  const std::string_view arrived = in_.view().substr(given_);
  switch (kind_) {
    case BodyKind::kNone:
      return Body::kDone;
    case BodyKind::kLength: {
      const std::string_view part = arrived.substr(0, std::min<uint64_t>(left_, arrived.size()));
      if (!part.empty()) {
        pieces.Add(part);
      }
      given_ += part.size();
      left_ -= part.size();
      done_ = left_ == 0;
      return done_ ? Body::kDone : Body::kMore;
    }
    case BodyKind::kUntilClose:
      if (!arrived.empty()) {
        pieces.Add(arrived);
      }
      given_ += arrived.size();
      return done_ ? Body::kDone : Body::kMore;
    case BodyKind::kChunked:
      break;
  }
  const ChunkedDecoder::Result decoded = decoder_.Decode(arrived, pieces);
  given_ += decoded.consumed;
  switch (decoded.status) {
    case ChunkedDecoder::Status::kDone:
      done_ = true;
      return Body::kDone;
    case ChunkedDecoder::Status::kBad:
      return Body::kBroken;
    case ChunkedDecoder::Status::kMore:
      break;
  }
  return pieces.full() ? Body::kFull : Body::kMore;
}

bool ClientConnection::Reusable() const {
  return done_ && !closed_ && sending_ == Sending::kWhole && head_.keep_alive &&
         kind_ != BodyKind::kUntilClose && given_ == in_.size() && !stream_->hung_up();
}

}  // namespace mainstay::http
