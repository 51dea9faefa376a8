#pragma once

#include <string_view>

#include "base/json_reader.h"
#include "wire/digest/link_builder.h"

// What messages of requests and of replies have in common, as far as it goes into their digest.
// Each function consumes the value at the reader, whatever it is.
namespace mainstay::wire::openai_chat {

// The inside of a string; nothing when the value is something else.
std::string_view ReadText(json::Reader& reader);

// A tool call, or a list of them.
void ReadCall(json::Reader& reader, LinkBuilder& link);
void ReadCalls(json::Reader& reader, LinkBuilder& link);

// The name and arguments of one call, as in `function_call`.
void ReadFunction(json::Reader& reader, LinkBuilder& link);

// Whether a content part's field holds a picture, a sound or a file, and its value.
bool IsMedia(const json::StringToken& key);
void ReadMedia(json::Reader& reader, LinkBuilder& link);

// Whether a content part of this type is a model's thinking, which does not count.
bool IsThinking(const json::StringToken& type);

}  // namespace mainstay::wire::openai_chat
