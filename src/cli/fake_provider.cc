#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/provider_server.h"
#include "cli/signals.h"
#include "config/files.h"
#include "config/problem_report.h"

namespace mainstay::cli {
namespace {

constexpr size_t kScriptBytesMax = 16 << 20;

struct Arguments {
  std::string listen = "127.0.0.1:12009";
  std::string script_file;
  std::vector<std::string> accounts;  // alias=key
  std::vector<std::string> models;
  bool refuse_unknown_models = false;
  int64_t first_token_ms = 0;
  int64_t per_uncached_token_us = 0;
  int64_t gap_ms = 0;
  int64_t cache_ttl_seconds = 600;
  int64_t cache_min_tokens = 1024;
  int64_t cache_block_tokens = 128;
  int64_t cache_capacity_blocks = 200'000;
  int64_t record = 0;
};

fake_provider::Options MakeOptions(const Arguments& arguments, Problems& problems) {
  fake_provider::Options options;
  for (const std::string& account : arguments.accounts) {
    const size_t equals = account.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems.Add("--account", "must be ALIAS=KEY");
      continue;
    }
    options.accounts.push_back(
        {.alias = account.substr(0, equals), .api_key = Secret(account.substr(equals + 1))});
  }
  if (!arguments.models.empty()) {
    options.models = arguments.models;
  }
  if (arguments.refuse_unknown_models) {
    options.unknown_model = fake_provider::UnknownModel::kRefuse;
  }
  options.latency = {
      .first_token = std::chrono::milliseconds(arguments.first_token_ms),
      .per_uncached_token = std::chrono::microseconds(arguments.per_uncached_token_us),
      .gap = std::chrono::milliseconds(arguments.gap_ms)};
  options.cache.ttl = std::chrono::seconds(arguments.cache_ttl_seconds);
  options.cache.min_tokens = arguments.cache_min_tokens;
  options.cache.block_tokens = arguments.cache_block_tokens;
  options.cache.capacity_blocks = arguments.cache_capacity_blocks;
  options.record_calls = arguments.record;
  fake_provider::Validate(options, "", problems);
  return options;
}

bool LoadScript(const std::string& file, fake_provider::FakeProvider& provider,
                Problems& problems) {
  const Result<std::string> text = config::ReadFileFromDisk(file, kScriptBytesMax);
  if (!text) {
    problems.Add("", text.error().message);
    return false;
  }
  provider.SetScript(fake_provider::ReadScript(*text, problems));
  return problems.empty();
}

int RunProvider(const Arguments& arguments) {
  Problems problems;
  fake_provider::Options options = MakeOptions(arguments, problems);
  if (!problems.empty()) {
    std::cerr << config::ProblemReport("fake-provider", problems);
    return 1;
  }
  BlockSignals();
  ProviderServer server(std::move(options));
  if (!arguments.script_file.empty() &&
      !LoadScript(arguments.script_file, server.provider(), problems)) {
    std::cerr << config::ProblemReport(arguments.script_file, problems);
    return 1;
  }
  bool stopping = false;
  SignalWatcher signals(server.loop(), [&](Signal signal) {
    if (signal == Signal::kReload) {
      return;
    }
    if (std::exchange(stopping, true)) {
      server.loop().Stop();
      return;
    }
    server.Drain([&server] { server.loop().Stop(); });
  });
  const Result<void> listening = server.Listen(arguments.listen);
  if (!listening) {
    std::cerr << "mainstay: " << listening.error().message << "\n";
    return 1;
  }
  std::cout << "fake provider on http://" << arguments.listen << "/v1\n" << std::flush;
  server.loop().Run();
  return 0;
}

}  // namespace

void AddFakeProvider(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "fake-provider",
      "Run a scripted model provider with a true prefix cache (docs/fake_provider.md)");
  auto a = std::make_shared<Arguments>();
  command->add_option("--listen", a->listen, "HOST:PORT or unix:PATH")->capture_default_str();
  command->add_option("--script", a->script_file, "JSON file with what to answer to whom");
  command->add_option("--account", a->accounts,
                      "ALIAS=KEY, repeatable; without any, every key is an account of its own");
  command->add_option("--model", a->models, "A model that GET /v1/models lists, repeatable");
  command->add_flag("--refuse-unknown-models", a->refuse_unknown_models,
                    "Answer 404 for models that are not listed");
  command->add_option("--first-token-ms", a->first_token_ms, "Wait before every answer");
  command->add_option("--per-uncached-token-us", a->per_uncached_token_us,
                      "Wait on top for each prompt token that was not in the cache");
  command->add_option("--gap-ms", a->gap_ms, "Wait between two events of a stream");
  command
      ->add_option("--cache-ttl-seconds", a->cache_ttl_seconds,
                   "How long a prefix stays cached after its last use")
      ->capture_default_str();
  command->add_option("--cache-min-tokens", a->cache_min_tokens, "Shorter prompts are not cached")
      ->capture_default_str();
  command
      ->add_option("--cache-block-tokens", a->cache_block_tokens,
                   "Cached tokens come in multiples of this")
      ->capture_default_str();
  command
      ->add_option("--cache-capacity-blocks", a->cache_capacity_blocks,
                   "Blocks that are kept, of all accounts and models")
      ->capture_default_str();
  command->add_option("--record", a->record, "Requests to keep for GET /fake/calls");
  command->callback([a, &exit_code] { exit_code = RunProvider(*a); });
}

}  // namespace mainstay::cli
