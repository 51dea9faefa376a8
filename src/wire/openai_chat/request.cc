#include "wire/openai_chat/request.h"

#include <utility>

#include "base/json_reader.h"
#include "wire/openai_chat/fields.h"
#include "wire/openai_chat/message.h"

namespace mainstay::wire::openai_chat {
namespace {

using json::KeyEquals;
using json::Reader;
using json::StringToken;
using json::Type;

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
  kType = 1 << 9,
  kPreferences = 1 << 10,
  kMetadata = 1 << 11,
  kConversation = 1 << 12,
  kAgent = 1 << 13,
  kBodyIds = 1 << 14,  // and the next kBodyIdCount - 1 bits
};

uint32_t FieldOf(BodyId id) {
  return uint32_t{kBodyIds} << static_cast<uint32_t>(id);
}

class Decoder final {
 public:
  Decoder(std::string_view body, std::string& scratch, HistoryBuilder* history, Request& out)
      : body_(body),
        fields_(body),
        reader_(fields_.json()),
        scratch_(scratch),
        history_(history),
        out_(out),
        facts_(out.facts) {}

  Result<void> Run() {
    if (reader_.Peek() != Type::kObject) {
      reader_.SkipValue();
      return reader_.Finish()
                 ? Result<void>(FieldReader::Invalid("the body must be a JSON object", ""))
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
    if (!fields_.error()) {
      CheckPresence();
    }
    if (fields_.error()) {
      return std::move(*fields_.error());
    }
    return {};
  }

 private:
  Error NotJson() const {
    return {.kind = ErrorKind::kInvalidJson,
            .side = Side::kClient,
            .message = "the body is not valid JSON: " + std::string(reader_.problem().what) +
                       " at byte " + std::to_string(reader_.problem().offset)};
  }

  static bool First(uint32_t field, uint32_t& seen) { return FieldReader::First(field, seen); }
  void Twice(std::string path) { fields_.Twice(std::move(path)); }
  void WrongType(std::string param, std::string_view wanted) {
    fields_.WrongType(std::move(param), wanted);
  }
  Span SkipSpan() { return fields_.SkipSpan(); }

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
      ReadIdMember(key);
    }
  }

  // What may say whose request it is.
  void ReadIdMember(const StringToken& key) {
    if (KeyEquals(key, "session_id")) {
      ReadId(BodyId::kSessionId, "session_id");
    } else if (KeyEquals(key, "prompt_cache_key")) {
      ReadId(BodyId::kPromptCacheKey, "prompt_cache_key");
    } else if (KeyEquals(key, "metadata")) {
      ReadMetadata();
    } else if (KeyEquals(key, "conversation")) {
      ReadConversation();
    } else if (KeyEquals(key, "agent")) {
      ReadOnce(kAgent, "agent", facts_.agent);
    } else {
      reader_.SkipValue();
    }
  }

  // A string's span; nothing when the value is something else.
  void ReadOnce(uint32_t field, std::string_view path, Span& out) {
    if (!First(field, seen_)) {
      Twice(std::string(path));
      return;
    }
    const bool is_string = reader_.Peek() == Type::kString;
    const Span span = SkipSpan();
    out = is_string ? span : Span();
  }

  void ReadId(BodyId id, std::string_view path) {
    ReadOnce(FieldOf(id), path, facts_.body_ids[static_cast<size_t>(id)]);
  }

  void ReadMetadata() {
    if (!First(kMetadata, seen_)) {
      Twice("metadata");
      return;
    }
    if (reader_.Peek() != Type::kObject) {
      reader_.SkipValue();
      return;
    }
    reader_.EnterObject();
    StringToken key;
    while (reader_.NextMember(key)) {
      if (KeyEquals(key, "session_id")) {
        ReadId(BodyId::kMetadataSessionId, "metadata.session_id");
      } else if (KeyEquals(key, "conversation_id")) {
        ReadId(BodyId::kMetadataConversationId, "metadata.conversation_id");
      } else if (KeyEquals(key, "user_id")) {
        ReadId(BodyId::kMetadataUserId, "metadata.user_id");
      } else {
        reader_.SkipValue();
      }
    }
  }

  // The id as such, or an object with it.
  void ReadConversation() {
    if (!First(kConversation, seen_)) {
      Twice("conversation");
      return;
    }
    if (reader_.Peek() != Type::kObject) {
      ReadId(BodyId::kConversation, "conversation");
      return;
    }
    reader_.EnterObject();
    StringToken key;
    while (reader_.NextMember(key)) {
      if (KeyEquals(key, "id")) {
        ReadId(BodyId::kConversation, "conversation.id");
      } else {
        reader_.SkipValue();
      }
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
    const Span inside = fields_.SpanOf(token.raw);
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
    facts_.stream_options = {.begin = begin, .end = fields_.BehindNext('}', end)};
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
    MessageDecoder decoder(fields_, facts_, history_);
    while (reader_.NextElement()) {
      decoder.Read();
      ++facts_.messages;
    }
  }

  void CheckPresence() {
    auto missing = [&](std::string_view name, std::string_view what) {
      fields_.Fail({.kind = ErrorKind::kMissingField,
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
  FieldReader fields_;
  Reader& reader_;
  std::string& scratch_;
  HistoryBuilder* const history_;
  Request& out_;
  RequestFacts& facts_;
  uint32_t seen_ = 0;
  bool has_max_completion_tokens_ = false;
  size_t member_end_ = 0;  // where the comma behind the last member stands
};

}  // namespace

Result<void> DecodeRequest(Operation operation, std::string_view body, std::string& scratch,
                           HistoryBuilder* history, Request& out) {
  out.operation = operation;
  out.model = {};
  out.body = body;
  out.facts = {};
  Result<void> decoded = Decoder(body, scratch, history, out).Run();
  if (history != nullptr) {
    if (decoded) {
      history->Finish(out.facts.tools > 0 ? HistoryTools::kSome : HistoryTools::kNone);
    } else {
      history->Abandon();
    }
  }
  return decoded;
}

}  // namespace mainstay::wire::openai_chat
