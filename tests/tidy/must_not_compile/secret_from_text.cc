#include <string>

#include "base/secret.h"

// A comparison with plain text would be easy to write and not constant-time to read.
bool Matches(const mainstay::Secret& key, const std::string& sent) {
#ifdef WRONG
  return key == sent;
#else
  return key.Equals(sent);
#endif
}
