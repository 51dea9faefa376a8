#include "wire/openai_chat/request.h"

#include <optional>
#include <utility>

#include "base/json_reader.h"

namespace mainstay::wire::openai_chat {
namespace {

using json::KeyEquals;
using json::Reader;
using json::StringToken;
using json::Type;

// Fields that the gateway reads. Each may stand once: with two, the gateway and the provider could
// each believe another one.
enum Field : uint32_t {
  kModel = 1 << 0,
  kMessages = 1 << 1,
  kStream = 1 << 2,
  kStreamOptions = 1 << 3,
  kTools = 1 << 4,
  kResponseFormat = 1 << 5,
  kMaxTokens = 1 << 6,
  kMaxCompletionTokens = 1 << 7,
  kIncludeUsageField = 1 << 8,
  kRole = 1 << 9,
  kContent = 1 << 10,
  kToolCalls = 1 << 11,
  kType = 1 << 12,
  kText = 1 << 13,
  kPreferences = 1 << 14,
};

class Decoder final {
 public:
  Decoder(std::string_view body, std::string& scratch, Request& out)
      : body_(body), reader_(body), scratch_(scratch), out_(out), facts_(out.facts) {}

  Result<void> Run() {
    if (reader_.Peek() != Type::kObject) {
      reader_.SkipValue();
      return reader_.Finish() ? Result<void>(Invalid("the body must be a JSON object", ""))
                              : Result<void>(NotJson());
    }
    facts_.object_begin = reader_.offset();
    reader_.EnterObject();
    StringToken key;
    while (reader_.NextMember(key)) {
      ReadMember(key);
      member_end_ = reader_.offset();
    }
    if (!reader_.Finish()) {
      return NotJson();
    }
    if (!error_) {
      CheckPresence();
    }
    if (error_) {
      return std::move(*error_);
    }
    return {};
  }

 private:
  static Error Invalid(std::string message, std::string param) {
    return {.kind = ErrorKind::kInvalidField,
            .side = Side::kClient,
            .message = std::move(message),
            .param = std::move(param)};
  }

  Error NotJson() const {
    return {.kind = ErrorKind::kInvalidJson,
            .side = Side::kClient,
            .message = "the body is not valid JSON: " + std::string(reader_.problem().what) +
                       " at byte " + std::to_string(reader_.problem().offset)};
  }

  // The first thing that is wrong is reported, unless the body turns out not to be JSON at all.
  void Fail(Error error) {
    if (!error_) {
      error_ = std::move(error);
    }
  }

  void WrongType(std::string param, std::string_view wanted) {
    reader_.SkipValue();
    std::string message = "'" + param + "' must be " + std::string(wanted);
    Fail(Invalid(std::move(message), std::move(param)));
  }

  // True the first time; the caller reports and skips a second one.
  static bool First(Field field, uint32_t& seen) {
    const bool first = (seen & field) == 0;
    seen |= field;
    return first;
  }

  void Twice(std::string path) {
    reader_.SkipValue();
    std::string message = "the key '" + path + "' stands twice; send it once";
    Fail({.kind = ErrorKind::kInvalidJson,
          .side = Side::kClient,
          .message = std::move(message),
          .param = std::move(path)});
  }

  Span SkipSpan() {
    std::string_view raw;
    if (!reader_.SkipValue(&raw)) {
      return {};
    }
    return SpanOf(raw);
  }

  Span SpanOf(std::string_view raw) const {
    const auto begin = static_cast<size_t>(raw.data() - body_.data());
    return {.begin = begin, .end = begin + raw.size()};
  }

  // The bytes of a string's span without its quotes. A broken text has no span.
  static size_t InsideQuotes(const Span& span) { return span.empty() ? 0 : span.size() - 2; }

  // Where the object or list ends whose closing bracket is the next one from `from` on: there is
  // nothing but white space before it. In a broken text it may be missing.
  size_t BehindNext(char bracket, size_t from) const {
    const size_t at = reader_.failed() ? std::string_view::npos : body_.find(bracket, from);
    return at == std::string_view::npos ? from : at + 1;
  }

  void ReadMember(const StringToken& key) {
    if (KeyEquals(key, "model")) {
      ReadModel();
    } else if (KeyEquals(key, "messages")) {
      ReadMessages();
    } else if (KeyEquals(key, "stream")) {
      ReadStream();
    } else if (KeyEquals(key, "stream_options")) {
      ReadStreamOptions();
    } else if (KeyEquals(key, "tools")) {
      ReadTools();
    } else if (KeyEquals(key, "response_format")) {
      ReadResponseFormat();
    } else if (KeyEquals(key, "max_tokens")) {
      ReadMaxTokens(kMaxTokens, "max_tokens");
    } else if (KeyEquals(key, "max_completion_tokens")) {
      ReadMaxTokens(kMaxCompletionTokens, "max_completion_tokens");
    } else if (KeyEquals(key, "routing_preferences")) {
      ReadPreferences(key);
    } else {
      reader_.SkipValue();
    }
  }

  // Marks the member with the comma behind it, or, when it is the last, the one before it.
  void ReadPreferences(const StringToken& key) {
    if (!First(kPreferences, seen_)) {
      Twice("routing_preferences");
      return;
    }
    facts_.preferences = SkipSpan();
    if (reader_.failed()) {
      return;
    }
    const auto begin = static_cast<size_t>(key.raw.data() - 1 - body_.data());
    const size_t behind = reader_.offset();
    const bool last = behind >= body_.size() || body_[behind] != ',';
    facts_.preferences_member = {.begin = last ? member_end_ : begin,
                                 .end = last ? behind : behind + 1};
  }

  void ReadModel() {
    if (!First(kModel, seen_)) {
      Twice("model");
      return;
    }
    if (reader_.Peek() != Type::kString) {
      WrongType("model", "a string");
      return;
    }
    StringToken token;
    if (!reader_.ReadString(token)) {
      return;
    }
    const Span inside = SpanOf(token.raw);
    facts_.model = {.begin = inside.begin - 1, .end = inside.end + 1};
    if (token.has_escapes) {
      scratch_.clear();
      json::AppendValue(token, scratch_);
      out_.model = scratch_;
    } else {
      out_.model = token.raw;
    }
  }

  void ReadStream() {
    if (!First(kStream, seen_)) {
      Twice("stream");
      return;
    }
    const Type type = reader_.Peek();
    if (type != Type::kTrue && type != Type::kFalse && type != Type::kNull) {
      WrongType("stream", "true or false");
      return;
    }
    reader_.SkipValue();
    facts_.stream = type == Type::kTrue ? Streaming::kYes : Streaming::kNo;
  }

  void ReadStreamOptions() {
    if (!First(kStreamOptions, seen_)) {
      Twice("stream_options");
      return;
    }
    const size_t begin = reader_.offset();
    if (reader_.Peek() == Type::kNull) {
      facts_.stream_options = SkipSpan();
      return;
    }
    if (reader_.Peek() != Type::kObject) {
      WrongType("stream_options", "an object");
      return;
    }
    reader_.EnterObject();
    StringToken key;
    size_t end = begin + 1;
    while (reader_.NextMember(key)) {
      if (KeyEquals(key, "include_usage")) {
        ReadIncludeUsage();
      } else {
        reader_.SkipValue();
      }
      end = reader_.offset();
    }
    facts_.stream_options = {.begin = begin, .end = BehindNext('}', end)};
  }

  void ReadIncludeUsage() {
    if (!First(kIncludeUsageField, seen_)) {
      Twice("stream_options.include_usage");
      return;
    }
    const Type type = reader_.Peek();
    if (type != Type::kTrue && type != Type::kFalse && type != Type::kNull) {
      WrongType("stream_options.include_usage", "true or false");
      return;
    }
    facts_.include_usage_value = SkipSpan();
    facts_.include_usage = type == Type::kTrue ? IncludeUsage::kTrue : IncludeUsage::kFalse;
  }

  void ReadTools() {
    if (!First(kTools, seen_)) {
      Twice("tools");
      return;
    }
    if (reader_.Peek() != Type::kArray) {
      reader_.SkipValue();  // the provider says what it thinks of it
      return;
    }
    reader_.EnterArray();
    while (reader_.NextElement()) {
      ++facts_.tools;
      reader_.SkipValue();
    }
  }

  void ReadResponseFormat() {
    if (!First(kResponseFormat, seen_)) {
      Twice("response_format");
      return;
    }
    if (reader_.Peek() != Type::kObject) {
      reader_.SkipValue();
      return;
    }
    reader_.EnterObject();
    StringToken key;
    uint32_t seen = 0;
    while (reader_.NextMember(key)) {
      StringToken type;
      if (!KeyEquals(key, "type")) {
        reader_.SkipValue();
      } else if (!First(kType, seen)) {
        Twice("response_format.type");
      } else if (reader_.Peek() == Type::kString) {
        facts_.json_schema = reader_.ReadString(type) && KeyEquals(type, "json_schema");
      } else {
        reader_.SkipValue();
      }
    }
  }

  void ReadMaxTokens(Field field, std::string_view name) {
    if (!First(field, seen_)) {
      Twice(std::string(name));
      return;
    }
    int64_t value = 0;
    if (!reader_.TakeCount(value)) {
      reader_.SkipValue();  // a fraction or a negative number: the provider will refuse it
      return;
    }
    // With both, the one that replaced the other counts, in whichever order they stand.
    if (field == kMaxCompletionTokens || !has_max_completion_tokens_) {
      facts_.max_tokens = value;
    }
    has_max_completion_tokens_ |= field == kMaxCompletionTokens;
  }

  void ReadMessages() {
    if (!First(kMessages, seen_)) {
      Twice("messages");
      return;
    }
    if (reader_.Peek() != Type::kArray) {
      WrongType("messages", "a list of messages");
      return;
    }
    reader_.EnterArray();
    while (reader_.NextElement()) {
      ReadMessage();
      ++facts_.messages;
    }
  }

  std::string MessagePath(std::string_view field) const {
    std::string path = "messages[" + std::to_string(facts_.messages) + "]";
    if (!field.empty()) {
      path += ".";
      path += field;
    }
    return path;
  }

  void ReadMessage() {
    if (reader_.Peek() != Type::kObject) {
      WrongType(MessagePath(""), "an object");
      return;
    }
    reader_.EnterObject();
    uint32_t seen = 0;
    StringToken key;
    StringToken role;
    Span content;
    while (reader_.NextMember(key)) {
      if (KeyEquals(key, "role")) {
        ReadRole(seen, role);
      } else if (KeyEquals(key, "content")) {
        if (First(kContent, seen)) {
          content = ReadContent();
        } else {
          Twice(MessagePath("content"));
        }
      } else if (KeyEquals(key, "tool_calls")) {
        if (First(kToolCalls, seen)) {
          ReadToolCalls();
        } else {
          Twice(MessagePath("tool_calls"));
        }
      } else {
        reader_.SkipValue();
      }
    }
    CountRole(role, content);
  }

  void ReadRole(uint32_t& seen, StringToken& role) {
    if (!First(kRole, seen)) {
      Twice(MessagePath("role"));
    } else if (reader_.Peek() != Type::kString) {
      WrongType(MessagePath("role"), "a string");
    } else {
      reader_.ReadString(role);
    }
  }

  void CountRole(const StringToken& role, const Span& content) {
    if (KeyEquals(role, "user")) {
      ++facts_.user_messages;
      facts_.last_user = content;
    } else if (KeyEquals(role, "assistant")) {
      ++facts_.assistant_messages;
    } else if (KeyEquals(role, "tool") || KeyEquals(role, "function")) {
      ++facts_.tool_messages;
    } else if (KeyEquals(role, "system") || KeyEquals(role, "developer")) {
      ++facts_.system_messages;
    }
  }

  Span ReadContent() {
    const Type type = reader_.Peek();
    if (type != Type::kArray) {
      const Span span = SkipSpan();
      facts_.text_bytes += type == Type::kString ? InsideQuotes(span) : 0;
      return span;
    }
    const size_t begin = reader_.offset();
    reader_.EnterArray();
    size_t end = begin + 1;
    for (int part = 0; reader_.NextElement(); ++part) {
      if (reader_.Peek() == Type::kObject) {
        ReadPart(part);
      } else {
        reader_.SkipValue();
      }
      end = reader_.offset();
    }
    return {.begin = begin, .end = BehindNext(']', end)};
  }

  void ReadPart(int part) {
    reader_.EnterObject();
    uint32_t seen = 0;
    StringToken key;
    const auto path = [&](std::string_view field) {
      return MessagePath("content[" + std::to_string(part) + "]." + std::string(field));
    };
    while (reader_.NextMember(key)) {
      const bool is_string = reader_.Peek() == Type::kString;
      StringToken value;
      if (KeyEquals(key, "text")) {
        if (!First(kText, seen)) {
          Twice(path("text"));
          continue;
        }
        const Span span = SkipSpan();
        facts_.text_bytes += is_string ? InsideQuotes(span) : 0;
      } else if (KeyEquals(key, "type")) {
        if (!First(kType, seen)) {
          Twice(path("type"));
        } else if (is_string && reader_.ReadString(value)) {
          facts_.images += KeyEquals(value, "image_url") ? 1 : 0;
          facts_.audio_parts += KeyEquals(value, "input_audio") ? 1 : 0;
        } else {
          reader_.SkipValue();
        }
      } else {
        reader_.SkipValue();
      }
    }
  }

  void ReadToolCalls() {
    if (reader_.Peek() != Type::kArray) {
      reader_.SkipValue();
      return;
    }
    reader_.EnterArray();
    while (reader_.NextElement()) {
      ++facts_.tool_calls;
      reader_.SkipValue();
    }
  }

  void CheckPresence() {
    auto missing = [&](std::string_view name, std::string_view what) {
      Fail({.kind = ErrorKind::kMissingField,
            .side = Side::kClient,
            .message = "'" + std::string(name) + "' is missing; " + std::string(what),
            .param = std::string(name)});
    };
    if ((seen_ & kModel) == 0 || out_.model.empty()) {
      missing("model", "name one of the models that GET /v1/models lists");
    } else if (out_.operation == Operation::kChat && facts_.messages == 0) {
      missing("messages", "send a list with at least one message");
    }
  }

  const std::string_view body_;
  Reader reader_;
  std::string& scratch_;
  Request& out_;
  RequestFacts& facts_;
  uint32_t seen_ = 0;
  bool has_max_completion_tokens_ = false;
  size_t member_end_ = 0;  // where the comma behind the last member stands
  std::optional<Error> error_;
};

}  // namespace

Result<void> DecodeRequest(Operation operation, std::string_view body, std::string& scratch,
                           Request& out) {
  out.operation = operation;
  out.model = {};
  out.body = body;
  out.facts = {};
  return Decoder(body, scratch, out).Run();
}

}  // namespace mainstay::wire::openai_chat
