#include "cli/text_table.h"

#include <algorithm>
#include <ostream>

namespace mainstay::cli {
namespace {

// Characters, not bytes: the continuation bytes of UTF-8 take no column.
size_t Columns(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string printable(text);
  std::ranges::replace_if(
      printable, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
  return printable;
}

void TextTable::Print(std::ostream& out, size_t indent) const {
  std::vector<size_t> widths;
  for (const std::vector<std::string>& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Columns(row[i]));
    }
  }
  for (const std::vector<std::string>& row : rows_) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      line += Printable(row[i]);
      if (i + 1 < row.size()) {
        line.append(widths[i] - Columns(row[i]) + 2, ' ');
      }
    }
    out << line << "\n";
  }
}

}  // namespace mainstay::cli
