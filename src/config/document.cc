#include "config/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <array>
#include <cstdio>
#include <exception>
#include <istream>
#include <map>
#include <streambuf>
#include <unordered_set>

#include "config/text_check.h"

namespace mainstay::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Ends the parse of a document that goes beyond a limit. It is thrown through the parser of the
// library and caught in ParseDocument: events cannot stop it in another way.
struct LimitReached {
  Position position;
  std::string message;
};

Position At(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{.line = mark.line + 1, .column = mark.column + 1};
}

// What a subtree costs when it is copied for an alias.
struct Cost {
  size_t nodes = 0;
  size_t bytes = 0;
  int depth = 0;
};

Cost CostOf(const Node& node) {
  Cost cost{.nodes = 1, .bytes = node.text.size(), .depth = 0};
  const auto add = [&cost](const Node& child) {
    const Cost inner = CostOf(child);
    cost.nodes += inner.nodes;
    cost.bytes += inner.bytes;
    cost.depth = std::max(cost.depth, inner.depth + 1);
  };
  for (const Node& item : node.items) {
    add(item);
  }
  for (const Entry& entry : node.entries) {
    cost.bytes += entry.key.size();
    add(entry.value);
  }
  return cost;
}

// Builds the tree from the parser's events. yaml-cpp's own node tree accepts duplicate keys in
// silence and copies aliases without a bound.
class Builder final : public YAML::EventHandler {
 public:
  Builder(Problems& problems, const DocumentLimits& limits)
      : problems_(problems), limits_(limits) {}

  bool has_root() const { return has_root_; }
  Node TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw LimitReached{At(mark), "a second YAML document starts here; one is allowed"};
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Spend(At(mark), {.nodes = 1});
    Finish({.kind = Node::Kind::kNull, .position = At(mark)}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto anchored = anchors_.find(anchor);
    if (anchored == anchors_.end()) {
      throw LimitReached{At(mark), "this alias stands inside the value that it names"};
    }
    Spend(At(mark), CostOf(anchored->second));
    Node copy = anchored->second;
    copy.position = At(mark);
    Finish(std::move(copy), YAML::NullAnchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseTag(mark, tag);
    Spend(At(mark), {.nodes = 1, .bytes = value.size()});
    Finish({.kind = Node::Kind::kScalar,
            .origin = tag == "?" ? Node::Origin::kPlain : Node::Origin::kQuoted,
            .position = At(mark),
            .text = value},
           anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Node::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Node::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  enum class Next { kKey, kValue, kIgnoredValue };

  // A list or mapping that is still open.
  struct Frame {
    Node node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    Next next = Next::kKey;  // kMap only
    std::string key;
    Position key_position;
    std::unordered_set<std::string> seen;
  };

  // The path of the node that is being built.
  std::string Path() const {
    std::string path;
    for (const Frame& frame : frames_) {
      if (frame.node.kind == Node::Kind::kList) {
        path = mainstay::At(path, frame.node.items.size());
      } else if (frame.next != Next::kKey && !frame.key.empty()) {
        path = Under(path, Printable(frame.key));
      }
    }
    return path;
  }

  void AddProblem(std::string path, std::string message, Position position) {
    if (problems_.list().size() < limits_.problems) {
      problems_.Add({.path = std::move(path),
                     .message = std::move(message),
                     .line = position.line,
                     .column = position.column});
    }
  }

  void Spend(Position position, Cost cost) {
    spent_.nodes += cost.nodes;
    spent_.bytes += cost.bytes;
    if (static_cast<int>(frames_.size()) + cost.depth > limits_.depth) {
      throw LimitReached{position, "lists and mappings are nested deeper than " +
                                       std::to_string(limits_.depth) + " levels"};
    }
    if (spent_.nodes > limits_.nodes) {
      throw LimitReached{position,
                         "the file has more than " + std::to_string(limits_.nodes) + " values"};
    }
    if (spent_.bytes > limits_.bytes) {
      throw LimitReached{position, "the text of the file, with its aliases copied, is over " +
                                       std::to_string(limits_.bytes) + " bytes"};
    }
  }

  void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      AddProblem(Path(), "tags (!...) are not supported", At(mark));
    }
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            Node::Kind kind) {
    RefuseTag(mark, tag);
    Spend(At(mark), {.nodes = 1, .depth = 1});
    frames_.push_back({.node = {.kind = kind, .position = At(mark)}, .anchor = anchor});
  }

  void Close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    Finish(std::move(frame.node), frame.anchor);
  }

  // Puts a complete node where it belongs.
  void Finish(Node node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      Spend(node.position, CostOf(node));
      anchors_[anchor] = node;
    }
    if (frames_.empty()) {
      root_ = std::move(node);
      has_root_ = true;
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == Node::Kind::kList) {
      frame.node.items.push_back(std::move(node));
      return;
    }
    if (frame.next == Next::kKey) {
      TakeKey(frame, std::move(node));
      return;
    }
    if (frame.next == Next::kValue) {
      frame.node.entries.push_back(
          {.key = std::move(frame.key), .position = frame.key_position, .value = std::move(node)});
    }
    frame.next = Next::kKey;
  }

  void TakeKey(Frame& frame, Node node) {
    frame.key = node.kind == Node::Kind::kScalar ? std::move(node.text) : std::string();
    frame.key_position = node.position;
    frame.next = Next::kIgnoredValue;
    if (node.kind != Node::Kind::kScalar) {
      AddProblem(Path(), "a key must be text", node.position);
      return;
    }
    if (frame.key == "<<" && node.origin == Node::Origin::kPlain) {
      AddProblem(Path(), "merge keys are not supported; use an alias for a whole value",
                 node.position);
      return;
    }
    if (!frame.seen.insert(frame.key).second) {
      AddProblem(Path(), "this key is given twice", node.position);
      return;
    }
    frame.next = Next::kValue;
  }

  Problems& problems_;
  const DocumentLimits& limits_;
  int documents_ = 0;
  bool has_root_ = false;
  Node root_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Node> anchors_;
  Cost spent_;
};

// Reads a view without copying it.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* start = const_cast<char*>(text.data());  // streambuf has no read-only form
    setg(start, start, start + text.size());
  }
};

// The library's words without what it quotes from the file, which could be a secret.
std::string Reason(const YAML::Exception& error) {
  const std::string reason = error.msg.substr(0, error.msg.find(':'));
  if (reason == YAML::ErrorMsg::UNKNOWN_ANCHOR) {
    return "not valid YAML: no anchor of this name; quote text that starts with *";
  }
  return "not valid YAML: " + reason;
}

void AddAt(Problems& problems, Position position, std::string message) {
  problems.Add({.message = std::move(message), .line = position.line, .column = position.column});
}

// True when the parser got through to the end.
bool RunParser(std::string_view text, Builder& builder, Problems& problems) {
  ViewBuffer buffer(text);
  std::istream in(&buffer);
  try {
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
    return true;
  } catch (const LimitReached& limit) {
    AddAt(problems, limit.position, limit.message);
  } catch (const YAML::Exception& error) {
    AddAt(problems, At(error.mark), Reason(error));
  } catch (const std::exception&) {
    AddAt(problems, {}, "not valid YAML");
  }
  return false;
}

// Steps from a node to what the next part of a path names. Advances `path` past that part.
const Node* Step(const Node& node, std::string_view& path, Position& position) {
  if (path.starts_with('[')) {
    const size_t end = path.find(']');
    size_t index = 0;
    for (const char c : path.substr(1, end == std::string_view::npos ? 0 : end - 1)) {
      index = index * 10 + static_cast<size_t>(c - '0');
    }
    if (end == std::string_view::npos || node.kind != Node::Kind::kList ||
        index >= node.items.size()) {
      return nullptr;
    }
    path.remove_prefix(end + 1);
    position = node.items[index].position;
    return &node.items[index];
  }
  if (path.starts_with('.')) {
    path.remove_prefix(1);
  }
  const size_t end = std::min(path.find_first_of(".["), path.size());
  for (const Entry& entry : node.entries) {
    if (entry.key == path.substr(0, end)) {
      path.remove_prefix(end);
      position = entry.value.kind == Node::Kind::kNull ? entry.position : entry.value.position;
      return &entry.value;
    }
  }
  return nullptr;
}

}  // namespace

const Node* Node::Find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) {
      return &entry.value;
    }
  }
  return nullptr;
}

std::optional<Node> ParseDocument(std::string_view text, Problems& problems,
                                  const DocumentLimits& limits) {
  if (text.size() > limits.bytes) {
    AddAt(problems, {}, "the file is over " + std::to_string(limits.bytes) + " bytes");
    return std::nullopt;
  }
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  if (std::optional<Problem> bad = FindBadText(text)) {
    problems.Add(*std::move(bad));
    return std::nullopt;
  }
  Builder builder(problems, limits);
  if (!RunParser(text, builder, problems)) {
    return std::nullopt;
  }
  if (!builder.has_root()) {
    AddAt(problems, {.line = 1, .column = 1}, "the file is empty");
    return std::nullopt;
  }
  return builder.TakeRoot();
}

Position Locate(const Node& root, std::string_view path) {
  Position position = root.position;
  const Node* node = &root;
  while (!path.empty() && node != nullptr) {
    node = Step(*node, path, position);
  }
  return position;
}

std::string Printable(std::string_view text) {
  constexpr size_t kShown = 80;
  std::string shown;
  while (!text.empty() && shown.size() < kShown) {
    const size_t length = CharacterLength(text);
    if (length == 0 || IsControl(text)) {
      std::array<char, 8> escaped;
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x",
                    static_cast<unsigned>(static_cast<uint8_t>(text[0])));
      shown += escaped.data();
      text.remove_prefix(1);
      continue;
    }
    shown += text.substr(0, length);
    text.remove_prefix(length);
  }
  return text.empty() ? shown : shown + "...";
}

}  // namespace mainstay::config
