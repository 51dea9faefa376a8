#include <algorithm>
#include <array>
#include <cmath>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/suggest.h"
#include "fake_provider/action.h"
#include "fake_provider/padded.h"

// THE table of what an action can say, for script files, headers and model names alike.
namespace mainstay::fake_provider {
namespace {

using json::Reader;
using json::StringToken;
using json::Type;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kBytesMax = 1 << 30;
constexpr int64_t kHeadBytesMax = 16 << 20;
constexpr int64_t kTextTokensMax = 1 << 22;

// All readers below: false when the value is none of the wanted kind.

// A text, or the text of any other value, so that a header may say 42 where a text is wanted.
bool Text(std::string_view json, std::string& out) {
  Reader reader(json);
  out.clear();
  if (reader.Peek() != Type::kString) {
    out = json;
    return true;
  }
  StringToken token;
  if (!reader.ReadString(token)) {
    return false;
  }
  json::AppendValue(token, out);
  return true;
}

bool Int(std::string_view json, int64_t min, int64_t max, int64_t& out) {
  Reader reader(json);
  return reader.ReadInt64(out) && out >= min && out <= max;
}

bool Flag(std::string_view json, bool& out) {
  Reader reader(json);
  return reader.ReadBool(out);
}

bool Milliseconds(std::string_view json, std::chrono::microseconds& out) {
  Reader reader(json);
  double value = 0;
  if (!reader.ReadDouble(value) || value < 0 || value > static_cast<double>(kHourMs)) {
    return false;
  }
  out = std::chrono::microseconds(std::llround(value * 1000));
  return true;
}

bool Count(std::string_view json, std::optional<uint64_t>& out) {
  int64_t value = 0;
  if (!Int(json, 0, kBytesMax, value)) {
    return false;
  }
  out = static_cast<uint64_t>(value);
  return true;
}

bool ReadHeaders(std::string_view json, Headers& out) {
  Reader reader(json);
  StringToken key;
  std::string_view value;
  reader.EnterObject();
  while (reader.NextMember(key)) {
    auto& [name, content] = out.emplace_back();
    json::AppendValue(key, name);
    reader.SkipValue(&value);
    Text(value, content);
    if (name.empty() || name.find_first_of(": \r\n") != std::string::npos ||
        content.find_first_of("\r\n") != std::string::npos) {
      return false;
    }
  }
  return !reader.failed();
}

bool ReadToolCall(Reader& reader, ToolCall& call) {
  StringToken key;
  std::string_view value;
  reader.EnterObject();
  while (reader.NextMember(key)) {
    reader.SkipValue(&value);
    if (KeyEquals(key, "name")) {
      Text(value, call.name);
    } else if (KeyEquals(key, "arguments")) {
      Text(value, call.arguments);
    } else if (KeyEquals(key, "id")) {
      Text(value, call.id);
    } else {
      return false;
    }
  }
  return !reader.failed() && !call.name.empty();
}

bool ReadToolCalls(std::string_view json, std::vector<ToolCall>& out) {
  Reader reader(json);
  out.clear();
  reader.EnterArray();
  while (reader.NextElement()) {
    if (!ReadToolCall(reader, out.emplace_back())) {
      return false;
    }
  }
  return !reader.failed();
}

bool Usage(std::string_view json, Action& action) {
  if (json == "null" || json == "false") {
    action.usage = "";
    return true;
  }
  action.usage = json;
  return json.starts_with('{');
}

bool End(std::string_view json, Ending& out) {
  constexpr std::pair<std::string_view, Ending> kEndings[] = {{"proper", Ending::kProper},
                                                              {"reset", Ending::kReset},
                                                              {"close", Ending::kClose},
                                                              {"hang", Ending::kHang},
                                                              {"garbage", Ending::kGarbage}};
  std::string name;
  Text(json, name);
  for (const auto& [row_name, ending] : kEndings) {
    if (row_name == name) {
      out = ending;
      return true;
    }
  }
  return false;
}

bool ReadGzip(std::string_view json, Gzip& out) {
  std::string name;
  Text(json, name);
  const bool always = name == "always" || name == "true";
  const bool asked = name == "if_asked";
  const bool no = name == "no" || name == "false";
  out = always ? Gzip::kAlways : asked ? Gzip::kIfAsked : Gzip::kNo;
  return always || asked || no;
}

bool Status(std::string_view json, Action& action) {
  int64_t status = 0;
  const bool fits = Int(json, 200, 999, status);
  action.status = static_cast<int>(status);
  return fits;
}

bool OptionalText(std::string_view json, std::optional<std::string>& out) {
  return Text(json, out.emplace());
}

bool Extra(std::string_view json, Action& action) {
  action.extra = json;
  return json.starts_with('{');
}

bool RetryAfter(std::string_view json, Action& action) {
  return Text(json, action.headers.emplace_back("retry-after", "").second);
}

struct FieldRow {
  std::string_view name;
  std::string_view wanted;
  bool (*set)(std::string_view json, Action& action);
};

constexpr FieldRow kFields[] = {
    {"text", "a text", [](std::string_view j, Action& a) { return OptionalText(j, a.text); }},
    {"text_tokens", "a number up to 4194304",
     [](std::string_view j, Action& a) {
       return Int(j, 0, kTextTokensMax, a.text_tokens.emplace());
     }},
    {"tool_calls", "a list of {name, arguments, id}",
     [](std::string_view j, Action& a) { return ReadToolCalls(j, a.tool_calls); }},
    {"call_tool", "the name of a tool, or first",
     [](std::string_view j, Action& a) { return Text(j, a.call_tool); }},
    {"finish_reason", "a text",
     [](std::string_view j, Action& a) { return Text(j, a.finish_reason); }},
    {"id", "a text", [](std::string_view j, Action& a) { return Text(j, a.id); }},
    {"extra", "an object", Extra},
    {"usage", "an object, or null for none", Usage},
    {"status", "a status between 200 and 999", Status},
    {"error_code", "a text", [](std::string_view j, Action& a) { return Text(j, a.error_code); }},
    {"body", "a text or any JSON",
     [](std::string_view j, Action& a) { return OptionalText(j, a.body); }},
    {"headers", "an object of names and values",
     [](std::string_view j, Action& a) { return ReadHeaders(j, a.headers); }},
    {"retry_after", "seconds or a date", RetryAfter},
    {"overload", "true or false",
     [](std::string_view j, Action& a) { return Flag(j, a.overload); }},
    {"raw", "a text", [](std::string_view j, Action& a) { return OptionalText(j, a.raw); }},
    {"delay_ms", "milliseconds, at most an hour",
     [](std::string_view j, Action& a) { return Milliseconds(j, a.delay); }},
    {"gap_ms", "milliseconds, at most an hour",
     [](std::string_view j, Action& a) { return Milliseconds(j, a.gap.emplace()); }},
    {"write_bytes", "a number of bytes",
     [](std::string_view j, Action& a) { return Int(j, 0, kBytesMax, a.write_bytes); }},
    {"content_length", "a number of bytes",
     [](std::string_view j, Action& a) { return Count(j, a.content_length); }},
    {"head_bytes", "a number of bytes up to 16777216",
     [](std::string_view j, Action& a) { return Int(j, 0, kHeadBytesMax, a.head_bytes); }},
    {"gzip", "no, if_asked or always",
     [](std::string_view j, Action& a) { return ReadGzip(j, a.gzip); }},
    {"end", "proper, reset, close, hang or garbage",
     [](std::string_view j, Action& a) { return End(j, a.end); }},
    {"after_bytes", "a number of bytes",
     [](std::string_view j, Action& a) { return Count(j, a.after_bytes); }},
    {"after_events", "a number of events",
     [](std::string_view j, Action& a) { return Count(j, a.after_events); }},
};

Error Invalid(std::string message, std::string_view param) {
  return {.kind = ErrorKind::kInvalidField,
          .side = Side::kClient,
          .message = std::move(message),
          .param = std::string(param)};
}

consteval std::array<std::string_view, std::size(kFields)> MakeFieldNames() {
  std::array<std::string_view, std::size(kFields)> names;
  std::transform(std::begin(kFields), std::end(kFields), names.begin(),
                 [](const FieldRow& row) { return row.name; });
  return names;
}
constexpr std::array<std::string_view, std::size(kFields)> kFieldNames = MakeFieldNames();

}  // namespace

std::span<const std::string_view> FieldNames() {
  return kFieldNames;
}

Result<void> SetField(Action& action, std::string_view name, std::string_view json) {
  for (const FieldRow& row : kFields) {
    if (row.name != name) {
      continue;
    }
    const Padded padded(json);
    if (!row.set(padded.view(), action)) {
      return Invalid("must be " + std::string(row.wanted), name);
    }
    return {};
  }
  return Invalid("unknown key" + DidYouMean(name, kFieldNames), name);
}

Result<void> SetFieldFromText(Action& action, std::string_view name, std::string_view text) {
  if (text.empty()) {
    return SetField(action, name, "true");
  }
  const Padded padded(text);
  Reader reader(padded.view());
  std::string_view raw;
  if (reader.SkipValue(&raw) && reader.Finish()) {
    return SetField(action, name, raw);
  }
  std::string quoted;
  json::AppendString(quoted, text);
  return SetField(action, name, quoted);
}

}  // namespace mainstay::fake_provider
