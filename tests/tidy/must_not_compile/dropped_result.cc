#include "base/result.h"

mainstay::Result<int> Answer();

int main() {
#ifdef WRONG
  Answer();
#else
  return Answer().has_value() ? 0 : 1;
#endif
}
