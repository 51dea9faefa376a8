#pragma once

#include <optional>
#include <string>

#include "config/load.h"

namespace CLI {
class App;
}

namespace mainstay::cli {

// Each adds one command to the program. When the command line names it, it runs and sets
// `exit_code`, which outlives the app.
void AddServe(CLI::App& app, int& exit_code);
void AddCheck(CLI::App& app, int& exit_code);
void AddDemo(CLI::App& app, int& exit_code);
void AddConfig(CLI::App& app, int& exit_code);
void AddImport(CLI::App& app, int& exit_code);
void AddFakeProvider(CLI::App& app, int& exit_code);
void AddMetrics(CLI::App& app, int& exit_code);
void AddExplain(CLI::App& app, int& exit_code);
void AddSessions(CLI::App& app, int& exit_code);

// The environment and files of this process. `salt` keys the fingerprints of secrets.
config::Sources RealSources(std::string salt);

}  // namespace mainstay::cli
