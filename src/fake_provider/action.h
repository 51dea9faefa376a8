#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/usage.h"

namespace mainstay::fake_provider {

using Headers = std::vector<std::pair<std::string, std::string>>;

// A call of a tool that the model answers with.
struct ToolCall {
  std::string name;
  std::string arguments = "{}";  // JSON, as text
  std::string id;                // empty: made up
};

// How an answer ends. Where, say after_bytes and after_events.
enum class Ending : uint8_t {
  kProper,
  kReset,    // the connection breaks
  kClose,    // the connection ends in an orderly way, the answer does not
  kHang,     // nothing comes any more, until the other side gives up
  kGarbage,  // bytes that are no HTTP, then the connection ends
};

enum class Gzip : uint8_t { kNo, kIfAsked, kAlways };

// What the provider does with one request. The default is a good answer, made from the request.
// The members are those of the script file; fields.cc has the table of them.
struct Action {
  // What is said. Without text: a sentence about the request. With tool calls, and tools in the
  // request, nothing but the calls.
  std::optional<std::string> text;
  std::optional<int64_t> text_tokens;  // so much filler text instead
  std::vector<ToolCall> tool_calls;
  // Calls this tool, or with "first" the request's first one, unless the last message was a tool's
  // result: so a loop of calls comes to its end.
  std::string call_tool;
  std::string finish_reason;
  std::string id;
  std::string extra;  // a JSON object whose members are added to answers, and to each event
  // The usage object as JSON, in whatever dialect; empty: the answer has none. Without it the
  // numbers come from the prefix cache.
  std::optional<std::string> usage;

  // Not a good answer.
  int status = 200;
  std::string error_code;           // `code` in the error body
  std::optional<std::string> body;  // exactly this, instead of what the provider would say
  Headers headers;
  bool overload = false;           // status 200, and the first event of the stream is an error
  std::optional<std::string> raw;  // exactly these bytes on the connection, which then ends

  // When.
  std::chrono::microseconds delay{0};            // before the first byte, beside the latency
  std::optional<std::chrono::microseconds> gap;  // between two writes, instead of the latency's

  // In what shape.
  int64_t write_bytes = 0;                 // cut the body into writes of so many bytes
  std::optional<uint64_t> content_length;  // announce this length, true or not
  int64_t head_bytes = 0;                  // so many bytes of filler headers
  Gzip gzip = Gzip::kNo;
  Ending end = Ending::kProper;
  // The end comes after so many bytes of the body, or events of the stream; with neither, before
  // the status line.
  std::optional<uint64_t> after_bytes;
  std::optional<uint64_t> after_events;
};

// Sets one member by its name in the script file to a value in JSON.
//
// Errors: kInvalidField with the names or values that are allowed.
Result<void> SetField(Action& action, std::string_view name, std::string_view json);

// The same for a value as headers and magic model names write it: what is JSON is taken as such,
// all else as a text. An empty value is `true`.
Result<void> SetFieldFromText(Action& action, std::string_view name, std::string_view text);

// The names that SetField knows.
std::span<const std::string_view> FieldNames();

// A usage object in OpenAI's form.
std::string UsageJson(const Usage& usage);

}  // namespace mainstay::fake_provider
