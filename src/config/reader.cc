#include "config/reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/suggest.h"
#include "base/text.h"
#include "config/text_check.h"

namespace mainstay::config {
namespace {

// Beyond this many nobody reads on, and a hostile file could make the list huge.
constexpr size_t kProblemsMax = 1'000;

// Keys, tokens and certificates are far smaller.
constexpr size_t kFileBytesMax = 1 << 20;

// Of one list. Checks compare items with each other, so the bound also bounds their time.
constexpr size_t kItemsMax = 10'000;

// The grammar of JSON numbers: what every reader takes for the same number.
bool LooksLikeNumber(std::string_view text) {
  const auto digits = [&text] {
    size_t count = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      text.remove_prefix(1);
      ++count;
    }
    return count;
  };
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  }
  const bool zero = text.starts_with('0');
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) {
    return false;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) {
      return false;
    }
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) {
      text.remove_prefix(1);
    }
    if (digits() == 0) {
      return false;
    }
  }
  return text.empty();
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 40;
  return text.size() > kShown ? '"' + Printable(text.substr(0, kShown)) + "...\""
                              : '"' + Printable(text) + '"';
}

std::string Found(const Node& node, Show show) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a mapping";
    case Node::Kind::kBroken:
      return "something else";
    case Node::Kind::kScalar:
      break;
  }
  if (node.origin == Node::Origin::kEnvironment) {
    return "a value from the environment";
  }
  if (show == Show::kNothing) {
    return "***";
  }
  const bool quoted_number = node.origin == Node::Origin::kQuoted && LooksLikeNumber(node.text);
  return (quoted_number ? "the text " : "") + Quoted(node.text);
}

std::string WithArticle(std::string_view what, const std::string& range) {
  return std::string(what) + (range.empty() ? "" : " " + range);
}

}  // namespace

void Reader::AddAt(std::string path, std::string message, Position position) {
  if (problems_.list().size() < kProblemsMax) {
    problems_.Add({.path = std::move(path),
                   .message = std::move(message),
                   .line = position.line,
                   .column = position.column});
  }
}

void Reader::Add(const Place& place, std::string message) {
  AddAt(place.path, std::move(message), place.position);
}

void Reader::WrongType(const Place& place, std::string_view allowed, Show show) {
  if (place.node.kind != Node::Kind::kBroken) {
    Add(place, "must be " + std::string(allowed) + ", found " + Found(place.node, show));
  }
}

std::optional<std::string> Reader::Scalar(const Place& place, std::string_view allowed, Show show) {
  if (place.node.kind != Node::Kind::kScalar) {
    WrongType(place, allowed, show);
    return std::nullopt;
  }
  return std::string(Trim(place.node.text));
}

std::optional<std::string> Reader::Plain(const Place& place, std::string_view allowed) {
  if (place.node.origin == Node::Origin::kQuoted) {
    WrongType(place, allowed, Show::kValue);
    return std::nullopt;
  }
  return Scalar(place, allowed, Show::kValue);
}

std::optional<std::string> Reader::Text(const Place& place, std::string_view allowed, Show show) {
  if (!Scalar(place, allowed, show)) {
    return std::nullopt;
  }
  const std::string& text = place.node.text;
  const bool typed = text == "true" || text == "false" || LooksLikeNumber(text);
  if (place.node.origin == Node::Origin::kPlain && typed) {
    Add(place, "must be " + std::string(allowed) + ", found " + Found(place.node, show) +
                   "; put it in quotes if text is meant");
    return std::nullopt;
  }
  if (HasControl(text)) {
    Add(place,
        "must be " + std::string(allowed) + " without line ends and other control characters");
    return std::nullopt;
  }
  return text;
}

std::optional<int64_t> Reader::Integer(const Place& place, int64_t min, int64_t max) {
  const std::string allowed = WithArticle("a whole number", RangeText(min, max));
  const std::optional<std::string> text = Plain(place, allowed);
  if (!text) {
    return std::nullopt;
  }
  int64_t value = 0;
  const char* end = text->data() + text->size();
  const std::from_chars_result read = std::from_chars(text->data(), end, value);
  const bool whole = read.ec == std::errc() && read.ptr == end && LooksLikeNumber(*text);
  if (!whole || value < min || value > max) {
    WrongType(place, allowed, Show::kValue);
    return std::nullopt;
  }
  return value;
}

std::optional<double> Reader::Number(const Place& place, double min, double max) {
  const std::string allowed = WithArticle("a number", RangeText(min, max));
  const std::optional<std::string> text = Plain(place, allowed);
  if (!text) {
    return std::nullopt;
  }
  double value = 0;
  const char* end = text->data() + text->size();
  const std::from_chars_result read = std::from_chars(text->data(), end, value);
  const bool finite =
      LooksLikeNumber(*text) && read.ec == std::errc() && read.ptr == end && std::isfinite(value);
  if (!finite || value < min || value > max) {
    WrongType(place, allowed, Show::kValue);
    return std::nullopt;
  }
  return value + 0.0;  // -0 becomes 0, so that both have one text
}

std::optional<bool> Reader::Boolean(const Place& place) {
  constexpr std::string_view kAllowed = "true or false";
  const std::optional<std::string> text = Plain(place, kAllowed);
  if (!text) {
    return std::nullopt;
  }
  if (*text == "true" || *text == "false") {
    return *text == "true";
  }
  // Words that YAML 1.1 read as booleans and YAML 1.2 does not.
  constexpr std::string_view kTrue[] = {"yes", "Yes", "on", "On", "True", "TRUE"};
  constexpr std::string_view kFalse[] = {"no", "No", "off", "Off", "False", "FALSE"};
  std::string hint;
  if (std::ranges::find(kTrue, *text) != std::end(kTrue)) {
    hint = "; did you mean true?";
  } else if (std::ranges::find(kFalse, *text) != std::end(kFalse)) {
    hint = "; did you mean false?";
  }
  Add(place, "must be " + std::string(kAllowed) + ", found " + Found(place.node, Show::kValue) +
                 (place.node.origin == Node::Origin::kEnvironment ? "" : hint));
  return std::nullopt;
}

std::optional<size_t> Reader::Choice(const Place& place, std::span<const std::string_view> names) {
  const std::string allowed = (names.size() > 1 ? "one of " : "") + Join(names);
  std::optional<std::string> text = Scalar(place, allowed, Show::kValue);
  if (!text) {
    return std::nullopt;
  }
  if (*text == "false" && place.node.origin == Node::Origin::kPlain) {
    text = "off";
  }
  const auto found = std::ranges::find(names, *text);
  if (found == names.end()) {
    const bool hidden = place.node.origin == Node::Origin::kEnvironment;
    Add(place, "must be " + allowed + ", found " + Found(place.node, Show::kValue) +
                   (hidden ? "" : DidYouMean(*text, names)));
    return std::nullopt;
  }
  return static_cast<size_t>(found - names.begin());
}

std::optional<std::string> Reader::File(const Place& place) {
  const std::optional<std::string> path = Text(place, "the path of a file", Show::kValue);
  if (!path) {
    return std::nullopt;
  }
  if (path->empty()) {
    WrongType(place, "the path of a file", Show::kValue);
    return std::nullopt;
  }
  Result<std::string> contents = read_file_(*path, kFileBytesMax);
  if (!contents) {
    Add(place, "the file " + Found(place.node, Show::kValue) + " " + contents.error().message);
    return std::nullopt;
  }
  return std::move(contents).value();
}

bool Reader::IsMap(const Place& place) {
  if (place.node.kind == Node::Kind::kMap || place.node.kind == Node::Kind::kNull) {
    return true;
  }
  WrongType(place, "a mapping of keys to values", Show::kNothing);
  return false;
}

bool Reader::IsList(const Place& place, std::string_view allowed) {
  if (place.node.items.size() > kItemsMax) {
    Add(place, "has " + std::to_string(place.node.items.size()) + " items; at most " +
                   std::to_string(kItemsMax) + " are allowed");
    return false;
  }
  if (place.node.kind == Node::Kind::kList || place.node.kind == Node::Kind::kNull) {
    return true;
  }
  WrongType(place, allowed, Show::kNothing);
  return false;
}

void Reader::UnknownKey(const Place& map, const Entry& entry,
                        std::span<const std::string_view> known) {
  if (problems_.list().size() >= kProblemsMax) {
    return;  // before the search for a hint, which is the dear part
  }
  std::string hint = DidYouMean(entry.key, known);
  if (hint.empty()) {
    hint = "; allowed here: " + Join(known);
  }
  AddAt(Under(map.path, Printable(entry.key)), "unknown key" + hint, entry.position);
}

std::string RangeText(int64_t min, int64_t max) {
  constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
  constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();
  if (min == kLowest) {
    return max == kHighest ? "" : "of at most " + std::to_string(max);
  }
  return max == kHighest ? "of at least " + std::to_string(min)
                         : "from " + std::to_string(min) + " to " + std::to_string(max);
}

std::string RangeText(double min, double max) {
  constexpr double kHighest = std::numeric_limits<double>::max();
  if (min == -kHighest) {
    return max == kHighest ? "" : "of at most " + NumberText(max);
  }
  return max == kHighest ? "of at least " + NumberText(min)
                         : "from " + NumberText(min) + " to " + NumberText(max);
}

std::string NumberText(double value) {
  std::array<char, 64> text;
  char* const last = text.data() + text.size();
  // 1000000 rather than 1e+06, wherever the digits are few.
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= 1e-6 && size < 1e15);
  const std::to_chars_result end =
      fixed ? std::to_chars(text.data(), last, value, std::chars_format::fixed)
            : std::to_chars(text.data(), last, value);
  MS_CHECK(end.ec == std::errc());
  return std::string(text.data(), end.ptr);
}

std::string Join(std::span<const std::string_view> names, std::string_view separator) {
  std::string joined;
  for (const std::string_view name : names) {
    joined += joined.empty() ? "" : separator;
    joined += name;
  }
  return joined;
}

}  // namespace mainstay::config
