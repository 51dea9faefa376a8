#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace mainstay::cli {

// Rows of text in columns that are as wide as their widest cell, two blanks apart.
class TextTable final {
 public:
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // `indent` blanks before each row.
  void Print(std::ostream& out, size_t indent = 0) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Text for a terminal: control characters, which could move its cursor, become question marks.
std::string Printable(std::string_view text);

}  // namespace mainstay::cli
