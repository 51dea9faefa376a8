#include "admin/answer.h"

#include "base/json_writer.h"

namespace mainstay::admin {

Answer ErrorAnswer(int status, std::string_view code, std::string_view message,
                   std::span<const Detail> details) {
  Answer answer{.status = status};
  json::Writer writer(answer.body);
  writer.BeginObject().Key("error").BeginObject();
  writer.Key("code").String(code).Key("message").String(message);
  writer.Key("details").BeginArray();
  for (const Detail& detail : details) {
    writer.BeginObject().Key("field").String(detail.field).Key("message").String(detail.message);
    writer.Key("constraint").String(detail.constraint);
    if (detail.line > 0) {
      writer.Key("line").Int(detail.line).Key("column").Int(detail.column);
    }
    writer.EndObject();
  }
  writer.EndArray().EndObject().EndObject();
  return answer;
}

Answer ValidationError(std::span<const Detail> details) {
  // Whoever shows the message alone still says what is wrong.
  std::string message;
  for (const Detail& detail : details) {
    message += (message.empty() ? "" : "; ") + detail.field + ": " + detail.message;
  }
  return ErrorAnswer(400, "VALIDATION_ERROR", message, details);
}

std::vector<Detail> DetailsOf(const Problems& problems) {
  std::vector<Detail> details;
  for (const Problem& problem : problems.list()) {
    details.push_back({.field = problem.path,
                       .message = problem.message,
                       .constraint = {},
                       .line = problem.line,
                       .column = problem.column});
  }
  return details;
}

}  // namespace mainstay::admin
