#pragma once

#include <string_view>

// MS_CHECK(condition): a programmer's error ends the process with the place and the condition on
// standard error. It is for states that cannot come from input; bad input is an Error (result.h).
#define MS_CHECK(condition)                                    \
  do {                                                         \
    if (!(condition)) [[unlikely]] {                           \
      ::mainstay::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                          \
  } while (false)

namespace mainstay {

[[noreturn]] void CheckFailed(std::string_view file, int line, std::string_view condition);

}  // namespace mainstay
