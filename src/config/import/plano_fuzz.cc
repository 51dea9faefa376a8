// Any bytes as a configuration of Plano end in problems or in a configuration that our own loader
// accepts, and a key that stands in them ends in neither.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "config/document.h"
#include "config/import/plano.h"
#include "config/load.h"
#include "config/problem_report.h"

namespace {

using mainstay::config::Imported;
using mainstay::config::Node;

// Other keys may be words that stand in our own messages as well.
constexpr std::string_view kPlanted = "planted-";

void CollectKeys(const Node& node, std::vector<std::string>& keys) {
  for (const Node& item : node.items) {
    CollectKeys(item, keys);
  }
  for (const mainstay::config::Entry& entry : node.entries) {
    CollectKeys(entry.value, keys);
    if (entry.key == "access_key" && entry.value.text.starts_with(kPlanted) &&
        entry.value.text.find('$') == std::string::npos) {
      keys.push_back(entry.value.text);
    }
  }
}

void CheckSecrets(std::string_view text, const std::string& shown) {
  mainstay::Problems problems;
  std::vector<std::string> keys;
  if (const auto root = mainstay::config::ParseDocument(text, problems)) {
    CollectKeys(*root, keys);
  }
  for (const std::string& key : keys) {
    // A key that stands in the file a second time may be something else there.
    const size_t first = text.find(key);
    const bool once =
        first != std::string_view::npos && text.find(key, first + 1) == std::string_view::npos;
    MS_CHECK(!once || shown.find(key) == std::string::npos);
  }
}

// What depends on a variable is judged where the variable is set.
bool DependsOnVariable(const Imported& imported, const mainstay::Problem& problem) {
  return problem.path.ends_with("base_url") && imported.text.find("${") != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto result = mainstay::config::ImportPlano(text, "f");
  if (const auto* problems = std::get_if<mainstay::Problems>(&result)) {
    MS_CHECK(!problems->empty());
    return 0;
  }
  const Imported& imported = std::get<Imported>(result);
  CheckSecrets(text, imported.text +
                         mainstay::config::ProblemReport("f", imported.differences, "difference"));
  const auto loaded = mainstay::config::LoadText(
      imported.text, {.environment = [](const std::string& name) -> std::optional<std::string> {
                        return "http://variable/" + name;
                      },
                      .read_file = [](const std::string&, size_t) -> mainstay::Result<std::string> {
                        return mainstay::Error{.message = "is not read"};
                      },
                      .salt = ""});
  if (const auto* problems = std::get_if<mainstay::Problems>(&loaded)) {
    for (const mainstay::Problem& problem : problems->list()) {
      MS_CHECK(DependsOnVariable(imported, problem));
    }
  }
  return 0;
}
