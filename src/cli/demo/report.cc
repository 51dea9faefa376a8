#include "cli/demo/report.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace mainstay::cli::demo {
namespace {

constexpr size_t kRuleWidth = 70;
constexpr size_t kExcerptCharacters = 64;
constexpr size_t kSessionCharacters = 8;

std::string Repeated(std::string_view character, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += character;
  }
  return text;
}

bool BeginsCharacter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

// The beginning of a text on one line.
std::string Excerpt(std::string_view text) {
  std::string line;
  size_t characters = 0;
  for (const char byte : text) {
    if (BeginsCharacter(byte) && ++characters > kExcerptCharacters) {
      return line + "…";
    }
    line += byte == '\n' ? "\\n" : std::string(1, byte);
  }
  return line;
}

std::string Padded(std::string text, size_t width) {
  text.append(width > text.size() ? width - text.size() : 0, ' ');
  return text;
}

// 12345 as 12,345.
std::string Grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string Dollars(NanoMoney cost) {
  std::array<char, 32> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "$%.4f", static_cast<double>(cost.value) / 1e9);
  return {text.data(), static_cast<size_t>(length)};
}

// Every model once, the one that was used last at the end.
std::string ModelsOf(const RunOutcome& run) {
  std::vector<std::string> models;
  for (const StepOutcome& step : run.steps) {
    std::erase(models, step.model);
    models.push_back(step.model);
  }
  std::string text;
  for (const std::string& model : models) {
    text += (text.empty() ? "" : ", ") + model;
  }
  return text;
}

std::string CostLine(const RunOutcome& run) {
  NanoMoney cost;
  int64_t prompt = 0;
  int64_t cached = 0;
  for (const StepOutcome& step : run.steps) {
    cost += step.cost;
    prompt += step.usage.prompt.value_or(0);
    cached += step.usage.cached.value_or(0);
  }
  return "    cost " + Dollars(cost) + ", " + Grouped(cached) + " of " + Grouped(prompt) +
         " prompt tokens from cache (" +
         std::to_string(prompt == 0 ? 0 : (cached * 100 + prompt / 2) / prompt) + " %)\n";
}

}  // namespace

int64_t Switches(const RunOutcome& run) {
  int64_t switches = 0;
  for (size_t i = 1; i < run.steps.size(); ++i) {
    switches += run.steps[i].model != run.steps[i - 1].model ? 1 : 0;
  }
  return switches;
}

std::string RunReport(int number, const RunOutcome& run, size_t model_width) {
  std::string text = "Run " + std::to_string(number) + ": ";
  text += run.pinned() ? "WITH Session Pinning (X-Session-Id: " +
                             run.session_id.substr(0, kSessionCharacters) + "…)\n"
                       : "WITHOUT Session Pinning\n";
  text += Repeated("─", kRuleWidth) + "\n";
  for (size_t i = 0; i < run.steps.size(); ++i) {
    const StepOutcome& step = run.steps[i];
    const bool switched = i > 0 && step.model != run.steps[i - 1].model;
    text += "  step " + std::to_string(i + 1) + " [" + Padded(step.model, model_width) + "] ";
    text += switched ? Padded(step.title, 18) + " ← switched\n" : step.title + "\n";
    text += "         \"" + Excerpt(step.text) + "\"\n";
  }
  const int64_t switches = Switches(run);
  text += switches == 0 ? "\n  ✓ " : "\n  ✗ ";
  text += run.pinned() ? "With pinning: " : "Without pinning: ";
  text += switches == 0
              ? ModelsOf(run) + " held for all " + std::to_string(run.steps.size()) + " steps\n"
              : "model switched " + std::to_string(switches) + " time(s) — " + ModelsOf(run) + "\n";
  return text + CostLine(run);
}

std::string FinalReport(const RunOutcome& run) {
  const std::string title =
      std::string("══ Final Report (") + (run.pinned() ? "pinned" : "unpinned") + " session) ";
  const auto used = static_cast<size_t>(std::ranges::count_if(title, BeginsCharacter));
  return title + Repeated("═", kRuleWidth - used) + "\n" + run.steps.back().text + "\n" +
         Repeated("═", kRuleWidth) + "\n";
}

}  // namespace mainstay::cli::demo
