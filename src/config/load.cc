#include "config/load.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "config/document.h"
#include "config/fingerprint.h"
#include "config/reader.h"
#include "config/sections/sections.h"
#include "config/writer.h"

namespace mainstay::config {
namespace {

// Calls `visit` with every path that `path` is below: a.b[0].c gives a, a.b and a.b[0].
void ForEachPrefix(std::string_view path, auto visit) {
  for (size_t i = 1; i < path.size(); ++i) {
    if (path[i] == '.' || path[i] == '[') {
      visit(path.substr(0, i));
    }
  }
}

// Answers whether reading already complained about a path, about something above it, or about
// something below it. What the checks say about such a place follows from the first problem.
class Reported final {
 public:
  explicit Reported(const Problems& problems) {
    for (const Problem& problem : problems.list()) {
      paths_.insert(problem.path);
      ForEachPrefix(problem.path, [this](std::string_view prefix) { above_.emplace(prefix); });
    }
  }

  bool Covers(std::string_view path) const {
    bool covers = paths_.contains(path) || above_.contains(path);
    ForEachPrefix(path, [&](std::string_view prefix) { covers |= paths_.contains(prefix); });
    return covers;
  }

 private:
  std::set<std::string, std::less<>> paths_;
  std::set<std::string, std::less<>> above_;
};

void AddPosition(const Node& root, Problem& problem) {
  if (problem.line == 0) {
    const Position position = Locate(root, problem.path);
    problem.line = position.line;
    problem.column = position.column;
  }
}

void Sort(Problems& problems) {
  std::ranges::sort(problems.list(), {}, [](const Problem& problem) {
    return std::tuple(problem.line, problem.column, std::string_view(problem.path),
                      std::string_view(problem.message));
  });
}

// The checks of the modules, with positions, without what follows from a problem of reading.
void ValidateAll(const gateway::Options& options, const Node& root, Problems& problems) {
  const Reported reported(problems);
  Problems found;
  gateway::Validate(options, found);
  for (Problem& problem : found.list()) {
    if (!reported.Covers(problem.path)) {
      AddPosition(root, problem);
      problems.Add(std::move(problem));
    }
  }
}

Problems Finished(Problems problems, const UsedVariables& variables) {
  for (Problem& problem : problems.list()) {
    problem.message = HideVariables(std::move(problem.message), variables);
  }
  Sort(problems);
  return problems;
}

}  // namespace

std::string EffectiveConfig(const gateway::Options& options, const std::string& salt) {
  Writer writer(salt);
  RootTable().Write(writer, options);
  return writer.text();
}

LoadResult LoadText(std::string_view text, const Sources& sources) {
  Problems problems;
  std::optional<Node> root = ParseDocument(text, problems);
  if (!root) {
    return Finished(std::move(problems), {});
  }
  const UsedVariables variables = ExpandEnvironment(*root, sources.environment, problems);
  Loaded loaded;
  Reader reader(problems, sources.read_file);
  if (root->kind == Node::Kind::kMap) {
    RootTable().Read(reader, {.node = *root, .path = ""}, loaded.options);
    ValidateAll(loaded.options, *root, problems);
  } else {
    reader.WrongType({.node = *root, .path = ""}, "a mapping that starts with version: 1",
                     Show::kNothing);
  }
  if (!problems.empty()) {
    return Finished(std::move(problems), variables);
  }
  gateway::AddWarnings(loaded.options, loaded.warnings);
  for (Problem& warning : loaded.warnings.list()) {
    AddPosition(*root, warning);
  }
  loaded.warnings = Finished(std::move(loaded.warnings), variables);
  loaded.effective = EffectiveConfig(loaded.options, sources.salt);
  loaded.hash = ShortHash(loaded.effective);
  return loaded;
}

LoadResult LoadFile(const std::string& path, const Sources& sources) {
  const Result<std::string> text = sources.read_file(path, DocumentLimits().bytes);
  if (!text) {
    Problems problems;
    problems.Add("", "the configuration file " + Printable(path) + " " + text.error().message);
    return problems;
  }
  return LoadText(*text, sources);
}

}  // namespace mainstay::config
