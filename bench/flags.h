#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace mainstay::bench {

// The command line of a bench tool: `--name value` pairs. Read every flag, then call
// `RefuseUnknown`; any mistake ends the process with status 2 and one line on stderr, because a
// measurement with a mistyped flag is worse than none.
class Flags final {
 public:
  Flags(int argc, char** argv) {
    for (int i = 1; i < argc; i += 2) {
      const std::string_view name = argv[i];
      if (!name.starts_with("--") || i + 1 >= argc) {
        Refuse(name, "expected --name value pairs");
      }
      values_.emplace(name.substr(2), argv[i + 1]);
    }
  }

  int64_t Int(const std::string& name, int64_t otherwise, int64_t lowest) {
    const std::string text = String(name, std::to_string(otherwise));
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < lowest) {
      Refuse("--" + name, "must be an integer >= " + std::to_string(lowest));
    }
    return value;
  }

  std::string String(const std::string& name, const std::string& otherwise) {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      return otherwise;
    }
    const std::string value = found->second;
    values_.erase(found);
    return value;
  }

  void RefuseUnknown() const {
    if (!values_.empty()) {
      Refuse("--" + values_.begin()->first, "unknown flag");
    }
  }

 private:
  [[noreturn]] static void Refuse(std::string_view flag, std::string_view why) {
    std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(flag.size()), flag.data(),
                 static_cast<int>(why.size()), why.data());
    std::exit(2);
  }

  std::map<std::string, std::string> values_;
};

}  // namespace mainstay::bench
