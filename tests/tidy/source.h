#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mainstay::tidy {

// One file of the tree. The rules see nothing else, so their tests need no disk.
struct SourceFile {
  std::string path;  // from the root, with slashes: src/base/result.h
  std::string text;
};

// A broken rule. Prints as "path:line: message".
struct Finding {
  std::string path;
  int line = 0;
  std::string message;

  bool operator==(const Finding&) const = default;
};

// The text of a C++ file taken apart. Both views have the length and the lines of the original;
// what does not belong to a view is blank in it. Preprocessor lines are in neither, comments on
// them excepted.
struct Views {
  std::string code;      // without comments, and with the text inside quotes blanked
  std::string comments;  // the comments alone, with their slashes
};
Views Split(std::string_view cpp);

// The lines of a text without their ends.
std::vector<std::string_view> Lines(std::string_view text);

// The line, counted from 1, of a position in a text.
int LineAt(std::string_view text, size_t position);

// A path such as src/http/io/loop.cc without the first folder: http/io/loop.cc.
std::string_view BelowTop(std::string_view path);

enum class Kind { kProduct, kTest, kBench, kFuzz, kOther };

// What a file is, by its name: FOO_test.cc, FOO_bench.cc, FOO_fuzz.cc; everything else below src/
// is the product, and everything outside src/ is kOther.
Kind KindOf(std::string_view path);

bool IsHeader(std::string_view path);
bool IsSource(std::string_view path);  // .cc

// Reads every file below the given folders of the root, sorted by path. Folders named
// node_modules, fixtures and corpus are left out: their files are payloads, not ours to format.
std::vector<SourceFile> ReadTree(const std::filesystem::path& root,
                                 const std::vector<std::string>& folders);

}  // namespace mainstay::tidy
