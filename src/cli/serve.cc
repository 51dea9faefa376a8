#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <variant>

#include "admin/admin_service.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/provider_server.h"
#include "cli/signals.h"
#include "cli/version.h"
#include "config/embedded.h"
#include "config/fingerprint.h"
#include "config/problem_report.h"
#include "gateway/gateway.h"
#include "http/io/epoll_loop.h"
#include "http/io/socket_probe.h"
#include "session/state_store.h"

namespace mainstay::cli {
namespace {

struct ServeArguments {
  std::string config_file;  // empty: the embedded defaults
  bool test_clock = false;
};

constexpr std::string_view kEmbeddedName = "embedded defaults";

// The configuration of this run, from the file or from the embedded defaults.
class ConfigSource final {
 public:
  explicit ConfigSource(std::string file) : file_(std::move(file)) {}

  bool embedded() const { return file_.empty(); }
  std::string name() const { return embedded() ? std::string(kEmbeddedName) : file_; }

  config::LoadResult Load(const std::string& salt) const {
    const config::Sources sources = RealSources(salt);
    return embedded() ? config::LoadText(config::EmbeddedDefaults(sources.environment), sources)
                      : config::LoadFile(file_, sources);
  }

 private:
  std::string file_;
};

bool IsLoopback(const std::string& address) {
  const Result<http::ListenAddress> parsed = http::ParseListenAddress(address);
  return parsed && parsed->loopback;
}

// --test-clock hands the clock to whoever reaches the admin listener.
bool TestClockIsSafe(const gateway::Options& options) {
  for (const std::string& address : options.server.listen) {
    if (!IsLoopback(address)) {
      return false;
    }
  }
  return IsLoopback(options.admin_listen);
}

// The admin listener on the main loop.
class AdminListener final {
 public:
  AdminListener(io::EpollLoop& loop, gateway::Gateway& gateway, const ServeArguments& arguments)
      : loop_(loop),
        service_({.token = gateway.snapshot().options.admin_token,
                  .loopback = IsLoopback(gateway.snapshot().options.admin_listen)},
                 MakeOperations(gateway, arguments), Random::FromSystem()),
        server_(loop, limits_, service_, connections_) {
    limits_.body_bytes = 1 << 20;
  }

  Result<void> Listen(const std::string& address) {
    if (Result<void> free = io::CheckAddressIsFree(address); !free) {
      return free;
    }
    MS_TRY(const http::ListenAddress parsed, http::ParseListenAddress(address));
    MS_TRY(listener_, loop_.Listen(parsed, server_));
    return {};
  }

  void Close(std::function<void()> done) {
    listener_.reset();
    server_.Drain(std::move(done));
  }

 private:
  admin::Operations MakeOperations(gateway::Gateway& gateway, const ServeArguments& arguments) {
    admin::Operations operations{
        .metrics = [&gateway] { return gateway.RenderMetrics(); },
        .state_json = [&gateway] { return gateway.StateJson(); },
        .config_text = [&gateway] { return gateway.snapshot().effective; },
        .reload =
            [this, &gateway] {
              Problems problems = gateway.Reload();
              service_.SetToken(gateway.snapshot().options.admin_token);
              return admin::ReloadOutcome{.hash = gateway.snapshot().hash,
                                          .problems = std::move(problems)};
            },
        .sessions = {.pins = gateway.pins(),
                     .conversations = gateway.conversations(),
                     .aliases = gateway.aliases(),
                     .clock = gateway.clock(),
                     .settings =
                         [&gateway] {
                           const gateway::Snapshot& snapshot = gateway.snapshot();
                           return admin::SessionSettings{
                               .pins = snapshot.options.pins,
                               .continuity = snapshot.options.continuity,
                               .catalog = snapshot.catalog,
                               .ids = snapshot.session_ids,
                               .callers = snapshot.options.identity.callers};
                         }},
    };
    if (arguments.test_clock) {
      operations.advance_clock = [&gateway](std::chrono::milliseconds by) {
        gateway.clock().Advance(by);
      };
    }
    return operations;
  }

  io::EpollLoop& loop_;
  http::Limits limits_;
  http::SharedCounts connections_;
  admin::AdminService service_;
  http::Server server_;
  std::unique_ptr<io::Listener> listener_;
};

void PrintWelcome(const gateway::Options& options, const ConfigSource& source) {
  std::cout << "mainstay " << VersionWithCommit() << " serves " << source.name() << "\n";
  for (const std::string& address : options.server.listen) {
    std::cout << "  clients   " << (options.server.tls.enabled() ? "https://" : "http://")
              << address << "/v1\n";
  }
  std::cout << "  operator  http://" << options.admin_listen << "/metrics\n" << std::flush;
}

WallTime SystemNow() {
  return PolicyClock(PolicyClock::Mode::kReal).Now();
}

void LogStateReport(const session::OpenReport& report, Log& log) {
  if (report.degraded) {
    log.Warn("state_degraded", {{"reason", report.reason}, {"engine", "memory"}});
  }
}

// Runs the gateway until a signal ends it.
class ServeRun final {
 public:
  ServeRun(ServeArguments arguments, ConfigSource source, config::Loaded loaded)
      : arguments_(std::move(arguments)),
        source_(std::move(source)),
        log_({.level = loaded.options.telemetry.log_level,
              .format = loaded.options.telemetry.log_format}),
        state_(session::OpenStateStore(loaded.options.state, SystemNow())),
        install_key_(state_.store->install_key()),
        state_report_(state_.report),
        gateway_(
            {.checked = Checked(std::move(loaded)),
             .clock = arguments_.test_clock ? PolicyClock::Mode::kTest : PolicyClock::Mode::kReal,
             .reload = [this] { return Reload(); },
             .log = log_,
             .state = std::move(state_),
             .main_loop = loop_,
             .version = Version(),
             .commit = Commit()}),
        admin_(loop_, gateway_, arguments_) {}

  int Run() {
    SignalWatcher signals(loop_, [this](Signal signal) { OnSignal(signal); });
    LogStateReport(state_report_, log_);
    const gateway::Options& options = gateway_.snapshot().options;
    Result<void> started = source_.embedded() ? demo_.Start() : Result<void>();
    if (started) {
      started = gateway_.Start();
    }
    if (started) {
      started = admin_.Listen(options.admin_listen);
    }
    if (!started) {
      std::cerr << "mainstay: " << started.error().message << "\n";
      return 1;
    }
    PrintWelcome(options, source_);
    log_.Info("started", {{"version", VersionWithCommit()},
                          {"config", source_.name()},
                          {"hash", gateway_.snapshot().hash},
                          {"workers", gateway::EffectiveWorkers(options)}});
    loop_.Run();
    log_.Info("stopped");
    return 0;
  }

 private:
  std::string Salt() const {
    const auto key = install_key_.Expose();
    return std::string(key.begin(), key.end());
  }

  gateway::CheckedOptions Checked(config::Loaded loaded) const {
    std::string effective = config::EffectiveConfig(loaded.options, Salt());
    std::string hash = config::ShortHash(effective);
    return {.options = std::move(loaded.options),
            .hash = std::move(hash),
            .effective = std::move(effective)};
  }

  gateway::Reloaded Reload() const {
    config::LoadResult result = source_.Load(Salt());
    if (auto* problems = std::get_if<Problems>(&result)) {
      return {.checked = nullptr, .problems = std::move(*problems)};
    }
    return {.checked = std::make_unique<gateway::CheckedOptions>(
                Checked(std::get<config::Loaded>(std::move(result)))),
            .problems = {}};
  }

  void OnSignal(Signal signal) {
    switch (signal) {
      case Signal::kReload:
        gateway_.Reload();
        break;
      case Signal::kStop:
        if (stopping_) {
          loop_.Stop();  // asked twice: do not wait any longer
          break;
        }
        stopping_ = true;
        log_.Info("draining");
        gateway_.Drain([this] { admin_.Close([this] { loop_.Stop(); }); });
        break;
    }
  }

  ServeArguments arguments_;
  ConfigSource source_;
  Log log_;
  io::EpollLoop loop_;
  session::OpenedState state_;
  const HashKey install_key_;
  const session::OpenReport state_report_;
  DemoProvider demo_;
  gateway::Gateway gateway_;
  AdminListener admin_;
  bool stopping_ = false;
};

int Serve(ServeArguments arguments) {
  ConfigSource source(arguments.config_file);
  config::LoadResult result = source.Load("");
  if (const auto* problems = std::get_if<Problems>(&result)) {
    std::cerr << config::ProblemReport(source.name(), *problems);
    return 1;
  }
  auto& loaded = std::get<config::Loaded>(result);
  std::cerr << config::ProblemReport(source.name(), loaded.warnings, "warning");
  if (arguments.test_clock && !TestClockIsSafe(loaded.options)) {
    std::cerr << "mainstay: --test-clock needs server.listen and server.admin_listen on loopback, "
                 "because it lets anybody who reaches them move time\n";
    return 1;
  }
  BlockSignals();
  ServeRun run(std::move(arguments), std::move(source), std::move(loaded));
  return run.Run();
}

}  // namespace

void AddServe(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "serve", "Run the gateway; without -c on embedded defaults with a built-in demo provider");
  auto arguments = std::make_shared<ServeArguments>();
  command->add_option("-c,--config", arguments->config_file, "The configuration file");
  command->add_flag(
      "--test-clock", arguments->test_clock,
      "Policy time stands still and moves by POST /debug/clock (tests, loopback only)");
  command->callback([arguments, &exit_code] { exit_code = Serve(*arguments); });
}

}  // namespace mainstay::cli
