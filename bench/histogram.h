#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mainstay::bench {

// Counts durations in nanoseconds with a relative error below 0.2 %, in constant memory: ten
// million samples of a soak cost the same as one.
class Histogram final {
 public:
  Histogram() : counts_(static_cast<size_t>(kPowers) * kSteps) {}

  void Add(int64_t value_ns) {
    const uint64_t value = value_ns < 0 ? 0 : static_cast<uint64_t>(value_ns);
    ++counts_[Index(value)];
    ++total_;
    max_ns_ = value_ns > max_ns_ ? value_ns : max_ns_;
  }

  // The smallest value that at least `share` (0..1) of the samples do not exceed; 0 when empty.
  int64_t QuantileNs(double share) const {
    const auto wanted = static_cast<int64_t>(share * static_cast<double>(total_) + 0.5);
    int64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) {
        return static_cast<int64_t>(Value(i));
      }
    }
    return 0;
  }

  int64_t max_ns() const { return max_ns_; }
  int64_t total() const { return total_; }

 private:
  static constexpr int kStepBits = 9;
  static constexpr uint64_t kSteps = uint64_t{1} << kStepBits;
  static constexpr int kPowers = 64 - kStepBits + 1;

  // Below kSteps every value has its own slot; above, each power of two is cut into kSteps.
  static size_t Index(uint64_t value) {
    const int power = static_cast<int>(std::bit_width(value | kMask)) - kStepBits;
    return static_cast<size_t>(power) * kSteps + (power == 0 ? value : (value >> power) & kMask);
  }
  static uint64_t Value(size_t index) {
    const auto power = static_cast<int>(index / kSteps);
    return power == 0 ? index : (index % kSteps) << power;
  }
  static constexpr uint64_t kMask = kSteps - 1;

  std::vector<int64_t> counts_;
  int64_t total_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace mainstay::bench
