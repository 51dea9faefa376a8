#include "tidy/rules.h"

#include <algorithm>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include "tidy/functions.h"
#include "tidy/layers.h"

namespace mainstay::tidy {
namespace {

constexpr int kLineColumnsMax = 100;
constexpr int kFileLinesMax = 600;
constexpr int kFunctionLinesMax = 70;

// A file with what the rules need of it and of its neighbours.
struct Subject {
  const SourceFile& file;
  const Views& views;
  const std::set<std::string_view>& paths;  // every path of the tree
};

using Findings = std::vector<Finding>;

bool IsCode(const Subject& s) {
  return IsHeader(s.file.path) || IsSource(s.file.path);
}
bool IsProductCode(const Subject& s) {
  return IsCode(s) && KindOf(s.file.path) == Kind::kProduct;
}

void Add(const Subject& s, int line, std::string message, Findings& findings) {
  findings.push_back({s.file.path, line, std::move(message)});
}

// Adds one finding for each match in a view of the file.
void AddMatches(const Subject& s, std::string_view view, const std::regex& what,
                const std::string& message, Findings& findings) {
  for (std::cregex_iterator it(view.data(), view.data() + view.size(), what), end; it != end;
       ++it) {
    Add(s, LineAt(view, static_cast<size_t>(it->position())), message, findings);
  }
}

// --- size and place ------------------------------------------------------------------------------

// Columns as an editor shows them: the continuation bytes of UTF-8 take none.
int Columns(std::string_view line) {
  return static_cast<int>(std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; }));
}

void LineLength(const Subject& s, Findings& findings) {
  if (!IsCode(s)) {
    return;
  }
  int number = 0;
  for (const std::string_view line : Lines(s.file.text)) {
    ++number;
    if (Columns(line) > kLineColumnsMax) {
      Add(s, number, "the line has " + std::to_string(Columns(line)) + " columns, 100 are allowed",
          findings);
    }
  }
}

void FileLength(const Subject& s, Findings& findings) {
  const auto lines = static_cast<int>(Lines(s.file.text).size());
  if ((IsCode(s) || s.file.path.starts_with("src/")) && lines > kFileLinesMax) {
    Add(s, kFileLinesMax + 1,
        "the file has " + std::to_string(lines) + " lines, 600 are allowed; split it by subject",
        findings);
  }
}

void FunctionLength(const Subject& s, Findings& findings) {
  if (!IsProductCode(s)) {
    return;
  }
  for (const FunctionBody& body : FindFunctions(s.views.code)) {
    if (body.lines > kFunctionLinesMax) {
      Add(s, body.first_line,
          "the function has " + std::to_string(body.lines) + " lines, 70 are allowed", findings);
    }
  }
}

void FolderName(const Subject& s, Findings& findings) {
  static const std::regex kVague("(^|/)(utils?|common|helpers?|misc)/");
  if (std::regex_search(s.file.path, kVague)) {
    Add(s, 1, "a folder is named after what it holds, not util, common or helpers", findings);
  }
}

// --- what only base/, cli/ and http/io may touch -------------------------------------------------

enum class Outside { kClock, kSteadyClock, kChance, kEnvironment, kConsole };

struct OutsideWord {
  Outside what;
  const char* pattern;
  const char* message;
};

constexpr OutsideWord kOutsideWords[] = {
    {Outside::kSteadyClock, R"(steady_clock::now\b|\bCLOCK_MONOTONIC\w*)",
     "socket time comes from the event loop"},
    {Outside::kClock,
     R"((system|high_resolution|utc|file)_clock::now\b|\bCLOCK_REALTIME\w*)"
     R"(|\bgettimeofday\s*\(|\bstd::time\s*\(|[^:.>\w]time\s*\(\s*(nullptr|NULL|0)\s*\))",
     "time is an argument; PolicyClock is read by the pipeline"},
    {Outside::kChance,
     R"(\brandom_device\b|\bmt19937\w*|\bgetrandom\s*\(|\bs?rand(om)?\s*\(|\barc4random\w*)"
     R"(|\bRAND_bytes\b)",
     "chance is an argument: base/random.h"},
    {Outside::kEnvironment, R"(\b(secure_)?getenv\s*\(|\b(set|put|unset)env\s*\(|\benviron\b)",
     "the environment is read in cli/ and handed down"},
    {Outside::kConsole,
     R"(\bstd::(cout|cerr|clog)\b|\bstd(out|err)\b|[^\w](v?printf|puts|putchar)\s*\()",
     "the console belongs to cli/; stages return what they have to say"},
};

bool MayTouch(std::string_view below_src, Outside what) {
  if (below_src.starts_with("base/") || below_src.starts_with("cli/") || below_src == "main.cc") {
    return true;
  }
  return below_src.starts_with("http/io/") && what == Outside::kSteadyClock;
}

void OutsideWorld(const Subject& s, Findings& findings) {
  if (!IsProductCode(s)) {
    return;
  }
  for (const OutsideWord& word : kOutsideWords) {
    if (!MayTouch(BelowTop(s.file.path), word.what)) {
      AddMatches(s, s.views.code, std::regex(word.pattern), word.message, findings);
    }
  }
}

// --- comments and form ---------------------------------------------------------------------------

void Todo(const Subject& s, Findings& findings) {
  static const std::regex kAny(R"(\b(TODO|FIXME|XXX)\b)");
  static const std::regex kAllowed(R"(TODO\((soon|perf|cleanup)(, #[0-9]+)?\): )");
  if (!IsCode(s)) {
    return;
  }
  const std::string_view view = s.views.comments;
  for (std::cregex_iterator it(view.data(), view.data() + view.size(), kAny), end; it != end;
       ++it) {
    const auto position = static_cast<size_t>(it->position());
    const std::string rest(view.substr(position, view.find('\n', position) - position));
    if (!std::regex_search(rest, kAllowed, std::regex_constants::match_continuous)) {
      Add(s, LineAt(view, position),
          "write TODO(soon|perf|cleanup[, #issue]): text; what blocks the change is done now",
          findings);
    }
  }
}

void UsingNamespace(const Subject& s, Findings& findings) {
  // Literals such as 5ms can be had in no other way.
  static const std::regex kUsing(R"(\busing\s+namespace\s+(?!std::\w*_literals\b))");
  if (IsCode(s)) {
    AddMatches(s, s.views.code, kUsing, "no using namespace", findings);
  }
}

void DisabledTest(const Subject& s, Findings& findings) {
  static const std::regex kDisabled(R"(\bDISABLED_)");
  if (IsCode(s)) {
    AddMatches(s, s.views.code, kDisabled, "a test runs or is deleted", findings);
  }
}

void PragmaOnce(const Subject& s, Findings& findings) {
  if (!IsHeader(s.file.path)) {
    return;
  }
  int number = 0;
  for (const std::string_view line : Lines(s.file.text)) {
    ++number;
    if (line == "#pragma once") {
      return;
    }
    if (!line.empty() && !line.starts_with("//")) {
      break;
    }
  }
  Add(s, std::max(number, 1), "a header starts with #pragma once", findings);
}

// The header that a source file belongs to: FOO.h for FOO.cc and FOO_test.cc, if there is one.
std::string OwnHeader(const Subject& s) {
  std::string_view stem = s.file.path;
  stem.remove_suffix(std::string_view(".cc").size());
  for (const std::string_view end : {"", "_test"}) {
    if (stem.ends_with(end)) {
      const std::string header = std::string(stem.substr(0, stem.size() - end.size())) + ".h";
      if (s.paths.contains(header)) {
        return header;
      }
    }
  }
  return "";
}

void OwnHeaderFirst(const Subject& s, Findings& findings) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*["<]([^">]+)[">])re");
  if (!IsSource(s.file.path)) {
    return;
  }
  const std::string own = OwnHeader(s);
  if (own.empty()) {
    return;
  }
  int number = 0;
  for (const std::string_view line : Lines(s.file.text)) {
    ++number;
    std::cmatch match;
    if (!std::regex_search(line.data(), line.data() + line.size(), match, kInclude)) {
      continue;
    }
    if (!own.ends_with("/" + match[1].str())) {
      Add(s, number, "the first include is the file's own header, " + own, findings);
    }
    return;
  }
  Add(s, 1, "the file does not include its own header, " + own, findings);
}

using Rule = void (*)(const Subject&, Findings&);
constexpr Rule kRules[] = {
    &LineLength, &FileLength,     &FunctionLength, &FolderName, &OutsideWorld,
    &Todo,       &UsingNamespace, &DisabledTest,   &PragmaOnce, &OwnHeaderFirst,
};

}  // namespace

std::vector<Finding> CheckTree(const std::vector<SourceFile>& tree) {
  std::set<std::string_view> paths;
  for (const SourceFile& file : tree) {
    paths.insert(file.path);
  }
  std::vector<Finding> findings;
  for (const SourceFile& file : tree) {
    const bool is_code = IsHeader(file.path) || IsSource(file.path);
    const Views views = is_code ? Split(file.text) : Views{};
    const Subject subject{.file = file, .views = views, .paths = paths};
    CheckIncludes(file, findings);
    for (const Rule rule : kRules) {
      rule(subject, findings);
    }
  }
  return findings;
}

}  // namespace mainstay::tidy
