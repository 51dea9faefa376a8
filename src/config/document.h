#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/problems.h"

namespace mainstay::config {

// Where something stands in the file. Both count from 1; columns count bytes. 0 means not known.
struct Position {
  int line = 0;
  int column = 0;
};

struct Entry;

// A piece of the configuration file: what YAML says, not yet what it means. Scalars keep their
// text; whether 10 is a number or a name is for the key to decide that reads it.
struct Node {
  // kBroken: a value that was there but could not be made out, and has been reported.
  enum class Kind { kNull, kScalar, kList, kMap, kBroken };
  // Plain text may be read as a number or as a boolean, quoted text is text. A value that came from
  // the environment may be read as either, and is never shown in a message.
  enum class Origin { kPlain, kQuoted, kEnvironment };

  Kind kind = Kind::kNull;
  Origin origin = Origin::kPlain;
  Position position;
  std::string text;            // kScalar
  std::vector<Node> items;     // kList
  std::vector<Entry> entries;  // kMap, in the order of the file, each key once

  // The value under a key of a kMap, or nullptr.
  const Node* Find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Position position;  // of the key
  Node value;
};

// Bounds on what a file may hold. They are far above any real configuration; beyond them a file is
// refused instead of being worked on.
struct DocumentLimits {
  size_t bytes = 16 << 20;   // of the file, and again of all text after aliases are copied
  size_t nodes = 1'000'000;  // after aliases are copied
  int depth = 100;           // of lists and mappings in each other
  size_t problems = 1'000;   // further ones are not collected
};

// Reads one YAML document. Adds a problem with its position for everything that is no YAML, no
// UTF-8, or that different readers would understand differently: duplicate keys, several documents,
// tags, keys that are not text. Returns nullopt when nothing can be read; otherwise what could be
// read, also when there were problems, so that all of them are found in one go. Messages never hold
// text of the file other than keys. Blocks on nothing; any thread.
std::optional<Node> ParseDocument(std::string_view text, Problems& problems,
                                  const DocumentLimits& limits = {});

// The position of what `path` (see Problem::path) names: of its value, or of the key when the value
// is empty, or of the nearest thing around it that exists.
Position Locate(const Node& root, std::string_view path);

// A key as it may be printed: control characters and invalid bytes escaped, long keys cut.
std::string Printable(std::string_view text);

}  // namespace mainstay::config
