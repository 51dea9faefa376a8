#include "cli/demo/chat.h"

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "wire/openai_chat/usage.h"

namespace mainstay::cli::demo {
namespace {

using json::KeyEquals;
using json::Reader;
using json::StringToken;
using json::Type;

void ReadText(Reader& reader, std::string& out) {
  StringToken token;
  if (reader.Peek() == Type::kString && reader.ReadString(token)) {
    out.clear();
    json::AppendValue(token, out);
  } else {
    reader.SkipValue();
  }
}

void ReadMessage(Reader& reader, std::string& text) {
  StringToken key;
  reader.EnterObject();
  while (reader.NextMember(key)) {
    if (KeyEquals(key, "content")) {
      ReadText(reader, text);
    } else {
      reader.SkipValue();
    }
  }
}

void ReadChoices(Reader& reader, std::string& text) {
  StringToken key;
  reader.EnterArray();
  while (reader.NextElement()) {
    reader.EnterObject();
    while (reader.NextMember(key)) {
      if (KeyEquals(key, "message")) {
        ReadMessage(reader, text);
      } else {
        reader.SkipValue();
      }
    }
  }
}

}  // namespace

std::string ChatBody(std::string_view model, const std::vector<Message>& messages) {
  std::string body;
  json::Writer writer(body);
  writer.BeginObject().Key("model").String(model).Key("messages").BeginArray();
  for (const Message& message : messages) {
    writer.BeginObject().Key("role").String(message.role);
    writer.Key("content").String(message.content).EndObject();
  }
  writer.EndArray().EndObject();
  return body;
}

Result<ChatAnswer> ReadChatAnswer(std::string_view body) {
  ChatAnswer answer;
  Reader reader(body);
  StringToken key;
  reader.EnterObject();
  while (reader.NextMember(key)) {
    if (KeyEquals(key, "model")) {
      ReadText(reader, answer.model);
    } else if (KeyEquals(key, "choices")) {
      ReadChoices(reader, answer.text);
    } else if (KeyEquals(key, "usage")) {
      wire::openai_chat::ReadUsage(reader, answer.usage);
    } else {
      reader.SkipValue();
    }
  }
  if (!reader.Finish() || answer.model.empty() || answer.text.empty() || !answer.usage.prompt) {
    return Error{.kind = ErrorKind::kInvalidJson,
                 .side = Side::kUpstream,
                 .message = "the answer has no model, text or usage"};
  }
  return answer;
}

}  // namespace mainstay::cli::demo
