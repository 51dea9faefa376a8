#include "base/suggest.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace mainstay {
namespace {

constexpr size_t kLengthMax = 64;
constexpr size_t kCandidatesMax = 1'000;

// Costs are in tenths of a letter, so that a difference of case stays visible but cheap.
constexpr int kLetter = 10;
constexpr int kSpelling = 1;

char Fold(char c) {
  if (c >= 'A' && c <= 'Z') {
    return static_cast<char>(c - 'A' + 'a');
  }
  return c == '-' || c == ' ' ? '_' : c;
}

int Change(char a, char b) {
  if (a == b) {
    return 0;
  }
  return Fold(a) == Fold(b) ? kSpelling : kLetter;
}

// Damerau-Levenshtein distance, optimal string alignment variant. Three rows suffice: a swap looks
// back by two.
int Distance(std::string_view a, std::string_view b) {
  std::array<std::array<int, kLengthMax + 1>, 3> rows;
  for (size_t j = 0; j <= b.size(); ++j) {
    rows[0][j] = static_cast<int>(j) * kLetter;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i - 1) % 3];
    row[0] = static_cast<int>(i) * kLetter;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min(
          {above[j] + kLetter, row[j - 1] + kLetter, above[j - 1] + Change(a[i - 1], b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + kLetter);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string_view Nearest(std::string_view written, std::span<const std::string_view> candidates) {
  if (written.empty() || written.size() > kLengthMax) {
    return {};
  }
  const int near = kLetter * std::max(1, static_cast<int>(written.size() / 3));
  std::string_view best;
  int best_distance = near + 1;
  for (const std::string_view candidate :
       candidates.first(std::min(candidates.size(), kCandidatesMax))) {
    if (candidate.empty() || candidate.size() > kLengthMax) {
      continue;
    }
    const int distance = Distance(written, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string DidYouMean(std::string_view written, std::span<const std::string_view> candidates) {
  const std::string_view nearest = Nearest(written, candidates);
  return nearest.empty() ? std::string() : "; did you mean " + std::string(nearest) + "?";
}

}  // namespace mainstay
