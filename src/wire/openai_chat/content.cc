#include "wire/openai_chat/content.h"

namespace mainstay::wire::openai_chat {
namespace {

using json::KeyEquals;
using json::StringToken;
using json::Type;

}  // namespace

std::string_view ReadText(json::Reader& reader) {
  const bool is_string = reader.Peek() == Type::kString;
  std::string_view raw;
  return reader.SkipValue(&raw) && is_string ? raw.substr(1, raw.size() - 2) : std::string_view();
}

// A tool call: {"type":"function","function":{...}}, or with "custom" and its free text.
void ReadCall(json::Reader& reader, LinkBuilder& link) {
  if (reader.Peek() != Type::kObject) {
    reader.SkipValue();
    return;
  }
  reader.EnterObject();
  StringToken key;
  while (reader.NextMember(key)) {
    if (KeyEquals(key, "function") || KeyEquals(key, "custom")) {
      ReadFunction(reader, link);
    } else {
      reader.SkipValue();
    }
  }
}

void ReadCalls(json::Reader& reader, LinkBuilder& link) {
  if (reader.Peek() != Type::kArray) {
    reader.SkipValue();
    return;
  }
  reader.EnterArray();
  while (reader.NextElement()) {
    ReadCall(reader, link);
  }
}

void ReadFunction(json::Reader& reader, LinkBuilder& link) {
  if (reader.Peek() != Type::kObject) {
    reader.SkipValue();
    return;
  }
  reader.EnterObject();
  StringToken key;
  std::string_view name;
  ArgumentsDigester::Digest arguments = link.ArgumentsOfString({});
  while (reader.NextMember(key)) {
    const bool is_text = KeyEquals(key, "input");
    if (KeyEquals(key, "name")) {
      name = ReadText(reader);
    } else if (!is_text && !KeyEquals(key, "arguments")) {
      reader.SkipValue();
    } else if (reader.Peek() == Type::kString) {
      const std::string_view raw = ReadText(reader);
      arguments = is_text ? link.ArgumentsOfText(raw) : link.ArgumentsOfString(raw);
    } else if (std::string_view raw; reader.SkipValue(&raw)) {
      arguments = link.ArgumentsOfValue(raw);
    }
  }
  link.AddCall(name, arguments);
}

bool IsMedia(const StringToken& key) {
  return KeyEquals(key, "image_url") || KeyEquals(key, "input_audio") || KeyEquals(key, "file") ||
         KeyEquals(key, "video_url") || KeyEquals(key, "audio_url");
}

void ReadMedia(json::Reader& reader, LinkBuilder& link) {
  if (reader.Peek() == Type::kString) {
    link.AddMedia(ReadText(reader));
    return;
  }
  if (reader.Peek() != Type::kObject) {
    reader.SkipValue();
    return;
  }
  reader.EnterObject();
  StringToken key;
  while (reader.NextMember(key)) {
    const bool counts = KeyEquals(key, "url") || KeyEquals(key, "data") ||
                        KeyEquals(key, "file_data") || KeyEquals(key, "file_id");
    if (counts && reader.Peek() == Type::kString) {
      link.AddMedia(ReadText(reader));
    } else {
      reader.SkipValue();
    }
  }
}

bool IsThinking(const StringToken& type) {
  return KeyEquals(type, "thinking") || KeyEquals(type, "redacted_thinking") ||
         KeyEquals(type, "reasoning");
}

}  // namespace mainstay::wire::openai_chat
