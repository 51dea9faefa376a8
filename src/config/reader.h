#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "base/secret.h"
#include "config/document.h"
#include "config/files.h"

namespace mainstay::config {

// A value of the file, the path to it, and where messages about it point: at the value, or at its
// key when it is empty.
struct Place {
  const Node& node;
  std::string path;
  Position position = node.position;
};

// Whether a message may show what was found.
enum class Show { kValue, kNothing };

// What the kinds of keys (kinds.h) read with: the shared ways to take a scalar apart and to report
// it. Every method that returns an optional has added a problem, or found that there already is
// one, when it returns nullopt. One thread; may wait for the disk where a key names a file.
class Reader final {
 public:
  Reader(Problems& problems, const FileReader& read_file)
      : problems_(problems), read_file_(read_file) {}

  // Adds "must be `allowed`, found ...".
  void WrongType(const Place& place, std::string_view allowed, Show show);
  void Add(const Place& place, std::string message);
  // For what has no node of its own, such as a key.
  void AddAt(std::string path, std::string message, Position position);

  // The trimmed text of a scalar, whatever it is.
  std::optional<std::string> Scalar(const Place& place, std::string_view allowed, Show show);
  // The trimmed text of a scalar that is not quoted: what numbers and booleans are made of.
  std::optional<std::string> Plain(const Place& place, std::string_view allowed);
  // Text: as written, without control characters. Unquoted numbers and booleans are refused.
  std::optional<std::string> Text(const Place& place, std::string_view allowed, Show show);
  std::optional<int64_t> Integer(const Place& place, int64_t min, int64_t max);
  std::optional<double> Number(const Place& place, double min, double max);
  std::optional<bool> Boolean(const Place& place);
  // The position in `names` of an enum value. `off` may be written as false (spec 11.5).
  std::optional<size_t> Choice(const Place& place, std::span<const std::string_view> names);
  // The contents of the file that the place names.
  std::optional<std::string> File(const Place& place);

  // True when the node is a mapping (a list). An empty value reads as an empty one.
  bool IsMap(const Place& place);
  bool IsList(const Place& place, std::string_view allowed);

  void UnknownKey(const Place& map, const Entry& entry, std::span<const std::string_view> known);

 private:
  Problems& problems_;
  const FileReader& read_file_;
};

// "between 1 and 10", "at least 1", "at most 10" or "" for an integer without bounds of its own.
std::string RangeText(int64_t min, int64_t max);
std::string RangeText(double min, double max);

// The shortest decimal text that reads back as the same number.
std::string NumberText(double value);

// "a, b, c".
std::string Join(std::span<const std::string_view> names, std::string_view separator = ", ");

}  // namespace mainstay::config
