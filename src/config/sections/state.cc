#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

constexpr ChoiceName<session::Engine> kEngines[] = {
    {"sqlite", session::Engine::kSqlite},
    {"memory", session::Engine::kMemory},
};

}  // namespace

const Table<session::StateOptions>& StateTable() {
  using S = session::StateOptions;
  static const Table<S> table =
      Table<S>()
          .Key("engine", &S::engine, Choice(kEngines),
               "`sqlite` keeps files in `path`; `memory` forgets at the end of the process.")
          .Key("path", &S::path, Text(Empty::kRefused),
               "Directory of the files. It is made, for its owner alone, when it is missing.")
          .Key("flush_interval_ms", &S::flush_interval, Milliseconds({.min = 0, .max = 10'000}),
               "From a change to the commit on disk, at most: what a kill may cost. 0: at once.");
  return table;
}

}  // namespace mainstay::config
