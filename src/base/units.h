#pragma once

#include <compare>
#include <cstdint>

namespace mainstay {

// Money in 1e-9 units of the pricing currency. Integers add up exactly, so totals of a million
// turns equal the sum of their records.
struct NanoMoney {
  int64_t value = 0;

  auto operator<=>(const NanoMoney&) const = default;
  NanoMoney& operator+=(NanoMoney other) {
    value += other.value;
    return *this;
  }
  friend NanoMoney operator+(NanoMoney a, NanoMoney b) { return {a.value + b.value}; }
  friend NanoMoney operator-(NanoMoney a, NanoMoney b) { return {a.value - b.value}; }
};

}  // namespace mainstay
