#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.h"
#include "config/embedded.h"
#include "config/reference.h"

namespace mainstay::cli {

void AddConfig(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("config", "Print what a configuration can hold");
  command->require_subcommand(1);
  command->add_subcommand("reference", "Every key with its type, default and meaning (Markdown)")
      ->callback([&exit_code] {
        std::cout << config::ConfigReference();
        exit_code = 0;
      });
  command->add_subcommand("defaults", "The configuration that `mainstay serve` uses without -c")
      ->callback([&exit_code] {
        std::cout << config::EmbeddedDefaults(RealSources("").environment);
        exit_code = 0;
      });
}

}  // namespace mainstay::cli
