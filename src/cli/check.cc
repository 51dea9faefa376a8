#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <variant>

#include "cli/commands.h"
#include "config/problem_report.h"

namespace mainstay::cli {
namespace {

int Check(const std::string& file) {
  const config::LoadResult result = config::LoadFile(file, RealSources(""));
  if (const auto* problems = std::get_if<Problems>(&result)) {
    std::cerr << config::ProblemReport(file, *problems);
    return 1;
  }
  const auto& loaded = std::get<config::Loaded>(result);
  std::cerr << config::ProblemReport(file, loaded.warnings, "warning");
  std::cout << file << ": ok\n";
  return 0;
}

}  // namespace

void AddCheck(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "check", "Read a configuration and report everything that is wrong with it");
  auto file = std::make_shared<std::string>();
  command->add_option("-c,--config", *file, "The configuration file")->required();
  command->callback([file, &exit_code] { exit_code = Check(*file); });
}

}  // namespace mainstay::cli
