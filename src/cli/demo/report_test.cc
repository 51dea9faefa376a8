#include "cli/demo/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mainstay::cli::demo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunOutcome RunOf(const std::vector<std::string>& models, std::string session_id) {
  RunOutcome run{.session_id = std::move(session_id), .steps = {}};
  for (const std::string& model : models) {
    run.steps.push_back({.title = "Think",
                         .model = model,
                         .text = "so be it",
                         .usage = {.prompt = 1000, .cached = 250, .completion = 10},
                         .cost = {.value = 1'250'000}});
  }
  return run;
}

TEST(DemoReport, SaysWhetherTheModelHeld) {
  struct Row {
    std::string name;
    std::vector<std::string> models;
    std::string session_id;
    int64_t switches;
    std::string line;
  };
  const Row rows[] = {
      {"alternating",
       {"a", "b", "a", "b", "a"},
       "",
       4,
       "  ✗ Without pinning: model switched 4 time(s) — b, a\n"},
      {"once", {"a", "b", "b"}, "", 1, "  ✗ Without pinning: model switched 1 time(s) — a, b\n"},
      {"three_models",
       {"a", "b", "c"},
       "",
       2,
       "  ✗ Without pinning: model switched 2 time(s) — a, b, c\n"},
      {"pinned", {"a", "a", "a"}, "0123456789", 0, "  ✓ With pinning: a held for all 3 steps\n"},
      {"pin_lost",
       {"a", "b"},
       "0123456789",
       1,
       "  ✗ With pinning: model switched 1 time(s) — a, b\n"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const RunOutcome run = RunOf(row.models, row.session_id);
    EXPECT_EQ(Switches(run), row.switches);
    EXPECT_THAT(RunReport(1, run, 1), HasSubstr(row.line));
  }
}

TEST(DemoReport, MarksTheStepsThatSwitched) {
  const std::string text = RunReport(2, RunOf({"long-name", "b", "b"}, "0123456789abcdef"), 9);
  EXPECT_THAT(text, HasSubstr("Run 2: WITH Session Pinning (X-Session-Id: 01234567…)\n"));
  EXPECT_THAT(text, HasSubstr("  step 1 [long-name] Think\n"));
  EXPECT_THAT(text, HasSubstr("  step 2 [b        ] Think              ← switched\n"));
  EXPECT_THAT(text, HasSubstr("  step 3 [b        ] Think\n"));
}

TEST(DemoReport, AddsUpWhatWasUsed) {
  EXPECT_THAT(RunReport(1, RunOf({"a", "a", "a"}, ""), 1),
              HasSubstr("    cost $0.0037, 750 of 3,000 prompt tokens from cache (25 %)\n"));
}

TEST(DemoReport, ShowsTheBeginningOfAnAnswerOnOneLine) {
  RunOutcome run = RunOf({"a"}, "");
  run.steps[0].text = "one\ntwo";
  EXPECT_THAT(RunReport(1, run, 1), HasSubstr("         \"one\\ntwo\"\n"));
  // Characters are kept whole, however many bytes they have.
  run.steps[0].text.clear();
  for (int i = 0; i < 65; ++i) {
    run.steps[0].text += "é";
  }
  const std::string text = RunReport(1, run, 1);
  EXPECT_THAT(text, HasSubstr("éé…\"\n"));
  EXPECT_THAT(text, Not(HasSubstr(run.steps[0].text)));
}

TEST(DemoReport, TheLastAnswerIsTheFinalReport) {
  EXPECT_EQ(FinalReport(RunOf({"a", "b"}, "s")),
            "══ Final Report (pinned session) ═════════════════════════════════════\n"
            "so be it\n"
            "══════════════════════════════════════════════════════════════════════\n");
}

}  // namespace
}  // namespace mainstay::cli::demo
