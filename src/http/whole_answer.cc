#include "http/whole_answer.h"

namespace mainstay::http {

io::Task<HeadOutcome> SendAndReadHead(ClientConnection& connection, Method method,
                                      std::span<const std::string_view> pieces, MonoTime deadline) {
  io::IoStatus sent = connection.StartSending(pieces);
  if (sent == io::IoStatus::kWouldBlock) {
    sent = co_await connection.FinishSending(deadline);
  }
  switch (sent) {
    case io::IoStatus::kOk:
      co_return co_await connection.ReadHead(method, deadline);
    case io::IoStatus::kTimeout:
      co_return HeadOutcome::kTimeout;
    case io::IoStatus::kCancelled:
      co_return HeadOutcome::kCancelled;
    default:
      co_return HeadOutcome::kClosed;
  }
}

io::Task<BodyOutcome> ReadWholeBody(ClientConnection& connection, size_t bytes_max,
                                    MonoTime deadline, std::string& body) {
  using Body = ClientConnection::Body;
  Pieces pieces;
  while (true) {
    const Body state = connection.Take(pieces);
    for (const std::string_view piece : pieces) {
      if (body.size() + piece.size() > bytes_max) {
        co_return BodyOutcome::kTooLarge;
      }
      body += piece;
    }
    if (state == Body::kDone) {
      co_return BodyOutcome::kOk;
    }
    if (state == Body::kBroken) {
      co_return BodyOutcome::kBroken;
    }
    if (state == Body::kFull) {
      continue;
    }
    switch (co_await connection.Fill(deadline)) {
      case io::IoStatus::kOk:
      case io::IoStatus::kWouldBlock:
        break;
      case io::IoStatus::kTimeout:
        co_return BodyOutcome::kTimeout;
      case io::IoStatus::kCancelled:
        co_return BodyOutcome::kCancelled;
      case io::IoStatus::kEnd:
      case io::IoStatus::kReset:
        co_return BodyOutcome::kClosed;
    }
  }
}

}  // namespace mainstay::http
