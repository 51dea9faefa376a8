#include "tidy/functions.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "tidy/source.h"

namespace mainstay::tidy {
namespace {

enum class Block { kNamespace, kClass, kFunction, kMemberInitialiser, kOther };

std::string_view TrimLeft(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
  return text;
}

// The text without what stands in parentheses, and without template parameter lists at its start.
std::string Outline(std::string_view head) {
  head = TrimLeft(head);
  while (head.starts_with("template")) {
    int depth = 0;
    size_t end = head.find('<');
    for (; end < head.size(); ++end) {
      depth += head[end] == '<' ? 1 : head[end] == '>' ? -1 : 0;
      if (depth == 0) {
        break;
      }
    }
    head = TrimLeft(head.substr(std::min(end + 1, head.size())));
  }
  std::string outline;
  int depth = 0;
  for (const char c : head) {
    if (c == ')') {
      --depth;
    }
    if (depth == 0) {
      outline += c;
    }
    if (c == '(') {
      ++depth;
    }
  }
  while (!outline.empty() && std::isspace(static_cast<unsigned char>(outline.back())) != 0) {
    outline.pop_back();
  }
  return outline;
}

bool StartsWithWord(std::string_view text, std::string_view word) {
  return text.starts_with(word) &&
         (text.size() == word.size() ||
          std::isalnum(static_cast<unsigned char>(text[word.size()])) == 0);
}

// A member in a constructor's list of initialisers: a name after the ':' that follows the
// parameters, as in "Loop(int fd) : fd_" before its brace.
bool EndsInMember(std::string_view outline) {
  for (size_t i = outline.find(')'); i + 1 < outline.size(); ++i) {
    if (outline[i] == ':' && outline[i + 1] != ':' && outline[i - 1] != ':') {
      return outline.back() != ')' && outline.back() != '}';
    }
  }
  return false;
}

// An '=' outside of parentheses that is not part of an operator's name.
bool IsInitialiser(std::string_view outline) {
  const size_t equals = outline.find('=');
  return equals != std::string_view::npos && outline.find("operator") == std::string_view::npos &&
         outline.find('[', equals) == std::string_view::npos;
}

// What a brace opens, by the text between it and the statement before.
Block Classify(std::string_view head) {
  const std::string outline = Outline(head);
  const bool has_parameters = outline.find('(') != std::string::npos;
  if (StartsWithWord(outline, "namespace") || StartsWithWord(outline, "inline namespace") ||
      (outline.starts_with("extern \"") && !has_parameters)) {
    return Block::kNamespace;
  }
  for (const std::string_view word : {"class", "struct", "union"}) {
    if (StartsWithWord(outline, word) && !outline.ends_with(')')) {
      return Block::kClass;
    }
  }
  if (!has_parameters || IsInitialiser(outline)) {
    return Block::kOther;
  }
  return EndsInMember(outline) ? Block::kMemberInitialiser : Block::kFunction;
}

// Follows the braces of one file.
class Scanner final {
 public:
  explicit Scanner(std::string_view code) : code_(code) {}

  std::vector<FunctionBody> Run() {
    for (at_ = 0; at_ < code_.size(); ++at_) {
      Step(code_[at_]);
    }
    return std::move(found_);
  }

 private:
  // Inside a function or an initialiser only the depth matters.
  bool Within() const {
    return !open_.empty() && open_.back() != Block::kNamespace && open_.back() != Block::kClass;
  }

  void Step(char c) {
    if (Within()) {
      depth_ += c == '{' ? 1 : c == '}' ? -1 : 0;
      if (depth_ == 0) {
        Leave();
      }
      return;
    }
    parentheses_ += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == '{') {
      Enter();
    } else if (c == '}') {
      if (!open_.empty()) {
        open_.pop_back();
      }
      head_ = at_ + 1;
    } else if ((c == ';' && parentheses_ == 0) || AtAccess()) {
      head_ = at_ + 1;
    }
  }

  // "public:" and its like end what stood before, as a semicolon does.
  bool AtAccess() const {
    if (code_[at_] != ':') {
      return false;
    }
    const std::string_view word = TrimLeft(code_.substr(head_, at_ - head_));
    return word == "public" || word == "private" || word == "protected";
  }

  void Enter() {
    const Block block =
        parentheses_ > 0 ? Block::kMemberInitialiser : Classify(code_.substr(head_, at_ - head_));
    open_.push_back(block);
    start_ = at_;
    depth_ = Within() ? 1 : 0;
    if (!Within()) {
      head_ = at_ + 1;
    }
  }

  void Leave() {
    const Block block = open_.back();
    open_.pop_back();
    if (block == Block::kFunction) {
      const int first = LineAt(code_, start_);
      found_.push_back({.first_line = first, .lines = LineAt(code_, at_) - first + 1});
    }
    // After a member's initialiser the head goes on: the body is still to come.
    if (block != Block::kMemberInitialiser) {
      head_ = at_ + 1;
    }
  }

  std::string_view code_;
  size_t at_ = 0;
  size_t head_ = 0;   // where the statement that is being read starts
  size_t start_ = 0;  // the brace that opened the function or initialiser
  int depth_ = 0;
  int parentheses_ = 0;
  std::vector<Block> open_;
  std::vector<FunctionBody> found_;
};

}  // namespace

std::vector<FunctionBody> FindFunctions(std::string_view code) {
  return Scanner(code).Run();
}

}  // namespace mainstay::tidy
