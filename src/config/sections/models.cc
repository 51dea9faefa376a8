#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

constexpr ChoiceName<Capability> kCapabilities[] = {
    {"tools", Capability::kTools},         {"vision", Capability::kVision},
    {"audio", Capability::kAudio},         {"json", Capability::kJson},
    {"reasoning", Capability::kReasoning},
};

Kind<std::optional<double>> Price() {
  return OptionalOf(Number({.min = 0, .max = 1'000'000}));
}

const Table<PricingOptions>& PricingTable() {
  using S = PricingOptions;
  static const Table<S> table =
      Table<S>()
          .Key("currency", &S::currency, Text(Empty::kRefused),
               "Three capital letters. Only sums of one currency are added up.")
          .Key("prompt_per_1m", &S::prompt_per_1m, Price(), "A million prompt tokens.")
          .Key("completion_per_1m", &S::completion_per_1m, Price(), "A million completion tokens.")
          .Key("cached_input_per_1m", &S::cached_input_per_1m, Price(),
               "A million prompt tokens that the provider had in its cache.")
          .Key("cache_write_per_1m", &S::cache_write_per_1m, Price(),
               "A million prompt tokens written into the provider's cache.");
  return table;
}

}  // namespace

const Table<ModelOptions>& ModelTable() {
  using S = ModelOptions;
  static const Table<S> table =
      Table<S>()
          .Key(
              "name", &S::name, Text(Empty::kRefused),
              "What clients call the model. The part after the first `/` is an alias when no other "
              "model has the same.",
              {.required = Required::kYes})
          .Key("provider", &S::provider, Text(Empty::kRefused), "Name of the provider.",
               {.required = Required::kYes})
          .Key("upstream_name", &S::upstream_name, Text(Empty::kAllowed),
               "What the provider calls the model. Empty: the part of `name` after the first `/`.")
          .Key("aliases", &S::aliases, ListOf(Text(Empty::kRefused)), "Further names for clients.")
          .Key("context_window", &S::context_window,
               OptionalOf(Integer({.min = 1, .max = 1'000'000'000})),
               "Tokens of prompt and answer together. Absent: unknown.")
          .Key("max_output", &S::max_output, OptionalOf(Integer({.min = 1, .max = 1'000'000'000})),
               "Tokens of an answer. Absent: unknown.")
          .Key("capabilities", &S::capabilities, ListOf(Choice(kCapabilities)),
               "What the model can do beside text.")
          .Key("pricing", &S::pricing, OptionalOf(Section(PricingTable())),
               "Prices. An absent price is unknown, which is not 0.");
  return table;
}

}  // namespace mainstay::config
