#include "wire/openai_chat/message.h"

#include "wire/openai_chat/content.h"

namespace mainstay::wire::openai_chat {
namespace {

using json::KeyEquals;
using json::StringToken;
using json::Type;

enum Field : uint32_t {
  kRole = 1 << 0,
  kContent = 1 << 1,
  kToolCalls = 1 << 2,
  kType = 1 << 3,
  kText = 1 << 4,
};

// A role that is none of the protocol's is left to the provider to refuse.
MessageRole RoleOf(const StringToken& role) {
  if (KeyEquals(role, "assistant")) {
    return MessageRole::kAssistant;
  }
  if (KeyEquals(role, "tool") || KeyEquals(role, "function")) {
    return MessageRole::kTool;
  }
  if (KeyEquals(role, "system") || KeyEquals(role, "developer")) {
    return MessageRole::kSystem;
  }
  return MessageRole::kUser;
}

}  // namespace

std::string MessageDecoder::Path(std::string_view field) const {
  std::string path = "messages[" + std::to_string(facts_.messages) + "]";
  if (!field.empty()) {
    path += ".";
    path += field;
  }
  return path;
}

void MessageDecoder::Read() {
  if (json_.Peek() != Type::kObject) {
    fields_.WrongType(Path(""), "an object");
    return;
  }
  adds_ = false;
  json_.EnterObject();
  Message message;
  StringToken key;
  while (json_.NextMember(key)) {
    ReadMember(key, message);
  }
  CountRole(message);
  if (history_ != nullptr && !json_.failed()) {
    AddToHistory(message);
  }
}

void MessageDecoder::ReadMember(const StringToken& key, Message& message) {
  if (KeyEquals(key, "role")) {
    ReadRole(message);
  } else if (KeyEquals(key, "content")) {
    if (FieldReader::First(kContent, message.seen)) {
      ReadContent(message);
    } else {
      fields_.Twice(Path("content"));
    }
  } else if (KeyEquals(key, "tool_calls")) {
    if (FieldReader::First(kToolCalls, message.seen)) {
      ReadToolCalls(message);
    } else {
      fields_.Twice(Path("tool_calls"));
    }
  } else if (history_ != nullptr && KeyEquals(key, "refusal")) {
    message.refusal = ReadText(json_);
  } else if (history_ != nullptr && KeyEquals(key, "function_call")) {
    json_.SkipValue(&message.function_call);
  } else {
    json_.SkipValue();
  }
}

void MessageDecoder::ReadRole(Message& message) {
  if (!FieldReader::First(kRole, message.seen)) {
    fields_.Twice(Path("role"));
  } else if (json_.Peek() != Type::kString) {
    fields_.WrongType(Path("role"), "a string");
  } else {
    json_.ReadString(message.role);
  }
}

void MessageDecoder::CountRole(const Message& message) {
  const StringToken& role = message.role;
  if (KeyEquals(role, "user")) {
    ++facts_.user_messages;
    facts_.last_user = message.content;
  } else if (KeyEquals(role, "assistant")) {
    ++facts_.assistant_messages;
  } else if (KeyEquals(role, "tool") || KeyEquals(role, "function")) {
    ++facts_.tool_messages;
  } else if (KeyEquals(role, "system") || KeyEquals(role, "developer")) {
    ++facts_.system_messages;
  }
}

void MessageDecoder::ReadContent(Message& message) {
  const Type type = json_.Peek();
  std::string_view raw;
  if (type != Type::kArray) {
    if (!json_.SkipValue(&raw)) {
      return;
    }
    message.content = fields_.SpanOf(raw);
    if (type == Type::kString) {
      message.text = raw.substr(1, raw.size() - 2);
      facts_.text_bytes += message.text.size();
    }
    return;
  }
  const size_t begin = json_.offset();
  Begin(message);
  const size_t end = fields_.BehindNext(']', ReadParts());
  message.content = {.begin = begin, .end = end};
  if (history_ != nullptr && !adds_ && !json_.failed()) {
    message.late_parts = fields_.body().substr(begin, end - begin);
  }
}

// Returns where the last one ends.
size_t MessageDecoder::ReadParts() {
  size_t end = json_.offset() + 1;
  json_.EnterArray();
  for (int part = 0; json_.NextElement(); ++part) {
    if (json_.Peek() == Type::kObject) {
      ReadPart(part);
    } else {
      json_.SkipValue();
    }
    end = json_.offset();
  }
  return end;
}

void MessageDecoder::ReadPart(int part) {
  json_.EnterObject();
  LinkBuilder* const link = adds_ ? history_->link() : nullptr;
  uint32_t seen = 0;
  StringToken key;
  StringToken type;
  std::string_view text;
  std::string_view refusal;
  while (json_.NextMember(key)) {
    if (ReadCountedPartField(key, part, seen, type, text)) {
      continue;
    }
    if (link != nullptr && KeyEquals(key, "refusal")) {
      refusal = ReadText(json_);
    } else if (link != nullptr && IsMedia(key)) {
      ReadMedia(json_, *link);
    } else {
      json_.SkipValue();
    }
  }
  if (link != nullptr && !json_.failed() && !IsThinking(type)) {
    history_->Text(text);
    history_->Text(refusal);
  }
}

// What is counted in each request. False: it is some other field.
bool MessageDecoder::ReadCountedPartField(const StringToken& key, int part, uint32_t& seen,
                                          StringToken& type, std::string_view& text) {
  const bool is_type = KeyEquals(key, "type");
  if (!is_type && !KeyEquals(key, "text")) {
    return false;
  }
  if (!FieldReader::First(is_type ? kType : kText, seen)) {
    fields_.Twice(
        Path("content[" + std::to_string(part) + "]." + std::string(is_type ? "type" : "text")));
  } else if (!is_type) {
    text = ReadText(json_);
    facts_.text_bytes += text.size();
  } else if (json_.Peek() != Type::kString) {
    json_.SkipValue();
  } else if (json_.ReadString(type)) {
    facts_.images += KeyEquals(type, "image_url") ? 1 : 0;
    facts_.audio_parts += KeyEquals(type, "input_audio") ? 1 : 0;
  }
  return true;
}

void MessageDecoder::ReadToolCalls(Message& message) {
  if (json_.Peek() != Type::kArray) {
    json_.SkipValue();
    return;
  }
  Begin(message);
  LinkBuilder* const link = adds_ ? history_->link() : nullptr;
  const size_t begin = json_.offset();
  size_t end = begin + 1;
  json_.EnterArray();
  while (json_.NextElement()) {
    ++facts_.tool_calls;
    if (link != nullptr) {
      ReadCall(json_, *link);
    } else {
      json_.SkipValue();
    }
    end = json_.offset();
  }
  if (history_ != nullptr && !adds_ && !json_.failed()) {
    message.late_calls = fields_.body().substr(begin, fields_.BehindNext(']', end) - begin);
  }
}

// What is read from here on belongs to the message, if its role is known by now.
void MessageDecoder::Begin(Message& message) {
  if (history_ != nullptr && !message.begun && (message.seen & kRole) != 0) {
    message.begun = adds_ = true;
    history_->BeginMessage(RoleOf(message.role));
  }
}

void MessageDecoder::AddToHistory(Message& message) {
  if (!message.begun) {
    message.begun = true;
    history_->BeginMessage(RoleOf(message.role));
  }
  history_->Text(message.text);
  if (!message.late_parts.empty()) {
    // Once more, now that it is known whose they are; they were counted the first time.
    RequestFacts counted;
    FieldReader fields(message.late_parts);
    MessageDecoder late(fields, counted, history_);
    late.adds_ = true;
    late.ReadParts();
  }
  history_->Text(message.refusal);
  if (LinkBuilder* const link = history_->link()) {
    if (!message.late_calls.empty()) {
      json::Reader calls(message.late_calls);
      ReadCalls(calls, *link);
    }
    if (!message.function_call.empty()) {
      json::Reader call(message.function_call);
      ReadFunction(call, *link);
    }
  }
  history_->EndMessage();
}

}  // namespace mainstay::wire::openai_chat
