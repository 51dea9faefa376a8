#include "base/result.h"

mainstay::Result<void> Write();

int main() {
#ifdef WRONG
  Write();
#else
  return Write().has_value() ? 0 : 1;
#endif
}
