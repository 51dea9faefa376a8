#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

// Tool calls that a model writes into its text, for clients that read them out of it (spec 03 §5,
// 11.25):
//
//   <function_calls><invoke name="read_file"><parameter name="path">a</parameter></invoke>...
//   <invoke name="read_file">...</invoke>
//   <read_file><path>a</path></read_file>      for tools that the system text names
//
// Pure functions; any thread, nothing blocks. The time is linear in the text.
namespace mainstay::wire {

// From an open tag to its end at most; what is longer is text.
inline constexpr size_t kXmlCallBytesMax = 64 << 10;

// What a system text defines as headings (`## read_file`) or mentions as tags (`<read_file>`).
// Views into the texts, which outlive it.
class ToolNames final {
 public:
  // Of one text no more are looked at, so that one of nothing but tags stays cheap.
  static constexpr size_t kMentionsMax = 4'096;

  ToolNames() = default;
  explicit ToolNames(std::string_view system_text) { AddFrom(system_text); }

  // A further part of the system text.
  void AddFrom(std::string_view system_text);
  bool Contains(std::string_view name) const;
  bool empty() const { return names_.empty(); }
  void Clear() { names_.clear(); }

 private:
  std::vector<std::string_view> names_;  // sorted
};

// Views into the text.
struct XmlParameter {
  std::string_view name;
  std::string_view value;  // as written, everything up to its end tag
};

struct XmlCall {
  std::string_view name;
  // The call with its tags. Of the only, first or last call of a <function_calls> element, the
  // element's own tags belong to it, with the white space between.
  size_t begin = 0;
  size_t end = 0;
  size_t first_parameter = 0;  // in XmlCalls::parameters
  size_t parameter_count = 0;
};

// The calls of a text in their order. Kept by whoever asks, so that asking again allocates little.
struct XmlCalls {
  std::vector<XmlCall> calls;
  std::vector<XmlParameter> parameters;

  std::span<const XmlParameter> ParametersOf(const XmlCall& call) const {
    return std::span(parameters).subspan(call.first_parameter, call.parameter_count);
  }
  void Clear() {
    calls.clear();
    parameters.clear();
  }
};

// Whether there is a whole call in the text.
bool HasXmlCall(std::string_view text, const ToolNames& tools);

// Finds all of them. Calls do not overlap; what stands in a parameter is no call. Tags that do not
// end within kXmlCallBytesMax are text, and so is everything once a megabyte was looked at in vain.
void FindXmlCalls(std::string_view text, const ToolNames& tools, XmlCalls& out);

}  // namespace mainstay::wire
