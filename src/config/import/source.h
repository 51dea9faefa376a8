#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "config/document.h"

namespace mainstay::config {

// Where something came from, for the list of differences.
struct Origin {
  std::string path;
  Position position;
};

// A key of the other system that nothing is made of, with everything below it, and what to do
// instead. List positions are written as []: listeners[].agents.
struct UnusedKey {
  std::string_view path;
  std::string_view message;
};

// The file of another system while it is imported. Keeps book of the values that were made use of,
// so that every other one is listed at the end: nothing is dropped in silence. One thread.
class ImportSource final {
 public:
  // `root` and `differences` outlive the source.
  ImportSource(const Node& root, Problems& differences);

  void Differs(const Origin& origin, std::string message);
  void Claim(const Node& node) { claimed_.insert(&node); }
  // The same for everything in it.
  void ClaimAll(const Node& node);
  // Adds a difference for each key that was not claimed, with the message of the first row that
  // names it.
  void ListUnused(std::span<const UnusedKey> known);

  const Node& root() const { return root_; }
  // Whether the file refers to an environment variable of that name, as $NAME or ${NAME}.
  bool RefersTo(const std::string& name) const { return variables_.contains(name); }

 private:
  void CollectVariables(const Node& node);
  void ListUnused(const Node& node, const std::string& path, std::span<const UnusedKey> known);

  const Node& root_;
  Problems& differences_;
  std::set<const Node*> claimed_;
  std::set<std::string> variables_;
};

// A value of the file, with its place. Reading it claims it; a value of the wrong type is listed
// and reads as absent. Copies are cheap enough for a file; the source outlives them.
class ImportItem final {
 public:
  explicit ImportItem(ImportSource& source);

  const Origin& origin() const { return origin_; }
  // The last key of the path; empty for items of lists.
  const std::string& key() const { return key_; }

  // The value of a key; nullopt when the key is absent or has no value.
  std::optional<ImportItem> Take(std::string_view key) const;
  // Like Take, for one kind of value.
  std::optional<std::string> TakeText(std::string_view key) const;
  bool TakeFlag(std::string_view key) const;  // absent: false

  bool IsMap() const { return node_->kind == Node::Kind::kMap; }
  // The items of a list, the values of a mapping.
  std::vector<ImportItem> Items() const;
  std::vector<ImportItem> Entries() const;

  // Text with its references to variables in Mainstay's form: $NAME becomes ${NAME}.
  std::optional<std::string> Text() const;
  std::optional<int64_t> Integer(int64_t min, int64_t max) const;
  std::optional<bool> Boolean() const;
  // 300s, 0.5s, 250ms, 2m or 1h. At least a millisecond.
  std::optional<std::chrono::milliseconds> Duration() const;

  // Lists a difference at this place.
  void Differs(std::string message) const;
  // The same, and says that it stands for everything in this value.
  void LeaveOut(std::string message) const;

 private:
  ImportItem(ImportSource& source, const Node& node, std::string path, std::string key,
             Position position);

  ImportSource* source_;
  const Node* node_;
  Origin origin_;
  std::string key_;
};

// The text with $NAME as ${NAME}. A ${ that is no reference loses its $, because Mainstay has no
// way to write it; `lossy` says whether there was one.
struct ReferencedText {
  std::string text;
  bool lossy = false;
};
ReferencedText WithReferences(std::string_view text);

// Whether the text is nothing but references and, before them, the name of a scheme: what may be
// printed although it stands for a secret.
bool IsOnlyReferences(std::string_view text);

}  // namespace mainstay::config
