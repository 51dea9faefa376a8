#include "config/environment.h"

#include <algorithm>
#include <vector>

namespace mainstay::config {
namespace {

// All expanded text together. A variable is at most 128 KiB on Linux, but may be used many times.
constexpr size_t kExpandedBytesMax = 16 << 20;

// Shorter values are words like "info", which would make a message unreadable and hide nothing.
constexpr size_t kHiddenBytesMin = 6;

bool IsName(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && letter(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

class Expander final {
 public:
  Expander(const Environment& environment, Problems& problems)
      : environment_(environment), problems_(problems) {}

  UsedVariables TakeUsed() { return std::move(used_); }

  void Walk(Node& node, const std::string& path) {
    if (node.kind == Node::Kind::kScalar) {
      Expand(node, path);
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
      Walk(node.items[i], At(path, i));
    }
    for (Entry& entry : node.entries) {
      Walk(entry.value, Under(path, Printable(entry.key)));
    }
  }

 private:
  // Leaves a kBroken node where there was a problem.
  void Expand(Node& node, const std::string& path) {
    if (node.text.find("${") == std::string::npos) {
      return;
    }
    const std::string_view text = node.text;
    std::string expanded;
    size_t at = 0;
    for (size_t start; (start = text.find("${", at)) != std::string_view::npos;) {
      expanded += text.substr(at, start - at);
      const size_t end = text.find('}', start);
      if (end == std::string_view::npos) {
        AddProblem(node, path, "${ without an end; write ${NAME} or ${NAME:-default}");
        return;
      }
      const std::optional<std::string> value =
          ValueOf(node, path, text.substr(start + 2, end - start - 2));
      if (!value) {
        return;
      }
      expanded += *value;
      at = end + 1;
    }
    expanded += text.substr(at);
    bytes_ += expanded.size();
    if (bytes_ > kExpandedBytesMax) {
      AddProblem(node, path, "the values from the environment are over 16 MiB together");
      return;
    }
    node.text = std::move(expanded);
    node.origin = Node::Origin::kEnvironment;
  }

  std::optional<std::string> ValueOf(Node& node, const std::string& path,
                                     std::string_view reference) {
    const size_t mark = reference.find(":-");
    const std::string name(reference.substr(0, mark));
    if (!IsName(name)) {
      AddProblem(node, path,
                 "not a reference to a variable; write ${NAME} or ${NAME:-default}, where NAME has "
                 "letters, digits and _");
      return std::nullopt;
    }
    if (std::optional<std::string> value = environment_(name)) {
      used_[name] = *value;
      return value;
    }
    if (mark != std::string_view::npos) {
      if (reference.substr(mark).find("${") != std::string_view::npos) {
        AddProblem(node, path, "the default of ${" + name + "} may not hold another reference");
        return std::nullopt;
      }
      return std::string(reference.substr(mark + 2));
    }
    AddProblem(node, path,
               "the environment variable " + Printable(name) + " is not set; set it, or write ${" +
                   Printable(name) + ":-default}");
    return std::nullopt;
  }

  void AddProblem(Node& node, const std::string& path, std::string message) {
    node.kind = Node::Kind::kBroken;
    problems_.Add({.path = path,
                   .message = std::move(message),
                   .line = node.position.line,
                   .column = node.position.column});
  }

  const Environment& environment_;
  Problems& problems_;
  UsedVariables used_;
  size_t bytes_ = 0;
};

}  // namespace

UsedVariables ExpandEnvironment(Node& root, const Environment& environment, Problems& problems) {
  Expander expander(environment, problems);
  expander.Walk(root, "");
  return expander.TakeUsed();
}

std::string HideVariables(std::string message, const UsedVariables& variables) {
  std::vector<std::pair<std::string_view, std::string_view>> longest_first;
  for (const auto& [name, value] : variables) {
    if (value.size() >= kHiddenBytesMin) {
      longest_first.emplace_back(value, name);
    }
  }
  std::ranges::sort(longest_first,
                    [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  for (const auto& [value, name] : longest_first) {
    const std::string shown = "${" + std::string(name) + "}";
    for (size_t at = 0; (at = message.find(value, at)) != std::string::npos; at += shown.size()) {
      message.replace(at, value.size(), shown);
    }
  }
  return message;
}

}  // namespace mainstay::config
