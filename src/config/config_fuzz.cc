// Any bytes as a configuration file end in options or in problems. What comes out is then used: the
// report is printed, the effective configuration is read back. A secret that only the file system
// and the environment know must not appear in either, wherever the file refers to it.

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "config/load.h"
#include "config/problem_report.h"

namespace {

constexpr std::string_view kFromFile = "sk-planted-in-a-file";
constexpr std::string_view kFromEnvironment = "sk-planted-in-the-environment";

mainstay::config::Sources PlantedSources() {
  return {.environment = [](const std::string& name) -> std::optional<std::string> {
            return name == "KEY" ? std::optional(std::string(kFromEnvironment)) : std::nullopt;
          },
          .read_file = [](const std::string& path, size_t) -> mainstay::Result<std::string> {
            if (path.size() % 2 == 0) {
              return mainstay::Error{.message = "does not exist"};
            }
            return std::string(kFromFile) + "\n";
          },
          .salt = "salt"};
}

void CheckReport(const mainstay::Problems& problems, std::string_view what) {
  const std::string report = mainstay::config::ProblemReport("f", problems, what);
  MS_CHECK(report.find(kFromFile) == std::string::npos);
  MS_CHECK(report.find(kFromEnvironment) == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using mainstay::config::Loaded;
  static const mainstay::config::Sources sources = PlantedSources();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A text that spells a secret out may show it again as a key, which is no leak.
  if (text.find(kFromFile) != std::string_view::npos ||
      text.find(kFromEnvironment) != std::string_view::npos) {
    return 0;
  }
  const auto result = mainstay::config::LoadText(text, sources);
  if (const auto* problems = std::get_if<mainstay::Problems>(&result)) {
    MS_CHECK(!problems->empty());
    CheckReport(*problems, "problem");
    return 0;
  }
  const Loaded& loaded = std::get<Loaded>(result);
  CheckReport(loaded.warnings, "warning");
  MS_CHECK(loaded.effective.find(kFromFile) == std::string::npos);
  MS_CHECK(loaded.hash.size() == 16);
  return 0;
}
