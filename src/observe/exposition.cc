#include "observe/exposition.h"

#include <charconv>
#include <cmath>

#include "base/check.h"

namespace mainstay::observe {
namespace {

constexpr uint64_t kNanosPerUnit = 1'000'000'000;

enum class Quotes { kEscape, kKeep };

void AppendEscaped(std::string& out, std::string_view text, Quotes quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (c == '"' && quotes == Quotes::kEscape)) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
}

template <typename Number>
void AppendNumber(std::string& out, Number value) {
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end);
}

// 1500000 as 0.0015: no zeros at the end, no point without digits behind it.
void AppendNanos(std::string& out, uint64_t nanos) {
  AppendNumber(out, nanos / kNanosPerUnit);
  uint64_t fraction = nanos % kNanosPerUnit;
  if (fraction == 0) {
    return;
  }
  std::array<char, 9> digits;
  for (size_t i = digits.size(); i-- > 0;) {
    digits[i] = static_cast<char>('0' + fraction % 10);
    fraction /= 10;
  }
  const std::string_view text(digits.data(), digits.size());
  out += '.';
  out += text.substr(0, text.find_last_not_of('0') + 1);
}

void AppendDouble(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Inf" : "+Inf";
  } else {
    AppendNumber(out, value);
  }
}

}  // namespace

std::string_view MetricTypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "";
}

void ExpositionWriter::Begin(const MetricFamily& family) {
  family_ = &family;
  out_ += "# HELP ";
  out_ += family.name;
  out_ += ' ';
  AppendEscaped(out_, family.help, Quotes::kKeep);
  out_ += "\n# TYPE ";
  out_ += family.name;
  out_ += ' ';
  out_ += MetricTypeName(family.type);
  out_ += '\n';
}

void ExpositionWriter::Integer(Labels labels, uint64_t value) {
  StartSample("", labels, "");
  AppendNumber(out_, value);
  out_ += '\n';
}

void ExpositionWriter::Double(Labels labels, double value) {
  StartSample("", labels, "");
  AppendDouble(out_, value);
  out_ += '\n';
}

void ExpositionWriter::Nanos(Labels labels, uint64_t nanos) {
  StartSample("", labels, "");
  AppendNanos(out_, nanos);
  out_ += '\n';
}

void ExpositionWriter::Times(Labels labels, const HistogramTotals& totals) {
  uint64_t count = 0;
  for (size_t i = 0; i < kBucketCount; ++i) {
    std::string bound = "+Inf";
    if (i < kBucketBoundsNs.size()) {
      bound.clear();
      AppendNanos(bound, static_cast<uint64_t>(kBucketBoundsNs[i]));
    }
    count += totals.buckets[i];
    StartSample("_bucket", labels, bound);
    AppendNumber(out_, count);
    out_ += '\n';
  }
  StartSample("_sum", labels, "");
  AppendNanos(out_, totals.sum_ns);
  out_ += '\n';
  StartSample("_count", labels, "");
  AppendNumber(out_, count);
  out_ += '\n';
}

void ExpositionWriter::StartSample(std::string_view suffix, Labels labels,
                                   std::string_view upper_bound) {
  MS_CHECK(family_ != nullptr && labels.size() == family_->label_count());
  out_ += family_->name;
  out_ += suffix;
  char separator = '{';
  const auto add = [&](std::string_view name, std::string_view value) {
    out_ += separator;
    out_ += name;
    out_ += "=\"";
    AppendEscaped(out_, value, Quotes::kEscape);
    out_ += '"';
    separator = ',';
  };
  size_t index = 0;
  for (const std::string_view value : labels) {
    add(family_->labels[index++], value);
  }
  if (!upper_bound.empty()) {
    add("le", upper_bound);
  }
  out_ += separator == ',' ? "} " : " ";
}

}  // namespace mainstay::observe
