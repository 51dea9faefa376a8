#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/protocol.h"

namespace mainstay {

// Which call of its protocol a request is.
enum class Operation : uint8_t { kChat, kCompletions, kEmbeddings };

// Whether a chat stream was asked to report usage.
enum class IncludeUsage : uint8_t { kAbsent, kFalse, kTrue };

enum class Streaming : uint8_t { kNo, kYes };

// A stretch of the body, by offsets.
struct Span {
  size_t begin = 0;
  size_t end = 0;

  size_t size() const { return end - begin; }
  bool empty() const { return begin == end; }
};

// Fields of a body that may name the session or conversation (spec 03 §1, rows 2, 4 and 5).
enum class BodyId : uint8_t {
  kSessionId,               // session_id
  kMetadataSessionId,       // metadata.session_id
  kMetadataConversationId,  // metadata.conversation_id
  kMetadataUserId,          // metadata.user_id
  kPromptCacheKey,          // prompt_cache_key
  kConversation,            // conversation, or conversation.id
};
inline constexpr size_t kBodyIdCount = 6;

// What one pass over the body found out. Sizes count bytes of JSON as they stand in the body.
struct RequestFacts {
  // Where the value of `model` stands, quotes included: the one place that may be rewritten.
  Span model;
  Streaming stream = Streaming::kNo;
  IncludeUsage include_usage = IncludeUsage::kAbsent;
  Span stream_options;       // the value, when there is one
  Span include_usage_value;  // the value of stream_options.include_usage, when there is one
  size_t object_begin = 0;   // the body's opening brace

  int32_t messages = 0;
  int32_t system_messages = 0;
  int32_t user_messages = 0;
  int32_t assistant_messages = 0;
  int32_t tool_messages = 0;
  int32_t tools = 0;
  int32_t images = 0;
  int32_t audio_parts = 0;
  int32_t tool_calls = 0;
  bool json_schema = false;
  // The gateway's own field `routing_preferences`, when there is one: its value, and what has to go
  // for a provider not to see it, one comma included.
  Span preferences;
  Span preferences_member;
  size_t text_bytes = 0;  // of all message texts, quotes left out, escapes as written
  Span last_user;         // content of the last user message, quotes or brackets included
  std::optional<int64_t> max_tokens;
  // By BodyId: the string as it stands in the body, quotes included; empty when there is none, also
  // when the value is something else.
  std::array<Span, kBodyIdCount> body_ids;
  Span agent;  // the field `agent`, in the same way
};

// A decoded request. Views into the connection's buffer: valid until the exchange is over.
struct Request {
  Protocol protocol = Protocol::kOpenAiChat;
  Operation operation = Operation::kChat;
  std::string_view model;     // as the client wrote it, escapes undone
  std::string_view body;      // content-coding undone
  std::string_view raw_body;  // as it came; equal to `body` unless it was compressed
  RequestFacts facts;
};

}  // namespace mainstay
