#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <variant>

#include "cli/commands.h"
#include "config/document.h"
#include "config/import/plano.h"
#include "config/problem_report.h"

namespace mainstay::cli {
namespace {

struct ImportArguments {
  std::string from;
  std::string file;
};

// The configuration goes to stdout and everything else to stderr, so that the output can be
// redirected into a file.
int Import(const ImportArguments& arguments) {
  const config::Sources sources = RealSources("");
  const Result<std::string> text =
      sources.read_file(arguments.file, config::DocumentLimits().bytes);
  if (!text) {
    std::cerr << config::Printable(arguments.file) << ": " << text.error().message << '\n';
    return 1;
  }
  const config::ImportResult result = config::ImportPlano(*text, arguments.file);
  if (const auto* problems = std::get_if<Problems>(&result)) {
    std::cerr << config::ProblemReport(arguments.file, *problems);
    return 1;
  }
  const auto& imported = std::get<config::Imported>(result);
  std::cout << imported.text;
  std::cerr << config::ProblemReport(arguments.file, imported.differences, "difference");
  return 0;
}

// Empty when there is an importer for the system.
std::string CheckSystem(const std::string& from) {
  if (from == "plano") {
    return "";
  }
  if (from == "vllm-sr") {
    return "configurations of vllm-sr cannot be imported yet; plano can";
  }
  return "must be plano";
}

}  // namespace

void AddImport(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "import",
      "Print the configuration that is equivalent to one of another system, and list on stderr "
      "what has no equivalent");
  auto arguments = std::make_shared<ImportArguments>();
  command->add_option("--from", arguments->from, "The other system: plano (formerly archgw)")
      ->required()
      ->check(CheckSystem, "SYSTEM");
  command->add_option("file", arguments->file, "Its configuration file")->required();
  command->callback([arguments, &exit_code] { exit_code = Import(*arguments); });
}

}  // namespace mainstay::cli
