#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "model/catalog.h"
#include "model/exchange.h"
#include "observe/cells.h"
#include "observe/metric_table.h"

namespace mainstay::observe {

// Numbers that other parts of a worker keep themselves; totals are since the start.
struct WorkerCounts {
  int64_t connections = 0;  // open now
  int64_t accepted = 0;
  int64_t refused_connections = 0;
  int64_t upstream_idle = 0;  // connections, now
  int64_t dialed = 0;
  int64_t reused = 0;
  int64_t dial_errors = 0;
};

// The counters of one worker. All methods belong to its thread; what they write is read by
// Metrics::Render on another. Counting neither locks, allocates nor hashes.
class WorkerMetrics final {
 public:
  WorkerMetrics();
  WorkerMetrics(const WorkerMetrics&) = delete;
  WorkerMetrics& operator=(const WorkerMetrics&) = delete;

  // Finds the series of a configuration's names, before its first exchange ends. Names that had
  // series go on with them. The catalog has to live until the next Bind.
  void Bind(const Catalog& catalog);

  // Counts all that an ended exchange contributes. An exchange may also belong to a catalog that
  // was bound before: that costs a look-up by name under a lock, and counts the same.
  void OnExchange(const Exchange& x);

  // Session ids that cannot be one, as a request brought them.
  void OnRejectedIds(const SessionId& session);
  // A request that the HTTP layer refused.
  void OnHttpRefused(ErrorKind kind);

  // Takes over the present numbers. The owner of the worker calls this when they are wanted: before
  // a scrape, or from time to time.
  void Set(const WorkerCounts& counts);

 private:
  friend class Metrics;

  struct TargetCells {
    const Target* target = nullptr;
    AttemptCells* attempts = nullptr;
    Histogram* first_byte = nullptr;
  };
  struct ModelCells {
    const Model* model = nullptr;
    TokenCells* tokens = nullptr;
    Counter* cost_nanos = nullptr;
  };

  TargetCells CellsOf(const Target& target);
  ModelCells CellsOf(const Model& model);
  TargetCells FindCells(const Target& target);
  ModelCells FindCells(const Model& model);
  void CountRouted(const Routed& routed);
  void CountAttempt(const Attempt& attempt);
  void CountUsage(const Exchange& x);

  FixedCells fixed_;
  // The lock is for the maps. Their cells stay where they are and are counted without it.
  Guarded<NamedCells> named_;
  std::vector<TargetCells> targets_;  // by Target::index
  std::vector<ModelCells> models_;    // by Model::index
};

// All metrics of the process.
//
// Thread safety: all methods may be called from any thread.
class Metrics final {
 public:
  Metrics(std::string_view version, std::string_view commit);

  // A new worker's counters; they live as long as this. Made once for each worker thread.
  WorkerMetrics& AddWorker();

  enum class Reload : uint8_t { kOk, kRefused };
  void OnReload(Reload result);
  void SetConfigHash(std::string_view hash);
  enum class StateHealth : uint8_t { kGood, kDegraded };
  void SetState(StateHealth health);
  // What is remembered of conversations, now; collisions are since the start.
  struct ConversationCounts {
    int64_t conversations = 0;
    int64_t anchors = 0;
    int64_t index_bytes = 0;
    int64_t collisions = 0;
  };
  void SetConversations(const ConversationCounts& counts);
  // Lines lost since the start, as Log::dropped gives it.
  void SetLogDropped(int64_t lines);

  // Everything in the Prometheus text format 0.0.4; see kMetricsContentType. Reads /proc, does not
  // wait for the workers. Counters that belong together may be apart by requests that end just now.
  std::string Render() const;

 private:
  Scrape Collect() const;

  Guarded<std::vector<std::unique_ptr<WorkerMetrics>>> workers_;
  Guarded<ProcessCounts> counts_;
};

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace mainstay::observe
