// Any text: calls come in order, lie within the text, keep to their limit, and each one, taken by
// itself, is the same call again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/check.h"
#include "wire/xml_calls.h"

// The first line is the system text, the rest is the model's.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace wire = mainstay::wire;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view system = input.substr(0, input.find('\n'));
  const std::string_view text = input.substr(system.size());
  const wire::ToolNames tools(system);
  wire::XmlCalls calls;
  wire::FindXmlCalls(text, tools, calls);
  MS_CHECK(wire::HasXmlCall(text, tools) == !calls.calls.empty());
  size_t floor = 0;
  size_t parameters = 0;
  for (const wire::XmlCall& call : calls.calls) {
    MS_CHECK(floor <= call.begin && call.begin < call.end && call.end <= text.size());
    MS_CHECK(!call.name.empty() && call.first_parameter == parameters);
    floor = call.end;
    parameters += call.parameter_count;
    const std::string_view own = text.substr(call.begin, call.end - call.begin);
    MS_CHECK(own.front() == '<' && own.back() == '>');
    wire::XmlCalls again;
    wire::FindXmlCalls(own, tools, again);
    MS_CHECK(again.calls.size() == 1 && again.calls[0].name == call.name);
    MS_CHECK(again.calls[0].begin == 0 && again.calls[0].end == own.size());
    MS_CHECK(again.calls[0].parameter_count == call.parameter_count);
    for (size_t i = 0; i < call.parameter_count; ++i) {
      MS_CHECK(again.ParametersOf(again.calls[0])[i].name == calls.ParametersOf(call)[i].name);
      MS_CHECK(again.ParametersOf(again.calls[0])[i].value == calls.ParametersOf(call)[i].value);
    }
  }
  MS_CHECK(parameters == calls.parameters.size());
  return 0;
}
