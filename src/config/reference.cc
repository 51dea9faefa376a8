#include "config/reference.h"

#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration reference

<!-- Generated. To change it, change the tables in src/config/sections and run
     mainstay config reference > docs/reference/config.md -->

One YAML file (JSON is YAML). `mainstay check -c FILE` reports everything that is wrong with it,
each problem with its line, column and path, and starts nothing.

- A key that is not on this page is a problem, as is a key given twice.
- `${NAME}` and `${NAME:-default}` in a value stand for a variable of the environment. A variable
  that is not set and has no default is a problem. In `{...}` and `[...]` put them in quotes.
- Names of choices are matched exactly: letter case counts.
- `0`, `false` and empty text are values. They differ from a key that is absent.
- Text that looks like a number, `true` or `false` needs quotes.
- Keys that end in `_ms` are milliseconds, at most 30 days.
- Secrets may stand in the file, come from the environment, or be read from a file of their own with
  the key that ends in `_file`. They are shown nowhere: the effective configuration holds a
  fingerprint of each.
- Anchors and aliases are allowed; merge keys (`<<`) and tags (`!...`) are not.
)";

std::string Code(const std::string& text) {
  return text.empty() || text == "required" ? text : '`' + text + '`';
}

void WriteTable(const TableDoc& keys, const std::string& path, std::string& page) {
  page += "\n| key | type | default | meaning |\n|---|---|---|---|\n";
  for (const KeyDoc& key : keys) {
    page += "| `" + key.key + "` | " + key.type + " | " + Code(key.default_text) + " | " + key.doc +
            " |\n";
  }
  for (const KeyDoc& key : keys) {
    if (key.keys == nullptr) {
      continue;
    }
    const std::string at = Under(path, key.key) + key.keys_suffix;
    page += "\n## `" + at + "`\n\n" + key.doc + '\n';
    WriteTable(*key.keys, at, page);
  }
}

}  // namespace

std::string ConfigReference() {
  std::string page(kIntroduction);
  WriteTable(RootTable().docs(), "", page);
  return page;
}

}  // namespace mainstay::config
