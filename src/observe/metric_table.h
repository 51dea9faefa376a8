#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "observe/cells.h"
#include "observe/exposition.h"
#include "observe/process_stats.h"

namespace mainstay::observe {

// What is counted once for the process and not by worker.
struct ProcessCounts {
  std::string version;
  std::string commit;
  std::string config_hash;  // empty: no configuration yet
  uint64_t reloads_ok = 0;
  uint64_t reloads_refused = 0;
  uint64_t log_dropped = 0;
  bool state_degraded = false;
  uint64_t conversations = 0;
  uint64_t conversation_anchors = 0;
  uint64_t conversation_bytes = 0;
  uint64_t conversation_collisions = 0;
};

// A word for each kind of error, for label values. It is the `code` that clients see, where that is
// different for each kind.
std::string_view ErrorKindName(ErrorKind kind);
std::string_view TokenKindName(TokenKind kind);

// Everything that one scrape shows. The cells are those of all workers and are still being written.
struct Scrape {
  template <typename Cells>
  using Shards = std::vector<const Cells*>;
  template <typename Key, typename Cells>
  using Series = std::map<Key, Shards<Cells>>;

  Shards<FixedCells> fixed;
  Series<SeriesKey<2>, AttemptCells> attempts;
  Series<SeriesKey<1>, Histogram> first_byte;
  Series<SeriesKey<1>, TokenCells> tokens;
  Series<SeriesKey<2>, Counter> cost_nanos;
  Series<SeriesKey<1>, Counter> rejected_ids;
  ProcessCounts counts;
  ProcessStats process;
};

// One metric: how it is described, and how its samples are written.
struct MetricRow {
  MetricFamily family;
  void (*write)(const Scrape& scrape, ExpositionWriter& out);
};

// All metrics, in the order in which they are shown. The reference page is made from this too.
std::span<const MetricRow> MetricTable();

}  // namespace mainstay::observe
