#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/problems.h"
#include "base/secret.h"

namespace mainstay::decision {

enum class RouterType : uint8_t {
  kLlm,    // asks a model
  kLocal,  // trained in the process from descriptions and examples
};

// What the numbers below may be.
inline constexpr std::chrono::milliseconds kRouterTimeoutMax{60'000};
inline constexpr int64_t kRouterTurnsMax = 1000;
// The question needs room of its own, beside the conversation.
inline constexpr int64_t kRouterTokensMin = 256;
inline constexpr int64_t kRouterTokensMax = 1'000'000;

// routing.router: who judges the preferences.
struct RouterOptions {
  RouterType type = RouterType::kLlm;
  // kLlm: where the model is, and its name there. The rest of the path is the gateway's.
  std::string base_url = "http://127.0.0.1:11434/v1";
  std::string model = "arch-router";
  Secret api_key;  // empty: none is sent
  // For the whole question, dialling included, in socket time.
  std::chrono::milliseconds timeout{2000};
  // How much of the conversation the router sees.
  int64_t max_turns = 16;
  int64_t max_prompt_tokens = 8192;
};

// Adds what is wrong with the options; `path` is where they stand, such as "routing.router".
void Validate(const RouterOptions& options, std::string_view path, Problems& problems);

}  // namespace mainstay::decision
