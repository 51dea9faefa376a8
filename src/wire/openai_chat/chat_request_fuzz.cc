// A body is accepted only when it is JSON and says what two other parsers say: simdjson and
// nlohmann judge the text, the model, the stream flag and the messages. What is spliced out of an
// accepted body is the same document but for the model and include_usage.
//
// The first byte of the input chooses the operation and what lies behind the body.
#include <simdjson.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "wire/digest/history_builder.h"
#include "wire/openai_chat/request.h"
#include "wire/openai_chat/splice.h"

namespace mainstay::wire::openai_chat {
namespace {

using Json = nlohmann::json;

void Check(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// nlohmann refuses lone surrogates and numbers beyond a double, which the grammar allows; what
// holds them is compared no further. It also keeps the last of two equal keys, but of the fields
// compared here the decoder refuses a second one.
void CheckFacts(const Request& request, const Json& document) {
  Check(document.is_object());
  Check(document.at("model") == std::string(request.model));
  const auto stream = document.find("stream");
  const bool streams = stream != document.end() && *stream == true;
  Check((request.facts.stream == Streaming::kYes) == streams);
  const auto messages = document.find("messages");
  const size_t count = messages == document.end() ? 0 : messages->size();
  Check(static_cast<size_t>(request.facts.messages) == count);
  int32_t users = 0;
  for (size_t i = 0; i < count; ++i) {
    users += (*messages)[i].value("role", "") == "user" ? 1 : 0;
  }
  Check(request.facts.user_messages == users);
}

void CheckWithSimdjson(const Request& request) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (parser.parse(simdjson::padded_string(request.body)).get(document) != simdjson::SUCCESS) {
    return;  // it has limits of its own, for numbers and for lone surrogates
  }
  std::string_view model;
  bool streams = false;
  simdjson::dom::array messages;
  // The decoder knows keys that are written with escapes, and so does this parser.
  Check(document["model"].get(model) == simdjson::SUCCESS && model == request.model);
  static_cast<void>(document["stream"].get(streams));
  Check((request.facts.stream == Streaming::kYes) == streams);
  if (document["messages"].get(messages) == simdjson::SUCCESS) {
    Check(static_cast<size_t>(request.facts.messages) == messages.size());
  }
}

std::string Spliced(const Request& request, std::string_view model, AskUsage& ask) {
  std::string model_json;
  json::AppendString(model_json, model);
  SplicedBody body;
  ask = SpliceRequest(request, model_json, body);
  std::string text;
  for (const std::string_view piece : body.Pieces(request.body)) {
    text += piece;
  }
  Check(body.bytes() == text.size());
  return text;
}

void CheckSplice(const Request& request, Json document) {
  AskUsage ask = AskUsage::kNo;
  const Json result = Json::parse(Spliced(request, "other \"model\"", ask));
  document["model"] = "other \"model\"";
  const bool streams =
      request.operation == Operation::kChat && request.facts.stream == Streaming::kYes;
  Json& options = document["stream_options"];
  const bool asked = options.is_object() && options.value("include_usage", Json()) == true;
  if (streams) {
    if (!options.is_object()) {
      options = Json::object();
    }
    options["include_usage"] = true;
  }
  Check((ask == AskUsage::kYes) == (streams && !asked));
  if (options.is_null() && !result.contains("stream_options")) {
    document.erase("stream_options");
  }
  Check(result == document);
}

// Looking at the messages more closely does not change what is found out about them.
void CheckHistory(Operation operation, std::string_view body, bool decoded,
                  const Request& request) {
  static const HistoryRules rules({}, HashKey(std::array<uint8_t, HashKey::kBytes>{}));
  HistoryBuilder builder;
  History history;
  builder.Start(rules, history);
  std::string scratch;
  Request again;
  Check(DecodeRequest(operation, body, scratch, &builder, again).has_value() == decoded);
  Check(decoded || (history.links.empty() && history.system == 0));
  if (decoded) {
    const RequestFacts& facts = again.facts;
    Check(facts.text_bytes == request.facts.text_bytes &&
          facts.tool_calls == request.facts.tool_calls && facts.images == request.facts.images &&
          facts.last_user.begin == request.facts.last_user.begin &&
          facts.last_user.end == request.facts.last_user.end);
    const auto counted = static_cast<uint32_t>(facts.messages - facts.system_messages);
    Check((history.links.empty() ? 0 : history.links.back().messages) == counted);
  }
}

void Run(std::string_view body, Operation operation) {
  std::string scratch;
  Request request;
  const Result<void> decoded = DecodeRequest(operation, body, scratch, nullptr, request);
  CheckHistory(operation, body, decoded.has_value(), request);
  const bool is_json = Json::accept(body);
  if (!decoded) {
    const Error& error = decoded.error();
    Check(error.side == Side::kClient && !error.message.empty());
    // A refused field is named; text that is refused as such is no JSON, as far as the other knows.
    Check(error.kind == ErrorKind::kInvalidJson || !error.param.empty() ||
          error.message.find("object") != std::string::npos);
    return;
  }
  CheckWithSimdjson(request);
  if (is_json) {
    Json document = Json::parse(body);
    CheckFacts(request, document);
    CheckSplice(request, std::move(document));
  }
  // Splicing leaves what was accepted acceptable.
  AskUsage ask = AskUsage::kNo;
  std::string again = Spliced(request, "m", ask);
  const size_t bytes = again.size();
  again.append(json::kPadding, ' ');
  Request second;
  Check(DecodeRequest(operation, std::string_view(again).substr(0, bytes), scratch, nullptr, second)
            .has_value());
  Check(second.model == "m" && second.facts.messages == request.facts.messages);
  Check(ask == AskUsage::kNo || second.facts.include_usage == IncludeUsage::kTrue);
}

}  // namespace
}  // namespace mainstay::wire::openai_chat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace chat = mainstay::wire::openai_chat;
  if (size == 0) {
    return 0;
  }
  constexpr char kFills[] = {'\0', '"', '}', ' ', '0', ']', '\\'};
  constexpr mainstay::Operation kOperations[] = {mainstay::Operation::kChat,
                                                 mainstay::Operation::kCompletions,
                                                 mainstay::Operation::kEmbeddings};
  // Exactly as large as the body and its padding, so that the address sanitizer sees reads beyond.
  const size_t bytes = size - 1;
  const std::unique_ptr<char[]> body(new char[bytes + mainstay::json::kPadding]);
  std::memcpy(body.get(), data + 1, bytes);
  std::memset(body.get() + bytes, kFills[data[0] / 4 % sizeof kFills], mainstay::json::kPadding);
  chat::Run({body.get(), bytes}, kOperations[data[0] % 4 % 3]);
  return 0;
}
