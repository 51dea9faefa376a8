#include "wire/xml_calls.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"

namespace mainstay::wire {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kNameBytesMax = 128;
constexpr size_t kTagBytesMax = 1'024;
// Of tags that turn out not to be calls, all together. Without an end, each of many tags would be
// looked at up to its limit.
constexpr size_t kVainBytesMax = 1 << 20;

constexpr std::string_view kWrapperOpen = "<function_calls>";
constexpr std::string_view kWrapperClose = "</function_calls>";

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsNameByte(char c) {
  return IsNameStart(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}
bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// The name at the start of the text; empty when there is none, or one that is too long.
std::string_view NameAt(std::string_view text) {
  if (text.empty() || !IsNameStart(text[0])) {
    return {};
  }
  size_t size = 1;
  while (size < text.size() && size <= kNameBytesMax && IsNameByte(text[size])) {
    ++size;
  }
  return size > kNameBytesMax ? std::string_view() : text.substr(0, size);
}

// The name of a tag without attributes, `<name>`, at the start of the text; else empty.
std::string_view PlainTagAt(std::string_view text) {
  if (!text.starts_with('<')) {
    return {};
  }
  const std::string_view name = NameAt(text.substr(1));
  const size_t end = 1 + name.size();
  return !name.empty() && end < text.size() && text[end] == '>' ? name : std::string_view();
}

// A heading that is nothing but a name, in Markdown's dress: `### **read_file**`, `## `x`:`.
std::string_view HeadingName(std::string_view line) {
  const size_t level = line.find_first_not_of('#');
  if (level == 0 || level == kNone || level > 6) {
    return {};
  }
  const std::string_view text = Trim(line.substr(level), " \t\r*`:");
  const std::string_view name = NameAt(text);
  return name.size() == text.size() ? name : std::string_view();
}

// Reads calls from front to back.
class CallScanner final {
 public:
  CallScanner(std::string_view text, const ToolNames& tools, XmlCalls& out)
      : text_(text), tools_(tools), out_(out) {}

  // Adds the next call. False: there is none.
  bool Next() {
    while (vain_bytes_ < kVainBytesMax) {
      at_ = text_.find('<', at_);
      if (at_ == kNone) {
        at_ = text_.size();
        return false;
      }
      const size_t begin = at_;
      const size_t parameters = out_.parameters.size();
      limit_ = std::min(text_.size(), begin + kXmlCallBytesMax);
      XmlCall call{.begin = begin, .first_parameter = parameters};
      if (ReadInvoke(call) || ReadNamed(call)) {
        call.end = at_;
        call.parameter_count = out_.parameters.size() - parameters;
        AddTags(call);
        out_.calls.push_back(call);
        return true;
      }
      out_.parameters.resize(parameters);
      vain_bytes_ += at_ - begin;
      at_ = begin + 1;
    }
    return false;
  }

 private:
  std::string_view Rest() const { return text_.substr(at_, limit_ - at_); }

  bool Take(std::string_view literal) {
    if (!Rest().starts_with(literal)) {
      return false;
    }
    at_ += literal.size();
    return true;
  }

  void SkipSpace() {
    while (at_ < limit_ && IsSpace(text_[at_])) {
      ++at_;
    }
  }

  // `<tag ... name="value" ...>`: gives the value.
  bool TakeTagWithName(std::string_view tag, std::string_view& value) {
    const std::string_view rest = Rest().substr(0, kTagBytesMax);
    if (!rest.starts_with('<') || !rest.substr(1).starts_with(tag)) {
      return false;
    }
    size_t at = 1 + tag.size();
    value = {};
    XmlParameter attribute;
    while (TakeAttribute(rest, at, attribute)) {
      if (attribute.name == "name") {
        value = attribute.value;
      }
    }
    if (value.empty() || !rest.substr(at).starts_with('>')) {
      vain_bytes_ += at;
      return false;
    }
    at_ += at + 1;
    return true;
  }

  // White space and an attribute, if there is one at `at`, which moves behind them.
  static bool TakeAttribute(std::string_view tag, size_t& at, XmlParameter& out) {
    const size_t begin = std::min(tag.find_first_not_of(" \t\r\n", at), tag.size());
    out.name = begin == at ? std::string_view() : NameAt(tag.substr(begin));
    const size_t quote = begin + out.name.size() + 1;
    at = begin;
    if (out.name.empty() || quote >= tag.size() || tag[quote - 1] != '=' ||
        (tag[quote] != '"' && tag[quote] != '\'')) {
      return false;
    }
    const size_t close = tag.find(tag[quote], quote + 1);
    if (close == kNone) {
      return false;
    }
    out.value = tag.substr(quote + 1, close - quote - 1);
    at = close + 1;
    return true;
  }

  // What stands before `</name>`, which is passed.
  bool TakeValue(std::string_view name, std::string_view& value) {
    std::array<char, kNameBytesMax + 3> close{'<', '/'};
    std::ranges::copy(name, close.begin() + 2);
    close[name.size() + 2] = '>';
    const std::string_view mark(close.data(), name.size() + 3);
    const size_t end = Rest().find(mark);
    if (end == kNone) {
      at_ = limit_;  // all of it was looked at
      return false;
    }
    value = text_.substr(at_, end);
    at_ += end + mark.size();
    return true;
  }

  bool ReadInvoke(XmlCall& call) {
    if (!TakeTagWithName("invoke", call.name)) {
      return false;
    }
    XmlParameter parameter;
    for (SkipSpace(); !Take("</invoke>"); SkipSpace()) {
      if (!TakeTagWithName("parameter", parameter.name) ||
          !TakeValue("parameter", parameter.value)) {
        return false;
      }
      out_.parameters.push_back(parameter);
    }
    return true;
  }

  // Beside the tool's name, a parameter is what tells a call from a mark-up of the same name.
  bool ReadNamed(XmlCall& call) {
    call.name = PlainTagAt(Rest());
    if (call.name.empty() || !tools_.Contains(call.name)) {
      return false;
    }
    at_ += call.name.size() + 2;
    size_t parameters = 0;
    for (SkipSpace();; SkipSpace()) {
      const std::string_view rest = Rest();
      if (parameters > 0 && rest.starts_with("</") && rest.substr(2).starts_with(call.name) &&
          rest.substr(2 + call.name.size()).starts_with('>')) {
        at_ += call.name.size() + 3;
        return true;
      }
      XmlParameter parameter{.name = PlainTagAt(rest)};
      if (parameter.name.empty()) {
        return false;
      }
      at_ += parameter.name.size() + 2;
      if (!TakeValue(parameter.name, parameter.value)) {
        return false;
      }
      out_.parameters.push_back(parameter);
      ++parameters;
    }
  }

  // Moves the ends of the call over the tags of the element around it.
  void AddTags(XmlCall& call) {
    const size_t floor = out_.calls.empty() ? 0 : out_.calls.back().end;
    const std::string_view before = Trimmed(text_.substr(floor, call.begin - floor));
    if (before.ends_with(kWrapperOpen)) {
      call.begin = floor + before.size() - kWrapperOpen.size();
    }
    size_t after = call.end;
    while (after < text_.size() && IsSpace(text_[after])) {
      ++after;
    }
    if (text_.substr(after).starts_with(kWrapperClose)) {
      call.end = at_ = after + kWrapperClose.size();
    }
  }

  // Without white space at the end.
  static std::string_view Trimmed(std::string_view text) {
    while (!text.empty() && IsSpace(text.back())) {
      text.remove_suffix(1);
    }
    return text;
  }

  const std::string_view text_;
  const ToolNames& tools_;
  XmlCalls& out_;
  size_t at_ = 0;
  size_t limit_ = 0;  // of the call that is being read
  size_t vain_bytes_ = 0;
};

}  // namespace

void ToolNames::AddFrom(std::string_view system_text) {
  const size_t end = names_.size() + kMentionsMax;
  const auto add = [this](std::string_view name) {
    if (!name.empty()) {
      names_.push_back(name);
    }
  };
  for (std::string_view rest = system_text; !rest.empty() && names_.size() < end;) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    add(HeadingName(line));
    for (size_t at = line.find('<'); at != kNone && names_.size() < end;
         at = line.find('<', at + 1)) {
      add(PlainTagAt(line.substr(at)));
    }
  }
  std::ranges::sort(names_);
  const auto same = std::ranges::unique(names_);
  names_.erase(same.begin(), same.end());
}

bool ToolNames::Contains(std::string_view name) const {
  return std::ranges::binary_search(names_, name);
}

bool HasXmlCall(std::string_view text, const ToolNames& tools) {
  XmlCalls calls;
  return CallScanner(text, tools, calls).Next();
}

void FindXmlCalls(std::string_view text, const ToolNames& tools, XmlCalls& out) {
  out.Clear();
  CallScanner scanner(text, tools, out);
  while (scanner.Next()) {
  }
}

}  // namespace mainstay::wire
