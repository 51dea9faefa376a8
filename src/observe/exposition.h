#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "observe/histogram.h"

namespace mainstay::observe {

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };

std::string_view MetricTypeName(MetricType type);

// What the exposition says of a metric. Unused labels are empty.
struct MetricFamily {
  std::string_view name;
  MetricType type = MetricType::kCounter;
  std::string_view help;
  std::array<std::string_view, 3> labels{};

  size_t label_count() const {
    size_t count = 0;
    while (count < labels.size() && !labels[count].empty()) {
      ++count;
    }
    return count;
  }
};

// Writes the Prometheus text format, version 0.0.4.
//
// prometheus-cpp 1.0 is in Debian and has a serializer, but no use here: it wants each scrape as a
// tree of families with a string for each label of each sample, loads one more library, and its own
// counters are compare-and-swap loops on doubles. What the format asks for is this one class.
class ExpositionWriter final {
 public:
  using Labels = std::initializer_list<std::string_view>;

  explicit ExpositionWriter(std::string& out) : out_(out) {}

  // Starts a family; the samples that follow belong to it. `family` lasts until the next one.
  void Begin(const MetricFamily& family);

  // One sample. `labels` are values for all the labels of the family, in order.
  void Integer(Labels labels, uint64_t value);
  void Double(Labels labels, double value);
  // A value in units of 1e-9, written as an exact decimal number.
  void Nanos(Labels labels, uint64_t nanos);
  // The samples of one histogram, in seconds.
  void Times(Labels labels, const HistogramTotals& totals);

 private:
  void StartSample(std::string_view suffix, Labels labels, std::string_view upper_bound);

  std::string& out_;
  const MetricFamily* family_ = nullptr;
};

}  // namespace mainstay::observe
