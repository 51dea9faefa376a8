#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace mainstay {

// One thing that is wrong with a configuration. `path` is dotted, list positions in brackets:
// providers[0].accounts[1].alias. Line and column count from 1; 0 means not known.
struct Problem {
  std::string path;
  std::string message;  // what is wrong, what is allowed, and what was probably meant
  int line = 0;
  int column = 0;
};

// Collects problems, so that all of them are reported at once. The Validate functions of the
// modules add to it; config/ adds the positions, because only it knows the file.
class Problems final {
 public:
  void Add(std::string path, std::string message) {
    list_.push_back({.path = std::move(path), .message = std::move(message)});
  }
  void Add(Problem problem) { list_.push_back(std::move(problem)); }

  bool empty() const { return list_.empty(); }
  const std::vector<Problem>& list() const { return list_; }
  std::vector<Problem>& list() { return list_; }

 private:
  std::vector<Problem> list_;
};

// path + "." + key, or the key alone at the top; path[i].
inline std::string Under(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : std::string(path) + "." + std::string(key);
}
inline std::string At(std::string_view path, size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

}  // namespace mainstay
