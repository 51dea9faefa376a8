#include "cli/cli.h"

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/version.h"

namespace mainstay::cli {

int Run(int argc, char** argv) {
  CLI::App app(
      "Mainstay: a session-aware gateway between LLM clients and model providers.\n"
      "Start with: mainstay serve");
  app.name("mainstay");
  app.set_version_flag("--version,-V", VersionWithCommit());
  app.require_subcommand(1);
  int exit_code = 0;
  AddServe(app, exit_code);
  AddDemo(app, exit_code);
  AddCheck(app, exit_code);
  AddExplain(app, exit_code);
  AddSessions(app, exit_code);
  AddConfig(app, exit_code);
  AddImport(app, exit_code);
  AddMetrics(app, exit_code);
  AddFakeProvider(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}

}  // namespace mainstay::cli
