#include "exchange_line.h"

#include <algorithm>

#include "base/json_reader.h"
#include "base/json_writer.h"

namespace mainstay::bench {
namespace {

using json::KeyEquals;
using json::StringToken;
using json::Type;

bool ReadText(json::Reader& reader, std::string& out) {
  StringToken token;
  if (!reader.ReadString(token)) {
    return false;
  }
  json::AppendValue(token, out);
  return true;
}

bool ReadField(json::Reader& reader, const StringToken& key, ExchangeLine& out) {
  if (KeyEquals(key, "caller")) {
    return ReadText(reader, out.caller);
  }
  if (KeyEquals(key, "agent")) {
    return ReadText(reader, out.agent);
  }
  if (KeyEquals(key, "session")) {
    return ReadText(reader, out.session);
  }
  if (KeyEquals(key, "at_ms")) {
    return reader.ReadInt64(out.at_ms);
  }
  if (KeyEquals(key, "hold")) {
    return reader.ReadInt64(out.hold);
  }
  if (KeyEquals(key, "stream")) {
    return reader.ReadBool(out.is_stream);
  }
  if (KeyEquals(key, "body")) {
    return reader.SkipValue(&out.body);
  }
  if (KeyEquals(key, "reply") && reader.Peek() != Type::kNull) {
    return reader.SkipValue(&out.reply);
  }
  return reader.SkipValue();
}

constexpr std::string_view kHead =
    R"("id":"chatcmpl-1","created":1795000000,"model":"any/model","choices":[{"index":0,)";

// One event with a delta.
void AddEvent(std::string_view delta, std::string_view finish_reason, std::string& out) {
  out += "data: {\"object\":\"chat.completion.chunk\",";
  out += kHead;
  out += "\"delta\":";
  out += delta;
  out += ",\"finish_reason\":";
  out += finish_reason;
  out += "}]}\n\n";
}

// Where the character or escape of a JSON string that begins at `at` ends; the two halves of a
// character beyond the first plane stay together.
size_t EndOfCharacter(std::string_view raw, size_t at) {
  size_t end = at + 1;
  if (raw[at] == '\\') {
    const bool is_unicode = at + 1 < raw.size() && raw[at + 1] == 'u';
    end = at + (is_unicode ? 6 : 2);
    const bool is_first_half = is_unicode && at + 3 < raw.size() && (raw[at + 2] | 0x20) == 'd' &&
                               std::string_view("89abAB").find(raw[at + 3]) != std::string::npos;
    end += is_first_half ? 6 : 0;
  }
  while (end < raw.size() && (static_cast<uint8_t>(raw[end]) & 0xC0) == 0x80) {
    ++end;
  }
  return std::min(end, raw.size());
}

// Events whose delta is `before`, a piece of the text and `behind`.
void AddPieces(std::string_view raw, std::string_view before, std::string_view behind,
               Random& random, std::string& out) {
  std::string delta;
  for (size_t at = 0; at < raw.size();) {
    size_t end = at;
    for (uint64_t left = 1 + random.Below(12); left > 0 && end < raw.size(); --left) {
      end = EndOfCharacter(raw, end);
    }
    delta = before;
    delta += raw.substr(at, end - at);
    delta += behind;
    AddEvent(delta, "null", out);
    at = end;
  }
}

struct CallText {
  std::string_view id = "\"call_1\"";
  std::string_view name = "\"\"";
  std::string_view arguments;  // inside of the string
};

bool ReadFunction(json::Reader& reader, CallText& call) {
  StringToken key;
  if (!reader.EnterObject()) {
    return false;
  }
  while (reader.NextMember(key)) {
    StringToken text;
    if (KeyEquals(key, "name")) {
      reader.SkipValue(&call.name);
    } else if (KeyEquals(key, "arguments")) {
      call.arguments = reader.ReadString(text) ? text.raw : std::string_view();
    } else {
      reader.SkipValue();
    }
  }
  return !reader.failed();
}

bool ReadCall(json::Reader& reader, CallText& call) {
  StringToken key;
  if (!reader.EnterObject()) {
    return false;
  }
  while (reader.NextMember(key)) {
    if (KeyEquals(key, "id")) {
      reader.SkipValue(&call.id);
    } else if (KeyEquals(key, "function")) {
      if (!ReadFunction(reader, call)) {
        return false;
      }
    } else {
      reader.SkipValue();
    }
  }
  return !reader.failed();
}

bool AddCalls(json::Reader& reader, Random& random, std::string& out) {
  if (!reader.EnterArray()) {
    return false;
  }
  for (int64_t index = 0; reader.NextElement(); ++index) {
    CallText call;
    if (!ReadCall(reader, call)) {
      return false;
    }
    const std::string begin = R"({"tool_calls":[{"index":)" + std::to_string(index);
    AddEvent(begin + R"(,"id":)" + std::string(call.id) +
                 R"(,"type":"function","function":{"name":)" + std::string(call.name) +
                 R"(,"arguments":""}}]})",
             "null", out);
    AddPieces(call.arguments, begin + R"(,"function":{"arguments":")", R"("}}]})", random, out);
  }
  return !reader.failed();
}

}  // namespace

bool ReadExchangeLine(std::string_view line, ExchangeLine& out, std::string& why) {
  json::Reader reader(line);
  StringToken key;
  if (reader.EnterObject()) {
    while (reader.NextMember(key) && ReadField(reader, key, out)) {
    }
  }
  if (!reader.Finish()) {
    why = "byte " + std::to_string(reader.problem().offset) + ": ";
    why += reader.problem().what;
    return false;
  }
  if (out.body.empty() || out.caller.empty()) {
    why = "it needs a body and a caller";
    return false;
  }
  return true;
}

std::string WholeAnswer(std::string_view message) {
  std::string out = "{\"object\":\"chat.completion\",";
  out += kHead;
  out += "\"message\":";
  out += message;
  out += R"(,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}})";
  return out;
}

bool StreamedAnswer(std::string_view message, Random& random, std::string& out) {
  AddEvent(R"({"role":"assistant","content":""})", "null", out);
  bool has_calls = false;
  json::Reader reader(message);
  StringToken key;
  if (reader.EnterObject()) {
    while (reader.NextMember(key)) {
      StringToken text;
      const bool is_text = reader.Peek() == Type::kString;
      if (is_text && (KeyEquals(key, "content") || KeyEquals(key, "reasoning_content"))) {
        if (reader.ReadString(text)) {
          AddPieces(text.raw, "{\"" + std::string(key.raw) + "\":\"", "\"}", random, out);
        }
      } else if (KeyEquals(key, "tool_calls") && reader.Peek() == Type::kArray) {
        has_calls = true;
        AddCalls(reader, random, out);
      } else {
        reader.SkipValue();
      }
    }
  }
  AddEvent("{}", has_calls ? "\"tool_calls\"" : "\"stop\"", out);
  out += "data: [DONE]\n\n";
  return reader.Finish();
}

}  // namespace mainstay::bench
