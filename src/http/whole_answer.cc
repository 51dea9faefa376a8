#include "http/whole_answer.h"

namespace mainstay::http {

io::Task<AnswerOutcome> SendAndReadHead(ClientConnection& connection, Method method,
                                        std::span<const std::string_view> pieces,
                                        MonoTime deadline) {
  io::IoStatus sent = connection.StartSending(pieces);
  if (sent == io::IoStatus::kWouldBlock) {
    sent = co_await connection.FinishSending(deadline);
  }
  HeadOutcome head = HeadOutcome::kClosed;
  if (sent == io::IoStatus::kOk) {
    head = co_await connection.ReadHead(method, deadline);
  } else if (sent == io::IoStatus::kTimeout) {
    head = HeadOutcome::kTimeout;
  } else if (sent == io::IoStatus::kCancelled) {
    head = HeadOutcome::kCancelled;
  }
  switch (head) {
    case HeadOutcome::kOk:
      co_return AnswerOutcome::kOk;
    case HeadOutcome::kTimeout:
      co_return AnswerOutcome::kTimeout;
    case HeadOutcome::kCancelled:
      co_return AnswerOutcome::kCancelled;
    case HeadOutcome::kClosed:
      co_return AnswerOutcome::kClosed;
    case HeadOutcome::kBad:
      break;
  }
  co_return AnswerOutcome::kBroken;
}

io::Task<AnswerOutcome> ReadWholeBody(ClientConnection& connection, size_t bytes_max,
                                      MonoTime deadline, std::string& body) {
  using Body = ClientConnection::Body;
  Pieces pieces;
  while (true) {
    const Body state = connection.Take(pieces);
    for (const std::string_view piece : pieces) {
      if (body.size() + piece.size() > bytes_max) {
        co_return AnswerOutcome::kTooLarge;
      }
      body += piece;
    }
    if (state == Body::kDone) {
      co_return AnswerOutcome::kOk;
    }
    if (state == Body::kBroken) {
      co_return AnswerOutcome::kBroken;
    }
    if (state == Body::kFull) {
      continue;
    }
    switch (co_await connection.Fill(deadline)) {
      case io::IoStatus::kOk:
      case io::IoStatus::kWouldBlock:
        break;
      case io::IoStatus::kTimeout:
        co_return AnswerOutcome::kTimeout;
      case io::IoStatus::kCancelled:
        co_return AnswerOutcome::kCancelled;
      case io::IoStatus::kEnd:
      case io::IoStatus::kReset:
        co_return AnswerOutcome::kClosed;
    }
  }
}

}  // namespace mainstay::http
