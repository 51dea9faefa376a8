#include "fake_provider/incoming.h"

#include <array>
#include <utility>

#include "base/json_reader.h"
#include "fake_provider/hash.h"
#include "fake_provider/tokens.h"

namespace mainstay::fake_provider {
namespace {

using json::KeyEquals;
using json::Reader;
using json::StringToken;
using json::Type;

// The members that matter, as they stand in the body. Empty: not there.
struct Members {
  std::string_view model, messages, prompt, input, tools, response_format, stream, stream_options,
      max_tokens, max_completion_tokens, dimensions, encoding_format;
};

struct MemberRow {
  std::string_view name;
  std::string_view Members::* member;
};
constexpr MemberRow kMembers[] = {
    {"model", &Members::model},
    {"messages", &Members::messages},
    {"prompt", &Members::prompt},
    {"input", &Members::input},
    {"tools", &Members::tools},
    {"response_format", &Members::response_format},
    {"stream", &Members::stream},
    {"stream_options", &Members::stream_options},
    {"max_tokens", &Members::max_tokens},
    {"max_completion_tokens", &Members::max_completion_tokens},
    {"dimensions", &Members::dimensions},
    {"encoding_format", &Members::encoding_format},
};

Error Bad(ErrorKind kind, std::string message, std::string_view param) {
  return {.kind = kind,
          .side = Side::kClient,
          .message = std::move(message),
          .param = std::string(param)};
}

Error WrongType(std::string_view param, std::string_view wanted) {
  return Bad(ErrorKind::kInvalidField,
             "Invalid type for '" + std::string(param) + "': expected " + std::string(wanted) + ".",
             param);
}

Error Missing(std::string_view param) {
  return Bad(ErrorKind::kMissingField, "Missing required parameter: '" + std::string(param) + "'.",
             param);
}

bool IsString(std::string_view json) {
  return !json.empty() && json.front() == '"';
}
bool IsNullOrAbsent(std::string_view json) {
  return json.empty() || json == "null";
}

// The value of a JSON string that a Reader has passed; empty for anything else.
std::string StringValue(std::string_view json) {
  std::string value;
  if (IsString(json)) {
    json::Unescape(json.substr(1, json.size() - 2), value);
  }
  return value;
}

std::optional<int64_t> IntValue(std::string_view json) {
  if (IsNullOrAbsent(json)) {
    return std::nullopt;
  }
  int64_t value = 0;
  Reader reader(json);
  return reader.ReadInt64(value) ? std::optional<int64_t>(value) : std::nullopt;
}

// Calls `visit(key, raw value)` for each member of an object, `visit(raw value)` for each element
// of a list. The JSON has been passed by a Reader before, so nothing can fail.
template <typename Visit>
void ForEachMember(std::string_view json, Visit visit) {
  Reader reader(json);
  reader.EnterObject();
  StringToken key;
  std::string_view value;
  while (reader.NextMember(key)) {
    reader.SkipValue(&value);
    visit(key, value);
  }
}
template <typename Visit>
void ForEachElement(std::string_view json, Visit visit) {
  Reader reader(json);
  reader.EnterArray();
  std::string_view value;
  while (reader.NextElement()) {
    reader.SkipValue(&value);
    visit(value);
  }
}

std::string_view MemberOf(std::string_view json, std::string_view name) {
  std::string_view found;
  if (json.starts_with('{')) {
    ForEachMember(json, [&](const StringToken& key, std::string_view value) {
      if (KeyEquals(key, name)) {
        found = value;
      }
    });
  }
  return found;
}

Result<Members> ReadMembers(std::string_view body) {
  Members members;
  Reader reader(body);
  const bool object = reader.Peek() == Type::kObject;
  if (object) {
    reader.EnterObject();
    StringToken key;
    std::string_view value;
    while (reader.NextMember(key)) {
      reader.SkipValue(&value);
      for (const MemberRow& row : kMembers) {
        if (KeyEquals(key, row.name)) {
          members.*row.member = value;
          break;
        }
      }
    }
  } else {
    reader.SkipValue();
  }
  if (!reader.Finish()) {
    return Bad(
        ErrorKind::kInvalidJson,
        "We could not parse the JSON body of your request: " + std::string(reader.problem().what) +
            " at byte " + std::to_string(reader.problem().offset) + ".",
        "");
  }
  if (!object) {
    return Bad(ErrorKind::kInvalidJson, "The body of your request must be a JSON object.", "");
  }
  return members;
}

// Lays the prompt out and notes what answers depend on.
class ChatReader final {
 public:
  ChatReader(Incoming& out, int64_t block_tokens) : out_(out), cutter_(block_tokens) {}

  Result<void> Run(const Members& members) {
    if (IsNullOrAbsent(members.messages)) {
      return Missing("messages");
    }
    if (members.messages.front() != '[') {
      return WrongType("messages", "an array of objects");
    }
    ReadTools(members.tools);
    if (members.response_format.starts_with('{')) {
      const std::string type = StringValue(MemberOf(members.response_format, "type"));
      out_.wants_json = type == "json_object" || type == "json_schema";
      AppendTagged("response_format", members.response_format);
    }
    ForEachElement(members.messages, [this](std::string_view message) { ReadMessage(message); });
    if (error_) {
      return std::move(*error_);
    }
    if (out_.messages == 0) {
      return Bad(ErrorKind::kInvalidField,
                 "Invalid 'messages': empty array. Expected an array with minimum length 1.",
                 "messages");
    }
    out_.last_user = TextOf(last_user_);
    out_.prompt = cutter_.Finish();
    return {};
  }

 private:
  void AppendTagged(std::string_view tag, std::string_view text) {
    cutter_.Append("<|");
    cutter_.Append(tag);
    cutter_.Append("|>\n");
    cutter_.Append(text);
    cutter_.Append("<|end|>\n");
  }

  void ReadTools(std::string_view tools) {
    if (!tools.starts_with('[') || tools == "[]") {
      return;
    }
    ForEachElement(tools, [this](std::string_view tool) {
      if (out_.first_tool.empty()) {
        out_.first_tool = StringValue(MemberOf(MemberOf(tool, "function"), "name"));
      }
    });
    AppendTagged("tools", tools);
  }

  void ReadMessage(std::string_view message) {
    const std::string path = "messages[" + std::to_string(out_.messages++) + "]";
    if (!message.starts_with('{')) {
      Fail(WrongType(path, "an object"));
      return;
    }
    std::string_view role;
    std::string_view content;
    std::array<std::string_view, 8> others;
    size_t other_count = 0;
    ForEachMember(message, [&](const StringToken& key, std::string_view value) {
      if (KeyEquals(key, "role")) {
        role = value;
      } else if (KeyEquals(key, "content")) {
        content = value;
      } else if (other_count < others.size() && value != "null") {
        others[other_count++] = value;
      }
    });
    if (!IsString(role)) {
      Fail(IsNullOrAbsent(role) ? Missing(path + ".role") : WrongType(path + ".role", "a string"));
      return;
    }
    const std::string role_name = StringValue(role);
    cutter_.Append("<|");
    cutter_.Append(role_name);
    cutter_.Append("|>\n");
    AppendContent(content);
    for (size_t i = 0; i < other_count; ++i) {
      cutter_.Append(others[i]);
    }
    cutter_.Append("<|end|>\n");
    if (role_name == "user") {
      last_user_ = content;
    }
    out_.after_tool_result = role_name == "tool" || role_name == "function";
  }

  void AppendContent(std::string_view content) {
    if (IsString(content)) {
      AppendText(content);
    } else if (content.starts_with('[')) {
      ForEachElement(content, [this](std::string_view part) { AppendPart(part); });
    } else if (content != "null") {
      cutter_.Append(content);
    }
  }

  void AppendText(std::string_view json) {
    const std::string_view inside = json.substr(1, json.size() - 2);
    if (inside.find('\\') == std::string_view::npos) {
      cutter_.Append(inside);
    } else {
      scratch_.clear();
      json::Unescape(inside, scratch_);
      cutter_.Append(scratch_);
    }
  }

  void AppendPart(std::string_view part) {
    const std::string_view text = MemberOf(part, "text");
    const std::string_view image = MemberOf(part, "image_url");
    if (IsString(text)) {
      AppendText(text);
    } else if (!image.empty()) {
      AppendImage(image);
    } else {
      cutter_.Append(part);
    }
  }

  // As many ASCII characters as the tokens need, another text for another image.
  void AppendImage(std::string_view image) {
    std::string filler = "<|image " + std::to_string(Hash(image, 0));
    filler.resize(static_cast<size_t>(kImageTokens * kUnitsPerToken), '.');
    cutter_.Append(filler);
  }

  static std::string TextOf(std::string_view content) {
    if (!content.starts_with('[')) {
      return StringValue(content);
    }
    std::string text;
    ForEachElement(content, [&](std::string_view part) {
      const std::string_view piece = MemberOf(part, "text");
      if (IsString(piece)) {
        text += text.empty() ? "" : " ";
        text += StringValue(piece);
      }
    });
    return text;
  }

  void Fail(Error error) {
    if (!error_) {
      error_ = std::move(error);
    }
  }

  Incoming& out_;
  PromptCutter cutter_;
  std::string_view last_user_;
  std::string scratch_;
  std::optional<Error> error_;
};

// A prompt or input is a text, a list of texts, a list of token numbers, or a list of such lists.
// Numbers are taken as the text that they are.
std::vector<std::string> TextsOf(std::string_view json) {
  std::vector<std::string> texts;
  if (!json.starts_with('[')) {
    texts.push_back(StringValue(json));
    return texts;
  }
  bool numbers = true;
  ForEachElement(json, [&](std::string_view element) {
    numbers = numbers && !IsString(element) && !element.starts_with('[');
    if (!numbers && texts.size() <= kInputsMax) {
      texts.push_back(IsString(element) ? StringValue(element) : std::string(element));
    }
  });
  if (numbers && json != "[]") {
    texts.assign(1, std::string(json));
  }
  return texts;
}

Result<void> ReadCompletions(const Members& members, int64_t block_tokens, Incoming& out) {
  if (IsNullOrAbsent(members.prompt)) {
    return Missing("prompt");
  }
  if (!IsString(members.prompt) && members.prompt.front() != '[') {
    return WrongType("prompt", "a string or an array");
  }
  PromptCutter cutter(block_tokens);
  for (std::string& text : TextsOf(members.prompt)) {
    cutter.Append(text);
    out.last_user = std::move(text);
    ++out.messages;
  }
  out.prompt = cutter.Finish();
  return {};
}

Result<void> ReadEmbeddings(const Members& members, Incoming& out) {
  if (IsNullOrAbsent(members.input)) {
    return Missing("input");
  }
  if (!IsString(members.input) && members.input.front() != '[') {
    return WrongType("input", "a string or an array");
  }
  out.inputs = TextsOf(members.input);
  if (out.inputs.empty() || out.inputs.size() > kInputsMax) {
    return Bad(ErrorKind::kInvalidField,
               "Invalid 'input': expected 1 to " + std::to_string(kInputsMax) + " texts.", "input");
  }
  for (const std::string& text : out.inputs) {
    out.prompt.tokens += TokensOf(text);
  }
  out.last_user = out.inputs.back();
  if (!IsNullOrAbsent(members.dimensions)) {
    out.dimensions = IntValue(members.dimensions).value_or(0);
    if (out.dimensions < 1 || out.dimensions > kDimensionsMax) {
      return WrongType("dimensions", "an integer between 1 and " + std::to_string(kDimensionsMax));
    }
  }
  out.base64 = StringValue(members.encoding_format) == "base64";
  return {};
}

}  // namespace

Result<Incoming> ReadIncoming(Operation operation, std::string_view body, int64_t block_tokens) {
  MS_TRY(const Members members, ReadMembers(body));
  Incoming out{.operation = operation};
  if (IsNullOrAbsent(members.model)) {
    return Bad(ErrorKind::kMissingField, "you must provide a model parameter", "model");
  }
  if (!IsString(members.model)) {
    return WrongType("model", "a string");
  }
  out.model = StringValue(members.model);
  out.stream = members.stream == "true" ? Streaming::kYes : Streaming::kNo;
  const bool knows_stream =
      IsNullOrAbsent(members.stream) || members.stream == "true" || members.stream == "false";
  if (!knows_stream) {
    return WrongType("stream", "a boolean");
  }
  if (!IsNullOrAbsent(members.stream_options)) {
    if (out.stream == Streaming::kNo) {
      return Bad(ErrorKind::kInvalidField,
                 "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                 "stream_options");
    }
    out.include_usage = MemberOf(members.stream_options, "include_usage") == "true";
  }
  out.max_tokens =
      IntValue(IsNullOrAbsent(members.max_completion_tokens) ? members.max_tokens
                                                             : members.max_completion_tokens);
  if (out.max_tokens && *out.max_tokens < 1) {
    return Bad(ErrorKind::kInvalidField, "Invalid 'max_tokens': expected a value >= 1.",
               "max_tokens");
  }
  Result<void> read;
  switch (operation) {
    case Operation::kChat:
      read = ChatReader(out, block_tokens).Run(members);
      break;
    case Operation::kCompletions:
      read = ReadCompletions(members, block_tokens, out);
      break;
    case Operation::kEmbeddings:
      read = ReadEmbeddings(members, out);
      break;
  }
  if (!read) {
    return std::move(read).error();
  }
  return out;
}

}  // namespace mainstay::fake_provider
