#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace mainstay::wire::openai_chat {

// How an error looks to a client of the OpenAI protocol (spec 02, the table of errors).
struct ErrorShape {
  int status;
  std::string_view type;
  std::string_view code;
};

ErrorShape ShapeOf(ErrorKind kind);

// Appends {"error":{"message":…,"type":…,"param":…,"code":…}}.
void AppendErrorBody(const Error& error, std::string& out);

// Appends the event that ends a stream after its first byte: an error object as data.
void AppendErrorEvent(const Error& error, std::string& out);

}  // namespace mainstay::wire::openai_chat
