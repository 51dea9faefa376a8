#include "base/guarded.h"

int Read(const mainstay::Guarded<int>& count) {
#ifdef WRONG
  return count.value_;
#else
  return count.With([](int value) { return value; });
#endif
}
