#include "cli/demo/http_client.h"

#include <array>
#include <chrono>
#include <memory>

#include "base/json_reader.h"
#include "http/client_connection.h"

namespace mainstay::cli::demo {
namespace {

constexpr std::chrono::seconds kDeadline{10};
constexpr size_t kBodyBytesMax = 1 << 20;

Error Unanswered(const io::Peer& peer, std::string_view what) {
  return {.kind = ErrorKind::kUpstreamUnreachable,
          .message = peer.host + ":" + std::to_string(peer.port) + ": " + std::string(what)};
}

std::string HeadOf(const HttpRequest& request, const io::Peer& peer) {
  std::string head = std::string(http::MethodName(request.method)) + " " + request.path +
                     " HTTP/1.1\r\nhost: " + peer.host + ":" + std::to_string(peer.port) + "\r\n";
  for (const auto& [name, value] : request.headers) {
    head += name + ": " + value + "\r\n";
  }
  if (!request.body.empty()) {
    head += "content-type: application/json\r\n";
  }
  head += "connection: close\r\ncontent-length: " + std::to_string(request.body.size());
  head += "\r\n\r\n";
  return head;
}

// True when the whole body came.
io::Task<bool> ReadBody(http::ClientConnection& connection, MonoTime deadline, std::string& out) {
  using Body = http::ClientConnection::Body;
  http::Pieces pieces;
  while (true) {
    const Body state = connection.Take(pieces);
    for (const std::string_view piece : pieces) {
      out += piece;
    }
    if (state == Body::kDone) {
      co_return true;
    }
    if (state == Body::kBroken || out.size() > kBodyBytesMax) {
      co_return false;
    }
    if (state == Body::kFull) {
      continue;
    }
    const io::IoStatus filled = co_await connection.Fill(deadline);
    if (filled != io::IoStatus::kOk && filled != io::IoStatus::kWouldBlock) {
      co_return false;
    }
  }
}

}  // namespace

io::Task<Result<HttpReply>> Send(io::Loop& loop, const io::Peer& peer, const HttpRequest& request) {
  const MonoTime deadline = loop.now() + kDeadline;
  io::CancelScope scope;
  io::DialResult dialed = co_await loop.Dial(peer, deadline, scope);
  if (dialed.stream == nullptr) {
    co_return Unanswered(peer, dialed.detail);
  }
  http::ClientConnection connection(loop, std::move(dialed.stream));
  const std::string head = HeadOf(request, peer);
  const std::array<std::string_view, 2> pieces = {head, request.body};
  io::IoStatus sent = connection.StartSending(pieces);
  if (sent == io::IoStatus::kWouldBlock) {
    sent = co_await connection.FinishSending(deadline);
  }
  if (sent != io::IoStatus::kOk) {
    co_return Unanswered(peer, "the request could not be sent");
  }
  const http::HeadOutcome outcome = co_await connection.ReadHead(request.method, deadline);
  if (outcome != http::HeadOutcome::kOk) {
    co_return Unanswered(peer, "no answer");
  }
  HttpReply reply;
  reply.status = connection.head().status;
  if (const http::Header* const model = connection.head().headers.Find("x-mainstay-model")) {
    reply.model = model->value;
  }
  const bool whole = co_await ReadBody(connection, deadline, reply.padded);
  if (!whole) {
    co_return Unanswered(peer, "the answer was cut off");
  }
  reply.body_bytes = reply.padded.size();
  reply.padded.append(json::kPadding, '\0');
  co_return reply;
}

}  // namespace mainstay::cli::demo
