#include "wire/digest/history_rules.h"

#include <utility>

namespace mainstay::wire {
namespace {

constexpr std::string_view kEllipsis = "…";
constexpr std::string_view kDots = "...";

// As the texts are that it is looked for in.
std::string Folded(std::string_view text) {
  std::string folded;
  for (const char c : text) {
    const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (!blank) {
      folded += c;
    } else if (!folded.empty() && folded.back() != ' ') {
      folded += ' ';
    }
  }
  if (folded.ends_with(' ')) {
    folded.pop_back();
  }
  return folded;
}

struct Mark {
  size_t at = std::string_view::npos;
  size_t bytes = 0;
};

Mark FindMark(std::string_view text, size_t from) {
  const size_t ellipsis = text.find(kEllipsis, from);
  const size_t dots = text.find(kDots, from);
  return ellipsis < dots ? Mark{.at = ellipsis, .bytes = kEllipsis.size()}
                         : Mark{.at = dots, .bytes = kDots.size()};
}

Error Wrong(std::string message) {
  return {.kind = ErrorKind::kInvalidField, .side = Side::kGateway, .message = std::move(message)};
}

}  // namespace

Result<VolatilePattern> ParseVolatilePattern(std::string_view text) {
  const Mark mark = FindMark(text, 0);
  if (mark.at == std::string_view::npos) {
    return Wrong("must be of the form BEGIN…END (or BEGIN...END), such as <note>…</note>");
  }
  if (FindMark(text, mark.at + mark.bytes).at != std::string_view::npos) {
    return Wrong("must have one … (or ...) only, between the two texts");
  }
  VolatilePattern pattern{.begin = Folded(text.substr(0, mark.at)),
                          .end = Folded(text.substr(mark.at + mark.bytes))};
  if (pattern.begin.empty() || pattern.end.empty()) {
    return Wrong("must have a text on each side of the …");
  }
  if (pattern.begin.size() > HistoryRules::kLiteralBytesMax ||
      pattern.end.size() > HistoryRules::kLiteralBytesMax) {
    return Wrong("has more than " + std::to_string(HistoryRules::kLiteralBytesMax) +
                 " bytes on one side of the …");
  }
  return pattern;
}

void Validate(const HistoryOptions& options, std::string_view path, Problems& problems) {
  const std::vector<std::string>& patterns = options.volatile_patterns;
  if (patterns.size() > HistoryRules::kPatternsMax) {
    problems.Add(std::string(path), "may list " + std::to_string(HistoryRules::kPatternsMax) +
                                        " patterns, has " + std::to_string(patterns.size()));
  }
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (const Result<VolatilePattern> pattern = ParseVolatilePattern(patterns[i]); !pattern) {
      problems.Add(At(path, i), pattern.error().message);
    }
  }
}

HistoryRules::HistoryRules(const HistoryOptions& options, const HashKey& install_key)
    : seed_(KeyedHash(install_key, "history-digest").Hash({"seed"}).low) {
  for (const std::string& text : options.volatile_patterns) {
    if (Result<VolatilePattern> pattern = ParseVolatilePattern(text)) {
      blocks_.push_back({.begin = std::move(pattern->begin), .end = std::move(pattern->end)});
    }
  }
  blocks_.push_back({.begin = "<think>", .end = "</think>", .assistant_only = true});
  blocks_.push_back({.begin = "<thinking>", .end = "</thinking>", .assistant_only = true});
  for (const Block& block : blocks_) {
    begins_[static_cast<uint8_t>(block.begin.front())] = true;
    only_tags_ = only_tags_ && block.begin.front() == '<';
  }
}

}  // namespace mainstay::wire
