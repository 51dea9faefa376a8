#include "tidy/source.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>

namespace mainstay::tidy {
namespace {

namespace fs = std::filesystem;

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Walks over a C++ text once and copies each character to the view that it belongs to.
class Splitter final {
 public:
  explicit Splitter(std::string_view text) : text_(text) {
    views_.code.assign(text.size(), ' ');
    views_.comments.assign(text.size(), ' ');
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') {
        views_.code[i] = '\n';
        views_.comments[i] = '\n';
      }
    }
  }

  Views Run() {
    while (at_ < text_.size()) {
      Step();
    }
    return std::move(views_);
  }

 private:
  void Step() {
    if (Ahead("//")) {
      CopyComment(EndOf("\n", at_));
    } else if (Ahead("/*")) {
      CopyComment(std::min(EndOf("*/", at_ + 2) + 2, text_.size()));
    } else if (AtRawString()) {
      SkipRawString();
    } else if (text_[at_] == '"' || (text_[at_] == '\'' && !AtDigitSeparator())) {
      SkipQuoted(text_[at_]);
    } else {
      CopyCode();
    }
  }

  bool Ahead(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  size_t EndOf(std::string_view what, size_t from) const {
    return std::min(text_.find(what, from), text_.size());
  }

  void CopyComment(size_t end) {
    for (; at_ < end; ++at_) {
      views_.comments[at_] = text_[at_];
    }
  }

  // A '#' that starts a line makes a directive of it and of the lines that it is continued on.
  void CopyCode() {
    const char c = text_[at_];
    if (c == '#' && line_is_blank_) {
      in_directive_ = true;
    }
    if (c == '\n') {
      in_directive_ = in_directive_ && at_ > 0 && text_[at_ - 1] == '\\';
      line_is_blank_ = true;
    } else if (c != ' ' && c != '\t') {
      line_is_blank_ = false;
    }
    if (!in_directive_) {
      views_.code[at_] = c;
    }
    ++at_;
  }

  // 8'000 and 0xff'ff, but not u8'x' and not 'x'.
  bool AtDigitSeparator() const {
    size_t start = at_;
    while (start > 0 && (IsWordCharacter(text_[start - 1]) || text_[start - 1] == '\'')) {
      --start;
    }
    return start < at_ && std::isdigit(static_cast<unsigned char>(text_[start])) != 0;
  }

  bool AtRawString() const {
    return Ahead("R\"") && (at_ == 0 || !IsWordCharacter(text_[at_ - 1]) || text_[at_ - 1] == '8' ||
                            text_[at_ - 1] == 'u' || text_[at_ - 1] == 'L');
  }

  void SkipRawString() {
    const size_t open = EndOf("(", at_);
    const std::string close = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    const size_t end = EndOf(close, open);
    Quote(at_ + 1);
    at_ = std::min(end + close.size(), text_.size());
    Quote(at_ - 1);
    line_is_blank_ = false;
  }

  void SkipQuoted(char quote) {
    Quote(at_);
    ++at_;
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
    at_ = std::min(at_, text_.size());
    if (at_ < text_.size() && text_[at_] == quote) {
      Quote(at_);
      ++at_;
    }
    line_is_blank_ = false;
  }

  void Quote(size_t position) {
    if (!in_directive_) {
      views_.code[position] = '"';
    }
  }

  std::string_view text_;
  Views views_;
  size_t at_ = 0;
  bool line_is_blank_ = true;
  bool in_directive_ = false;
};

bool IsPayloadFolder(const fs::path& name) {
  return name == "node_modules" || name == "fixtures" || name == "corpus" || name == "__pycache__";
}

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

}  // namespace

Views Split(std::string_view cpp) {
  return Splitter(cpp).Run();
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

int LineAt(std::string_view text, size_t position) {
  return 1 + static_cast<int>(std::ranges::count(text.substr(0, position), '\n'));
}

std::string_view BelowTop(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Kind KindOf(std::string_view path) {
  if (path.ends_with("_test.cc")) {
    return Kind::kTest;
  }
  if (path.ends_with("_bench.cc")) {
    return Kind::kBench;
  }
  if (path.ends_with("_fuzz.cc")) {
    return Kind::kFuzz;
  }
  return path.starts_with("src/") ? Kind::kProduct : Kind::kOther;
}

bool IsHeader(std::string_view path) {
  return path.ends_with(".h");
}
bool IsSource(std::string_view path) {
  return path.ends_with(".cc");
}

std::vector<SourceFile> ReadTree(const fs::path& root, const std::vector<std::string>& folders) {
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    if (!fs::exists(root / folder)) {
      continue;
    }
    fs::recursive_directory_iterator entry(root / folder);
    for (; entry != fs::recursive_directory_iterator(); ++entry) {
      if (entry->is_directory() && IsPayloadFolder(entry->path().filename())) {
        entry.disable_recursion_pending();
      } else if (entry->is_regular_file()) {
        files.push_back({.path = entry->path().lexically_relative(root).generic_string(),
                         .text = ReadAll(entry->path())});
      }
    }
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

}  // namespace mainstay::tidy
