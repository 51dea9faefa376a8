#include "wire/openai_chat/ending.h"

#include <string>

#include "base/json_reader.h"
#include "http/sse.h"

namespace mainstay::wire::openai_chat {
namespace {

struct Members {
  bool has_usage = false;
  bool has_error = false;
  bool has_choices = false;
  bool has_reason = false;
};

// A choice, at the reader's cursor. An empty reason is what some providers send before the end.
void ReadChoice(json::Reader& reader, Members& found) {
  if (reader.Peek() != json::Type::kObject) {
    reader.SkipValue();
    return;
  }
  reader.EnterObject();
  json::StringToken key;
  while (reader.NextMember(key)) {
    json::StringToken reason;
    if (reader.Peek() == json::Type::kString && json::KeyEquals(key, "finish_reason")) {
      reader.ReadString(reason);
      found.has_reason = found.has_reason || !reason.raw.empty();
    } else {
      reader.SkipValue();
    }
  }
}

void ReadMember(json::Reader& reader, const json::StringToken& key, Members& found) {
  const json::Type type = reader.Peek();
  if (type == json::Type::kArray && json::KeyEquals(key, "choices")) {
    reader.EnterArray();
    while (reader.NextElement()) {
      found.has_choices = true;
      ReadChoice(reader, found);
    }
    return;
  }
  const bool says_something = type == json::Type::kObject || type == json::Type::kString;
  if (type == json::Type::kObject && json::KeyEquals(key, "usage")) {
    found.has_usage = true;
  } else if (says_something && json::KeyEquals(key, "error")) {
    found.has_error = true;
  }
  reader.SkipValue();
}

EndingFacts ReadData(std::string_view data) {
  if (data == "[DONE]") {
    return {.ends_answer = true};
  }
  std::string padded(data);
  padded.append(json::kPadding, '\0');
  json::Reader reader(std::string_view(padded).substr(0, data.size()));
  Members found;
  json::StringToken key;
  if (!reader.EnterObject()) {
    return {};
  }
  while (reader.NextMember(key)) {
    ReadMember(reader, key, found);
  }
  if (!reader.Finish()) {
    return {};
  }
  const bool usage_alone = found.has_usage && !found.has_choices;
  return {.ends_answer = found.has_error || found.has_reason || usage_alone,
          .has_usage = found.has_usage};
}

}  // namespace

EndingFacts ReadEnding(std::string_view event) {
  std::string text(event);
  text += "\n\n";  // ends an event that the stream left open; behind an empty line it is no event
  http::EventScanner scanner(text.size());
  scanner.Feed(text);
  http::StreamEvent parsed;
  if (scanner.Next(parsed) != http::EventScanner::Step::kEvent || !parsed.has_data) {
    return {};
  }
  return ReadData(parsed.data);
}

}  // namespace mainstay::wire::openai_chat
