#include "config/embedded.h"

#include <utility>

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
  # Asks nobody. It is loaded with the first of the preferences, of which there are none here: a
  # request is served by the model that it names.
  router: {type: local}
)";

constexpr std::string_view kDemoServer =
    R"(# The configuration of `mainstay demo`.
version: 1

server:
  listen: $LISTEN
  workers: 1
state: {engine: memory}
telemetry: {log_level: warn}
)";

// The prices are those that the two providers list for the two models; the scripted provider bills
// no cache writes.
constexpr std::string_view kDemoCatalog = R"(
providers:
  # Both are the scripted provider.
  - name: anthropic
    protocol: openai_chat
    base_url: http://$PROVIDER/v1
    accounts:
      - {alias: demo-anthropic, api_key: demo-anthropic}
  - name: openai
    protocol: openai_chat
    base_url: http://$PROVIDER/v1
    accounts:
      - {alias: demo-openai, api_key: demo-openai}

models:
  - name: anthropic/claude-sonnet-4-20250514
    provider: anthropic
    context_window: 200000
    pricing: {prompt_per_1m: 3, completion_per_1m: 15, cached_input_per_1m: 0.30}
  - name: openai/gpt-4o
    provider: openai
    context_window: 128000
    pricing: {prompt_per_1m: 2.50, completion_per_1m: 10, cached_input_per_1m: 1.25}
)";

constexpr std::string_view kDemoRouting = R"(
routing:
  default_model: openai/gpt-4o
  router: {type: local}
  preferences:
    - name: code_generation
      description: writing new code, schemas, functions and structured documents
      examples:
        - list the features the service must have
        - list the technical constraints and requirements as a specification
        - write a python function that parses a csv file
        - create table statements for a shop with customers
        - write the sql schema with its indexes
        - implement a rest endpoint for user registration
        - add unit tests for the payment module
        - refactor this class into smaller functions
        - write a dockerfile and a makefile for the project
        - write the report with our recommendation
        - draft the migration script for the new column
      models: [anthropic/claude-sonnet-4-20250514, openai/gpt-4o]
    - name: complex_reasoning
      description: deep analysis, comparing options, weighing trade-offs and planning
      examples:
        - compare mysql and sqlite for our workload
        - which of the two options is better and why
        - analyse the pros and cons of microservices
        - assess the trade-offs of this approach
        - weigh the risks of moving to the cloud against the costs
        - why does this fail under high load
        - how does it scale when the demand grows
        - what are the strengths and weaknesses of each
        - think step by step about the consequences
        - explain the reasoning behind this choice
      models: [openai/gpt-4o, anthropic/claude-sonnet-4-20250514]
)";

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
  }
  return text;
}

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

std::string DemoConfig(std::string_view listen, std::string_view provider_listen) {
  std::string text;
  text += kDemoServer;
  text += kDemoCatalog;
  text += kDemoRouting;
  return Replaced(Replaced(std::move(text), "$LISTEN", listen), "$PROVIDER", provider_listen);
}

}  // namespace mainstay::config
