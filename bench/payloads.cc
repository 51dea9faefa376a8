#include "payloads.h"

#include <array>
#include <string_view>

namespace mainstay::bench {
namespace {

constexpr size_t kNumberDigits = 12;
constexpr std::string_view kNumberSlot = "000000000000";
constexpr size_t kUserMessageBytes = 150;
constexpr size_t kSystemBytesMax = 8192;
constexpr size_t kHistoryMessageBytes = 2048;

// Text as models and agents exchange it: prose with code, so quotes and line breaks are escaped
// now and then. Exactly `bytes` long, and never cut inside an escape.
std::string Prose(size_t bytes, size_t seed) {
  static constexpr std::array<std::string_view, 8> kPieces = {
      "The handler keeps one connection per worker and returns it when the body has been read. ",
      "for (const auto& row : rows) {\\n    total += row.amount;\\n  }\\n  return total;\\n",
      "Set \\\"retries\\\" to 3 and the time-out to 250 ms; the second call then succeeds. ",
      "What changes for the caller is only the order of the columns, as in the table above. ",
      "SELECT id, amount FROM orders WHERE state = 'open' ORDER BY created_at DESC LIMIT 50;\\n",
      "This is the part that I would test first, because an empty list takes another path. ",
      "- read the file\\n- split it into lines\\n- count the ones that start with a digit\\n",
      "We measured it twice, once with a cold cache and once after a minute of traffic. "};
  std::string text;
  text.reserve(bytes);
  for (size_t i = seed;; i = i * 5 + 3) {
    const std::string_view piece = kPieces[i % kPieces.size()];
    if (text.size() + piece.size() > bytes) {
      break;
    }
    text += piece;
  }
  text.append(bytes - text.size(), '.');
  return text;
}

std::string Message(std::string_view role, std::string_view text) {
  return std::string(R"({"role":")") + std::string(role) + R"(","content":")" + std::string(text) +
         R"("})";
}

constexpr std::string_view kAnswerHead =
    R"({"id":"chatcmpl-CRk5mN2pQw8sXv7bYt4uJh1zLg6","object":"chat.completion",)"
    R"("created":1760000000,"model":"bench-model-upstream","choices":[{"index":0,)"
    R"("message":{"role":"assistant","content":")";
constexpr std::string_view kAnswerTail =
    R"(","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1024,)"
    R"("completion_tokens":128,"total_tokens":1152,"prompt_tokens_details":{"cached_tokens":896},)"
    R"("completion_tokens_details":{"reasoning_tokens":0}},"service_tier":"default",)"
    R"("system_fingerprint":"fp_7c1a0e2b5d"})";

constexpr std::string_view kChunkHead =
    R"(data: {"id":"chatcmpl-CRk5mN2pQw8sXv7bYt4uJh1zLg6","object":"chat.completion.chunk",)"
    R"("created":1760000000,"model":"bench-model-upstream","choices":[)";

std::string Chunk(std::string_view choices, std::string_view usage) {
  return std::string(kChunkHead) + std::string(choices) + R"(],"usage":)" + std::string(usage) +
         "}\n\n";
}

std::string ContentChunk(std::string_view text) {
  return Chunk(R"({"index":0,"delta":{"content":")" + std::string(text) +
                   R"("},"logprobs":null,"finish_reason":null})",
               "null");
}

// Everything in the body before the turns: model, system message, opening, older history. `bytes`
// long in all, so that the caller can aim at a mean body size.
std::string Opening(const ConversationShape& shape, size_t bytes, size_t& conversation_at) {
  std::string body = R"({"model":")" + shape.model + R"(","messages":[)";
  const std::string first_user = std::string("Conversation ") + std::string(kNumberSlot) + ": ";
  const size_t empty = body.size() + Message("system", "").size() + 1 +
                       Message("user", first_user + Prose(kUserMessageBytes, 1)).size();
  if (bytes < empty) {
    return "";
  }
  size_t left = bytes - empty;
  const size_t history_envelope = Message("assistant", "").size() + 1;
  const size_t whole_messages =
      left > 2 * kSystemBytesMax
          ? (left - kSystemBytesMax) / (kHistoryMessageBytes + history_envelope) / 2 * 2
          : 0;
  left -= whole_messages * (kHistoryMessageBytes + history_envelope);
  body += Message("system", Prose(left, 0)) + ",";
  conversation_at = body.size() + Message("user", "").size() - 2 + first_user.find(kNumberSlot);
  body += Message("user", first_user + Prose(kUserMessageBytes, 1));
  for (size_t i = 0; i < whole_messages; ++i) {
    // "user" is shorter than "assistant"; its text is as much longer.
    const std::string_view role = i % 2 == 0 ? "assistant" : "user";
    const size_t text_bytes = kHistoryMessageBytes + (i % 2 == 0 ? 0 : 5);
    body += "," + Message(role, Prose(text_bytes, i + 2));
  }
  return body;
}

std::string Head(const ConversationShape& shape, size_t body_bytes) {
  return "POST /v1/chat/completions HTTP/1.1\r\n"
         "Host: " +
         shape.host +
         "\r\n"
         "Accept: application/json\r\n"
         "Accept-Encoding: gzip, deflate\r\n"
         "Connection: keep-alive\r\n"
         "User-Agent: OpenAI/Python 1.109.1\r\n"
         "X-Stainless-Lang: python\r\n"
         "X-Stainless-Package-Version: 1.109.1\r\n"
         "X-Stainless-Runtime: CPython\r\n"
         "Authorization: Bearer sk-bench-0123456789abcdef0123456789abcdef\r\n"
         "Content-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body_bytes) +
         "\r\n"
         "x-session-id: 5f0c7a52-3d1e-4b7a-9c55-" +
         std::string(kNumberSlot) + "\r\n\r\n";
}

void WriteNumber(std::string& out, size_t at, uint64_t number) {
  for (size_t i = kNumberDigits; i-- > 0; number >>= 4) {
    out[at + i] = "0123456789abcdef"[number & 15];
  }
}

}  // namespace

std::string AnswerText(size_t bytes) {
  return Prose(bytes - kAnswerHead.size() - kAnswerTail.size(), 5);
}

std::string ChatAnswer(size_t bytes) {
  return std::string(kAnswerHead) + AnswerText(bytes) + std::string(kAnswerTail);
}

StreamScript MakeStreamScript(size_t event_bytes) {
  const std::string empty = ContentChunk("");
  StreamScript script;
  script.first = Chunk(
      R"({"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,)"
      R"("finish_reason":null})",
      "null");
  script.event =
      ContentChunk(std::string(event_bytes > empty.size() ? event_bytes - empty.size() : 1, 'w'));
  script.last = Chunk(R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"})", "null") +
                Chunk("", R"({"prompt_tokens":1024,"completion_tokens":400,"total_tokens":1424,)"
                          R"("prompt_tokens_details":{"cached_tokens":896}})") +
                "data: [DONE]\n\n";
  return script;
}

std::vector<RequestTemplate> MakeConversation(const ConversationShape& shape) {
  const std::string end = R"(],"temperature":0.2,"max_tokens":)" +
                          std::to_string(shape.max_tokens) +
                          (shape.streaming == Streaming::kYes
                               ? R"(,"stream":true,"stream_options":{"include_usage":true}})"
                               : "}");
  const std::string answer = Message("assistant", AnswerText(shape.answer_bytes));
  const size_t growth = answer.size() + 2 + Message("user", "").size() + kUserMessageBytes;
  const size_t fixed = end.size() + growth * (shape.turns - 1) / 2;
  if (shape.body_bytes < fixed) {
    return {};
  }
  size_t conversation_at = 0;
  std::string body = Opening(shape, shape.body_bytes - fixed, conversation_at);
  if (body.empty()) {
    return {};
  }
  std::vector<RequestTemplate> requests;
  for (size_t turn = 0; turn < shape.turns; ++turn) {
    if (turn > 0) {
      body += "," + answer + "," + Message("user", Prose(kUserMessageBytes, 10 + turn));
    }
    const std::string head = Head(shape, body.size() + end.size());
    RequestTemplate request;
    request.session_at = head.size() - 4 - kNumberDigits;
    request.conversation_at = head.size() + conversation_at;
    request.bytes = head + body + end;
    requests.push_back(std::move(request));
  }
  return requests;
}

void Personalize(const RequestTemplate& request, uint64_t session, uint64_t conversation,
                 std::string& out) {
  out.assign(request.bytes);
  WriteNumber(out, request.session_at, session);
  WriteNumber(out, request.conversation_at, conversation);
}

}  // namespace mainstay::bench
