#include "tidy/layers.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace mainstay::tidy {
namespace {

enum class Logs { kNo, kYes };

struct Module {
  std::string_view name;
  int layer;
  // What it may include of its own layer beside itself: folders end in a slash, files do not.
  std::array<std::string_view, 2> beside;
  Logs logs;  // may it include base/log.h?
};

// Includes go downwards. A stage (layer 2) returns its explanation instead of logging it, and
// meets other stages only through model/. Of the stages, observe/ writes the access log.
constexpr Module kModules[] = {
    // name           layer  beside                       logs
    {"base", 0, {}, Logs::kYes},
    {"model", 1, {}, Logs::kNo},
    {"signal", 1, {"model/"}, Logs::kNo},
    {"http", 1, {}, Logs::kYes},
    {"wire", 2, {}, Logs::kNo},
    {"identity", 2, {}, Logs::kNo},
    {"session", 2, {}, Logs::kNo},
    {"decision", 2, {}, Logs::kNo},
    {"policy", 2, {}, Logs::kNo},
    {"account", 2, {}, Logs::kNo},
    {"upstream", 2, {"wire/protocol.h"}, Logs::kNo},
    {"observe", 2, {}, Logs::kYes},
    {"replay", 2, {}, Logs::kNo},
    {"fake_provider", 2, {"wire/"}, Logs::kYes},
    {"gateway", 3, {"admin/"}, Logs::kYes},
    {"admin", 3, {"gateway/"}, Logs::kYes},
    {"config", 4, {}, Logs::kYes},
    {"cli", 4, {"config/"}, Logs::kYes},
    {"main.cc", 4, {"cli/", "config/"}, Logs::kYes},
};

struct Library {
  std::string_view header;  // what its includes start with
  // Where the product may include it: folders, or file names without their ends.
  std::array<std::string_view, 3> places;
};

constexpr Library kLibraries[] = {
    {"CLI/", {"cli/"}},
    {"ares", {"http/io/"}},
    {"boost/", {"base/"}},
    {"brotli/", {"http/content_coding"}},
    {"fasttext/", {"decision/router/fasttext_plugin"}},
    {"fmt/", {"base/", "cli/"}},
    {"mainstay_version.h", {"cli/"}},  // written by CMake
    {"openssl/", {"base/", "http/io/"}},
    {"simdjson", {}},
    {"spdlog/", {"base/log"}},
    {"sqlite3.h", {"session/", "replay/"}},
    {"xxhash.h", {"base/"}},
    {"yaml-cpp/", {"config/"}},
    {"zlib.h", {"http/content_coding"}},
    {"zstd.h", {"http/content_coding"}},
    // For the tests, benches and fuzz targets beside the code, which this table does not bind.
    {"benchmark/", {}},
    {"gmock/", {}},
    {"gtest/", {}},
    {"nlohmann/", {}},
};

// The operating system's headers that have a name as a library's would be.
constexpr std::string_view kSystemFolders[] = {"arpa/", "linux/", "net/", "netinet/", "sys/"};
constexpr std::string_view kSystemHeaders[] = {
    "cpuid.h",     "cxxabi.h",  "dirent.h",  "dlfcn.h",     "emmintrin.h", "execinfo.h",
    "fcntl.h",     "grp.h",     "ifaddrs.h", "immintrin.h", "malloc.h",    "netdb.h",
    "nmmintrin.h", "poll.h",    "pthread.h", "pwd.h",       "sched.h",     "signal.h",
    "spawn.h",     "termios.h", "time.h",    "unistd.h",    "wait.h",      "arm_neon.h",
};

struct Include {
  std::string_view header;
  bool ours = false;  // in quotes, not in angle brackets
  int line = 0;
};

std::optional<Include> ParseInclude(std::string_view text, int line) {
  const auto skip_blanks = [&text] {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  };
  skip_blanks();
  if (!text.starts_with('#')) {
    return std::nullopt;
  }
  text.remove_prefix(1);
  skip_blanks();
  if (!text.starts_with("include")) {
    return std::nullopt;
  }
  text.remove_prefix(std::string_view("include").size());
  skip_blanks();
  if (text.empty() || (text[0] != '"' && text[0] != '<')) {
    return std::nullopt;
  }
  const bool ours = text[0] == '"';
  text.remove_prefix(1);
  return Include{.header = text.substr(0, text.find(ours ? '"' : '>')), .ours = ours, .line = line};
}

const Module* FindModule(std::string_view below_src) {
  const std::string_view name = below_src.substr(0, below_src.find('/'));
  const auto* found = std::ranges::find(kModules, name, &Module::name);
  return found == std::end(kModules) ? nullptr : found;
}

bool StartsWithAny(std::string_view text, const auto& prefixes) {
  return std::ranges::any_of(prefixes, [text](std::string_view prefix) {
    return !prefix.empty() && text.starts_with(prefix);
  });
}

// Why the module of `file` must not include a header of ours, or nothing.
std::optional<std::string> AgainstLayers(const SourceFile& file, const Module& from,
                                         std::string_view header) {
  const Module* to = FindModule(header);
  if (to == nullptr) {
    return "\"" + std::string(header) + "\" is in no module of tests/tidy/layers.cc";
  }
  if (to == &from || to->layer < from.layer) {
    if (header == "base/log.h" && from.logs == Logs::kNo) {
      return std::string(from.name) + "/ returns its explanation and does not log";
    }
    return std::nullopt;
  }
  if (to->layer > from.layer) {
    return std::string(from.name) + "/ includes upwards: " + std::string(header);
  }
  // A test may bring the part that stands on the other side, the fake provider for example.
  if (KindOf(file.path) != Kind::kProduct || StartsWithAny(header, from.beside)) {
    return std::nullopt;
  }
  return std::string(from.name) + "/ includes its neighbour " + std::string(header) +
         "; what both need belongs into a layer below";
}

bool IsSystemHeader(std::string_view header) {
  const bool standard =
      header.find('.') == std::string_view::npos && header.find('/') == std::string_view::npos;
  return standard || StartsWithAny(header, kSystemFolders) ||
         std::ranges::find(kSystemHeaders, header) != std::end(kSystemHeaders);
}

// Why the product must not include this library here, or nothing.
std::optional<std::string> AgainstLibraries(const SourceFile& file, const Module& from,
                                            std::string_view header) {
  if (IsSystemHeader(header)) {
    return std::nullopt;
  }
  const auto* library = std::ranges::find_if(
      kLibraries, [header](const Library& row) { return header.starts_with(row.header); });
  if (library == std::end(kLibraries)) {
    return "<" + std::string(header) + "> is in no row of tests/tidy/layers.cc";
  }
  if (!StartsWithAny(BelowTop(file.path), library->places)) {
    return "<" + std::string(header) + "> does not belong here, but in its wrapper";
  }
  if (from.layer == 2 && IsHeader(file.path)) {
    return "<" + std::string(header) + "> in a stage's header reaches everyone who includes it";
  }
  return std::nullopt;
}

}  // namespace

void CheckIncludes(const SourceFile& file, std::vector<Finding>& findings) {
  if (!file.path.starts_with("src/") || !(IsHeader(file.path) || IsSource(file.path))) {
    return;
  }
  const Module* module = FindModule(BelowTop(file.path));
  if (module == nullptr) {
    findings.push_back({file.path, 1, "this folder is in no row of tests/tidy/layers.cc"});
    return;
  }
  int number = 0;
  for (const std::string_view line : Lines(file.text)) {
    const std::optional<Include> include = ParseInclude(line, ++number);
    if (!include) {
      continue;
    }
    std::optional<std::string> why;
    if (include->ours) {
      why = AgainstLayers(file, *module, include->header);
    } else if (KindOf(file.path) == Kind::kProduct) {
      why = AgainstLibraries(file, *module, include->header);
    }
    if (why) {
      findings.push_back({file.path, include->line, *std::move(why)});
    }
  }
}

}  // namespace mainstay::tidy
