#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/usage.h"

// Requests and answers of the OpenAI chat protocol, as far as the demo's agent needs them. Pure.
namespace mainstay::cli::demo {

struct Message {
  std::string role;
  std::string content;
};

std::string ChatBody(std::string_view model, const std::vector<Message>& messages);

struct ChatAnswer {
  std::string model;  // as the provider calls it
  std::string text;
  Usage usage;
};

// `body` has json::kPadding readable bytes behind it.
//
// Errors: kInvalidJson when it is not a whole answer with model, text and usage.
Result<ChatAnswer> ReadChatAnswer(std::string_view body);

}  // namespace mainstay::cli::demo
