#include "http/server_exchange.h"

#include <charconv>

#include "base/flat_map.h"
#include "http/chunked.h"
#include "http/status.h"

namespace mainstay::http {
namespace {

constexpr std::string_view kChunkTailAndLast = "\r\n0\r\n\r\n";

void AppendNumber(io::Buffer& out, uint64_t number) {
  char text[20];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  out.Append({text, static_cast<size_t>(end - text)});
}

}  // namespace

void ServerExchange::Reset(const RequestHead* head, std::string_view body, MonoTime received) {
  scope_.emplace();
  head_ = head;
  body_ = body;
  received_ = received;
  out_.Release();
  status_ = 0;
  framing_ = Framing::kNone;
  head_ready_ = head_sent_ = answered_ = broken_ = close_ = must_close_ = false;
  sent_bytes_ = 0;
  pending_begin_ = pending_end_ = 0;
}

uint64_t ServerExchange::PeerDigest() {
  if (!peer_digest_) {
    peer_digest_ = TextHash()(PeerAddress());
  }
  return *peer_digest_;
}

void ServerExchange::BeginHead(int status) {
  MS_CHECK(!head_ready_ && !head_sent_);
  status_ = status;
  out_.Consume(out_.size());
  out_.Append("HTTP/1.1 ");
  AppendNumber(out_, static_cast<uint64_t>(status));
  out_.Append(" ");
  out_.Append(ReasonPhrase(status));
  out_.Append("\r\n");
}

void ServerExchange::AddHeader(std::string_view name, std::string_view value) {
  out_.Append(name);
  out_.Append(": ");
  out_.Append(value);
  out_.Append("\r\n");
}

void ServerExchange::EndHead(std::optional<uint64_t> body_bytes, Persistence persistence) {
  const bool http10 = head_ == nullptr || head_->version == Version::kHttp10;
  const bool wants_more = head_ != nullptr && head_->keep_alive;
  close_ = must_close_ || persistence == Persistence::kClose || !wants_more;
  const bool no_body = status_ == 204 || status_ == 304 || status_ < 200;
  if (no_body) {
    framing_ = Framing::kNone;
  } else if (body_bytes) {
    framing_ = Framing::kLength;
    out_.Append("content-length: ");
    AppendNumber(out_, *body_bytes);
    out_.Append("\r\n");
  } else if (http10) {
    framing_ = Framing::kUntilClose;
    close_ = true;
  } else {
    framing_ = Framing::kChunked;
    out_.Append("transfer-encoding: chunked\r\n");
  }
  if (head_ != nullptr && head_->method == Method::kHead) {
    framing_ = Framing::kNone;
  }
  if (close_) {
    out_.Append("connection: close\r\n\r\n");
  } else if (http10) {
    out_.Append("connection: keep-alive\r\n\r\n");
  } else {
    out_.Append("\r\n");
  }
  head_ready_ = true;
}

bool ServerExchange::AddPiece(std::string_view piece) {
  if (piece.empty()) {
    return false;
  }
  pending_[pending_end_++] = {.iov_base = const_cast<char*>(piece.data()),  // NOLINT: only read
                              .iov_len = piece.size()};
  return true;
}

io::IoStatus ServerExchange::Write(std::span<const std::string_view> pieces, Last last) {
  MS_CHECK(head_ready_ && !answered_ && pending_begin_ == pending_end_);
  MS_CHECK(pieces.size() <= kPiecesMax);
  pending_begin_ = pending_end_ = 0;
  if (!head_sent_) {
    AddPiece(out_.view());
    head_sent_ = true;
  }
  uint64_t body_bytes = 0;
  for (const std::string_view piece : pieces) {
    body_bytes += piece.size();
  }
  if (framing_ == Framing::kNone) {
    body_bytes = 0;
  } else if (framing_ == Framing::kChunked && body_bytes > 0) {
    AddPiece({chunk_head_.data(), AppendChunkHead(body_bytes, chunk_head_.data())});
  }
  if (body_bytes > 0) {
    for (const std::string_view piece : pieces) {
      AddPiece(piece);
    }
  }
  if (framing_ == Framing::kChunked) {
    if (last == Last::kYes) {
      AddPiece(body_bytes > 0 ? kChunkTailAndLast : kLastChunk);
    } else if (body_bytes > 0) {
      AddPiece(kChunkTail);
    }
  }
  answered_ = last == Last::kYes;
  return Flush();
}

io::IoStatus ServerExchange::WriteRaw(std::string_view bytes, Last last) {
  MS_CHECK(!answered_ && pending_begin_ == pending_end_);
  pending_begin_ = pending_end_ = 0;
  if (head_ready_ && !head_sent_) {
    AddPiece(out_.view());
  }
  head_ready_ = head_sent_ = true;
  AddPiece(bytes);
  answered_ = last == Last::kYes;
  return Flush();
}

io::IoStatus ServerExchange::Flush() {
  while (pending_begin_ < pending_end_) {
    if (!stream_.ready(io::Ready::kWrite)) {
      return io::IoStatus::kWouldBlock;  // a short write said so: no system call to hear it again
    }
    const io::IoResult result =
        stream_.TryWrite(&pending_[pending_begin_], pending_end_ - pending_begin_);
    if (result.status != io::IoStatus::kOk) {
      if (result.status == io::IoStatus::kReset) {
        broken_ = true;
        pending_begin_ = pending_end_;
      }
      return result.status;
    }
    sent_bytes_ += result.bytes;
    size_t left = result.bytes;
    while (left > 0) {
      iovec& piece = pending_[pending_begin_];
      if (left < piece.iov_len) {
        piece.iov_base = static_cast<char*>(piece.iov_base) + left;
        piece.iov_len -= left;
        break;
      }
      left -= piece.iov_len;
      ++pending_begin_;
    }
  }
  return io::IoStatus::kOk;
}

io::Task<io::IoStatus> ServerExchange::Drain() {
  while (true) {
    const io::IoStatus waited =
        co_await stream_.Wait(io::Ready::kWrite, loop_.now() + write_timeout_);
    if (waited != io::IoStatus::kOk) {
      broken_ = true;
      pending_begin_ = pending_end_;
      co_return waited;
    }
    const io::IoStatus status = Flush();
    if (status != io::IoStatus::kWouldBlock) {
      co_return status;
    }
  }
}

io::Task<io::IoStatus> ServerExchange::SendWhole(std::string_view body, Persistence persistence) {
  EndHead(body.size(), persistence);
  io::IoStatus status = Write({&body, 1}, Last::kYes);
  if (status == io::IoStatus::kWouldBlock) {
    status = co_await Drain();
  }
  co_return status;
}

}  // namespace mainstay::http
