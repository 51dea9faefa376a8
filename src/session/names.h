#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "base/flat_map.h"
#include "base/guarded.h"

namespace mainstay::session {

// Texts that many records share: names of models, decisions, callers and sources. Each is kept once
// and for good, so that a record holds an address instead of a copy. Nothing is ever forgotten, so
// what a client can choose freely must not come here: their number is bounded by what was ever
// configured, in this process or in those that wrote the records. Any thread.
class Names final {
 public:
  // The one copy of the text; empty texts included. Never null.
  const std::string* Intern(std::string_view text) {
    return names_.With([&](Table& table) {
      const auto found = table.by_text.find(text);
      if (found != table.by_text.end()) {
        return found->second;
      }
      const std::string* const kept = &table.texts.emplace_back(text);
      table.by_text.emplace(*kept, kept);
      return kept;
    });
  }

  // The one copy of the text, or null: no record has it.
  const std::string* Find(std::string_view text) const {
    return names_.With([&](const Table& table) -> const std::string* {
      const auto found = table.by_text.find(text);
      return found == table.by_text.end() ? nullptr : found->second;
    });
  }

 private:
  struct Table {
    std::deque<std::string> texts;
    TextMap<const std::string*> by_text;
  };

  Guarded<Table> names_;
};

}  // namespace mainstay::session
