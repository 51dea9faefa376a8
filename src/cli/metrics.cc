#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.h"
#include "observe/reference.h"

namespace mainstay::cli {

void AddMetrics(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("metrics", "Print what the gateway measures");
  command->require_subcommand(1);
  command->add_subcommand("reference", "Every metric with its labels and meaning (Markdown)")
      ->callback([&exit_code] {
        std::cout << observe::MetricsReference();
        exit_code = 0;
      });
}

}  // namespace mainstay::cli
