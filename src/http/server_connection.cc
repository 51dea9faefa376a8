#include "http/server_connection.h"

#include <algorithm>
#include <array>
#include <utility>

namespace mainstay::http {
namespace {

// A client that was refused gets so long, and so many bytes, to notice.
constexpr std::chrono::seconds kLingerTime{2};
constexpr size_t kLingerBytesMax = 8 << 20;
// Read in one go before the other connections of the loop get their turn.
constexpr size_t kReadShare = 1 << 20;
// Room that a body gets for being announced. More of it comes with its bytes: each time it is full
// it grows to four times its size, so that a body of any size is copied less than half as much as
// it is long, and nobody takes memory by announcing alone.
constexpr size_t kAnnouncedBytesMax = 256 << 10;
constexpr size_t kGrowth = 4;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Error ClientError(ErrorKind kind, std::string message) {
  return {.kind = kind, .side = Side::kClient, .message = std::move(message)};
}

Error TooSlow(std::string_view part, std::chrono::milliseconds limit) {
  return ClientError(ErrorKind::kRequestTimeout,
                     "the request's " + std::string(part) + " did not arrive within " +
                         std::to_string(limit.count()) + " ms; send it faster");
}

}  // namespace

ServerConnection::ServerConnection(Server& server, std::unique_ptr<io::Stream> stream)
    : server_(server),
      stream_(std::move(stream)),
      in_(server.loop_.buffers()),
      chunked_body_(server.loop_.buffers()),
      exchange_(server.loop_, *stream_, server.limits_.idle_timeout) {}

ServerConnection::~ServerConnection() {
  if (gone_ != nullptr) {
    *gone_ = true;
  }
  server_.Remove(*this);
}

io::Task<void> ServerConnection::Run(std::unique_ptr<ServerConnection> connection) {
  ServerConnection& self = *connection;
  bool unread = false;
  while (true) {
    self.phase_ = Phase::kIdle;
    Next next = co_await self.ReadHead();
    if (next == Next::kServe && !self.WholeRequestArrived()) {
      next = co_await self.ReadBody();
    }
    if (next == Next::kClose) {
      break;
    }
    self.phase_ = Phase::kHandling;
    self.stream_->SetHangUpHandler(&self);
    if (self.stream_->hung_up()) {
      self.exchange_.scope_->Cancel();
    }
    co_await self.server_.handler_.Handle(self.exchange_);
    self.stream_->SetHangUpHandler(nullptr);
    const bool whole = self.exchange_.answered_ && !self.exchange_.broken_;
    const bool close = !whole || self.exchange_.close_;
    if (!whole) {
      self.stream_->ResetOnClose();
    }
    self.EndRequest();
    if (close) {
      unread = whole && (!self.in_.empty() || self.stream_->ready(io::Ready::kRead));
      break;
    }
  }
  self.phase_ = Phase::kClosing;
  if (self.refused_ || unread) {
    co_await self.Linger();
  }
}

void ServerConnection::OnHangUp() {
  exchange_.scope_->Cancel();
}

void ServerConnection::OnDrain() {
  exchange_.must_close_ = true;
  if (phase_ == Phase::kIdle) {
    stream_->Interrupt();
  }
}

void ServerConnection::Close() {
  stream_->ResetOnClose();
  // The coroutine waits in one of the two, and the connection is gone when it was the first.
  bool gone = false;
  gone_ = &gone;
  exchange_.scope_->Cancel();
  if (!gone) {
    stream_->Cancel();
  }
  if (!gone) {
    gone_ = nullptr;
  }
}

void ServerConnection::EndRequest() {
  exchange_.Reset(nullptr, {}, {});
  in_.Consume(request_bytes_);
  request_bytes_ = 0;
  chunked_body_.Release();
  if (head_ != nullptr) {
    server_.GiveHead(std::move(head_));
  }
}

bool ServerConnection::WholeRequestArrived() {
  phase_ = Phase::kBody;
  if (head_->expect_unknown || head_->chunked) {
    return false;
  }
  const uint64_t bytes = head_->content_length.value_or(0);
  if (bytes > in_.size() - head_bytes_ ||
      bytes > static_cast<uint64_t>(server_.limits_.body_bytes)) {
    return false;
  }
  request_bytes_ = head_bytes_ + bytes;
  exchange_.Reset(head_.get(), in_.view().substr(head_bytes_, bytes), received_);
  exchange_.must_close_ = server_.draining_;
  return true;
}

bool ServerConnection::ParseBuffered(ParseResult& parsed) {
  if (head_ == nullptr) {
    head_ = server_.TakeHead();
  }
  parsed = ParseRequestHead(in_.view(), *head_);
  return parsed.status != ParseStatus::kNeedMore;
}

std::optional<Error> ServerConnection::CheckHead(const ParseResult& parsed) const {
  const auto limit = static_cast<size_t>(server_.limits_.header_bytes);
  const bool too_large =
      parsed.status == ParseStatus::kDone ? parsed.head_bytes > limit : in_.size() >= limit;
  if (parsed.status == ParseStatus::kTooManyHeaders || too_large) {
    return ClientError(
        ErrorKind::kHeadTooLarge,
        parsed.status == ParseStatus::kTooManyHeaders
            ? "the request has more than " + std::to_string(kHeadersMax) + " headers; send fewer"
            : "request line and headers are larger than " + std::to_string(limit) +
                  " bytes; send less, or raise server.limits.header_bytes");
  }
  if (parsed.status == ParseStatus::kBad) {
    return ClientError(ErrorKind::kBadFraming,
                       "the request is not valid HTTP/1.1: " + std::string(parsed.problem));
  }
  return std::nullopt;
}

io::Task<ServerConnection::Next> ServerConnection::ReadHead() {
  const Limits& limits = server_.limits_;
  const MonoTime idle_deadline = server_.loop_.now() + limits.idle_timeout;
  MonoTime deadline = idle_deadline;
  HeadEnd head_end;
  ParseResult parsed;
  while (true) {
    if (!in_.empty()) {
      const bool first_look = phase_ == Phase::kIdle;
      if (first_look) {
        phase_ = Phase::kHead;
        received_ = server_.loop_.now();
        deadline = received_ + limits.header_timeout;
      }
      // The first look parses at once, because a head nearly always comes whole; later ones only
      // when an empty line has come, so that a dripping head is not parsed at every byte.
      const bool look = first_look || head_end.Find(in_.view());
      const bool over = look && ParseBuffered(parsed);
      if (over || in_.size() >= static_cast<size_t>(limits.header_bytes)) {
        if (std::optional<Error> error = CheckHead(parsed)) {
          co_return co_await Refuse(std::move(*error));
        }
      }
      if (over) {
        head_bytes_ = parsed.head_bytes;
        co_return Next::kServe;
      }
    } else if (server_.draining_) {
      // Only what has come already is looked at; that is for a read to tell, not for readiness.
      if (io::Fill::Try(*stream_, in_) != io::IoStatus::kOk) {
        co_return Next::kClose;
      }
      continue;
    }
    const io::IoStatus filled = co_await Fill(deadline);
    if (filled == io::IoStatus::kOk || filled == io::IoStatus::kWouldBlock) {
      continue;
    }
    if (filled == io::IoStatus::kTimeout && phase_ == Phase::kIdle && server_.draining_) {
      continue;  // woken up by OnDrain: look once whether a request had come
    }
    if (filled == io::IoStatus::kTimeout && phase_ == Phase::kHead) {
      ParseBuffered(parsed);  // the last look may have been before the end of the request line
      if (parsed.request_line_seen) {
        co_return co_await Refuse(TooSlow("head", limits.header_timeout));
      }
    }
    co_return Next::kClose;
  }
}

io::Task<ServerConnection::Next> ServerConnection::ReadBody() {
  const auto limit = static_cast<uint64_t>(server_.limits_.body_bytes);
  if (head_->expect_unknown) {
    co_return co_await Refuse(ClientError(ErrorKind::kExpectationFailed,
                                          "the only expectation that is met is 100-continue"));
  }
  const BodyKind kind = RequestBody(*head_);
  if (kind == BodyKind::kChunked) {
    co_return co_await ReadChunkedBody();
  }
  const uint64_t bytes = kind == BodyKind::kLength ? *head_->content_length : 0;
  if (bytes > limit) {
    co_return co_await Refuse(ClientError(ErrorKind::kRequestTooLarge,
                                          "the body has " + std::to_string(bytes) +
                                              " bytes, the limit is " + std::to_string(limit) +
                                              " (server.limits.body_bytes)"));
  }
  co_return co_await ReadSizedBody(bytes);
}

io::IoStatus ServerConnection::SendContinue() {
  const iovec piece{.iov_base = const_cast<char*>(kContinue.data()),  // NOLINT: only read
                    .iov_len = kContinue.size()};
  // The send buffer of a connection that waits for this is empty.
  return stream_->TryWrite(&piece, 1).status;
}

io::Task<ServerConnection::Next> ServerConnection::ReadSizedBody(uint64_t bytes) {
  const size_t whole = head_bytes_ + bytes;
  if (in_.size() < whole) {
    const MonoTime deadline = server_.loop_.now() + server_.limits_.body_timeout;
    if (head_->expect_continue && in_.size() == head_bytes_) {
      SendContinue();
    }
    in_.Reserve(std::min(whole - in_.size(), kAnnouncedBytesMax));
    size_t share = kReadShare;
    while (in_.size() < whole) {
      if (in_.room() == 0) {
        in_.Reserve(std::min(whole - in_.size(), (kGrowth - 1) * in_.size()));
      }
      const size_t before = in_.size();
      const io::IoStatus filled = co_await Fill(deadline);
      if (filled == io::IoStatus::kTimeout) {
        co_return co_await Refuse(TooSlow("body", server_.limits_.body_timeout));
      }
      if (filled != io::IoStatus::kOk && filled != io::IoStatus::kWouldBlock) {
        co_return Next::kClose;
      }
      const size_t got = in_.size() - before;
      share = got < share ? share - got : 0;
      if (share == 0) {
        const io::IoStatus slept =
            co_await server_.loop_.Sleep(std::chrono::nanoseconds(0), *exchange_.scope_);
        if (slept != io::IoStatus::kOk) {
          co_return Next::kClose;
        }
        share = kReadShare;
      }
    }
    // The bytes may have moved to a larger block: the head's views have to follow.
    ParseResult parsed;
    ParseBuffered(parsed);
    MS_CHECK(parsed.status == ParseStatus::kDone && parsed.head_bytes == head_bytes_);
  }
  request_bytes_ = whole;
  exchange_.Reset(head_.get(), in_.view().substr(head_bytes_, bytes), received_);
  exchange_.must_close_ = server_.draining_;
  co_return Next::kServe;
}

io::Task<ServerConnection::Next> ServerConnection::ReadChunkedBody() {
  const auto limit = static_cast<size_t>(server_.limits_.body_bytes);
  const MonoTime deadline = server_.loop_.now() + server_.limits_.body_timeout;
  if (head_->expect_continue && in_.size() == head_bytes_) {
    SendContinue();
  }
  // The head stays at the front of in_, because its views point there; the encoded body behind it
  // is decoded into a buffer of its own as it comes.
  ChunkedDecoder decoder;
  size_t consumed = head_bytes_;
  while (true) {
    Pieces pieces;
    const ChunkedDecoder::Result decoded = decoder.Decode(in_.view().substr(consumed), pieces);
    consumed += decoded.consumed;
    for (const std::string_view piece : pieces) {
      if (chunked_body_.size() + piece.size() > limit) {
        co_return co_await Refuse(
            ClientError(ErrorKind::kRequestTooLarge, "the body is larger than the limit of " +
                                                         std::to_string(limit) +
                                                         " bytes (server.limits.body_bytes)"));
      }
      chunked_body_.Append(piece);
    }
    if (decoded.status == ChunkedDecoder::Status::kDone) {
      break;
    }
    if (decoded.status == ChunkedDecoder::Status::kBad) {
      co_return co_await Refuse(ClientError(
          ErrorKind::kBadFraming, "the chunked body is broken: " + std::string(decoded.problem)));
    }
    if (pieces.full()) {
      continue;
    }
    in_.Truncate(head_bytes_);
    consumed = head_bytes_;
    in_.Reserve(io::Fill::kReadBytes);
    const io::IoStatus filled = co_await Fill(deadline);
    if (filled == io::IoStatus::kTimeout) {
      co_return co_await Refuse(TooSlow("body", server_.limits_.body_timeout));
    }
    if (filled != io::IoStatus::kOk && filled != io::IoStatus::kWouldBlock) {
      co_return Next::kClose;
    }
  }
  ParseResult parsed;
  ParseBuffered(parsed);
  chunked_body_.Reserve(0);
  request_bytes_ = consumed;
  exchange_.Reset(head_.get(), chunked_body_.view(), received_);
  exchange_.must_close_ = server_.draining_;
  co_return Next::kServe;
}

io::Task<ServerConnection::Next> ServerConnection::Refuse(Error error) {
  refused_ = true;
  const bool understood = error.kind != ErrorKind::kBadFraming &&
                          error.kind != ErrorKind::kHeadTooLarge && phase_ == Phase::kBody;
  if (understood) {
    // The head's bytes may have moved while the body was read: its views have to follow.
    ParseResult parsed;
    ParseBuffered(parsed);
  }
  exchange_.Reset(understood ? head_.get() : nullptr, {}, received_);
  exchange_.must_close_ = true;
  co_await server_.handler_.Refuse(error, exchange_);
  if (exchange_.broken_) {
    refused_ = false;  // nobody takes the answer: nothing to linger for
    stream_->ResetOnClose();
  }
  co_return Next::kClose;
}

io::Task<void> ServerConnection::Linger() {
  stream_->FinishWriting();
  const MonoTime deadline = server_.loop_.now() + kLingerTime;
  size_t left = kLingerBytesMax;
  while (left > 0) {
    in_.Consume(in_.size());
    const io::IoStatus filled = co_await Fill(deadline);
    if (filled != io::IoStatus::kOk && filled != io::IoStatus::kWouldBlock) {
      co_return;
    }
    left -= std::min(left, in_.size());
  }
}

}  // namespace mainstay::http
