#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "decision/router/conversation.h"
#include "decision/router/route.h"

// The question that the router model is asked. Pure functions; any thread.
namespace mainstay::decision {

// Appends the body of a chat completion request: temperature 0, one message that holds the routes
// in their order, the conversation, and in which form to answer. Texts of the conversation stand in
// it as JSON strings, so that none can pass for a part of the question around it.
void AppendRouterRequest(std::string_view model, std::span<const Route> routes,
                         const Conversation& conversation, std::string& out);

// Tokens that the message needs beside the texts of the conversation.
int64_t RouterRequestTokens(std::span<const Route> routes);

}  // namespace mainstay::decision
