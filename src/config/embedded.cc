#include "config/embedded.h"

namespace mainstay::config {
namespace {

constexpr std::string_view kServer =
    R"(# The embedded configuration: what `mainstay serve` uses without -c.
version: 1

server:
  listen: 127.0.0.1:12000
  admin_listen: 127.0.0.1:12001
)";

constexpr std::string_view kDemoProvider = R"(
providers:
  # Scripted, built in, needs no account; started together with the gateway.
  - name: demo
    protocol: openai_chat
    base_url: http://127.0.0.1:12009/v1
    accounts:
      - {alias: demo, api_key: demo}
)";

constexpr std::string_view kOpenAiProvider = R"(
  # Because OPENAI_API_KEY is set.
  - name: openai
    protocol: openai_chat
    base_url: https://api.openai.com/v1
    accounts:
      - {alias: openai, api_key: "${OPENAI_API_KEY}"}
)";

constexpr std::string_view kDemoModels = R"(
models:
  - name: demo/small
    provider: demo
    context_window: 16000
    capabilities: [tools, json]
    pricing: {prompt_per_1m: 0.15, completion_per_1m: 0.60, cached_input_per_1m: 0.075}
  - name: demo/large
    provider: demo
    context_window: 128000
    capabilities: [tools, vision, json]
    pricing: {prompt_per_1m: 2.50, completion_per_1m: 10, cached_input_per_1m: 1.25}
)";

constexpr std::string_view kOpenAiModels = R"(
  - name: openai/gpt-4o
    provider: openai
    context_window: 128000
    max_output: 16384
    capabilities: [tools, vision, json]
    pricing: {prompt_per_1m: 2.50, completion_per_1m: 10, cached_input_per_1m: 1.25}
  - name: openai/gpt-4o-mini
    provider: openai
    context_window: 128000
    max_output: 16384
    capabilities: [tools, vision, json]
    pricing: {prompt_per_1m: 0.15, completion_per_1m: 0.60, cached_input_per_1m: 0.075}
)";

constexpr std::string_view kRouting = R"(
routing:
  default_model: demo/small
)";

}  // namespace

std::string EmbeddedDefaults(const Environment& environment) {
  const bool openai = !environment("OPENAI_API_KEY").value_or("").empty();
  std::string text;
  text += kServer;
  text += kDemoProvider;
  text += openai ? kOpenAiProvider : "";
  text += kDemoModels;
  text += openai ? kOpenAiModels : "";
  text += kRouting;
  return text;
}

}  // namespace mainstay::config
