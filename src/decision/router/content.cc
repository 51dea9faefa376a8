#include "decision/router/content.h"

namespace mainstay::decision {
namespace {

void AppendText(json::Reader& reader, std::string_view between, std::string& text) {
  json::StringToken token;
  reader.ReadString(token);
  if (!text.empty() && !token.raw.empty()) {
    text += between;
  }
  json::AppendValue(token, text);
}

void AppendPart(json::Reader& reader, std::string_view between, std::string& text) {
  reader.EnterObject();
  json::StringToken key;
  while (reader.NextMember(key)) {
    if (json::KeyEquals(key, "text") && reader.Peek() == json::Type::kString) {
      AppendText(reader, between, text);
    } else {
      reader.SkipValue();
    }
  }
}

}  // namespace

void AppendContent(json::Reader& reader, std::string_view between, std::string& text) {
  if (reader.Peek() == json::Type::kString) {
    AppendText(reader, between, text);
    return;
  }
  if (reader.Peek() != json::Type::kArray) {
    reader.SkipValue();
    return;
  }
  reader.EnterArray();
  while (reader.NextElement()) {
    if (reader.Peek() == json::Type::kString) {
      AppendText(reader, between, text);
    } else if (reader.Peek() == json::Type::kObject) {
      AppendPart(reader, between, text);
    } else {
      reader.SkipValue();
    }
  }
}

}  // namespace mainstay::decision
