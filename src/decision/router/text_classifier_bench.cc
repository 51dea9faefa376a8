// Question: what do learning the routes at start, reading the model instead, and judging one text
// of 200 words cost? Budget: 2 s for ten routes of twenty examples; 20 ms; 100 us.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/check.h"
#include "decision/router/text_classifier.h"

namespace mainstay::decision {
namespace {

constexpr const char* kWords[] = {"write",  "compare", "schema", "poem",    "translate", "risk",
                                  "report", "test",    "story",  "options", "database",  "summary"};
constexpr size_t kWordCount = sizeof kWords / sizeof *kWords;

// Sentences of common words and of some that belong to their route alone.
std::string Sentence(size_t route, size_t number, size_t words) {
  std::string text;
  for (size_t i = 0; i < words; ++i) {
    text += kWords[(number * 7 + i * 5) % kWordCount];
    text += " topic" + std::string(1, static_cast<char>('a' + route)) +
            std::string(1, static_cast<char>('a' + (number + i) % 9)) + " ";
  }
  return text;
}

std::vector<Route> MakeRoutes(size_t count) {
  std::vector<Route> routes(count);
  for (size_t i = 0; i < count; ++i) {
    routes[i] = {.name = "route_" + std::string(1, static_cast<char>('a' + i)),
                 .description = Sentence(i, 0, 5)};
    for (size_t example = 1; example <= 20; ++example) {
      routes[i].examples.push_back(Sentence(i, example, 5));
    }
  }
  return routes;
}

void BM_Learn(benchmark::State& state) {
  const std::vector<Route> routes = MakeRoutes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    const auto made = TextClassifier::Make(routes, {.library = MAINSTAY_FASTTEXT});
    MS_CHECK(made.has_value());
    benchmark::DoNotOptimize(made.value().get());
  }
}
BENCHMARK(BM_Learn)->ArgName("routes")->Arg(2)->Arg(10)->Unit(benchmark::kMillisecond);

void BM_Read(benchmark::State& state) {
  std::string folder = std::filesystem::temp_directory_path() / "text_classifier_bench.XXXXXX";
  MS_CHECK(mkdtemp(folder.data()) != nullptr);
  const std::vector<Route> routes = MakeRoutes(10);
  const ClassifierOptions options{.directory = folder, .library = MAINSTAY_FASTTEXT};
  MS_CHECK(TextClassifier::Make(routes, options).has_value());
  for (auto _ : state) {
    const auto made = TextClassifier::Make(routes, options);
    MS_CHECK(made.value()->origin() == ModelOrigin::kLoaded);
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_Read)->Unit(benchmark::kMillisecond);

void BM_Judge(benchmark::State& state) {
  const auto made = TextClassifier::Make(MakeRoutes(10), {.library = MAINSTAY_FASTTEXT});
  const std::string text = Sentence(3, 5, static_cast<size_t>(state.range(0)) / 2);
  MS_CHECK(made.value()->Judge(text).route == 3);
  for (auto _ : state) {
    benchmark::DoNotOptimize(made.value()->Judge(text));
  }
}
BENCHMARK(BM_Judge)->ArgName("words")->Arg(10)->Arg(200)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace mainstay::decision
