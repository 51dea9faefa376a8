// A message of an assistant has one digest: when it passes as an answer, whole or in any pieces,
// and when the next request brings it back. And events of any content break nothing, however the
// stream that they come in is cut.
//
// The first byte of the input says how large the pieces are.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/digest/history_builder.h"
#include "wire/openai_chat/reply.h"
#include "wire/openai_chat/reply_digest.h"
#include "wire/openai_chat/request.h"
#include "wire/openai_chat/testing.h"

namespace mainstay::wire::openai_chat {
namespace {

void Check(bool condition) {
  if (!condition) {
    std::abort();
  }
}

const HistoryRules& Rules() {
  static const HistoryRules rules({}, HashKey(std::array<uint8_t, HashKey::kBytes>{}));
  return rules;
}

std::optional<Link> OfWhole(std::string_view answer, size_t step) {
  ReplyDigest digest;
  digest.Start(Rules(), {});
  for (size_t at = 0; at < answer.size(); at += step) {
    digest.TakeBytes(answer.substr(at, step));
  }
  digest.Complete();
  return digest.link() == nullptr ? std::nullopt : std::optional(*digest.link());
}

std::optional<Link> OfStream(std::string_view stream, size_t step) {
  ReplyDigest digest;
  digest.Start(Rules(), {});
  StreamScanner scanner(UsageEvent::kForward, 1 << 20, &digest);
  std::string_view forward;
  for (size_t at = 0; at < stream.size(); at += step) {
    const PaddedText piece(stream.substr(at, step));
    scanner.Feed(piece.view());
    while (scanner.Next(forward) == StreamScanner::Step::kForward) {
    }
  }
  while (scanner.Finish(forward) == StreamScanner::Step::kForward) {
  }
  digest.Complete();
  return digest.link() == nullptr ? std::nullopt : std::optional(*digest.link());
}

bool Same(const std::optional<Link>& one, const std::optional<Link>& other) {
  return one.has_value() == other.has_value() &&
         (!one || (one->digest == other->digest && one->text_bytes == other->text_bytes));
}

// What the next request says about the message; nothing when it does not accept it.
std::optional<Link> Echo(std::string_view message) {
  const PaddedText body(R"({"model":"m","messages":[{"role":"user","content":"q"},)" +
                        std::string(message) + "]}");
  HistoryBuilder builder;
  History history;
  builder.Start(Rules(), history);
  std::string scratch;
  Request request;
  const bool accepted =
      DecodeRequest(Operation::kChat, body.view(), scratch, &builder, request).has_value();
  if (!accepted || request.facts.assistant_messages != 1 || request.facts.messages != 2) {
    return std::nullopt;
  }
  return history.links.back();
}

void Run(std::string_view text, size_t step) {
  Check(Same(OfStream(text, text.size() + 1), OfStream(text, step)));
  const std::string answer = R"({"choices":[{"index":0,"message":)" + std::string(text) + "}]}";
  const std::optional<Link> whole = OfWhole(answer, answer.size());
  Check(Same(whole, OfWhole(answer, step)));
  if (const std::optional<Link> echo = Echo(text)) {
    Check(Same(echo, whole));
  }
}

}  // namespace
}  // namespace mainstay::wire::openai_chat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  mainstay::wire::openai_chat::Run(text, data[0] + 1u);
  return 0;
}
