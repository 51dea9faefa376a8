#include "gateway/gateway.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "base/json_writer.h"
#include "http/io/socket_probe.h"
#include "http/io/tls.h"
#include "session/session_list.h"

namespace mainstay::gateway {

// Ends the patience with running requests.
class Gateway::DrainTimer final : public io::Timer {
 public:
  explicit DrainTimer(Gateway& gateway)
      : Timer(gateway.setup_.main_loop.timers()), gateway_(gateway) {
    Set(gateway.setup_.main_loop.now() + gateway.snapshot_->options.server.drain_timeout);
  }
  void OnDeadline() override {
    gateway_.setup_.log.Warn("drain_timeout", {{"action", "closing what still runs"}});
    for (const auto& worker : gateway_.workers_) {
      worker->CloseAll();
    }
  }

 private:
  Gateway& gateway_;
};

int64_t EffectiveWorkers(const Options& options) {
  if (options.workers > 0) {
    return options.workers;
  }
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return 1;
  }
  return std::max(1, CPU_COUNT(&allowed));
}

Gateway::Gateway(Setup setup)
    : setup_(std::move(setup)),
      clock_(setup_.clock),
      snapshot_(FirstSnapshot()),
      pins_(*setup_.state.store, snapshot_->options.pins, clock_.Now()),
      conversations_(*setup_.state.store, snapshot_->options.continuity, clock_.Now()),
      aliases_(*setup_.state.store, snapshot_->options.continuity, clock_.Now()),
      router_answers_(setup_.state.store->install_key()),
      metrics_(setup_.version, setup_.commit),
      started_(setup_.main_loop.Precise()) {
  metrics_.SetConfigHash(snapshot_->hash);
}

Gateway::~Gateway() = default;

Result<std::shared_ptr<const decision::TextClassifier>> Gateway::Learn(const Options& options) {
  std::shared_ptr<const decision::TextClassifier> classifier;
  if (options.decision.router.type != decision::RouterType::kLocal ||
      options.decision.preferences.empty()) {
    return classifier;
  }
  std::vector<decision::Route> routes;
  for (const decision::PreferenceOptions& preference : options.decision.preferences) {
    routes.push_back(preference.route);
  }
  const bool keeps = setup_.state.store->engine() != session::Engine::kMemory;
  MS_TRY(classifier, decision::TextClassifier::Make(
                         routes, {.directory = keeps ? options.state.path : "", .library = ""}));
  if (!classifier->write_problem().empty()) {
    setup_.log.Warn("classifier_not_kept", {{"problem", classifier->write_problem()}});
  }
  return classifier;
}

std::shared_ptr<const Snapshot> Gateway::FirstSnapshot() {
  auto learned = Learn(setup_.checked.options);
  if (!learned) {
    start_problem_ = learned.error();
  }
  return std::make_shared<const Snapshot>(
      std::move(setup_.checked.options), std::move(setup_.checked.hash),
      std::move(setup_.checked.effective), setup_.state.store->install_key(),
      learned ? *learned : nullptr, nullptr);
}

Result<void> Gateway::MakeTls() {
  MS_TRY(tls_client_, io::TlsClientContext::Make({.system = setup_.system_trust}));
  if (snapshot_->options.server.tls.enabled()) {
    MS_TRY(tls_server_, io::TlsServerContext::Make(snapshot_->options.server.tls));
  }
  return {};
}

Result<void> Gateway::Start() {
  if (start_problem_) {
    return std::move(*start_problem_);
  }
  if (Result<void> made = MakeTls(); !made) {
    return made;
  }
  for (const std::string& address : snapshot_->options.server.listen) {
    // The workers share their ports among themselves, which would also let another process of the
    // same user in unnoticed.
    if (Result<void> free = io::CheckAddressIsFree(address); !free) {
      return free;
    }
  }
  const WorkerShared shared{.clock = clock_,
                            .serving = serving_,
                            .connections = connections_,
                            .log = setup_.log,
                            .pins = pins_,
                            .conversations = conversations_,
                            .aliases = aliases_,
                            .router_answers = router_answers_,
                            .tls_client = tls_client_.get(),
                            .tls_server = tls_server_.get()};
  for (int64_t i = 0; i < EffectiveWorkers(snapshot_->options); ++i) {
    workers_.push_back(std::make_unique<Worker>(shared, metrics_.AddWorker(), snapshot_));
    if (Result<void> started =
            workers_.back()->Start(i == 0 ? Worker::Rank::kFirst : Worker::Rank::kOther);
        !started) {
      return started;
    }
  }
  serving_.ready.store(true);
  return {};
}

void Gateway::WarnOfFixedSettings(const Options& before, const Options& after) {
  auto warn = [&](std::string_view key, auto same) {
    if (!same) {
      setup_.log.Warn("config_needs_restart", {{"key", key}});
    }
  };
  warn("server.listen", before.server.listen == after.server.listen);
  warn("server.admin_listen", before.admin_listen == after.admin_listen);
  warn("server.workers", before.workers == after.workers);
  warn("server.tls", before.server.tls.cert_file == after.server.tls.cert_file &&
                         before.server.tls.key_file == after.server.tls.key_file &&
                         before.server.tls.client_ca_file == after.server.tls.client_ca_file);
  warn("state", before.state.path == after.state.path &&
                    before.state.engine == after.state.engine &&
                    before.state.flush_interval == after.state.flush_interval);
}

Problems Gateway::Reload() {
  Reloaded reloaded = setup_.reload();
  metrics_.OnReload(reloaded.checked != nullptr ? observe::Metrics::Reload::kOk
                                                : observe::Metrics::Reload::kRefused);
  if (reloaded.checked == nullptr) {
    for (const Problem& problem : reloaded.problems.list()) {
      setup_.log.Error(
          "config_problem",
          {{"path", problem.path}, {"message", problem.message}, {"line", problem.line}});
    }
    setup_.log.Error("config_refused", {{"hash", snapshot_->hash}});
    return std::move(reloaded.problems);
  }
  auto learned = Learn(reloaded.checked->options);
  if (!learned) {
    setup_.log.Error("config_refused", {{"problem", learned.error().message}});
    reloaded.problems.Add("routing.router", learned.error().message);
    return std::move(reloaded.problems);
  }
  WarnOfFixedSettings(snapshot_->options, reloaded.checked->options);
  snapshot_ = std::make_shared<const Snapshot>(
      std::move(reloaded.checked->options), std::move(reloaded.checked->hash),
      std::move(reloaded.checked->effective), setup_.state.store->install_key(), *learned,
      snapshot_.get());
  const observe::TelemetryOptions& telemetry = snapshot_->options.telemetry;
  setup_.log.Set(telemetry.log_level, telemetry.log_format);
  metrics_.SetConfigHash(snapshot_->hash);
  for (const auto& worker : workers_) {
    worker->SetSnapshot(snapshot_);
  }
  setup_.log.Info("config_reloaded", {{"hash", snapshot_->hash}});
  return {};
}

void Gateway::Drain(std::function<void()> done) {
  if (serving_.draining.exchange(true)) {
    return;
  }
  drained_ = std::move(done);
  draining_workers_ = workers_.size();
  drain_timer_ = std::make_unique<DrainTimer>(*this);
  for (const auto& worker : workers_) {
    worker->Drain([this] {
      setup_.main_loop.Post([this] {
        if (--draining_workers_ == 0) {
          drain_timer_.reset();
          drained_();
        }
      });
    });
  }
  if (workers_.empty()) {
    drained_();
  }
}

std::string Gateway::RenderMetrics() {
  metrics_.SetState(StateDegraded() ? observe::Metrics::StateHealth::kDegraded
                                    : observe::Metrics::StateHealth::kGood);
  metrics_.SetLogDropped(setup_.log.dropped());
  const session::Conversations::Stats stats = conversations_.stats();
  metrics_.SetConversations({.conversations = stats.conversations,
                             .anchors = stats.anchors,
                             .index_bytes = stats.bytes,
                             .collisions = stats.collisions});
  return metrics_.Render();
}

bool Gateway::StateDegraded() const {
  return setup_.state.report.degraded || setup_.state.store->stats().degraded;
}

std::string Gateway::StateJson() {
  const auto uptime =
      std::chrono::floor<std::chrono::milliseconds>(setup_.main_loop.Precise() - started_);
  std::string text;
  json::Writer writer(text);
  writer.BeginObject();
  writer.Key("version").String(setup_.version);
  writer.Key("configHash").String(snapshot_->hash);
  writer.Key("uptimeMs").Int(uptime.count());
  writer.Key("workers").Int(static_cast<int64_t>(workers_.size()));
  writer.Key("connections").Int(connections_.connections.load(std::memory_order_relaxed));
  writer.Key("draining").Bool(serving_.draining.load(std::memory_order_relaxed));
  const session::StoreStats store = setup_.state.store->stats();
  writer.Key("stateDegraded").Bool(StateDegraded());
  writer.Key("stateProblem").String(store.problem);
  writer.Key("statePending").Int(store.pending_records);
  WriteSessions(writer);
  writer.EndObject();
  return text;
}

void Gateway::WriteSessions(json::Writer& writer) {
  const session::SessionRules rules{.pins = snapshot_->options.pins,
                                    .continuity = snapshot_->options.continuity};
  const WallTime now = clock_.Now();
  session::SessionList sessions(conversations_, pins_);
  sessions.Count(rules, now);  // drops what has expired
  const session::SessionList::Tally tally = sessions.CountAll(rules, now);
  const auto write = [&writer](std::string_view name, const auto& counts) {
    writer.Key(name).BeginObject();
    for (const auto& [key, count] : counts) {
      writer.Key(key).Int(count);
    }
    writer.EndObject();
  };
  writer.Key("sessions").BeginObject().Key("count").Int(tally.count);
  // No session is bound to an account yet.
  writer.Key("byAlias").BeginObject().EndObject();
  write("byModel", tally.by_model);
  write("bySource", tally.by_source);
  writer.EndObject();
  writer.Key("pins").Int(pins_.Count(rules.pins, now));
  const session::Conversations::Stats stats = conversations_.stats();
  writer.Key("conversations").BeginObject();
  writer.Key("count").Int(stats.conversations);
  writer.Key("anchors").Int(stats.anchors);
  writer.Key("bytes").Int(stats.bytes).EndObject();
}

}  // namespace mainstay::gateway
