#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mainstay::observe {

// A number that one thread writes and any thread reads. Adding is a load and a store: with a single
// writer there is nothing to lock.
class Counter final {
 public:
  Counter() = default;
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void Add(uint64_t n) { value_.store(value() + n, std::memory_order_relaxed); }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Upper bounds of the buckets, from the time of a decision to that of the longest stream. Each is
// at least twice the one before, see BucketOf. The last bucket has no bound.
inline constexpr std::array<int64_t, 24> kBucketBoundsNs = {
    10'000,         25'000,          50'000,          100'000,         250'000,
    500'000,        1'000'000,       2'500'000,       5'000'000,       10'000'000,
    25'000'000,     50'000'000,      100'000'000,     250'000'000,     500'000'000,
    1'000'000'000,  2'500'000'000,   5'000'000'000,   10'000'000'000,  30'000'000'000,
    60'000'000'000, 120'000'000'000, 300'000'000'000, 600'000'000'000,
};
inline constexpr size_t kBucketCount = kBucketBoundsNs.size() + 1;

namespace internal {

// By the number of bits of a value: the first bound that is not below the smallest such value.
constexpr std::array<uint8_t, 65> MakeFirstBounds() {
  std::array<uint8_t, 65> first{};
  for (size_t bits = 1; bits <= 64; ++bits) {
    const uint64_t smallest = uint64_t{1} << (bits - 1);
    first[bits] =
        static_cast<uint8_t>(std::ranges::count_if(kBucketBoundsNs, [smallest](int64_t bound) {
          return static_cast<uint64_t>(bound) < smallest;
        }));
  }
  return first;
}
inline constexpr std::array<uint8_t, 65> kFirstBounds = MakeFirstBounds();

constexpr bool EachBoundDoubles() {
  for (size_t i = 1; i < kBucketBoundsNs.size(); ++i) {
    if (kBucketBoundsNs[i] < 2 * kBucketBoundsNs[i - 1]) {
      return false;
    }
  }
  return true;
}
static_assert(EachBoundDoubles());

// The bounds once more, with one behind them that nothing exceeds.
constexpr std::array<uint64_t, kBucketCount> MakeClosedBounds() {
  std::array<uint64_t, kBucketCount> bounds{};
  std::ranges::copy(kBucketBoundsNs, bounds.begin());
  bounds.back() = UINT64_MAX;
  return bounds;
}
inline constexpr std::array<uint64_t, kBucketCount> kClosedBounds = MakeClosedBounds();

}  // namespace internal

// The bucket of a value: the first one whose bound is not below it. Values with the same number of
// bits differ by less than a factor of two, so at most one bound lies between them, and one
// comparison decides.
constexpr size_t BucketOf(uint64_t ns) {
  const size_t first = internal::kFirstBounds[static_cast<size_t>(std::bit_width(ns))];
  return first + (ns > internal::kClosedBounds[first] ? 1 : 0);
}

// A histogram as it is shown: merged from those of the workers.
struct HistogramTotals {
  std::array<uint64_t, kBucketCount> buckets{};  // each counts its own values only
  uint64_t sum_ns = 0;
};

// Times of one thread. An observation is two additions; everything else happens when it is read.
class Histogram final {
 public:
  // Times below zero count as zero.
  void Observe(std::chrono::nanoseconds time) {
    const auto ns = static_cast<uint64_t>(std::max<int64_t>(0, time.count()));
    buckets_[BucketOf(ns)].Add(1);
    sum_ns_.Add(ns);
  }

  void AddTo(HistogramTotals& totals) const {
    for (size_t i = 0; i < kBucketCount; ++i) {
      totals.buckets[i] += buckets_[i].value();
    }
    totals.sum_ns += sum_ns_.value();
  }

 private:
  std::array<Counter, kBucketCount> buckets_;
  Counter sum_ns_;
};

}  // namespace mainstay::observe
