// Any text has one meaning that keeps to its bounds, and the same one as the content of a
// completion, as far as it is UTF-8.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "decision/router/answer.h"

namespace mainstay::decision {
namespace {

void Check(const ParsedAnswer& answer, const std::vector<Route>& routes) {
  const bool has_route = answer.kind == ParsedAnswer::Kind::kMatch;
  if (has_route != (answer.route >= 0) || answer.route >= static_cast<int>(routes.size())) {
    std::abort();
  }
}

}  // namespace
}  // namespace mainstay::decision

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace json = mainstay::json;
  namespace decision = mainstay::decision;
  using decision::ParsedAnswer;
  using mainstay::IsValidUtf8;
  static const std::vector<decision::Route> routes = {
      {.name = "code_generation"}, {.name = "complex reasoning"}, {.name = "it's"}};
  const std::string text(reinterpret_cast<const char*>(data), size);
  const ParsedAnswer answer = decision::ParseAnswer(text, routes);
  decision::Check(answer, routes);

  std::string padded = text;
  padded.append(json::kPadding, 'x');
  decision::Check(decision::ParseCompletion(std::string_view(padded).substr(0, size), routes),
                  routes);
  if (!IsValidUtf8(text)) {
    return 0;
  }
  std::string body = "{\"choices\":[{\"message\":{\"content\":";
  json::AppendString(body, text);
  body += "}}]}";
  const size_t body_bytes = body.size();
  body.append(json::kPadding, 'x');
  if (!(decision::ParseCompletion(std::string_view(body).substr(0, body_bytes), routes) ==
        answer)) {
    std::abort();
  }
  return 0;
}
