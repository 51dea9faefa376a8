#include "observe/reference.h"

#include <string_view>

#include "observe/metric_table.h"

namespace mainstay::observe {
namespace {

constexpr std::string_view kIntroduction = R"(# Metrics reference

<!-- Generated. To change it, change the table in src/observe/metric_table.cc; its test writes the
     new page and says where. -->

`GET /metrics` on the admin listener gives these in the Prometheus text format 0.0.4.

- The values of labels come from the configuration and from fixed lists, never from clients, so the
  number of series does not grow with traffic.
- Counters start at 0 with the process and go on over reloads. A name that leaves the configuration
  keeps its series until the process ends.
- Series of providers, accounts and models are there from the start; those of `status`, and of
  `reason` in `mainstay_http_refused_total`, from their first count.
)";

std::string LabelList(const MetricFamily& family) {
  std::string text;
  for (size_t i = 0; i < family.label_count(); ++i) {
    text += i == 0 ? "`" : ", `";
    text += family.labels[i];
    text += '`';
  }
  return text;
}

std::string Bounds() {
  std::string text;
  for (const int64_t ns : kBucketBoundsNs) {
    const bool is_micro = ns < 1'000'000;
    const bool is_milli = !is_micro && ns < 1'000'000'000;
    const int64_t tenths = ns / (is_micro ? 100 : is_milli ? 100'000 : 100'000'000);
    text += text.empty() ? "" : ", ";
    text += std::to_string(tenths / 10);
    if (tenths % 10 != 0) {
      text += '.' + std::to_string(tenths % 10);
    }
    text += is_micro ? " µs" : is_milli ? " ms" : " s";
  }
  return text;
}

}  // namespace

std::string MetricsReference() {
  std::string page(kIntroduction);
  page += "\n| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricRow& row : MetricTable()) {
    page += "| `" + std::string(row.family.name) + "` | ";
    page += MetricTypeName(row.family.type);
    page += " | " + LabelList(row.family) + " | " + std::string(row.family.help) + " |\n";
  }
  page +=
      "\n## Buckets\n\nAll histograms are in seconds and have the same upper bounds: " + Bounds() +
      ".\n\n## Values of labels\n\n| label | values |\n|---|---|\n| `class` | ";
  for (int i = 0; i < kFailureClassCount; ++i) {
    page += i == 0 ? "`" : ", `";
    page += FailureClassName(static_cast<FailureClass>(i));
    page += '`';
  }
  page += " |\n| `kind` | ";
  for (size_t i = 0; i < kTokenKindCount; ++i) {
    page += i == 0 ? "`" : ", `";
    page += TokenKindName(static_cast<TokenKind>(i));
    page += '`';
  }
  page += " |\n| `code`, `reason` of `mainstay_http_refused_total` | ";
  for (size_t i = 0; i < kErrorKindCount; ++i) {
    page += i == 0 ? "`" : ", `";
    page += ErrorKindName(static_cast<ErrorKind>(i));
    page += '`';
  }
  page += " |\n| `result` | `ok`, `refused` |\n";
  return page;
}

}  // namespace mainstay::observe
