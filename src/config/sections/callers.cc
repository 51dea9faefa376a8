#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {

const Table<identity::CallerOptions>& CallerTable() {
  using S = identity::CallerOptions;
  static const Table<S> table =
      Table<S>()
          .Key("name", &S::name, Text(Empty::kRefused),
               "Name of the caller in logs, metrics and records. Each name once.",
               {.required = Required::kYes})
          .Key("keys", &S::keys, ListOf(SecretText()),
               "The keys that this caller shows. A key belongs to one caller.")
          .Key("keys_file", &S::keys, SecretLines(), "File with further keys, one a line.",
               {.effective = Effective::kLeftOut})
          .Key("allow_models", &S::allow_models, ListOf(Text(Empty::kRefused)),
               "Names of the models that this caller may use. `*` stands for all of them, and at "
               "the end of a name for every rest.")
          .Key("requests_per_minute", &S::requests_per_minute,
               Integer({.min = 0, .max = 1'000'000'000}), "0: no limit.")
          .Key("max_concurrency", &S::max_concurrency, Integer({.min = 0, .max = 1'000'000'000}),
               "Most requests at a time. 0: no limit.");
  return table;
}

}  // namespace mainstay::config
