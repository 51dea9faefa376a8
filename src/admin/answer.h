#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"

namespace mainstay::admin {

// What a call gets to see of its request. Views that hold while the call runs.
struct Call {
  std::string_view query;  // as it was sent, without the question mark
  std::string_view body;   // json::kPadding readable bytes follow it
  std::string_view id;     // what stands for {id} in the path, escapes undone; never empty then
};

// An answer that is all text.
struct Answer {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string body;
  std::string allow;  // of a 405
};

// One field that is wrong (spec 02).
struct Detail {
  std::string field;
  std::string message;     // what is wrong with it
  std::string constraint;  // what is allowed
  int line = 0;            // of a configuration; 0: not known
  int column = 0;
};

Answer ErrorAnswer(int status, std::string_view code, std::string_view message,
                   std::span<const Detail> details = {});

// 400 with every bad field.
Answer ValidationError(std::span<const Detail> details);

// The problems of a configuration, as details.
std::vector<Detail> DetailsOf(const Problems& problems);

}  // namespace mainstay::admin
