#include "base/clock.h"

// Policy time and socket time have different zeros; their difference means nothing.
auto Age(mainstay::WallTime wall, mainstay::MonoTime mono) {
#ifdef WRONG
  return wall - mono;
#else
  return (wall - wall) + (mono - mono);
#endif
}
