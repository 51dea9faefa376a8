#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fake_provider/prefix_cache.h"
#include "model/request.h"

namespace mainstay::fake_provider {

// A request of the OpenAI protocol, as far as answers depend on it. Owns what it holds. It is read
// by a reader of its own, not by the gateway's, so that the two can disagree in a test.
struct Incoming {
  Operation operation = Operation::kChat;
  std::string model;
  Streaming stream = Streaming::kNo;
  bool include_usage = false;
  bool wants_json = false;
  std::optional<int64_t> max_tokens;

  int64_t messages = 0;
  std::string last_user;   // the text of the last user message, or of the prompt of a completion
  std::string first_tool;  // the name of the first tool; empty when there are none
  bool after_tool_result = false;  // the last message is a tool's
  Prompt prompt;

  // Embeddings alone.
  std::vector<std::string> inputs;
  int64_t dimensions = 0;  // 0: not named
  bool base64 = false;
};

inline constexpr int64_t kDimensionsMax = 4096;
inline constexpr size_t kInputsMax = 2048;

// Reads a body, which has json::kPadding readable bytes behind it.
//
// The prompt is laid out as tools, response format, then each message as
//   <|ROLE|>\nTEXT<|end|>\n
// with names, tool calls and parts that are no text as the JSON that they came as. An image counts
// as kImageTokens, whatever its size.
//
// Errors, side client: kInvalidJson, kMissingField, kInvalidField, with `param`.
Result<Incoming> ReadIncoming(Operation operation, std::string_view body, int64_t block_tokens);

inline constexpr int64_t kImageTokens = 85;

}  // namespace mainstay::fake_provider
