#include "wire/openai_chat/usage.h"

#include <algorithm>
#include <optional>

namespace mainstay::wire::openai_chat {
namespace {

using json::KeyEquals;
using json::Reader;
using json::StringToken;
using json::Type;

// A count, or nothing when the value is something else. Either way the value is consumed.
std::optional<int64_t> ReadCount(Reader& reader) {
  int64_t value = 0;
  if (reader.TakeCount(value)) {
    return value;
  }
  reader.SkipValue();
  return std::nullopt;
}

void ReadInto(std::optional<int64_t>& field, Reader& reader) {
  if (const std::optional<int64_t> count = ReadCount(reader)) {
    field = std::max(field.value_or(0), *count);
  }
}

void ReadDetails(Reader& reader, Usage& usage) {
  if (reader.Peek() != Type::kObject) {
    reader.SkipValue();
    return;
  }
  reader.EnterObject();
  StringToken key;
  while (reader.NextMember(key)) {
    if (KeyEquals(key, "cached_tokens")) {
      ReadInto(usage.cached, reader);
    } else if (KeyEquals(key, "cache_write_tokens")) {
      ReadInto(usage.cache_write, reader);
    } else if (KeyEquals(key, "reasoning_tokens")) {
      ReadInto(usage.reasoning, reader);
    } else {
      reader.SkipValue();
    }
  }
}

}  // namespace

bool ReadUsage(Reader& reader, Usage& out) {
  out = {};
  if (!reader.EnterObject()) {
    return false;
  }
  StringToken key;
  while (reader.NextMember(key)) {
    if (KeyEquals(key, "prompt_tokens")) {
      ReadInto(out.prompt, reader);
    } else if (KeyEquals(key, "completion_tokens")) {
      ReadInto(out.completion, reader);
    } else if (KeyEquals(key, "prompt_tokens_details") ||
               KeyEquals(key, "completion_tokens_details")) {
      ReadDetails(reader, out);
    } else if (KeyEquals(key, "prompt_cache_hit_tokens") || KeyEquals(key, "cached_tokens") ||
               KeyEquals(key, "cache_read_input_tokens")) {
      ReadInto(out.cached, reader);
    } else if (KeyEquals(key, "cache_creation_input_tokens")) {
      ReadInto(out.cache_write, reader);
    } else {
      reader.SkipValue();
    }
  }
  return !reader.failed();
}

}  // namespace mainstay::wire::openai_chat
