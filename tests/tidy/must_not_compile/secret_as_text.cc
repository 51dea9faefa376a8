#include <string_view>

#include "base/secret.h"

void Log(std::string_view text);

void Report(const mainstay::Secret& key) {
#ifdef WRONG
  Log(key);
#else
  Log(key.Expose());
#endif
}
