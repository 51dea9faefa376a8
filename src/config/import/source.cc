#include "config/import/source.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace mainstay::config {
namespace {

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// The variable name at the start of the text, or nothing.
std::string_view NameAt(std::string_view text) {
  if (text.empty() || !IsNameStart(text[0])) {
    return {};
  }
  const auto end = std::ranges::find_if_not(
      text, [](char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); });
  return text.substr(0, static_cast<size_t>(end - text.begin()));
}

// A reference at the start of a text.
struct Reference {
  std::string_view name;  // empty: the text does not start with a reference
  std::string_view rest;  // with its :-, of ${NAME:-default}
  size_t length = 0;
};

Reference ReferenceAt(std::string_view text) {
  if (!text.starts_with("${")) {
    const std::string_view name =
        text.starts_with('$') ? NameAt(text.substr(1)) : text.substr(0, 0);
    return {.name = name, .rest = {}, .length = 1 + name.size()};
  }
  const size_t end = text.find('}');
  if (end == std::string_view::npos) {
    return {};
  }
  const std::string_view inside = text.substr(2, end - 2);
  const std::string_view name = NameAt(inside);
  const std::string_view rest = inside.substr(name.size());
  if (name.empty() || !(rest.empty() || rest.starts_with(":-")) ||
      rest.find("${") != std::string_view::npos) {
    return {};
  }
  return {.name = name, .rest = rest, .length = end + 1};
}

std::string_view Trimmed(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) {
    return {};
  }
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

// The path with its list positions left out.
std::string Pattern(std::string_view path) {
  std::string pattern;
  for (size_t i = 0; i < path.size(); ++i) {
    pattern += path[i];
    if (path[i] == '[') {
      while (i + 1 < path.size() && path[i + 1] != ']') {
        ++i;
      }
    }
  }
  return pattern;
}

bool IsAtOrBelow(std::string_view pattern, std::string_view path) {
  return pattern.starts_with(path) && (pattern.size() == path.size() ||
                                       pattern[path.size()] == '.' || pattern[path.size()] == '[');
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

ReferencedText WithReferences(std::string_view text) {
  ReferencedText out;
  while (!text.empty()) {
    const Reference reference = ReferenceAt(text);
    if (!reference.name.empty()) {
      out.text += "${" + std::string(reference.name) + std::string(reference.rest) + "}";
      text.remove_prefix(reference.length);
      continue;
    }
    if (text.starts_with("${")) {
      out.lossy = true;
      text.remove_prefix(1);
      continue;
    }
    out.text += text[0];
    text.remove_prefix(1);
  }
  return out;
}

bool IsOnlyReferences(std::string_view text) {
  for (const std::string_view scheme : {"Bearer ", "Basic ", "Token ", "bearer ", "token "}) {
    if (text.starts_with(scheme)) {
      text.remove_prefix(scheme.size());
      break;
    }
  }
  if (text.empty()) {
    return false;
  }
  while (!text.empty()) {
    const Reference reference = ReferenceAt(text);
    // A default may be the secret itself.
    if (reference.name.empty() || !reference.rest.empty()) {
      return false;
    }
    text.remove_prefix(reference.length);
  }
  return true;
}

ImportSource::ImportSource(const Node& root, Problems& differences)
    : root_(root), differences_(differences) {
  CollectVariables(root);
}

void ImportSource::CollectVariables(const Node& node) {
  for (size_t at = 0; (at = node.text.find('$', at)) != std::string::npos; ++at) {
    const Reference reference = ReferenceAt(std::string_view(node.text).substr(at));
    if (!reference.name.empty()) {
      variables_.emplace(reference.name);
    }
  }
  for (const Node& item : node.items) {
    CollectVariables(item);
  }
  for (const Entry& entry : node.entries) {
    CollectVariables(entry.value);
  }
}

void ImportSource::Differs(const Origin& origin, std::string message) {
  differences_.Add({.path = origin.path,
                    .message = std::move(message),
                    .line = origin.position.line,
                    .column = origin.position.column});
}

void ImportSource::ClaimAll(const Node& node) {
  Claim(node);
  for (const Node& item : node.items) {
    ClaimAll(item);
  }
  for (const Entry& entry : node.entries) {
    ClaimAll(entry.value);
  }
}

void ImportSource::ListUnused(std::span<const UnusedKey> known) {
  ListUnused(root_, "", known);
}

void ImportSource::ListUnused(const Node& node, const std::string& path,
                              std::span<const UnusedKey> known) {
  for (size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    const std::string at = At(path, i);
    if (claimed_.contains(&item)) {
      ListUnused(item, at, known);
    } else {
      Differs({.path = at, .position = item.position}, "has no equivalent");
    }
  }
  for (const Entry& entry : node.entries) {
    const std::string at = Under(path, Printable(entry.key));
    if (claimed_.contains(&entry.value)) {
      ListUnused(entry.value, at, known);
      continue;
    }
    const std::string pattern = Pattern(at);
    const auto row = std::ranges::find_if(
        known, [&](const UnusedKey& key) { return IsAtOrBelow(pattern, key.path); });
    Differs(
        {.path = at, .position = entry.position},
        row == known.end() ? "is not known, so nothing was made of it" : std::string(row->message));
  }
}

ImportItem::ImportItem(ImportSource& source)
    : ImportItem(source, source.root(), "", "", source.root().position) {}

ImportItem::ImportItem(ImportSource& source, const Node& node, std::string path, std::string key,
                       Position position)
    : source_(&source),
      node_(&node),
      origin_{.path = std::move(path), .position = position},
      key_(std::move(key)) {
  source_->Claim(node);
}

std::optional<ImportItem> ImportItem::Take(std::string_view key) const {
  for (const Entry& entry : node_->entries) {
    if (entry.key == key) {
      ImportItem item(*source_, entry.value, Under(origin_.path, Printable(key)), entry.key,
                      entry.position);
      return entry.value.kind == Node::Kind::kNull ? std::nullopt : std::optional(std::move(item));
    }
  }
  return std::nullopt;
}

std::optional<std::string> ImportItem::TakeText(std::string_view key) const {
  const std::optional<ImportItem> item = Take(key);
  return item ? item->Text() : std::nullopt;
}

bool ImportItem::TakeFlag(std::string_view key) const {
  const std::optional<ImportItem> item = Take(key);
  return item && item->Boolean().value_or(false);
}

std::vector<ImportItem> ImportItem::Items() const {
  std::vector<ImportItem> items;
  if (node_->kind != Node::Kind::kList) {
    LeaveOut("must be a list, so nothing was made of it");
    return items;
  }
  for (size_t i = 0; i < node_->items.size(); ++i) {
    const Node& item = node_->items[i];
    items.push_back(ImportItem(*source_, item, At(origin_.path, i), "", item.position));
  }
  return items;
}

std::vector<ImportItem> ImportItem::Entries() const {
  std::vector<ImportItem> items;
  if (!IsMap()) {
    LeaveOut("must be a mapping, so nothing was made of it");
    return items;
  }
  for (const Entry& entry : node_->entries) {
    items.push_back(ImportItem(*source_, entry.value, Under(origin_.path, Printable(entry.key)),
                               entry.key, entry.position));
  }
  return items;
}

std::optional<std::string> ImportItem::Text() const {
  if (node_->kind != Node::Kind::kScalar) {
    LeaveOut("must be text, so nothing was made of it");
    return std::nullopt;
  }
  ReferencedText referenced = WithReferences(Trimmed(node_->text));
  if (referenced.lossy) {
    Differs("holds a ${ that refers to no variable; it was written without its $");
  }
  // A block of several lines means what it means on one.
  std::ranges::replace_if(
      referenced.text, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return std::move(referenced.text);
}

std::optional<int64_t> ImportItem::Integer(int64_t min, int64_t max) const {
  const std::optional<int64_t> number = ParseNumber<int64_t>(Trimmed(node_->text));
  if (node_->kind == Node::Kind::kScalar && number && *number >= min && *number <= max) {
    return number;
  }
  LeaveOut("must be a whole number from " + std::to_string(min) + " to " + std::to_string(max) +
           ", so nothing was made of it");
  return std::nullopt;
}

std::optional<bool> ImportItem::Boolean() const {
  std::string word(Trimmed(node_->text));
  std::ranges::transform(word, word.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (const std::string_view yes : {"true", "yes", "on"}) {
    if (word == yes) {
      return true;
    }
  }
  for (const std::string_view no : {"false", "no", "off"}) {
    if (word == no) {
      return false;
    }
  }
  LeaveOut("must be true or false, so nothing was made of it");
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> ImportItem::Duration() const {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
  constexpr double kMostMs = 2'592'000'000;  // what Mainstay's own keys take: 30 days
  const std::string_view text = Trimmed(node_->text);
  for (const auto& [unit, factor] : kUnits) {
    if (!text.ends_with(unit)) {
      continue;
    }
    const std::optional<double> number =
        ParseNumber<double>(text.substr(0, text.size() - unit.size()));
    const double ms = number ? *number * factor : 0;
    if (ms > 0 && ms <= kMostMs) {  // false for NaN
      return std::chrono::milliseconds(std::max<int64_t>(1, std::llround(ms)));
    }
  }
  LeaveOut("must be a time such as 30s, so nothing was made of it");
  return std::nullopt;
}

void ImportItem::Differs(std::string message) const {
  source_->Differs(origin_, std::move(message));
}

void ImportItem::LeaveOut(std::string message) const {
  source_->ClaimAll(*node_);
  Differs(std::move(message));
}

}  // namespace mainstay::config
