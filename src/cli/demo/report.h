#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "model/usage.h"

// What the demo prints. Pure.
namespace mainstay::cli::demo {

struct StepOutcome {
  std::string title;
  std::string model;  // as the provider calls it
  std::string text;
  Usage usage;
  NanoMoney cost;
};

struct RunOutcome {
  std::string session_id;  // empty: the run had none
  std::vector<StepOutcome> steps;

  bool pinned() const { return !session_id.empty(); }
};

// How often a step was answered by another model than the step before it.
int64_t Switches(const RunOutcome& run);

// One run: its heading, two lines for each step, whether the model held, and what it cost. `number`
// counts runs from 1; models are padded to `model_width`.
std::string RunReport(int number, const RunOutcome& run, size_t model_width);

// The last answer, as it came.
std::string FinalReport(const RunOutcome& run);

}  // namespace mainstay::cli::demo
