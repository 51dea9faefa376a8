#include "observe/metrics.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace mainstay::observe {
namespace {

constexpr std::string_view kNoProvider;

std::string_view ProviderName(const Target& target) {
  return target.provider == nullptr ? kNoProvider : std::string_view(target.provider->name);
}

std::string CurrencyOf(const Model& model) {
  return model.options.pricing ? model.options.pricing->currency : PricingOptions().currency;
}

size_t StatusIndex(int status) {
  return status > 0 && status < static_cast<int>(kStatusCount) ? static_cast<size_t>(status) : 0;
}

void AddIfReported(Counter& counter, const std::optional<int64_t>& tokens) {
  // A provider that reports a negative number must not turn a counter back.
  counter.Add(static_cast<uint64_t>(std::max<int64_t>(0, tokens.value_or(0))));
}

// The cells of a key in the map, made when there are none.
template <typename Map>
auto& CellsFor(Map& map, const typename Map::key_type& key) {
  return map.try_emplace(key).first->second;
}

}  // namespace

WorkerMetrics::WorkerMetrics() = default;

void WorkerMetrics::Bind(const Catalog& catalog) {
  targets_.assign(static_cast<size_t>(catalog.target_count()), {});
  models_.assign(catalog.models().size(), {});
  for (const auto& provider : catalog.providers()) {
    for (const Target& target : provider->targets) {
      targets_[static_cast<size_t>(target.index)] = FindCells(target);
    }
  }
  for (const auto& model : catalog.models()) {
    models_[static_cast<size_t>(model->index)] = FindCells(*model);
  }
}

WorkerMetrics::TargetCells WorkerMetrics::FindCells(const Target& target) {
  const std::string provider(ProviderName(target));
  return named_.With([&](NamedCells& named) {
    return TargetCells{.target = &target,
                       .attempts = &CellsFor(named.attempts, {provider, target.account}),
                       .first_byte = &CellsFor(named.first_byte, {provider})};
  });
}

WorkerMetrics::ModelCells WorkerMetrics::FindCells(const Model& model) {
  return named_.With([&](NamedCells& named) {
    ModelCells cells{.model = &model, .tokens = &CellsFor(named.tokens, {model.name})};
    if (model.options.pricing) {
      cells.cost_nanos = &CellsFor(named.cost_nanos, {model.name, CurrencyOf(model)});
    }
    return cells;
  });
}

// The pointer tells whether the position is one of the catalog that is bound now. Two catalogs that
// are alive at once have no target in common, so a match cannot be by chance.
WorkerMetrics::TargetCells WorkerMetrics::CellsOf(const Target& target) {
  const auto index = static_cast<size_t>(target.index);
  if (index < targets_.size() && targets_[index].target == &target) [[likely]] {
    return targets_[index];
  }
  return FindCells(target);
}

WorkerMetrics::ModelCells WorkerMetrics::CellsOf(const Model& model) {
  const auto index = static_cast<size_t>(model.index);
  if (index < models_.size() && models_[index].model == &model) [[likely]] {
    return models_[index];
  }
  return FindCells(model);
}

void WorkerMetrics::OnExchange(const Exchange& x) {
  const auto protocol = static_cast<size_t>(x.request.protocol);
  MS_CHECK(protocol < kProtocolsMax);
  fixed_.requests[protocol][StatusIndex(x.status)].Add(1);
  fixed_.reasons[static_cast<size_t>(x.reason)].Add(1);
  fixed_.request_time.Observe(x.ended - x.started);
  if (x.decided != MonoTime()) {
    fixed_.decision_time.Observe(x.decided - x.started);
  }
  fixed_.reply_bytes.Add(x.reply_bytes);
  fixed_.stream_events.Add(static_cast<uint64_t>(x.events));
  if (x.error) {
    fixed_.errors[static_cast<size_t>(*x.error)].Add(1);
  }
  fixed_.pins[static_cast<size_t>(x.pin_outcome)].Add(1);
  // A scope says that the request was understood, and its ids were looked at.
  if (x.request.operation == Operation::kChat && x.session.scope != Hash128()) {
    fixed_.continuity[static_cast<size_t>(x.continuity)].Add(1);
  }
  if (x.routed.outcome != RouterOutcome::kNotAsked) [[unlikely]] {
    CountRouted(x.routed);
  }
  if (x.lifecycle == Lifecycle::kAborted) {
    fixed_.aborted.Add(1);
  }
  for (const Attempt& attempt : x.attempts) {
    CountAttempt(attempt);
  }
  CountUsage(x);
}

void WorkerMetrics::CountRouted(const Routed& routed) {
  if (routed.source == AnswerSource::kCached) {
    fixed_.router_cached.Add(1);
    return;
  }
  fixed_.router_asked[static_cast<size_t>(routed.outcome)].Add(1);
  fixed_.router_time.Observe(routed.time);
}

void WorkerMetrics::OnRejectedIds(const SessionId& session) {
  named_.With([&](NamedCells& named) {
    for (size_t i = 0; i < session.rejected_count; ++i) {
      CellsFor(named.rejected_ids, {std::string(session.rejected[i])}).Add(1);
    }
  });
}

void WorkerMetrics::CountAttempt(const Attempt& attempt) {
  if (attempt.target == nullptr) {
    return;
  }
  const TargetCells cells = CellsOf(*attempt.target);
  (*cells.attempts)[static_cast<size_t>(attempt.failure)].Add(1);
  if (attempt.status != 0) {  // a head came, and `time` is how long that took
    cells.first_byte->Observe(attempt.time);
  }
}

void WorkerMetrics::CountUsage(const Exchange& x) {
  if (x.model == nullptr) {
    return;
  }
  const ModelCells cells = CellsOf(*x.model);
  const auto count = [&](TokenKind kind, const std::optional<int64_t>& tokens) {
    AddIfReported((*cells.tokens)[static_cast<size_t>(kind)], tokens);
  };
  count(TokenKind::kPrompt, x.usage.prompt);
  count(TokenKind::kCached, x.usage.cached);
  count(TokenKind::kCacheWrite, x.usage.cache_write);
  count(TokenKind::kCompletion, x.usage.completion);
  count(TokenKind::kReasoning, x.usage.reasoning);
  if (x.cost && cells.cost_nanos != nullptr) {
    cells.cost_nanos->Add(static_cast<uint64_t>(std::max<int64_t>(0, x.cost->value)));
  }
}

void WorkerMetrics::OnHttpRefused(ErrorKind kind) {
  fixed_.http_refused[static_cast<size_t>(kind)].Add(1);
}

void WorkerMetrics::Set(const WorkerCounts& counts) {
  const std::tuple<Counter&, int64_t> pairs[] = {
      {fixed_.connections, counts.connections},
      {fixed_.accepted, counts.accepted},
      {fixed_.refused_connections, counts.refused_connections},
      {fixed_.upstream_idle, counts.upstream_idle},
      {fixed_.dialed, counts.dialed},
      {fixed_.reused, counts.reused},
      {fixed_.dial_errors, counts.dial_errors},
  };
  for (const auto& [counter, value] : pairs) {
    counter.Set(static_cast<uint64_t>(value));
  }
}

Metrics::Metrics(std::string_view version, std::string_view commit)
    : counts_({.version = std::string(version), .commit = std::string(commit)}) {}

WorkerMetrics& Metrics::AddWorker() {
  auto worker = std::make_unique<WorkerMetrics>();
  WorkerMetrics& added = *worker;
  workers_.With([&](auto& workers) { workers.push_back(std::move(worker)); });
  return added;
}

void Metrics::OnReload(Reload result) {
  counts_.With([&](ProcessCounts& counts) {
    ++(result == Reload::kOk ? counts.reloads_ok : counts.reloads_refused);
  });
}

void Metrics::SetConfigHash(std::string_view hash) {
  counts_.With([&](ProcessCounts& counts) { counts.config_hash = hash; });
}

void Metrics::SetState(StateHealth health) {
  counts_.With(
      [&](ProcessCounts& counts) { counts.state_degraded = health == StateHealth::kDegraded; });
}

void Metrics::SetConversations(const ConversationCounts& counts) {
  counts_.With([&](ProcessCounts& all) {
    all.conversations = static_cast<uint64_t>(counts.conversations);
    all.conversation_anchors = static_cast<uint64_t>(counts.anchors);
    all.conversation_bytes = static_cast<uint64_t>(counts.index_bytes);
    all.conversation_collisions = static_cast<uint64_t>(counts.collisions);
  });
}

void Metrics::SetLogDropped(int64_t lines) {
  counts_.With([&](ProcessCounts& counts) { counts.log_dropped = static_cast<uint64_t>(lines); });
}

Scrape Metrics::Collect() const {
  Scrape scrape{.counts = counts_.With([](const ProcessCounts& counts) { return counts; }),
                .process = ReadProcessStats()};
  // Workers and cells stay until the end, so their addresses may leave the locks.
  std::vector<WorkerMetrics*> workers;
  workers_.With([&](const auto& all) {
    for (const auto& worker : all) {
      workers.push_back(worker.get());
    }
  });
  const auto gather = [](const auto& map, auto& series) {
    for (const auto& [key, cells] : map) {
      series[key].push_back(&cells);
    }
  };
  for (const WorkerMetrics* worker : workers) {
    scrape.fixed.push_back(&worker->fixed_);
    worker->named_.With([&](const NamedCells& named) {
      gather(named.attempts, scrape.attempts);
      gather(named.first_byte, scrape.first_byte);
      gather(named.tokens, scrape.tokens);
      gather(named.cost_nanos, scrape.cost_nanos);
      gather(named.rejected_ids, scrape.rejected_ids);
    });
  }
  return scrape;
}

std::string Metrics::Render() const {
  const Scrape scrape = Collect();
  std::string text;
  text.reserve(32 << 10);
  ExpositionWriter out(text);
  for (const MetricRow& row : MetricTable()) {
    out.Begin(row.family);
    row.write(scrape, out);
  }
  return text;
}

}  // namespace mainstay::observe
