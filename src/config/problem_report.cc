#include "config/problem_report.h"

namespace mainstay::config {

std::string ProblemReport(std::string_view file, const Problems& problems, std::string_view what) {
  const size_t count = problems.list().size();
  if (count == 0) {
    return "";
  }
  std::string report = std::string(file) + ": " + std::to_string(count) + " " + std::string(what) +
                       (count == 1 ? "\n" : "s\n");
  for (const Problem& problem : problems.list()) {
    report += file;
    if (problem.line > 0) {
      report += ':' + std::to_string(problem.line) + ':' + std::to_string(problem.column);
    }
    report += ": ";
    if (!problem.path.empty()) {
      report += problem.path + ": ";
    }
    report += problem.message + '\n';
  }
  return report;
}

}  // namespace mainstay::config
