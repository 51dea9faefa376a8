#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash128.h"
#include "base/json_reader.h"
#include "wire/digest/canonical_text.h"
#include "wire/digest/history_rules.h"

namespace mainstay::wire {

// Digests of the arguments of tool calls: of the value that the JSON has, whatever its white space,
// the order of its members and the spelling of its numbers and strings. Arguments that are no JSON,
// or above kBytesMax, count as text. None at all equal an empty object.
//
// Memory is kept from one call to the next, up to kKeptBytes each. One thread.
class ArgumentsDigester final {
 public:
  static constexpr size_t kBytesMax = 1 << 20;
  static constexpr size_t kKeptBytes = 64 << 10;

  struct Digest {
    Hash128 hash;
    uint64_t bytes = 0;  // of names and values
  };

  // Arguments as the inside of a JSON string that holds JSON; kFoldSlack readable bytes follow.
  Digest OfString(const HistoryRules& rules, std::string_view raw);
  // Arguments that are no JSON by their nature, in the same form.
  Digest OfText(const HistoryRules& rules, std::string_view raw);
  // Arguments as a JSON value; json::kPadding readable bytes follow.
  Digest OfValue(const HistoryRules& rules, std::string_view json);

 private:
  // An object or list that has been entered.
  struct Level {
    bool is_object = false;
    uint64_t count = 0;
    Hash128 sum;  // of an object's members, in any order; of a list's elements, in theirs
    Hash128 key;  // of the member whose value is being read
  };

  bool OfJson(std::string_view json, Digest& digest);
  bool ReadValue(json::Reader& reader, Hash128& value);
  bool NextChild(json::Reader& reader, Level& level);
  void Add(Level& level, const Hash128& value) const;
  Hash128 Close(const Level& level) const;
  Hash128 OfToken(const json::StringToken& token);
  Hash128 OfScalar(json::Type type, std::string_view raw);

  const HistoryRules* rules_ = nullptr;
  std::vector<Level> levels_;
  std::string unescaped_;
  std::string token_;
  uint64_t bytes_ = 0;
  CanonicalText text_;
};

// The hash of the value of a JSON string; `scratch` is used when it has escapes.
Hash128 HashOfString(std::string_view raw, uint64_t seed, std::string& scratch);

// Appends a JSON number in the one spelling of its value: digits without zeros at the ends, and a
// power of ten.
void AppendCanonicalNumber(std::string_view number, std::string& out);

}  // namespace mainstay::wire
