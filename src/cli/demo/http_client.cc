#include "cli/demo/http_client.h"

#include <array>
#include <chrono>
#include <memory>

#include "base/json_reader.h"
#include "http/client_connection.h"
#include "http/whole_answer.h"

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
  const http::AnswerOutcome outcome =
      co_await http::SendAndReadHead(connection, request.method, pieces, deadline);
  if (outcome != http::AnswerOutcome::kOk) {
    co_return Unanswered(peer, "no answer");
  }
  HttpReply reply;
  reply.status = connection.head().status;
  if (const http::Header* const model = connection.head().headers.Find("x-mainstay-model")) {
    reply.model = model->value;
  }
  const http::AnswerOutcome read =
      co_await http::ReadWholeBody(connection, kBodyBytesMax, deadline, reply.padded);
  if (read != http::AnswerOutcome::kOk) {
    co_return Unanswered(peer, "the answer was cut off");
  }
  reply.body_bytes = reply.padded.size();
  reply.padded.append(json::kPadding, '\0');
  co_return reply;
}

}  // namespace mainstay::cli::demo
